"""Layers that are for training only, and a model of plain ones that computes the same."""

from collections.abc import Mapping
from typing import Any

from crshare.arrays import Array


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


def take_weights(model: Any, stored: Mapping[str, Mapping[str, Array]]) -> None:
    """Give a model that is trained the weights of a file of the plain one: by layer and short name,
    in whatever order. KeyError or ValueError where these are another model's.

    A layer for training only takes by `take_plain` what it finds there of several plain ones.
    """
    for layer in model.layers:
        if hasattr(layer, "take_plain"):
            layer.take_plain(stored)
        elif layer.weights:
            layer.set_weights([stored[layer.name][short_name(weight)] for weight in layer.weights])


def short_name(weight: Any) -> str:
    """Of a Keras variable: `kernel` of `dense/kernel:0`."""
    return str(weight.name).split("/")[-1].split(":")[0]
