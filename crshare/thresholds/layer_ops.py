"""The layer ops that Keras layers are made of, as exact values: between the file and the Network.

A layer is one or several of them: a QuantConv2D with an input quantizer, a bias and an activation
is a Binarize, a Linear, an Affine and Bounds. All numbers are exact rationals; a tuple of them
holds one for each channel, or a single one for all channels.
"""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array, Int8Array
from crshare.network.ops import Halves

Fractions = tuple[Fraction, ...]
ONE: Fractions = (Fraction(1),)
ZERO: Fractions = (Fraction(0),)


class Role(Enum):
    """What part of its owner an Affine is."""

    FACTOR = "factor"
    BIAS = "bias"
    BATCH_NORM = "batch norm"


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """y = scale * (x - center) / sqrt(radicand) + offset; the radicand is positive."""

    owner: str
    role: Role
    scale: Fractions = ONE
    center: Fractions = ZERO
    radicand: Fractions = ONE
    offset: Fractions = ZERO

    @property
    def n_channels(self) -> int:
        """1 where the same numbers hold for every channel."""
        return max(map(len, (self.scale, self.center, self.radicand, self.offset)))

    @property
    def is_common(self) -> bool:
        """One rising map with rational numbers, the same for all channels."""
        return self.n_channels == 1 and self.radicand == ONE and self.scale[0] > 0

    @property
    def is_factor(self) -> bool:
        """One positive factor for all channels and nothing else."""
        plain = self.center == ZERO and self.offset == ZERO and self.radicand == ONE
        return plain and len(self.scale) == 1 and self.scale[0] > 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """min(max(x, low), high); None is no limit."""

    owner: str
    low: Fraction | None
    high: Fraction | None


@dataclass(frozen=True, slots=True)
class Squash:
    """A strictly rising function such as tanh; `odd` ones keep the sign of their input."""

    owner: str
    function: str
    odd: bool


@dataclass(frozen=True, slots=True)
class Slope:
    """What is negative times `negative`, as PReLU and LeakyReLU have it."""

    owner: str
    negative: Fractions

    @property
    def rises(self) -> bool:
        return min(self.negative) >= 0


@dataclass(frozen=True, slots=True)
class Round:
    """To the nearest multiple of `unit`, halves to even ones or up, within [low, high]."""

    owner: str
    unit: Fraction
    low: Fraction
    high: Fraction
    halves: Halves = "even"

    def value(self, x: Fraction) -> Fraction:
        """What becomes of x."""
        steps = x / self.unit
        whole = round(steps) if self.halves == "even" else floor(steps + Fraction(1, 2))
        return min(max(whole * self.unit, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Binarize:
    """+1 where the value is >= 0 (or only where it is > 0), else -1."""

    owner: str
    zero_is_plus: bool = True


@dataclass(frozen=True, slots=True)
class Levels:
    """round(n * min(max(x, 0), 1)) / n, halves to even, as DoReFa quantizes activations."""

    owner: str
    n: int


@dataclass(frozen=True, slots=True)
class Pool:
    """Max pooling; SAME ignores what lies outside the map."""

    owner: str
    size: tuple[int, int]
    strides: tuple[int, int]
    same: bool


@dataclass(frozen=True, slots=True)
class Flat:
    """[h, w, c] to [1, 1, h*w*c]."""

    owner: str


@dataclass(frozen=True, slots=True)
class Reshaped:
    """The same values in another shape, without the axis of images; -1 is what is left."""

    owner: str
    target: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WholePool:
    """The maximum of the whole map."""

    owner: str


@dataclass(frozen=True, slots=True)
class Padded:
    """Lines of `value` around the map: before it and behind it, of rows and of columns."""

    owner: str
    before: tuple[int, int]
    after: tuple[int, int]
    value: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """The channels of one of n equal parts."""

    owner: str
    place: int
    n: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The channels from `start` up to `stop`, as Python's slices count; None is the end."""

    owner: str
    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Filled:
    """Channels of 0 before the others and behind them."""

    owner: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Average:
    """The mean over each window that lies inside the map; None is the whole map."""

    owner: str
    size: tuple[int, int] | None
    strides: tuple[int, int]
    same: bool


class How(Enum):
    """How a layer joins what it reads."""

    ADD = "add"
    SUBTRACT = "subtract"
    CONCATENATE = "concatenate"
    MULTIPLY = "multiply"


@dataclass(frozen=True, slots=True)
class Joined:
    """The first layer op of a layer that reads several."""

    owner: str
    how: How


class Storage(Enum):
    """How a file holds the weights of a layer."""

    LATENT = "latent"  # real numbers whose signs count
    BINARY = "binary"  # +1/-1, or one magnitude for each filter
    REAL = "real"  # real numbers that count as they are


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A convolution (a dense layer is 1x1): weights [kh, kw, input channels of a group, co].

    signs: the binarised weights, None where the layer is real-valued. magnitudes: what the signs
    of each filter are multiplied with. weights: what Keras really multiplies with. pad_value: None
    for VALID. quantizer: how the file names what makes the weights. stored: the layer and the
    weight of the file.
    """

    owner: str
    weights: Array
    signs: Int8Array | None
    magnitudes: Fractions
    strides: tuple[int, int]
    pad_value: Fraction | None
    quantizer: str
    storage: Storage
    stored: tuple[str, str]
    groups: int = 1
    dilation: tuple[int, int] = (1, 1)


Map = Affine | Bounds | Slope | Binarize
LayerOp = (
    Affine
    | Bounds
    | Slope
    | Round
    | Squash
    | Binarize
    | Pool
    | Average
    | Flat
    | Joined
    | Linear
    | Reshaped
    | WholePool
    | Padded
    | Levels
    | Part
    | Taken
    | Filled
)


@dataclass(frozen=True, slots=True)
class Node:
    """One layer of the file: its layer ops, and the layers that it reads."""

    name: str
    reads: tuple[str, ...]
    layer_ops: tuple[LayerOp, ...]


def fractions(values: npt.NDArray[np.float64]) -> Fractions:
    """The exact value of each float; one for all where they are all the same."""
    return tuple(Fraction(value) for value in values.tolist())


def at(values: Fractions, channel: int) -> Fraction:
    return values[channel] if len(values) > 1 else values[0]
