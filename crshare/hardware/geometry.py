"""How the windows of a layer lie in the map that it reads."""

from crshare.network.graph import Signal, extent
from hwgen import Windowing


def windowing_of(
    given: Signal, window: tuple[int, int], strides: tuple[int, int], *, same: bool, pad: int
) -> Windowing:
    before, after = [], []
    for axis in range(2):
        size, width, stride = given.shape[axis], window[axis], strides[axis]
        positions, first = extent(size, width, stride, same=same)
        before.append(first)
        after.append(max((positions - 1) * stride + width - size - first, 0) if same else 0)
    pads = before[0], before[1], after[0], after[1]
    return Windowing((given.shape[0], given.shape[1]), window, strides, pads, pad)
