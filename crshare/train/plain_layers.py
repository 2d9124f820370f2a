"""Layers that are for training only, and a model of plain ones that computes the same."""

from typing import Any


def give_weights(model: Any, plain: Any) -> None:
    """Give a model of plain layers what it needs to compute what the trained one does.

    A layer for training only says by `plain_weights` what the plain one of its name takes; or, by
    their names, what each of several takes.
    """
    for layer in model.layers:
        found = getattr(layer, "plain_weights", layer.get_weights)()
        for name, weights in (found if isinstance(found, dict) else {layer.name: found}).items():
            if weights:
                plain.get_layer(name).set_weights(weights)
