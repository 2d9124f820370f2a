"""Operators that decide: signs, comparisons, and the quantizers of QONNX and FINN.

A comparison is +1 or -1 in a network; where the graph has 0 and 1, the tensor remembers that it
is half of that and a half, which a Where or a product takes up exactly.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from crshare.frontend.onnx.build import HALF, Build, Spread, checked
from crshare.frontend.onnx.constants import levels
from crshare.frontend.onnx.graph import OnnxNode
from crshare.frontend.onnx.pointwise import Given, Read, a_constant, a_map, scalar
from crshare.frontend.onnx.tensors import Constant, Map, Tensor, Zeros
from crshare.thresholds.layer_ops import (
    Affine,
    Binarize,
    How,
    Joined,
    LayerOp,
    Role,
    Round,
)

MAX_THRESHOLDS = 15  # of one MultiThreshold, or of one Quant that is a sum of bits
COMPARED = {  # whether it asks for the lower side, and whether equal values count
    "Greater": (False, False),
    "GreaterOrEqual": (False, True),
    "Less": (True, False),
    "LessOrEqual": (True, True),
}


def sign(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """ONNX's Sign, 0 for 0. Of a sign moved by less than 1, as Larq writes it, +1 or -1 for 0."""
    tensor = a_map(node, given)
    if tensor.sign is None:
        before = build.plain(tensor, node.name)
        return replace(before, sign=node.name)
    if abs(tensor.offset) >= abs(tensor.scale):
        raise node.refuse("takes the sign of what has one sign only; export the model again")
    if tensor.offset == 0:
        return replace(tensor, scale=Fraction(1 if tensor.scale > 0 else -1))
    return _mended(build, tensor, plus=tensor.offset > 0)


def _mended(build: Build, tensor: Map, *, plus: bool) -> Map:
    """A sign that gives +1 for 0 (or -1), before its scale, which may turn it around."""
    turned = tensor.scale < 0
    owner = str(tensor.sign)
    before = replace(tensor, sign=None, scale=Fraction(1), offset=Fraction(0))
    found = build.apply(before, owner, Binarize(owner, plus != turned))
    return replace(found, scale=Fraction(-1 if turned else 1))


