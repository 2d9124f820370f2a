"""Operators that move the elements of a tensor and change none, on constants and maps alike."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from crshare.arrays import Array
from crshare.frontend.config import short
from crshare.frontend.onnx.graph import EXPORT, OnnxNode
from crshare.frontend.onnx.tensors import Constant, Map, Tensor


def whole_numbers(node: OnnxNode, given: Sequence[Tensor | None], slot: int, key: str) -> list[int]:
    """Whole numbers that stand in an input or, in older opsets, in an attribute; else none."""
    tensor = given[slot] if slot < len(given) else None
    if tensor is None:
        return node.integers(key, []) or []
    if not isinstance(tensor, Constant) or tensor.values.dtype.kind not in "iu":
        raise node.refuse(f"takes its {key} from what it computes; export it with fixed sizes")
    return [int(value) for value in tensor.values.reshape(-1)[:64]]


def transpose(node: OnnxNode, given: Sequence[Tensor | None]) -> Tensor:
    tensor = moved(node, given)
    n = ndim(tensor)
    perm = node.integers("perm") or list(range(n))[::-1]
    if sorted(perm) != list(range(n)) or (isinstance(tensor, Map) and perm[0] != 0):
        raise _unfit(node, f"moves the axes of a tensor of {n} to {perm}")
    return tensor.rearranged(lambda x: x.transpose(perm))


def reshape(node: OnnxNode, given: Sequence[Tensor | None]) -> Tensor:
    tensor = moved(node, given)
    shape = whole_numbers(node, given, 1, "shape")
    old = shape_of(tensor)
    keeps_zero = node.integer("allowzero", 0) == 0
    if keeps_zero:
        shape = [old[i] if s == 0 and i < len(old) else s for i, s in enumerate(shape)]
    known = prod(s for s in shape if s != -1)
    if shape.count(-1) == 1 and known:
        shape = [prod(old) // known if s == -1 else s for s in shape]
    if min(shape, default=1) < 0 or prod(shape) != prod(old):
        raise _unfit(node, f"makes a tensor of {list(old)} one of {short(shape)}")
    return _as(node, tensor, shape)


def flatten(node: OnnxNode, given: Sequence[Tensor | None]) -> Tensor:
    tensor = moved(node, given)
    shape = shape_of(tensor)
    axis = node.integer("axis", 1)
    axis += len(shape) if axis < 0 else 0
    if not 0 <= axis <= len(shape):
        raise _unfit(node, f"flattens from axis {axis} of {len(shape)}")
    return _as(node, tensor, [prod(shape[:axis]), prod(shape[axis:])])


def squeeze(node: OnnxNode, given: Sequence[Tensor | None]) -> Tensor:
    tensor = moved(node, given)
    shape = shape_of(tensor)
    axes = whole_numbers(node, given, 1, "axes") or [
        i for i, s in enumerate(shape) if s == 1 and (i or isinstance(tensor, Constant))
    ]
    gone = {axis + len(shape) if axis < 0 else axis for axis in axes}
    if any(not 0 <= axis < len(shape) or shape[axis] != 1 for axis in gone):
        raise _unfit(node, f"drops the axes {axes} of {list(shape)}")
    if isinstance(tensor, Map) and 0 in gone:
        raise _unfit(node, "drops the axis of the images")
    return _as(node, tensor, [s for i, s in enumerate(shape) if i not in gone])


def unsqueeze(node: OnnxNode, given: Sequence[Tensor | None]) -> Tensor:
    tensor = moved(node, given)
    axes = whole_numbers(node, given, 1, "axes")
    n = ndim(tensor) + len(axes)
    places = sorted(axis + n if axis < 0 else axis for axis in axes)
    if len(set(places)) < len(places) or any(not 0 <= axis < n for axis in places):
        raise _unfit(node, f"adds the axes {axes} to {ndim(tensor)}")
    if isinstance(tensor, Map) and 0 in places:
        raise _unfit(node, "adds an axis before that of the images")
    shape = list(shape_of(tensor))
    for axis in places:
        shape.insert(axis, 1)
    return _as(node, tensor, shape)


def of_one_image(
    node: OnnxNode, given: Sequence[Tensor | None], batch: int
) -> Sequence[Tensor | None]:
    """What a node moves, for a single image: the first extent of a shape, where it is that of the
    batch, is 1."""
    shape = given[1] if node.op == "Reshape" and len(given) > 1 else None
    if batch == 1 or not isinstance(shape, Constant) or not isinstance(given[0], Map):
        return given
    values = np.array(shape.values).reshape(-1)
    values[:1] = np.where(values[:1] == batch, 1, values[:1])
    return (given[0], replace(shape, values=values), *given[2:])


def moved(node: OnnxNode, given: Sequence[Tensor | None]) -> Map | Constant:
    """The tensor whose elements a node moves."""
    tensor = given[0] if given else None
    if not isinstance(tensor, Map | Constant):
        raise node.refuse(f"reads nothing that can be moved; {EXPORT}")
    return tensor


def _as(node: OnnxNode, tensor: Map | Constant, shape: Sequence[int]) -> Tensor:
    if isinstance(tensor, Map) and (len(shape) < 2 or shape[0] != 1):
        raise _unfit(
            node,
            f"makes {list(tensor.at.shape)}, one image, into {list(shape)}, which mixes images",
        )
    return tensor.rearranged(lambda x: x.reshape(tuple(shape)))


def ndim(tensor: Map | Constant) -> int:
    return len(shape_of(tensor))


def shape_of(tensor: Map | Constant) -> tuple[int, ...]:
    return _array(tensor).shape


def _array(tensor: Map | Constant) -> Array:
    return np.asarray(tensor.at if isinstance(tensor, Map) else tensor.values)


def _unfit(node: OnnxNode, what: str) -> Exception:
    return node.refuse(f"{what}, which is not read; export the model with the images first")


MOVES = {
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
