"""Pools, padding and joins: operators that make of several elements of a map one, or more."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod

import numpy as np

from crshare.frontend.onnx.build import Build, checked
from crshare.frontend.onnx.graph import OnnxNode
from crshare.frontend.onnx.padding import (
    FIRST,
    Window,
    inside,
    is_padded,
    is_same,
    pair,
    places_of,
    shape_after,
    window_of,
)
from crshare.frontend.onnx.pointwise import Given, Read, a_constant, a_map
from crshare.frontend.onnx.shapes import whole_numbers
from crshare.frontend.onnx.tensors import (
    MAX_MAP,
    OUTSIDE,
    Map,
    Tensor,
)
from crshare.thresholds.layer_ops import (
    Average,
    How,
    Joined,
    LayerOp,
    Padded,
    Pool,
)


def max_pool(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """What a pad adds is never the greatest. A rising scale is left for what follows."""
    tensor = a_map(node, given)
    rises = tensor.sign is None and tensor.pad is None and tensor.scale > 0
    bare = replace(tensor, scale=Fraction(1), offset=Fraction(0)) if rises else tensor
    inner, window, flat = _pooled(build, node, bare)
    layer_ops = _with_padding(build, node, inner, window)
    name = build.append(node.name, (inner.node,), layer_ops)
    rows, columns = (
        n + a + b for n, a, b in zip(inner.shape[:2], window.before, window.after, strict=True)
    )
    padded = (rows, columns, inner.shape[2])
    shape = shape_after(node, padded, window.size, window.strides, same=False)
    found = Map(name, shape, places_of(shape, flat))
    return found.times(tensor.scale, tensor.offset) if rises else found


def _with_padding(build: Build, node: OnnxNode, inner: Map, window: Window) -> tuple[LayerOp, ...]:
    """A pool of a padded map: as SAME does it; as SAME at each place, of which every second or so
    is taken; or with lines of -1 around signs."""
    size, strides, owner = window.size, window.strides, node.name
    same = is_same(window, inner.shape)
    if same or not is_padded(window):
        return (Pool(owner, size, strides, same),)
    at_each_place = replace(window, strides=(1, 1))
    if is_same(at_each_place, inner.shape):
        return (Pool(owner, size, (1, 1), same=True), Pool(owner, (1, 1), strides, same=False))
    fits = all(max(ends) < n for *ends, n in zip(window.before, window.after, size, strict=True))
    if inner.node in build.decided and fits:
        lines = Padded(f"{owner}/pad", window.before, window.after, -1)
        return (lines, Pool(owner, size, strides, same=False))
    pads = [*window.before, *window.after]
    raise node.refuse(
        f"pads a map of {inner.shape[0]}x{inner.shape[1]} by {pads} (top, left, bottom, right), "
        "where crshare reads what TensorFlow's SAME adds, half of an odd window on every side, and "
        "any padding right behind a sign; train it with one of these"
    )


def average_pool(build: Build, node: OnnxNode, given: Given) -> Tensor:
    inner, window, flat = _pooled(build, node, a_map(node, given))
    if any((*window.before, *window.after)):
        raise node.refuse("averages a padded map, which is not read; train it without padding")
    shape = shape_after(node, inner.shape, window.size, window.strides, same=False)
    average = Average(node.name, window.size, window.strides, same=False)
    return Map(build.append(node.name, (inner.node,), (average,)), shape, places_of(shape, flat))


def _pooled(build: Build, node: OnnxNode, given: Map) -> tuple[Map, Window, bool]:
    """What a pool reads, its window, and whether that has one dimension."""
    tensor = build.plain(given, node.name)
    sizes = node.integers("kernel_shape", [])
    flat = tensor.at.ndim == 3
    if not sizes or len(sizes) != tensor.at.ndim - 2 or tensor.at.ndim not in (3, 4):
        raise node.refuse(
            f"pools a tensor of {list(tensor.at.shape)} by {sizes}; crshare reads pools of one and "
            "two dimensions"
        )
    inner, _, _ = inside(build, node, tensor)
    window = window_of(node, pair(node, "kernel_shape", flat, 1), inner.shape, flat)
    if window.dilation != (1, 1):
        raise node.refuse("pools values apart, which is not read; train it with dilation 1")
    return inner, window, flat


def global_average(build: Build, node: OnnxNode, given: Given) -> Tensor:
    tensor = build.plain(a_map(node, given), node.name)
    inner, _, _ = inside(build, node, tensor)
    average = Average(node.name, None, (1, 1), same=False)
    name = build.append(node.name, (inner.node,), (average,))
    shape = (1, 1, inner.shape[2])
    return Map(name, shape, places_of(shape, tensor.at.ndim == 3))


def global_maximum(build: Build, node: OnnxNode, given: Given) -> Tensor:
    tensor = build.plain(a_map(node, given), node.name)
    inner, _, _ = inside(build, node, tensor)
    whole = Pool(node.name, inner.shape[:2], (1, 1), same=False)
    shape = (1, 1, inner.shape[2])
    name = build.append(node.name, (inner.node,), (whole,))
    return Map(name, shape, places_of(shape, tensor.at.ndim == 3))


def reduce_mean(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """The mean over all places of a map."""
    tensor = build.plain(a_map(node, given), node.name)
    n = tensor.at.ndim
    axes = sorted(axis + n if axis < 0 else axis for axis in whole_numbers(node, given, 1, "axes"))
    kept = [axis for axis in range(1, n) if axis not in axes]
    whole = sorted((0, *axes, *kept)) == list(range(n))
    if len(kept) != 1 or not whole or n < 3 or tensor.at.shape[kept[0]] != tensor.shape[2]:
        raise node.refuse(
            f"averages the axes {axes} of {list(tensor.at.shape)}, which is not read; average "
            "height and width"
        )
    channels = tensor.at.transpose([0, *axes, kept[0]]).reshape(-1, tensor.shape[2])
    channels = channels % tensor.shape[2]
    if not (channels == channels[0]).all():
        raise node.refuse(f"averages over other axes than height and width; {FIRST}")
    average = Average(node.name, None, (1, 1), same=False)
    name = build.append(node.name, (tensor.node,), (average,))
    at = channels[:1]
    if node.integer("keepdims", 1):
        at = at.reshape([1, *(tensor.shape[2] if axis == kept[0] else 1 for axis in range(1, n))])
    return Map(name, (1, 1, tensor.shape[2]), at)


def pad(build: Build, node: OnnxNode, given: Given) -> Tensor:
    if node.text("mode", "constant") != "constant":
        raise node.refuse("pads with values of the map, which is not read; pad with a constant")
    tensor = build.plain(a_map(node, given), node.name)
    n = tensor.at.ndim
    pads = whole_numbers(node, given, 1, "pads")
    if (len(given) > 3 and given[3] is not None) or len(pads) != 2 * n or min(pads) < 0:
        raise node.refuse(f"pads by {pads}, which is not read; export the model again")
    if prod(m + a + b for m, a, b in zip(tensor.at.shape, pads, pads[n:], strict=False)) > MAX_MAP:
        raise node.refuse(f"pads by {pads}, which is too much; pad less")
    value = node.number("value", 0.0)
    if len(given) > 2 and given[2] is not None:
        found = checked(node, a_constant(node, given, 2, "value").values)
        value = float(found.reshape(-1)[0])
    around = list(zip(pads[:n], pads[n:], strict=True))
    if not any(pads):
        return tensor
    return replace(tensor, at=np.pad(tensor.at, around, constant_values=OUTSIDE), pad=value)


def concatenate(build: Build, node: OnnxNode, given: Given) -> Tensor:
    """Maps of one size joined along their channels; features joined as they are."""
    maps = [build.plain(a_map(node, given, slot), node.name) for slot in range(len(given))]
    axis = node.integer("axis", 1)
    axis += maps[0].at.ndim if axis < 0 else 0
    if len({each.shape[:2] for each in maps}) > 1:
        maps = [build.features(each, node.name) for each in maps]
    if not _joins(maps, axis):
        raise node.refuse(
            f"joins tensors of {', '.join(str(list(each.at.shape)) for each in maps)} along axis "
            f"{axis}, which is not read; join channels or features"
        )
    channels = [each.shape[2] for each in maps]
    total, first, parts = sum(channels), 0, []
    for each, n in zip(maps, channels, strict=True):
        parts.append(each.at // n * total + first + each.at % n)
        first += n
    reads = tuple(each.node for each in maps)
    name = build.append(node.name, reads, (Joined(node.name, How.CONCATENATE),))
    at = np.concatenate(parts, axis=axis)
    return Map(name, (*maps[0].shape[:2], total), at)


def _joins(maps: Sequence[Map], axis: int) -> bool:
    """Whether the tensors differ along the axis alone, and none is of another size than its map."""
    others = {(*each.at.shape[:axis], *each.at.shape[axis + 1 :]) for each in maps}
    return 0 < axis < maps[0].at.ndim and len(others) == 1 and len(maps) > 1


POOLS: dict[str, Read] = {
    "AveragePool": average_pool,
    "Concat": concatenate,
    "GlobalAveragePool": global_average,
    "GlobalMaxPool": global_maximum,
    "MaxPool": max_pool,
    "Pad": pad,
    "ReduceMean": reduce_mean,
}
