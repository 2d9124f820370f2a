"""Network to slices: each layer's weights as groups of consecutive inputs, and back again.

A convolution's group is one input channel with its kh*kw taps. A dense layer or a 1x1 convolution
has no 2-D slices; there a group is GROUP consecutive inputs. The slice of a
filter in a group is its column of +1/-1; sharing never leaves a group. In a grouped convolution, a
column holds the filters at the same place of each group.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.arrays import Int8Array, Int32Array
from crshare.errors import NetworkError
from crshare.network.graph import Conv, Kind, Network

GROUP = 8
MOST_PATTERNS = 512  # enumerate all patterns up to this many; beyond it, those that there are


@dataclass(frozen=True, eq=False)
class Classes:
    """The slices of one group, equal ones and inverse ones taken together.

    patterns: int8 [classes, taps], each as its first filter has it. use: int32 [filters], +k for a
    copy of pattern k-1, -k for its inverse.
    """

    patterns: Int8Array
    use: Int32Array


@dataclass(frozen=True, eq=False)
class SliceTable:
    """One layer's weights as rows (input channel, tap) and columns (filter), cut into groups.

    matrix: int8 [inputs, filters] of +1/-1. starts: the first row of each group, and the end.
    positions: output positions for each image. integer_input: whether it is a first layer.
    parts: the groups of channels of the convolution, whose rows have filters of their own.
    """

    layer: str
    matrix: Int8Array
    starts: tuple[int, ...]
    positions: int
    integer_input: bool
    parts: int = 1

    @property
    def n_filters(self) -> int:
        return self.matrix.shape[1]

    @property
    def n_groups(self) -> int:
        return len(self.starts) - 1

    @property
    def n_slices(self) -> int:
        return self.n_groups * self.n_filters

    @property
    def slice_operations(self) -> int:
        """Bit operations for each image when every slice is computed: P * N * Ci * Co."""
        return self.positions * self.matrix.size

    def rows(self, group: int) -> slice:
        return slice(self.starts[group], self.starts[group + 1])

    def n_taps(self, group: int) -> int:
        return self.starts[group + 1] - self.starts[group]

    def slices_of(self, group: int) -> Int8Array:
        """int8 [filters, taps]."""
        return self.matrix[self.rows(group)].T

    @cached_property
    def classes(self) -> tuple[Classes, ...]:
        """For each group, its distinct slices up to inverse; NetworkError where weights are 0."""
        if (self.matrix == 0).any():
            raise NetworkError(
                f"layer {self.layer}: has weights of 0, inputs that a plan left out, and so no "
                "slices; plan the model that this plan was made for"
            )
        return tuple(classify(self.slices_of(group)) for group in range(self.n_groups))

    @cached_property
    def n_distinct(self) -> int:
        """Distinct slices, an inverse counted on its own."""
        signed = (np.unique(classes.use) for classes in self.classes)
        return sum(len(values) for values in signed)


def classify(slices: Int8Array) -> Classes:
    """Slices [filters, taps] of one group by pattern, in the order of first use."""
    signs = slices[:, :1]
    packed = np.packbits(slices * signs > 0, axis=1)
    _, first, found = _unique_rows(packed)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    leaders = first[order]
    index = rank[found.reshape(-1)]
    relative = signs[:, 0] * signs[leaders[index], 0]
    return Classes(slices[leaders], ((index + 1) * relative).astype(np.int32))


def _unique_rows(packed: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[Any], ...]:
    """As np.unique of rows, with the first index and the inverse; rows of up to 8 bytes as one
    number each, which is three times as fast."""
    n_rows, n_bytes = packed.shape
    if n_bytes > 8:
        return np.unique(packed, axis=0, return_index=True, return_inverse=True)
    wide = np.zeros((n_rows, 8), np.uint8)
    wide[:, :n_bytes] = packed
    return np.unique(wide.view(">u8")[:, 0], return_index=True, return_inverse=True)


def matrix_of(kernel: Int8Array, parts: int = 1) -> Int8Array:
    """[kh, kw, ci, co] to [ci*kh*kw, co], the taps of a channel together; with several parts to
    [parts*ci*kh*kw, co/parts]."""
    kh, kw, ci, co = kernel.shape
    apart = kernel.reshape(kh, kw, ci, parts, co // parts)
    return np.ascontiguousarray(apart.transpose(3, 2, 0, 1, 4).reshape(-1, co // parts))


def kernel_of(matrix: Int8Array, shape: tuple[int, ...], parts: int = 1) -> Int8Array:
    """The inverse of matrix_of."""
    kh, kw, ci, co = shape
    apart = matrix.reshape(parts, ci, kh, kw, co // parts)
    return np.ascontiguousarray(apart.transpose(2, 3, 1, 0, 4).reshape(shape))


def with_slices(conv: Conv, matrix: Int8Array) -> Conv:
    """The same layer with other weights, given as in a SliceTable."""
    return replace(conv, kernel=kernel_of(matrix, conv.kernel.shape, conv.groups))


def group_starts(kernel: npt.NDArray[np.int8], parts: int = 1) -> tuple[int, ...]:
    kh, kw, channels, _ = kernel.shape
    taps, n_rows = kh * kw, kh * kw * channels
    step = taps if taps > 1 else GROUP
    firsts = (part * n_rows + row for part in range(parts) for row in range(0, n_rows, step))
    return (*firsts, parts * n_rows)


def decompose(network: Network) -> tuple[SliceTable, ...]:
    """The slices of every layer with binary weights, in order."""
    return tuple(_tables(network))


def _tables(network: Network) -> Iterator[SliceTable]:
    for layer, conv in network.convs():
        height, width, _ = network.signals[layer.name].shape
        yield SliceTable(
            layer=layer.name,
            matrix=matrix_of(conv.kernel, conv.groups),
            starts=group_starts(conv.kernel, conv.groups),
            positions=height * width,
            integer_input=network.input_of(layer).kind is Kind.INTEGERS,
            parts=conv.groups,
        )


def candidate_patterns(
    table: SliceTable, group: int, weights: Int8Array | None = None
) -> Int8Array:
    """The slices that may be computed, int8 [patterns, taps]: all up to inverse, or of so many taps
    that those are too many, the group's own classes (or those of other weights [taps, filters])."""
    n_taps = table.n_taps(group)
    if 2 ** (n_taps - 1) > MOST_PATTERNS:
        return table.classes[group].patterns if weights is None else classify(weights.T).patterns
    codes = np.arange(2 ** (n_taps - 1))
    bits = codes[:, None] >> np.arange(n_taps) & 1
    patterns: Int8Array = (2 * bits - 1).astype(np.int8)
    return patterns


