"""How windows lie in a map that comes position by position."""

from dataclasses import dataclass


def counter_width(greatest: int) -> int:
    """Bits of a counter up to a number."""
    return max(1, greatest.bit_length())


@dataclass(frozen=True, slots=True)
class Windowing:
    """How windows lie in a map: sizes are (rows, columns), pads (top, left, bottom, right).

    pad: what one position of the padding holds, as the bits of a beat.
    """

    size: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    pad: int = 0

    @property
    def pointwise(self) -> bool:
        """Whether every position is a window by itself."""
        return self.kernel == (1, 1) and self.strides == (1, 1) and not any(self.pads)

    @property
    def padded(self) -> tuple[int, int]:
        """Rows and columns that a window walks over: the map and its padding."""
        top, left, bottom, right = self.pads
        return self.size[0] + top + bottom, self.size[1] + left + right

    @property
    def output(self) -> tuple[int, int]:
        """Rows and columns of the output map."""
        rows, columns = (
            (whole - window) // stride + 1
            for whole, window, stride in zip(self.padded, self.kernel, self.strides, strict=True)
        )
        return rows, columns

    @property
    def counter_width(self) -> int:
        """Bits of whatever counts rows or columns, a stride beyond the last one included."""
        return counter_width(max(map(sum, zip(self.padded, self.strides, strict=True))))
