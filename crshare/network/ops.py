"""What a layer of a network can compute, as values, and the kinds of signal between two layers.

A signal is BITS (+1/-1), INTEGERS (pixels and sums) or REALS (float64, in which sums of fixed-point
numbers are exact).
"""

from dataclasses import dataclass, replace
from enum import Enum
from math import ceil
from typing import Literal

import numpy as np
import numpy.typing as npt

from crshare.arrays import BoolArray, Float32Array, Float64Array, Int8Array, Int32Array
from crshare.errors import NetworkError
from crshare.network.lut_ops import LutOp

Shape = tuple[int, int, int]
Halves = Literal["even", "up"]

ALWAYS = -(2**31)  # a rising threshold that every sum reaches
NEVER = 2**31 - 1  # a rising threshold that no sum reaches


class Kind(Enum):
    BITS = "bits"
    INTEGERS = "integers"
    REALS = "reals"


@dataclass(frozen=True, slots=True)
class Signal:
    """What flows out of a layer: its kind, its [height, width, channels], its greatest |value|, and
    how many maps an image has become, one behind the other (frames of a modulation)."""

    kind: Kind
    shape: Shape
    bound: int = 0  # of BITS and INTEGERS
    frames: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Conv:
    """Binary weights: sums over each window of bits or integers.

    kernel: int8 [kh, kw, input channels of a group, filters] of +1/-1, and of 0 where a plan leaves
    an input out. pad_value: None for VALID; else SAME with that value around the map (0 adds
    nothing: it is neither +1 nor -1). groups: as many equal parts of the input channels, each read
    by as many consecutive filters. dilation: how far apart the taps are.
    """

    kernel: Int8Array
    strides: tuple[int, int] = (1, 1)
    pad_value: int | None = None
    groups: int = 1
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        if self.kernel.ndim != 4 or self.kernel.dtype != np.int8 or 0 in self.kernel.shape:
            raise NetworkError(f"a binary kernel is int8 [kh, kw, ci, co], not {_of(self.kernel)}")
        if not np.isin(self.kernel, (-1, 0, 1)).all():
            raise NetworkError("a binary kernel holds only +1 and -1, and 0 for inputs left out")
        if self.kernel.shape[3] % self.groups:
            raise NetworkError(f"{self.kernel.shape[3]} filters make no {self.groups} equal groups")

    @property
    def is_standard(self) -> bool:
        """One group, taps side by side: what the packed kernels and the search know."""
        return self.groups == 1 and self.dilation == (1, 1)

    @property
    def n_inputs(self) -> int:
        """Weights of one filter."""
        return int(np.prod(self.kernel.shape[:3]))

    @property
    def window(self) -> tuple[int, int, int, int]:
        """[height, width] that the taps span, [input channels, filters]."""
        return spread(self.kernel.shape, self.dilation, self.groups)


@dataclass(frozen=True, slots=True, eq=False)
class RealConv:
    """Real weights, outside the binary part: [kh, kw, ci, co], SAME pads with 0.

    kernel: float32, or float64 where the model computes in that.
    """

    kernel: Float32Array | Float64Array
    bias: Float32Array
    strides: tuple[int, int] = (1, 1)
    same: bool = False

    def __post_init__(self) -> None:
        if self.kernel.ndim != 4 or self.kernel.dtype.kind != "f" or 0 in self.kernel.shape:
            raise NetworkError(f"a real kernel is float32 [kh, kw, ci, co], not {_of(self.kernel)}")
        if self.bias.shape != self.kernel.shape[3:]:
            raise NetworkError(f"a bias has one value for each filter, not {_of(self.bias)}")


@dataclass(frozen=True, slots=True, eq=False)
class Threshold:
    """INTEGERS to BITS: channel c is +1 when sum >= at[c] (rising) or sum <= at[c] (falling).

    merged: the file's layers that it stands for, in order; adjustable: if one can move it.
    """

    at: Int32Array
    rising: BoolArray
    merged: tuple[str, ...] = ()
    adjustable: bool = True

    def __post_init__(self) -> None:
        if self.at.ndim != 1 or self.at.dtype != np.int32 or self.at.shape != self.rising.shape:
            raise NetworkError("a threshold holds one int32 and one direction for each channel")

    def moved(self, at: Int32Array, rising: BoolArray) -> "Threshold":
        """The same comparison at another place."""
        return replace(self, at=at, rising=rising)


