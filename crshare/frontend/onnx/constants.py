"""Operators on known values, computed while the file is read: how weights become what they are.

Real numbers are float64 here. A constant remembers which stored weights it was made of as long as
each of its elements is one of them, moved, or a value of the same sign.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from crshare.arrays import Array
from crshare.frontend.config import short
from crshare.frontend.onnx.graph import OnnxNode
from crshare.frontend.onnx.shapes import MOVES, whole_numbers
from crshare.frontend.onnx.tensors import Constant, Origin, Tensor

MAX_ELEMENTS = 2**24  # of a constant that is computed
ELEMENT_TYPES = {1: "f8", 10: "f8", 11: "f8", 9: "b1"} | dict.fromkeys(
    (2, 3, 4, 5, 6, 7, 12, 13), "i8"
)

Arrays = Sequence[Array]
Function = Callable[..., Array]

UNARY: Mapping[str, Function] = {
    "Abs": np.abs,
    "Ceil": np.ceil,
    "Floor": np.floor,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Reciprocal": lambda x: 1 / x,
    "Relu": lambda x: np.maximum(x, 0),
    "Round": np.rint,
    "Sign": np.sign,
    "Sqrt": np.sqrt,
    "Tanh": np.tanh,
}
BINARY: Mapping[str, Function] = {
    "Add": np.add,
    "And": np.logical_and,
    "Div": lambda a, b: a // b if a.dtype.kind == b.dtype.kind == "i" else a / b,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Max": np.maximum,
    "Min": np.minimum,
    "Mul": np.multiply,
    "Or": np.logical_or,
    "Pow": np.power,
    "Sub": np.subtract,
}
REDUCED: Mapping[str, Function] = {
    "ReduceMax": np.max,
    "ReduceMean": np.mean,
    "ReduceMin": np.min,
    "ReduceSum": np.sum,
}
BINARISED = {"Sign", "BipolarQuant", "Where", "GreaterOrEqual", "Greater", "Less", "LessOrEqual"}


def stored(values: Array) -> Array:
    """A stored tensor in the types that constants are computed in."""
    match values.dtype.kind:
        case "f":
            return values.astype(np.float64)
        case "b":
            return values
        case _:
            return values.astype(np.int64)


def known(name: str, values: Array) -> Constant:
    """A stored tensor."""
    places = np.arange(values.size).reshape(values.shape)
    return Constant(stored(values), Origin(name, places, same=True, reader=(0, 0)))


def evaluate(node: OnnxNode, given: Sequence[Constant | None]) -> Constant:
    """What a node makes of constants; ModelFormatError where it cannot be known."""
    tensors: list[Tensor | None] = list(given)
    try:
        if node.op in MOVES:
            found = MOVES[node.op](node, tensors)
            assert isinstance(found, Constant)
            return found
        arrays = [None if each is None else each.values for each in given]
        with np.errstate(all="ignore"):
            values = _computed(node, arrays, tensors)
    except (ValueError, TypeError, IndexError, OverflowError, MemoryError) as error:
        raise node.refuse(
            f"computes a constant that has no value ({' '.join(str(error).split())[:80]}); export "
            "the model again"
        ) from error
    return Constant(values, _origin(node, given, values), _quantizer(node, given))


def _computed(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    op = node.op
    if op in UNARY and arrays:
        return np.asarray(UNARY[op](_there(node, arrays, 0)))
    if op in BINARY:
        one, other = _there(node, arrays, 0), _there(node, arrays, 1)
        _refuse_large(node, np.broadcast_shapes(one.shape, other.shape))
        return np.asarray(BINARY[op](one, other))
    if op in REDUCED:
        axes = tuple(whole_numbers(node, tensors, 1, "axes")) or None
        keep = bool(node.integer("keepdims", 1))
        return np.asarray(REDUCED[op](_there(node, arrays, 0), axis=axes, keepdims=keep))
    if op not in OTHERS:
        raise node.refuse("is not read where its inputs are constants; export the model simplified")
    return np.asarray(OTHERS[op](node, arrays, tensors))


def _there(node: OnnxNode, arrays: Sequence[Array | None], slot: int) -> Array:
    array = arrays[slot] if slot < len(arrays) else None
    if array is None:
        raise node.refuse(f"has no input {slot + 1}; export the model again")
    return array


def _refuse_large(node: OnnxNode, shape: Sequence[int]) -> None:
    if prod(shape) > MAX_ELEMENTS:
        raise node.refuse(
            f"makes a constant of {'x'.join(map(str, shape))[:60]}, which is too large; export the "
            "model smaller"
        )


def _origin(node: OnnxNode, given: Sequence[Constant | None], values: Array) -> Origin | None:
    """Where the elements come from, if from one stored tensor whose signs they keep."""
    origins = [
        each.origin
        for each in given
        if each is not None and each.origin is not None and each.values.shape == values.shape
    ]
    if values.size < 2 or values.dtype.kind == "i" or not origins:
        return None
    if node.op in ("Identity", "Cast"):
        return origins[0]
    return replace(origins[0], same=False)


def _quantizer(node: OnnxNode, given: Sequence[Constant | None]) -> str:
    earlier = next((each.quantizer for each in given if each is not None and each.quantizer), "")
    quantizes = node.op in BINARISED or node.op in ("Quant", "IntQuant")
    return earlier or (node.op if quantizes else "")


def _constant(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    for key in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if key in node.attributes and not isinstance(node.attributes[key], str):
            return stored(np.asarray(node.attributes[key]))
    raise node.refuse("holds no numbers; export the model again")


def _cast(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    to = node.integer("to", 1)
    if to not in ELEMENT_TYPES:
        raise node.refuse(f"casts to type {to} of ONNX, which is not read; export it in float32")
    return _there(node, arrays, 0).astype(ELEMENT_TYPES[to])


def _where(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    parts = [_there(node, arrays, slot) for slot in range(3)]
    _refuse_large(node, np.broadcast_shapes(*(part.shape for part in parts)))
    return np.where(parts[0].astype(bool), parts[1], parts[2])


def _clip(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    x = _there(node, arrays, 0)
    ends = []
    for slot, key, default in ((1, "min", -np.inf), (2, "max", np.inf)):
        given = arrays[slot] if slot < len(arrays) else None
        attribute = node.attributes.get(key, default)
        ends.append(attribute if given is None else given)
    return np.minimum(np.maximum(x, ends[0]), ends[1])


def _concat(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    parts = [_there(node, arrays, slot) for slot in range(len(arrays))]
    return np.concatenate(parts, axis=node.integer("axis", 0))


def _gather(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    x, places = _there(node, arrays, 0), _there(node, arrays, 1)
    _refuse_large(node, (*x.shape, places.size))
    return np.take(x, places, axis=node.integer("axis", 0))


def _slice(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    x = _there(node, arrays, 0)
    starts = whole_numbers(node, tensors, 1, "starts")
    ends = whole_numbers(node, tensors, 2, "ends")
    axes = whole_numbers(node, tensors, 3, "axes") or list(range(len(starts)))
    steps = whole_numbers(node, tensors, 4, "steps") or [1] * len(starts)
    cut = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cut[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return np.asarray(x[tuple(cut)])


def _expand(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    x, shape = _there(node, arrays, 0), whole_numbers(node, tensors, 1, "shape")
    if min(shape, default=0) < 0:
        raise node.refuse(f"expands to {short(shape)}; export the model again")
    _refuse_large(node, np.broadcast_shapes(x.shape, tuple(shape)))
    return np.asarray(x * np.ones(shape, x.dtype))


def _filled(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    shape = whole_numbers(node, tensors, 0, "shape")
    _refuse_large(node, shape)
    value = stored(np.asarray(node.attributes.get("value", 0.0)))
    return np.full(shape, value.reshape(-1)[0] if value.size else 0.0)


def _bipolar(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    x, scale = _there(node, arrays, 0), _there(node, arrays, 1)
    _refuse_large(node, np.broadcast_shapes(x.shape, scale.shape))
    return np.where(x >= 0, 1.0, -1.0) * scale


def _quant(
    node: OnnxNode, arrays: Sequence[Array | None], tensors: Sequence[Tensor | None]
) -> Array:
    x, scale, zero, width = (_there(node, arrays, slot) for slot in range(4))
    low, high = levels(node, width)
    whole = rounding(node)(x / scale + zero)
    _refuse_large(node, np.broadcast_shapes(whole.shape, scale.shape))
    return np.asarray((np.clip(whole, low, high) - zero) * scale)


def levels(node: OnnxNode, width: Array) -> tuple[float, float]:
    """The least and the greatest whole number of a Quant."""
    bits = float(width.reshape(-1)[0]) if width.size else 0.0
    if width.size != 1 or not 1 <= bits <= 32 or not bits.is_integer():
        raise node.refuse(
            f"quantizes to {bits:g} bits, where 1 to 32 are read; train it with those"
        )
    narrow = node.integer("narrow", 0)
    if node.integer("signed", 1):
        return -(2.0 ** (bits - 1)) + bool(narrow), 2.0 ** (bits - 1) - 1
    return 0.0, 2.0**bits - 1 - bool(narrow)


def rounding(node: OnnxNode) -> Function:
    mode = node.text("rounding_mode", "ROUND").upper()
    known: Mapping[str, Function] = {
        "ROUND": np.rint, "HALF_EVEN": np.rint, "CEIL": np.ceil, "FLOOR": np.floor,
        "ROUND_TO_ZERO": np.trunc, "DOWN": np.trunc,
    }  # fmt: skip
    if mode not in known:
        raise node.refuse(f"rounds by {short(mode)}, which is not read; train it with ROUND")
    return known[mode]


OTHERS: Mapping[str, Function] = {
    "BipolarQuant": _bipolar,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Gather": _gather,
    "Identity": lambda node, arrays, _: _there(node, arrays, 0),
    "IntQuant": _quant,
    "Quant": _quant,
    "Slice": _slice,
    "Where": _where,
}
KNOWN = (*UNARY, *BINARY, *REDUCED, *OTHERS)  # the operators of this module
