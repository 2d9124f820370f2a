"""Windows over maps: where an ONNX node lays them, and which paddings a network knows."""

from dataclasses import dataclass, replace

import numpy as np

from crshare.arrays import Int64Array
from crshare.frontend.onnx.build import Build
from crshare.frontend.onnx.graph import EXPORT, OnnxNode
from crshare.frontend.onnx.tensors import (
    OUTSIDE,
    Map,
    channels_first,
)
from crshare.network.graph import Shape, extent

Sizes = tuple[int, int]
FIRST = "train it with channels first, as PyTorch has them"


@dataclass(frozen=True, slots=True)
class Window:
    """What a node lays over a map: sizes, strides and distances between taps by [height, width],
    and what is added before and after, as (rows, columns)."""

    size: Sizes
    strides: Sizes
    dilation: Sizes
    before: Sizes
    after: Sizes


def window_of(node: OnnxNode, size: Sizes, shape: Shape, flat: bool) -> Window:
    strides, dilation = (pair(node, key, flat, 1) for key in ("strides", "dilations"))
    if node.integer("ceil_mode", 0) or node.integer("storage_order", 0):
        raise node.refuse("rounds its size up, which is not read; train it with ceil_mode False")
    automatic = node.text("auto_pad", "NOTSET")
    if automatic == "SAME_UPPER":
        pairs = [
            _same_padding(*each) for each in zip(shape[:2], size, strides, dilation, strict=True)
        ]
    elif automatic in ("NOTSET", "VALID"):
        pairs = _pads(node, flat) if automatic == "NOTSET" else [(0, 0), (0, 0)]
    else:
        raise node.refuse(f"pads by {automatic}, which is not read; give its pads")
    (top, bottom), (left, right) = pairs
    return Window(size, strides, dilation, (top, left), (bottom, right))


def _pads(node: OnnxNode, flat: bool) -> list[tuple[int, int]]:
    n = 1 if flat else 2
    pads = node.integers("pads", [0] * 2 * n) or []
    if len(pads) != 2 * n or min(pads) < 0:
        raise node.refuse(f"has the pads {pads}, which is not read; export the model again")
    return [(0, 0)] * flat + list(zip(pads[:n], pads[n:], strict=True))


def pair(node: OnnxNode, key: str, flat: bool, default: int) -> Sizes:
    n = 1 if flat else 2
    values = node.integers(key, [default] * n) or []
    if len(values) != n or min(values) < 1 or max(values) > 2**16:
        raise node.refuse(f"has {key} {values}, where {n} positive numbers are read; {EXPORT}")
    return (1, values[0]) if flat else (values[0], values[1])


def _same_padding(size: int, window: int, stride: int, dilation: int) -> tuple[int, int]:
    span = (window - 1) * dilation + 1
    positions, before = extent(size, span, stride, same=True)
    return before, max((positions - 1) * stride + span - size, 0) - before


def with_padding(
    node: OnnxNode, window: Window, around: tuple[Sizes, Sizes], value: float
) -> tuple[Window, float]:
    """The window with the padding of a Pad before it, and the value that stands there."""
    (above, left), (below, right) = around
    outer = any((above, left, below, right))
    own = any((*window.before, *window.after))
    if outer and own and value != 0:
        raise node.refuse(f"pads with 0 what is padded with {value:g}, which is not read; pad once")
    before = (window.before[0] + above, window.before[1] + left)
    after = (window.after[0] + below, window.after[1] + right)
    return replace(window, before=before, after=after), value if outer else 0.0


def is_padded(window: Window) -> bool:
    return any((*window.before, *window.after))


def is_same(window: Window, shape: Shape) -> bool:
    """Whether a map is padded as TensorFlow's SAME does it."""
    for axis in range(2):
        span = (window.size[axis] - 1) * window.dilation[axis] + 1
        positions, before = extent(shape[axis], span, window.strides[axis], same=True)
        padded = shape[axis] + window.before[axis] + window.after[axis]
        if (
            before != window.before[axis]
            or (padded - span) // window.strides[axis] + 1 != positions
        ):
            return False
    return is_padded(window)


def shape_after(node: OnnxNode, shape: Shape, span: Sizes, strides: Sizes, *, same: bool) -> Shape:
    if not same and (span[0] > shape[0] or span[1] > shape[1]):
        raise node.refuse(
            f"lays a window of {span[0]}x{span[1]} over a map of {shape[0]}x{shape[1]}, where it "
            "does not fit; export the model again"
        )
    rows, columns = (
        extent(n, k, s, same=same)[0] for n, k, s in zip(shape[:2], span, strides, strict=True)
    )
    return rows, columns, shape[2]


def places_of(shape: Shape, flat: bool) -> Int64Array:
    at = channels_first(shape)
    return at[:, :, 0] if flat else at


def inside(build: Build, node: OnnxNode, given: Map) -> tuple[Map, tuple[Sizes, Sizes], float]:
    """The map that a padded tensor surrounds, channels first; what is around it, and its value."""
    if given.at.ndim not in (3, 4):
        raise node.refuse(
            f"reads a tensor of {list(given.at.shape)}; crshare reads [batch, channels, height, "
            "width] and [batch, channels, length] there"
        )
    tensor = build.padded(given, node.name)
    at: Int64Array = tensor.at if tensor.at.ndim == 4 else tensor.at[:, :, None]
    within = at[0] != OUTSIDE
    rows, columns = (np.flatnonzero(within.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    before = (int(rows[0]), int(columns[0]))
    after = (at.shape[2] - 1 - int(rows[-1]), at.shape[3] - 1 - int(columns[-1]))
    cut = at[:, :, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if not np.array_equal(cut, channels_first(tensor.shape)):
        raise node.refuse(
            f"reads a tensor of {list(given.at.shape)} whose axis 1 does not hold the channels, "
            f"which is not read; {FIRST}"
        )
    plain = Map(tensor.node, tensor.shape, cut if tensor.at.ndim == 4 else cut[:, :, 0])
    return plain, (before, after), tensor.pad or 0.0