def compare(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """x >= c and its like, as 0 and 1; x < c is what x >= c is not."""
    lower, equal = COMPARED[node.op]
    if given and isinstance(given[0], Constant):
        given, lower = (given[1], given[0]), not lower
    tensor, constant = a_map(node, given), a_constant(node, given, 1, "second input")
    before, maps = _centred(build, node, tensor, constant)
    found = build.apply(before, node.name, *maps, Binarize(node.name, equal != lower))
    return found.times(-HALF if lower else HALF, HALF)


def _centred(
    build: Build, node: OnnxNode, tensor: Map, constant: Constant
) -> tuple[Map, tuple[LayerOp, ...]]:
    """x - c, whose sign decides."""
    if constant.values.size == 1:
        moved = tensor.times(Fraction(1), -scalar(node, tensor, constant))
        return build.plain(moved, node.name), ()
    before, (center,) = build.by_channel(tensor, node, constant)
    build.keep(node.name, "bias", center, -1)
    offsets = tuple(-value for value in center.fractions)
    return before, (Affine(node.name, Role.BIAS, offset=offsets),)


def negation(build: Build, node: OnnxNode, given: Given) -> Tensor:
    return _truth(build, node, given).times(Fraction(-1), Fraction(1))


def _truth(build: Build, node: OnnxNode, given: Given) -> Map:
    tensor = a_map(node, given)
    if not build.is_truth(tensor):
        raise node.refuse(
            "decides by something else than one comparison with a constant, which is not read; "
            "write torch.where(x >= 0, 1.0, -1.0)"
        )
    return tensor


def where(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """Where(x >= c, a, b) of two constants, and Where(s == 0, a, s) of a sign s."""
    condition = given[0] if given else None
    if isinstance(condition, Zeros):
        return _where_zero(build, node, condition, given)
    chosen = _truth(build, node, given)
    yes, no = (a_constant(node, given, slot, "values") for slot in (1, 2))
    if yes.values.size == no.values.size == 1:
        one, other = (scalar(node, chosen, each) for each in (yes, no))
        return chosen.times(one - other, other)
    before, (high, low) = build.by_channel(chosen, node, yes, no)
    pairs = list(_pairs(high, low))
    scales = tuple(one - other for one, other in pairs)
    offsets = tuple(other for _, other in pairs)
    return build.apply(before, node.name, Affine(node.name, Role.FACTOR, scales, offset=offsets))


def _pairs(one: Spread, other: Spread) -> list[tuple[Fraction, Fraction]]:
    n = max(len(one.elements), len(other.elements))
    wide = [each.fractions * (n // len(each.elements)) for each in (one, other)]
    return list(zip(*wide, strict=True))


def _where_zero(build: Build, node: OnnxNode, condition: Zeros, given: Given) -> Tensor:
    tensor = a_map(node, given, 2)
    value = checked(node, a_constant(node, given, 1, "value").values)
    same = tensor.node == condition.of.node and tensor.sign == condition.of.sign
    sized = value.size == 1 and abs(float(value.reshape(-1)[0])) == abs(float(tensor.scale))
    if tensor.sign is None or tensor.offset or not same or not sized:
        raise node.refuse(
            "puts a value where another is 0, which is read of a sign alone; write "
            "torch.where(x >= 0, 1.0, -1.0)"
        )
    plus = float(value.reshape(-1)[0]) > 0
    scale = abs(tensor.scale)
    return _mended(build, tensor, plus=plus).times(scale)


def bipolar(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """QONNX's BipolarQuant: +scale for >= 0, else -scale."""
    before = build.plain(a_map(node, given), node.name)
    scale = a_constant(node, given, 1, "scale")
    found = build.apply(before, node.name, Binarize(node.name))
    if scale.values.size == 1:
        return found.times(Fraction(float(checked(node, scale.values).reshape(-1)[0])))
    wide, (scales,) = build.by_channel(found, node, scale)
    return build.apply(wide, node.name, Affine(node.name, Role.FACTOR, scales.fractions))


def quant(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """QONNX's Quant of values: to the nearest multiple of its scale, within so many bits."""
    tensor = a_map(node, given)
    scale, zero, width = (a_constant(node, given, i, "parameters") for i in (1, 2, 3))
    low, high = levels(node, width.values)
    unit = checked(node, scale.values)
    if unit.size != 1 or unit.reshape(-1)[0] <= 0 or checked(node, zero.values).any():
        raise node.refuse(
            "quantizes values with several scales or a zero point, which is not read; train it "
            "with one positive scale and no zero point"
        )
    if node.text("rounding_mode", "ROUND").upper() not in ("ROUND", "HALF_EVEN"):
        raise node.refuse(
            "rounds values by another mode than ROUND, which is not read; train it with ROUND"
        )
    step = Fraction(float(unit.reshape(-1)[0]))
    if high - low == 1:
        return _one_bit(build, node, tensor, step, Fraction(low))
    if high - low <= MAX_THRESHOLDS:
        return _steps(build, node, tensor, step, (int(low), int(high)))
    before = build.plain(tensor, node.name)
    ends = (Fraction(low) * step, Fraction(high) * step)
    return build.apply(before, node.name, Round(node.name, step, *ends))


def _steps(build: Build, node: OnnxNode, tensor: Map, step: Fraction, ends: tuple[int, int]) -> Map:
    """A few levels as a sum of bits: level k is reached half a step before it, and there if it is
    even, to which halves go."""
    low, high = ends
    bits = []
    for level in range(low + 1, high + 1):
        owner = f"{node.name}/{level - low - 1}"
        centred = build.plain(tensor.times(Fraction(1), step * (HALF - level)), owner)
        bits.append(build.apply(centred, owner, Binarize(owner, zero_is_plus=level % 2 == 0)))
    return _count(build, node, bits).times(step, low * step)


def _count(build: Build, node: OnnxNode, bits: Sequence[Map]) -> Map:
    """How many of some maps of +1 and -1 are +1."""
    reads = tuple(each.node for each in bits)
    joined = build.append(node.name, reads, (Joined(node.name, How.ADD),))
    return replace(bits[0], node=joined).times(HALF, HALF * len(bits))


def _one_bit(build: Build, node: OnnxNode, tensor: Map, step: Fraction, low: Fraction) -> Map:
    """Two levels, low and low + 1; halves go to 0, the even one."""
    middle = (low + HALF) * step
    centred = build.plain(tensor.times(Fraction(1), -middle), node.name)
    found = build.apply(centred, node.name, Binarize(node.name, zero_is_plus=low != 0))
    return found.times(step * HALF, (low + HALF) * step)


def multi_threshold(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """FINN's MultiThreshold: how many thresholds of its channel a value reaches, scaled."""
    tensor = build.plain(a_map(node, given), node.name)
    table = a_constant(node, given, 1, "thresholds")
    if table.values.ndim != 2 or not 1 <= table.values.shape[1] <= MAX_THRESHOLDS:
        raise node.refuse(
            f"has thresholds of {list(table.values.shape)}, where [channels, 1 to "
            f"{MAX_THRESHOLDS}] are read; train it with fewer bits"
        )
    axis = tensor.at.ndim - 1 if node.text("data_layout", "NCHW") in ("NHWC", "NC") else 1
    n = table.values.shape[1]
    found = [_reached(build, node, tensor, table, number, axis) for number in range(n)]
    scale, offset = (
        Fraction(node.number(key, d)) for key, d in (("out_scale", 1), ("out_bias", 0))
    )
    count = _count(build, node, found) if n > 1 else found[0].times(HALF, HALF)
    return count.times(scale, offset)


def _reached(
    build: Build, node: OnnxNode, tensor: Map, table: Constant, number: int, axis: int
) -> Map:
    """+1 where a value reaches one threshold of its channel, else -1."""
    rows, channels = table.values.shape[0], tensor.at.shape[axis]
    if rows not in (1, channels):
        raise node.refuse(
            f"has thresholds for {rows} channels, and gets {channels}; export the model again"
        )
    shape = [1] * tensor.at.ndim
    shape[axis] = rows
    column = table.rearranged(lambda x: x[:, number].reshape(shape))
    owner = node.name if table.values.shape[1] == 1 else f"{node.name}/{number}"
    before, maps = _centred(build, replace(node, name=owner), tensor, column)
    return build.apply(before, owner, *maps, Binarize(owner))


SIGNS: dict[str, Read] = {
    "BipolarQuant": bipolar,
    "IntQuant": quant,
    "MultiThreshold": multi_threshold,
    "Not": negation,
    "Quant": quant,
    "Sign": sign,
    "Where": where,
    **dict.fromkeys(COMPARED, compare),
}
