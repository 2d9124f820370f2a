"""Layers that are for training only, and a model of plain ones that computes the same."""

from typing import Any


def give_weights(model: Any, plain: Any) -> None:
    """Give a model of plain layers what it needs to compute what the trained one does.

    A layer for training only says by `plain_weights` what the plain one in its place takes.
    """
    for layer, other in zip(model.layers, plain.layers, strict=True):
        other.set_weights(getattr(layer, "plain_weights", layer.get_weights)())