def chance(n_slices: int, n_taps: int, *, inverse: bool) -> float:
    """Share of slices to compute when n_slices of one group are random (docs/measures.md).

    M(1-(1-1/M)^n)/n with M = 2^taps patterns, or half of them when inverses share.
    """
    patterns = 2.0 ** (n_taps - 1 if inverse else n_taps)
    if patterns == 1:
        return 1 / n_slices
    return float(-patterns * np.expm1(n_slices * np.log1p(-1 / patterns)) / n_slices)


def mean_chance(table: SliceTable, *, inverse: bool) -> float:
    """`chance` over the groups of a layer."""
    sizes = np.diff(table.starts)
    return float(np.mean([chance(table.n_filters, int(n), inverse=inverse) for n in sizes]))


def nearest_distances(table: SliceTable) -> npt.NDArray[np.int64]:
    """Histogram over all classes of the least Hamming distance to another class of the group.

    Distance is up to inverse, so at most taps // 2; index is the distance; a class that is alone
    in its group is not counted.
    """
    longest = max(np.diff(table.starts))
    histogram = np.zeros(longest // 2 + 1, np.int64)
    for classes in table.classes:
        if len(classes.patterns) > 1:
            values = classes.patterns.astype(np.float32)  # whole numbers far below 2^24
            dots = np.abs(values @ values.T)
            np.fill_diagonal(dots, -1)
            nearest = (values.shape[1] - dots.max(axis=1).astype(np.int64)) // 2
            histogram += np.bincount(nearest, minlength=len(histogram))
    return histogram
