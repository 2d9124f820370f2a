"""From layer ops to a Network: which sums stay integers, where each sign goes, what is real-valued.

Between two layers that stay as they are (linear ones, joins, averages) stands a chain of maps,
pools and flattenings. Up to its last sign it is merged into one Threshold. A max pooling in that
chain moves behind the threshold and becomes a BitPool: with g the maps behind the pool,
sign(g(max x)) is any of the window's bits where g rises, and all of them where g falls. What
follows the last sign stays as it is; without a sign the values are real. A layer that is read
twice hands its chain to both readers, so each sign of it is merged exactly.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from crshare.errors import ModelFormatError
from crshare.network.graph import INPUT, Conv, Network, Shape
from crshare.thresholds.chains import ENTRY, Maps, enter, shape_after
from crshare.thresholds.channels import moved_channels
from crshare.thresholds.layer_builder import Builder
from crshare.thresholds.layer_ops import (
    Affine,
    Average,
    Binarize,
    Filled,
    How,
    Joined,
    LayerOp,
    Levels,
    Linear,
    Node,
    Padded,
    Part,
    Reshaped,
    Role,
    Taken,
    WholePool,
)
from crshare.thresholds.shapes import of_shape, signed_first

__all__ = ["Assembly", "Maps", "assemble"]


@dataclass(frozen=True, slots=True)
class Assembly:
    """A network, and by the name of each Threshold the exact maps that were merged into it."""

    network: Network
    merged: dict[str, Maps]


@dataclass(frozen=True, slots=True)
class Value:
    """What a layer of the file gives: a layer of the network, and the layer ops that follow on it.

    owner: the layer of the file that the former belongs to. n_shared: how many of the layer
    ops, from the first on, another reader applies as well.
    """

    source: str
    owner: str
    chain: tuple[LayerOp, ...] = ()
    n_shared: int = 0

    def then(self, layer_op: LayerOp) -> "Value":
        return replace(self, chain=(*self.chain, layer_op))

    def shared(self) -> "Value":
        return replace(self, n_shared=len(self.chain))


def assemble(
    shape: Shape,
    rescale: tuple[Fraction, Fraction] | None,
    nodes: Sequence[Node],
    *,
    features: bool = False,
) -> Assembly:
    """The network that the nodes describe, each below what it reads (INPUT is the images), the
    last one giving the scores; ModelFormatError or NetworkError where there is none.

    features: whether the input is real numbers as they are.
    """
    readers = Counter(source for node in nodes for source in node.reads)
    leading = _leading(nodes, readers)
    given, entered, n_taken = enter(shape, rescale, leading, real=features)
    builder = Builder(given)
    start = Value(INPUT, ENTRY, entered)
    values = {INPUT: start.shared() if readers[INPUT] > 1 else start}
    for node in nodes:
        layer_ops = node.layer_ops[n_taken:]
        n_taken = max(0, n_taken - len(node.layer_ops))
        value = _through(builder, [values[source] for source in node.reads], layer_ops)
        values[node.name] = value.shared() if readers[node.name] > 1 else value
    last = values[nodes[-1].name if nodes else INPUT]
    builder.start(last.source, last.owner, last.chain, last.n_shared)
    builder.finish()
    network = Network(given, tuple(builder.layers))
    if not any(isinstance(layer.op, Conv) for layer in network.layers):
        raise _nothing_to_share(nodes)
    return Assembly(network, builder.merged)


def _nothing_to_share(nodes: Sequence[Node]) -> ModelFormatError:
    linears = [each for node in nodes for each in node.layer_ops if isinstance(each, Linear)]
    if any(linear.signs is not None for linear in linears):
        return ModelFormatError(
            "the model's layers of +1/-1 weights read real numbers only, and crshare shares the "
            "results of those that read bits or integers; put a sign before them"
        )
    return ModelFormatError(
        "the model has no layer of +1/-1 weights, and crshare shares the results of such layers "
        "only; train it with Larq's QuantConv2D or QuantDense"
    )


def _leading(nodes: Sequence[Node], readers: Mapping[str, int]) -> list[LayerOp]:
    """The layer ops of the nodes that follow one another from the images on."""
    layer_ops: list[LayerOp] = []
    name = INPUT
    for node in nodes:
        if node.reads != (name,) or readers[name] > 1:
            break
        layer_ops += node.layer_ops
        name = node.name
    return layer_ops


def _through(builder: Builder, values: list[Value], layer_ops: Sequence[LayerOp]) -> Value:
    """What the layer ops of one layer make of what it reads."""
    value = values[0]
    for layer_op in layer_ops:
        match layer_op:
            case Joined():
                value = _joined(builder, layer_op, values)
            case Linear():
                builder.start(value.source, value.owner, value.chain, value.n_shared)
                value = Value(builder.read(layer_op), layer_op.owner, builder.pending)
            case Average():
                builder.start(value.source, value.owner, value.chain, value.n_shared)
                value = Value(builder.average(layer_op), layer_op.owner, builder.pending)
            case Part() | Taken() | Filled():
                shape = shape_after(value.chain, builder.signals[value.source].shape)
                builder.start(value.source, value.owner, value.chain, value.n_shared)
                value = Value(builder.read(moved_channels(layer_op, shape[2])), layer_op.owner)
            case Reshaped() | WholePool():
                shape = shape_after(value.chain, builder.signals[value.source].shape)
                for found in of_shape(layer_op, shape):
                    value = value.then(found)
            case Levels():
                value = _levels(builder, value, layer_op)
            case Binarize() if value.chain and isinstance(value.chain[-1], Padded):
                value = replace(value, chain=signed_first(value.chain, layer_op))
            case _:
                value = value.then(layer_op)
    return value


def _joined(builder: Builder, joined: Joined, values: Sequence[Value]) -> Value:
    """A difference is the sum of the first value and the others negated."""
    if joined.how is How.SUBTRACT:
        negative = Affine(f"{joined.owner}/negated", Role.FACTOR, (Fraction(-1),))
        values = [values[0], *(each.then(negative) for each in values[1:])]
        joined = replace(joined, how=How.ADD)
    names = [_settled(builder, each) for each in values]
    return Value(builder.join(joined, names), joined.owner)


def _levels(builder: Builder, value: Value, layer_op: Levels) -> Value:
    """A value of n steps as a sum of n bits, each whether it is beyond the middle of a step.

    Step j is reached from (j - 1/2) / n on, where n * x is halfway between even and odd: halves go
    to even ones.
    """
    owner, n = layer_op.owner, layer_op.n
    bits = []
    for j in range(1, n + 1):
        middle = Affine(owner, Role.FACTOR, offset=(Fraction(1 - 2 * j, 2 * n),))
        bits.append(
            _settled(builder, value.then(middle).then(Binarize(owner, zero_is_plus=j % 2 == 0)))
        )
    joined = builder.join(Joined(f"{owner}/levels", How.ADD), bits)
    unit = Affine(owner, Role.FACTOR, (Fraction(1, 2 * n),), offset=(Fraction(1, 2),))
    return Value(joined, owner, (unit,))


def _settled(builder: Builder, value: Value) -> str:
    """The name of the layer that gives this value with nothing left to do."""
    builder.start(value.source, value.owner, value.chain, value.n_shared)
    return builder.settle()
