"""What was read of a model file: each layer's arithmetic, weights, padding, and what is shared."""

from dataclasses import dataclass, replace

import numpy as np

from crshare.model.read import Model
from crshare.network.graph import (
    ALWAYS,
    NEVER,
    BitPool,
    ClassSums,
    Conv,
    Input,
    Kind,
    Layer,
    Lut,
    Modulate,
    Op,
    RealConv,
    SumPool,
    Threshold,
)
from crshare.network.shortcuts import real_sign
from crshare.thresholds.chains import ENTRY
from crshare.thresholds.layer_ops import Linear

ARITHMETIC = {
    Kind.BITS: "bits",
    Kind.INTEGERS: "integers, exact",
    Kind.REALS: "float64, exact for fixed point",
}


@dataclass(frozen=True, slots=True)
class InspectedLayer:
    """One layer of the network. kernel, quantizer, weights, padding: of linear layers. sharing:
    what crshare shares there, or why nothing. threshold: of a Threshold, how it decides. luts: of
    an operation of a LUT network, its sizes."""

    name: str
    operation: str
    reads: tuple[str, ...]
    gives: str
    shape: tuple[int, int, int]
    kernel: str | None = None
    quantizer: str | None = None
    weights: str | None = None
    padding: str | None = None
    sharing: str | None = None
    folded: tuple[str, ...] = ()
    threshold: str | None = None
    luts: str | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """A model file as it was read."""

    file: str
    library: str
    fingerprint: str
    input: str
    layers: tuple[InspectedLayer, ...]


def scaled(given: Input) -> str:
    """As in 2 * v - 255; `they are` where nothing is done."""
    if (given.multiplier, given.offset) == (1, 0):
        return "they are"
    scaled = "v" if given.multiplier == 1 else f"{given.multiplier} * v"
    sign = "-" if given.offset < 0 else "+"
    return f"{scaled} {sign} {abs(given.offset)}" if given.offset else scaled


def inspect_model(model: Model) -> Inspection:
    given = model.network.input
    shape = _by(given.shape)
    pixels = f"integers v from {given.low} to {given.high}, taken as {scaled(given)}"
    return Inspection(
        file=model.path.name,
        library=model.library,
        fingerprint=model.weights_hash,
        input=f"{shape} {'real numbers, as they are' if given.real else pixels}",
        layers=tuple(_inspected(model, layer) for layer in model.network.layers),
    )


def _inspected(model: Model, layer: Layer) -> InspectedLayer:
    signal = model.network.signals[layer.name]
    reads = tuple(source or ENTRY for source in layer.sources)
    basics = InspectedLayer(
        layer.name, _operation(layer.op), reads, ARITHMETIC[signal.kind], signal.shape
    )
    match layer.op:
        case Conv() as op if layer.name not in model.linears:
            sizes = f"{_by(op.kernel.shape)} stride {_by(op.strides)}"
            return replace(basics, luts=f"weights {sizes}")
        case Conv() | RealConv():
            return _linear(model, layer, basics)
        case Lut() | Modulate() | ClassSums() as op:
            return replace(basics, luts=_sizes(op))
        case Threshold() as op:
            return replace(basics, folded=op.merged, threshold=_decision(op))
        case _:
            return basics


def _sizes(op: Lut | Modulate | ClassSums) -> str:
    match op:
        case Lut(_, _, size, strides):
            window = f" of {_by(size)} windows, stride {_by(strides)}" if size != (1, 1) else ""
            return f"{op.n_nodes} tables of {op.n_inputs} inputs{window}"
        case Modulate():
            return f"{op.frames} frames, {op.depth} thresholds side by side"
        case ClassSums(_, _, frames):
            return f"{op.n_classes} classes, over {frames} frames; of equal scores the first class"


def _operation(op: Op) -> str:
    match op:
        case Lut():
            return "tables"
        case Modulate():
            return "modulation"
        case ClassSums():
            return "sums of bits by class"
        case BitPool():
            return "max pooling of bits"
        case SumPool():
            return "sum of windows"
        case RealConv():
            return "convolution, real weights"
        case Conv():
            return "convolution, +1/-1 weights"
        case _:
            return type(op).__name__.lower()


def _linear(model: Model, layer: Layer, basics: InspectedLayer) -> InspectedLayer:
    linear = model.linears[layer.name]
    sizes = f"{_by(linear.weights.shape)} stride {_by(linear.strides)}"
    sizes += f" groups {linear.groups}" * (linear.groups > 1)
    sizes += f" dilation {_by(linear.dilation)}" * (linear.dilation != (1, 1))
    padded = "none" if linear.pad_value is None else f"same, with {float(linear.pad_value):g}"
    return replace(
        basics,
        kernel=sizes,
        quantizer=linear.quantizer,
        weights=f"{linear.storage.value}, {'/'.join(linear.stored)}",
        padding=padded,
        sharing=sharing(model, layer, linear),
    )


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def sharing(model: Model, layer: Layer, linear: Linear) -> str:
    """What crshare shares of a linear layer, or why it shares nothing there."""
    network, op = model.network, layer.op
    if linear.signs is None:
        return f"none: its weights are not +1/-1 (quantizer {linear.quantizer})"
    if not isinstance(op, Conv):
        return "none: its weights are +1/-1, but its input is real-valued"
    if op.kernel.shape[3] == op.groups:
        return "none: each input channel has a single slice"
    if not op.is_standard:
        return "equal and inverse slices; similar ones only without groups and dilation"
    if network.input_of(layer).kind is Kind.INTEGERS:
        return "equal and inverse slices; similar ones only behind a sign"
    if network.threshold_of(layer.name) is None and real_sign(network, layer.name) is None:
        return "equal and inverse slices; similar ones only where a sign follows"
    return "equal, inverse and similar slices"


def _decision(op: Threshold) -> str:
    at = op.at.astype(np.int64)
    constant = (at == ALWAYS) | (at == NEVER)
    parts = (
        (int((op.rising & ~constant).sum()), "rising"),
        (int((~op.rising & ~constant).sum()), "falling"),
        (int(constant.sum()), "constant"),
    )
    shown = ", ".join(f"{n} {what}" for n, what in parts if n)
    return f"{shown}; {'can' if op.adjustable else 'cannot'} be moved"
