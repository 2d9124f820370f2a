"""What a layer with binary weights reads: windows, padding, and the classes of positions.

Positions whose windows reach equally far over the border are of one class: they share a limit.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crshare.arrays import Int64Array
from crshare.hardware.geometry import windowing_of
from crshare.network.graph import Conv, Kind, Signal, extent, signal_after
from hwgen import Range, Windowing


@dataclass(frozen=True, eq=False)
class LayerInput:
    """weights: [outputs, inputs], the inputs channel by channel. values: of one channel."""

    name: str
    conv: Conv
    given: Signal
    values: Range
    weights: Int64Array

    @property
    def output(self) -> Signal:
        return signal_after(self.conv, self.given)

    @property
    def binary(self) -> bool:
        return self.given.kind is Kind.BITS

    @property
    def windowing(self) -> Windowing:
        kernel = self.conv.kernel.shape
        same = self.conv.pad_value is not None
        window = kernel[0], kernel[1]
        return windowing_of(self.given, window, self.conv.strides, same=same, pad=self.pad())

    def classes(self) -> tuple[tuple[int, ...], tuple[int, ...], Int64Array]:
        """The class of each row and column of windows, and the constants of each class."""
        rows, columns = (self._valid(axis) for axis in range(2))
        row_kinds, row_classes = np.unique(rows, axis=0, return_inverse=True)
        column_kinds, column_classes = np.unique(columns, axis=0, return_inverse=True)
        return (
            tuple(row_classes.reshape(-1).tolist()),
            tuple(column_classes.reshape(-1).tolist()),
            self._constants(row_kinds, column_kinds),
        )

    def _valid(self, axis: int) -> npt.NDArray[np.bool_]:
        """[output rows or columns, taps]: whether a tap lies on what counts."""
        window, stride = self.conv.kernel.shape[axis], self.conv.strides[axis]
        same = self.conv.pad_value is not None
        _, before = extent(self.given.shape[axis], window, stride, same=same)
        first = np.arange(self.output.shape[axis])[:, None] * stride - before
        places = first + np.arange(window)
        counts = not self.binary or self.conv.pad_value != 0
        return counts | ((places >= 0) & (places < self.given.shape[axis]))

    def _constants(self, rows: npt.NDArray[np.bool_], columns: npt.NDArray[np.bool_]) -> Int64Array:
        """[classes, filters]: the sum of the weights at the valid taps of each class of window."""
        taps = self.conv.kernel.sum(axis=2, dtype=np.int64)
        valid = (rows[:, None, :, None] & columns[None, :, None, :]).reshape(
            len(rows) * len(columns), *taps.shape[:2]
        )
        constants: Int64Array = np.einsum("nij,ijf->nf", valid.astype(np.int64), taps)
        return constants

    def pad(self) -> int:
        """One position of padding as the bits of a beat."""
        channels, width = self.conv.kernel.shape[2], self.values.width
        value = self.conv.pad_value or 0
        one = (value > 0 if self.binary else value) & ((1 << width) - 1)
        return sum(one << (channel * width) for channel in range(channels))
