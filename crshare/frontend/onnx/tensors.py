"""What the tensors of a graph hold: constants, and elements of the maps of a network's layers.

Shapes are followed by moving places instead of values: a tensor knows, for each of its elements,
where in its layer's [h, w, c] (or in a stored tensor) that element lies. So a Reshape, a Transpose
or a Flatten of any kind is the same step on the array of places, and no layout is ever guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from crshare.arrays import Array, Int64Array
from crshare.errors import ModelFormatError
from crshare.network.graph import Shape

MAX_MAP = 2**26  # elements of one map
OUTSIDE = -1  # the place of an element that a Pad added


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Which element of the stored `tensor` each element comes from, flat, in the constant's shape.

    same: whether the values are the stored ones; else only their signs agree with those.
    reader: the node and the input of it that reads the tensor.
    """

    tensor: str
    places: Int64Array
    same: bool
    reader: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A tensor whose values are known. quantizer: the operators that made them, in words."""

    values: Array
    origin: Origin | None = None
    quantizer: str = ""

    def read_by(self, reader: tuple[int, int]) -> "Constant":
        """A stored tensor as this input of a node reads it."""
        origin = None if self.origin is None else replace(self.origin, reader=reader)
        return replace(self, origin=origin)

    def rearranged(self, how: Callable[[Array], Array]) -> "Constant":
        moved = None
        if self.origin is not None:
            moved = replace(self.origin, places=how(self.origin.places))
        return replace(self, values=how(self.values), origin=moved)


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """A tensor that holds what a node of the network gives, times `scale` plus `offset`.

    node: its name, or INPUT. shape: its [h, w, c]. at: for each element of the tensor (a batch of
    one) its place in that map; each occurs once, besides OUTSIDE, where `pad` stands. sign: the
    owner of a Sign that is still to be taken of it, before scale and offset.
    """

    node: str
    shape: Shape
    at: Int64Array
    scale: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    sign: str | None = None
    pad: float | None = None

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def is_plain(self) -> bool:
        return self.sign is None and self.scale == 1 and self.offset == 0

    @property
    def is_features(self) -> bool:
        """Whether the tensor is [1, features]."""
        return self.at.ndim == 2

    def times(self, scale: Fraction, offset: Fraction = Fraction(0)) -> "Map":
        return replace(self, scale=self.scale * scale, offset=self.offset * scale + offset)

    def rearranged(self, how: Callable[[Array], Array]) -> "Map":
        return replace(self, at=how(self.at))


@dataclass(frozen=True, slots=True, eq=False)
class Zeros:
    """Where a map is 0, as a tensor of truth values."""

    of: Map


Tensor = Constant | Map | Zeros


def channels_first(shape: Shape) -> Int64Array:
    """The places of a map as [1, c, h, w] has them."""
    return channels_last(shape).transpose(0, 3, 1, 2)


def channels_last(shape: Shape) -> Int64Array:
    height, width, channels = shape
    if height * width * channels > MAX_MAP:
        raise ModelFormatError(
            f"a map of {height}x{width}x{channels} is too large; export a smaller model"
        )
    return np.arange(height * width * channels).reshape(1, height, width, channels)