@dataclass(frozen=True, slots=True)
class Sign:
    """REALS to BITS: +1 where the value is >= 0, or only where it is > 0."""

    zero_is_plus: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class BitPool:
    """Max pooling moved past a threshold: any bit of the window, or all where `all_of` says so."""

    size: tuple[int, int]
    strides: tuple[int, int]
    same: bool
    all_of: BoolArray


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Max pooling of INTEGERS or REALS; SAME ignores what lies outside the map."""

    size: tuple[int, int]
    strides: tuple[int, int]
    same: bool


@dataclass(frozen=True, slots=True)
class Flatten:
    """[h, w, c] to [1, 1, h*w*c], channel fastest."""


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """To REALS: scale[c] * value + offset[c]."""

    scale: Float64Array
    offset: Float64Array


@dataclass(frozen=True, slots=True)
class Clamp:
    """REALS limited to [low, high]: ReLU, ReLU6, hard tanh."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Leak:
    """REALS: what is negative times negative[c], as PReLU has it."""

    negative: Float64Array


@dataclass(frozen=True, slots=True)
class Quantise:
    """REALS to the nearest multiple of `unit`, within [low, high].

    halves: where two multiples are as near, the even one (as tf.round has it), or the upper one:
    unit * floor(value / unit + 1/2), the rule of crshare's own quantiser, an addition in hardware.
    """

    unit: float
    low: float
    high: float
    halves: Halves = "even"


@dataclass(frozen=True, slots=True)
class Curve:
    """REALS through a function of one value, such as tanh."""

    function: str


@dataclass(frozen=True, slots=True)
class SumPool:
    """The sum of each window that lies inside the map: average pooling without its division."""

    size: tuple[int, int]
    strides: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Add:
    """The sum of maps of one shape: REALS where one of them is, else INTEGERS."""


@dataclass(frozen=True, slots=True)
class Concatenate:
    """The channels of maps of one size behind each other: of their kind, or of the widest."""


@dataclass(frozen=True, slots=True)
class Multiply:
    """The product of maps as REALS; one of a single position counts for all positions."""


@dataclass(frozen=True, slots=True)
class Pad:
    """Lines of `value` around a map: of +1/-1 BITS stay, by 0 they become INTEGERS."""

    before: tuple[int, int]
    after: tuple[int, int]
    value: int


Join = Add | Concatenate | Multiply
Op = (
    Conv
    | RealConv
    | Threshold
    | Sign
    | BitPool
    | MaxPool
    | SumPool
    | Flatten
    | Scale
    | Clamp
    | Leak
    | Quantise
    | Curve
    | Pad
    | Join
    | LutOp
)


def alike(one: Op, other: Op) -> bool:
    """Whether two operations are of one kind and equal in every field."""
    names = type(one).__dataclass_fields__
    return type(one) is type(other) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in names
    )


def extent(size: int, window: int, stride: int, *, same: bool) -> tuple[int, int]:
    """Output positions along one axis, and the padding before the first (as TensorFlow pads)."""
    if not same:
        return (size - window) // stride + 1, 0
    positions = ceil(size / stride)
    return positions, max((positions - 1) * stride + window - size, 0) // 2


def spread(
    kernel: tuple[int, ...], dilation: tuple[int, int], groups: int
) -> tuple[int, int, int, int]:
    """What a kernel [kh, kw, ci of a group, co] with these distances between taps spans."""
    height, width = ((k - 1) * d + 1 for k, d in zip(kernel[:2], dilation, strict=True))
    return height, width, kernel[2] * groups, kernel[3]


def _of(array: npt.NDArray[np.generic]) -> str:
    return f"{array.dtype} {list(array.shape)}"
