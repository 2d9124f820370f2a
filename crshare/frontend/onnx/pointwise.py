"""Operators that change each element of a map by itself: scales, normalisation, activations."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from crshare.frontend.config import short
from crshare.frontend.onnx.build import Build, checked
from crshare.frontend.onnx.graph import OnnxNode
from crshare.frontend.onnx.tensors import Constant, Map, Tensor, Zeros
from crshare.network.graph import INPUT
from crshare.thresholds.layer_ops import (
    Affine,
    Bounds,
    How,
    Joined,
    Role,
    Slope,
    Squash,
)
from crshare.thresholds.rationals import simplest_float32

Given = Sequence[Tensor | None]
Read = Callable[[Build, OnnxNode, Given], Tensor]
ODD = {"Tanh": "tanh", "Softsign": "softsign", "Elu": "elu", "Selu": "selu"}
EXPORT_SINGLE = "export it with a single number"
REALS = (1, 10, 11)  # the numbers of ONNX for float32, float16 and float64
OTHER = {"Sigmoid": "sigmoid", "Softmax": "softmax", "LogSoftmax": "log_softmax"}


def a_map(node: OnnxNode, given: Given, slot: int = 0) -> Map:
    """The map that an input holds."""
    tensor = given[slot] if slot < len(given) else None
    if not isinstance(tensor, Map):
        raise node.refuse(
            f"has no values of the network at input {slot + 1}, which is not read; export the "
            "model again"
        )
    return tensor


def a_constant(node: OnnxNode, given: Given, slot: int, what: str) -> Constant:
    """The constant that an input holds."""
    tensor = given[slot] if slot < len(given) else None
    if not isinstance(tensor, Constant):
        raise node.refuse(
            f"takes its {what} from what the network computes or from nowhere, which is not read; "
            "export it with constants"
        )
    return tensor


def nothing(build: Build, node: OnnxNode, given: Given) -> Tensor:
    tensor = given[0] if given else None
    if tensor is None:
        raise node.refuse("reads nothing; export the model again")
    return tensor


def cast(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """To a type of real numbers, or of 0 and 1 to any."""
    tensor = a_map(node, given)
    if node.integer("to", 1) not in REALS and not build.is_truth(tensor):
        raise node.refuse(
            "makes whole numbers of values, which is not read; leave them as they are"
        )
    return tensor


def add(build: Build, node: OnnxNode, given: Given) -> Tensor:
    return _sum(build, node, given, 1)


def subtract(build: Build, node: OnnxNode, given: Given) -> Tensor:
    return _sum(build, node, given, -1)


def _sum(build: Build, node: OnnxNode, given: Given, sign: int) -> Tensor:
    """a + b or a - b, of two maps or of one and a constant."""
    one, other = _pair(node, given)
    if isinstance(one, Map) and isinstance(other, Map):
        return _joined(build, node, one, other.times(Fraction(sign)))
    if isinstance(one, Map) and isinstance(other, Constant):
        return _plus(build, node, one, other, sign)
    if isinstance(one, Constant) and isinstance(other, Map):
        return _plus(build, node, other.times(Fraction(sign)), one, 1)
    raise node.refuse("adds truth values, which is not read; export the model without it")


def _pair(node: OnnxNode, given: Given) -> tuple[Tensor | None, Tensor | None]:
    if len(given) != 2:
        raise node.refuse(f"has {len(given)} inputs, where it takes two; export the model again")
    return given[0], given[1]


def _joined(build: Build, node: OnnxNode, *maps: Map) -> Map:
    plain = [build.plain(each, node.name) for each in maps]
    first = plain[0]
    for each in plain:
        if each.shape != first.shape or not np.array_equal(each.at, first.at):
            raise node.refuse(
                f"adds tensors of {list(first.at.shape)} and {list(each.at.shape)} of another "
                "order, which is not read; add tensors of one shape"
            )
    reads = tuple(each.node for each in plain)
    return replace(first, node=build.append(node.name, reads, (Joined(node.name, How.ADD),)))


def _plus(build: Build, node: OnnxNode, given: Map, constant: Constant, sign: int) -> Map:
    if constant.values.size == 1:
        return grown(node, given, constant).times(Fraction(1), sign * scalar(node, given, constant))
    before, (offset,) = build.by_channel(given, node, constant)
    build.keep(node.name, "bias", offset, sign)
    offsets = tuple(sign * value for value in offset.fractions)
    return build.apply(before, node.name, Affine(node.name, Role.BIAS, offset=offsets))


def multiply(build: Build, node: OnnxNode, given: Given) -> Tensor:
    one, other = _pair(node, given)
    if isinstance(one, Map) and isinstance(other, Constant):
        return _times(build, node, one, other, invert=False)
    if isinstance(one, Constant) and isinstance(other, Map):
        return _times(build, node, other, one, invert=False)
    if isinstance(one, Map) and isinstance(other, Map):
        return _product(build, node, one, other)
    raise node.refuse("multiplies truth values, which is not read; export the model without it")


def _product(build: Build, node: OnnxNode, *given: Map) -> Map:
    """Of two maps, one of which may hold a single value for each channel."""
    one, other = sorted((build.plain(each, node.name) for each in given), key=lambda m: -m.size)
    gates = other.shape[:2] == (1, 1) and one.shape[2] == other.shape[2]
    gates = (
        gates and bool((one.at % one.shape[2] == other.at).all()) if _meet(one, other) else False
    )
    if not gates and not (one.shape == other.shape and np.array_equal(one.at, other.at)):
        raise node.refuse(
            f"multiplies tensors of {list(one.at.shape)} and {list(other.at.shape)} of another "
            "order, which is not read; multiply tensors of one shape, or by a value for each "
            "channel"
        )
    joined = Joined(node.name, How.MULTIPLY)
    return replace(one, node=build.append(node.name, (one.node, other.node), (joined,)))


def _meet(one: Map, other: Map) -> bool:
    """Whether a tensor takes on the shape of another where they meet."""
    if one.at.ndim != other.at.ndim:
        return False
    return all(n in (1, m) for n, m in zip(other.at.shape, one.at.shape, strict=True))


def divide(build: Build, node: OnnxNode, given: Given) -> Tensor:
    return _times(
        build, node, a_map(node, given), a_constant(node, given, 1, "divisor"), invert=True
    )


def _times(build: Build, node: OnnxNode, given: Map, constant: Constant, *, invert: bool) -> Map:
    if invert and not checked(node, constant.values).all():
        raise node.refuse("divides by 0; train the model again")
    if constant.values.size == 1:
        factor = scalar(node, given, constant)
        return grown(node, given, constant).times(1 / factor if invert else factor)
    before, (scale,) = build.by_channel(given, node, constant)
    scales = tuple(1 / value if invert else value for value in scale.fractions)
    return build.apply(before, node.name, Affine(node.name, Role.FACTOR, scales))


def scalar(node: OnnxNode, given: Map, constant: Constant) -> Fraction:
    """The exact value of a single number; of the images, the simplest that it may stand for."""
    value = float(checked(node, constant.values).reshape(-1)[0])
    return simplest_float32(value) if given.node == INPUT else Fraction(value)


def grown(node: OnnxNode, given: Map, constant: Constant) -> Map:
    """The tensor with the axes that a single number of several axes gives it, as numpy does."""
    more = constant.values.ndim - given.at.ndim
    if more > 0:
        raise node.refuse(
            f"meets a tensor of {given.at.ndim} axes with a constant of {constant.values.ndim}, "
            "which is not read; export it with a single number"
        )
    return given


def negate(build: Build, node: OnnxNode, given: Given) -> Tensor:
    return a_map(node, given).times(Fraction(-1))


def batch_norm(build: Build, node: OnnxNode, given: Given) -> Tensor:
    if node.integer("training_mode", 0) != 0:
        raise node.refuse("is in training mode; export the model after model.eval()")
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    tensor = a_map(node, given)
    constants = [
        _along_channels(node, tensor, a_constant(node, given, 1 + i, name))
        for i, name in enumerate(names)
    ]
    before, found = build.by_channel(tensor, node, *constants)
    n = max(len(each.elements) for each in found)
    wide = [_widened(each.fractions, n) for each in found]
    for name, each in zip(names, found, strict=True):
        build.keep(node.name, name, each)
    scale, offset, center, variance = wide
    epsilon = Fraction(node.number("epsilon", 1e-5))
    radicand = tuple(value + epsilon for value in variance)
    if min(radicand) <= 0:
        raise node.refuse("has a variance that is not positive; train the model again")
    norm = Affine(node.name, Role.BATCH_NORM, scale, center, radicand, offset)
    return build.apply(before, node.name, norm)


def _along_channels(node: OnnxNode, given: Map, constant: Constant) -> Constant:
    """A parameter of one axis along axis 1 of the tensor."""
    channels = given.at.shape[1]
    if constant.values.shape != (channels,):
        raise node.refuse(
            f"has parameters of {list(constant.values.shape)} for {channels} channels; export the "
            "model again"
        )
    shape = (channels,) + (1,) * (given.at.ndim - 2)
    return constant.rearranged(lambda x: x.reshape(shape))


def _widened(values: tuple[Fraction, ...], n: int) -> tuple[Fraction, ...]:
    return values * n if len(values) == 1 else values


def relu(build: Build, node: OnnxNode, given: Given) -> Tensor:
    return build.apply(a_map(node, given), node.name, Bounds(node.name, Fraction(0), None))


def clip(build: Build, node: OnnxNode, given: Given) -> Tensor:
    ends = [_end(node, given, 1, "min"), _end(node, given, 2, "max")]
    return build.apply(a_map(node, given), node.name, Bounds(node.name, *ends))


def _end(node: OnnxNode, given: Given, slot: int, key: str) -> Fraction | None:
    if slot < len(given) and given[slot] is not None:
        values = checked(node, a_constant(node, given, slot, key).values)
        if values.size != 1:
            raise node.refuse(f"has several values for {key}; {EXPORT_SINGLE}")
        return Fraction(float(values.reshape(-1)[0]))
    return Fraction(node.number(key, 0)) if key in node.attributes else None


def leaky(build: Build, node: OnnxNode, given: Given) -> Tensor:
    slope = Fraction(node.number("alpha", 0.01))
    return build.apply(a_map(node, given), node.name, Slope(node.name, (slope,)))


def prelu(build: Build, node: OnnxNode, given: Given) -> Tensor:
    before, (slope,) = build.by_channel(
        a_map(node, given), node, a_constant(node, given, 1, "slope")
    )
    return build.apply(before, node.name, Slope(node.name, slope.fractions))


def squash(build: Build, node: OnnxNode, given: Given) -> Tensor:
    if node.op in OTHER:
        return build.apply(a_map(node, given), node.name, Squash(node.name, OTHER[node.op], False))
    if node.number("alpha", 1) != 1 and node.op == "Elu":
        raise node.refuse(
            f"has alpha {short(node.attributes['alpha'])}, which is not read; train it with 1"
        )
    return build.apply(a_map(node, given), node.name, Squash(node.name, ODD[node.op], True))


def zeros(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """x == 0, which only what mends the sign of 0 may read."""
    tensor = a_map(node, given)
    value = checked(node, a_constant(node, given, 1, "second input").values)
    if value.size != 1 or value.any():
        raise node.refuse("compares for another value than 0, which is not read; compare with 0")
    return Zeros(tensor)


POINTWISE: dict[str, Read] = {
    "Add": add,
    "BatchNormalization": batch_norm,
    "Cast": cast,
    "Clip": clip,
    "Div": divide,
    "Dropout": nothing,
    "Equal": zeros,
    "Identity": nothing,
    "LeakyRelu": leaky,
    "Mul": multiply,
    "Neg": negate,
    "PRelu": prelu,
    "Relu": relu,
    "Sub": subtract,
    **dict.fromkeys((*ODD, *OTHER), squash),
}
