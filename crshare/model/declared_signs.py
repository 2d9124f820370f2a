"""Declared signs that the numbers speak against: of images that have no negative values."""

import numpy as np

from crshare.errors import ModelFormatError
from crshare.frontend.declared import Declared, Meaning, meaning_of
from crshare.frontend.topology import Graph
from crshare.network.graph import INPUT, Flatten, Network, Threshold


def refuse_constant_signs(graph: Graph, declared: Declared, network: Network) -> None:
    """ModelFormatError where a layer that is declared as a sign makes one value of all pixels.

    It does where it reads the images, and no value that a pixel can have changes its answer.
    """
    layers = {layer.name: layer for layer in graph.layers}
    first = next((la for la in graph.layers if graph.entry in la.reads), None)
    while first is not None and meaning_of(first, declared) is not Meaning.SIGN:
        only = [layer for layer in layers.values() if layer.reads == (first.name,)]
        first = only[0] if len(only) == 1 and not first.weights else None
    if first is None or first.weights or not _is_constant(network):
        return
    name = first.class_name.rsplit(">", 1)[-1]
    raise ModelFormatError(
        f"layer {first.name} is declared as a sign, and would make the same of every pixel; if it "
        f"changes nothing when the model is run, say so with --layer {name}=identity"
    )


def _is_constant(network: Network) -> bool:
    """Whether a threshold of the images gives the same for the least and the greatest pixel."""
    given = network.input
    ends = [given.multiplier * pixel + given.offset for pixel in (given.low, given.high)]
    images = {INPUT}
    for layer in network.layers:
        if layer.source in images and isinstance(layer.op, Flatten):
            images.add(layer.name)
        if layer.source in images and isinstance(layer.op, Threshold):
            at, rising = layer.op.at, layer.op.rising
            least, greatest = (np.where(rising, end >= at, end <= at) for end in ends)
            return bool((least == greatest).all())
    return False
