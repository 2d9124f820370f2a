"""A layer as a matrix-vector unit: the bits of its weights, and what its sums begin with.

All outputs rise: weights of a falling threshold are turned round. A lane counts C, the bits of the
values u that agree with the bit of their weight (1 for +1), each by its place. With values of w
bits, u = x, or x + 2**(w - 1) where they are signed, and n- weights of -1 among n:
sum of w x = C - (2**w - 1) * n-, less 2**(w - 1) * (n - 2 * n-) where they are signed. Weights of
0, inputs that a plan leaves out, count nothing: a table knows them, or a mask makes their values
0 before they meet a weight of 1.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from crshare.arrays import BoolArray, Int64Array
from crshare.errors import HardwareError
from crshare.hardware.architecture import BLOCK, Unit
from crshare.hardware.lanes import LaneShape, reweighted, weighted_lane, worded_lane
from crshare.hardware.layer_input import LayerInput
from crshare.hardware.left_out import Arranged, left_out
from crshare.hardware.sliced import place_bits, sliced
from crshare.network.graph import Threshold
from hwgen import MatrixVector, Netlist, Range, Slices, Weights


def unit_stage(
    layer: LayerInput, unit: Unit, threshold: Threshold | None, per_stage: int, *, heaps: bool
) -> MatrixVector:
    """The stage of a layer; without a threshold its outputs are scores."""
    made = _Unit(layer, unit, threshold)
    lanes, weights = made.lanes(heaps=heaps)
    rows, columns, _ = layer.classes()
    return MatrixVector(
        layer.name,
        layer.windowing,
        layer.conv.kernel.shape[2],
        layer.values,
        len(layer.weights),
        unit.pe,
        unit.simd,
        lanes,
        weights,
        made.starts,
        made.sum_width,
        rows,
        columns,
        per_stage,
        made.scores,
        made.order,
        made.odd,
    )


@dataclass(frozen=True, eq=False)
class _Unit:
    layer: LayerInput
    unit: Unit
    threshold: Threshold | None

    @property
    def signs(self) -> Int64Array:
        """[outputs]: -1 where all of an output is turned round."""
        if self.threshold is None:
            return np.ones(len(self.layer.weights), np.int64)
        return np.where(self.threshold.rising, 1, -1).astype(np.int64)

    @property
    def weights(self) -> Int64Array:
        """[outputs, inputs], the inputs tap by tap as a window has them."""
        found: Int64Array = self.by_channel.transpose(0, 2, 1).reshape(len(self.signs), -1)
        return found

    @property
    def by_channel(self) -> Int64Array:
        """[outputs, channels, taps]."""
        rows, columns, channels, n = self.layer.conv.kernel.shape
        slices = self.layer.weights.reshape(n, channels, rows * columns)
        found: Int64Array = slices * self.signs[:, None, None]
        return found

    @property
    def most(self) -> int:
        """The greatest count of an output, or more."""
        return self.layer.weights.shape[1] * ((1 << self.layer.values.width) - 1)

    @property
    def counted(self) -> Int64Array:
        """[outputs]: inputs that are not left out."""
        found: Int64Array = (self.weights != 0).sum(axis=1, dtype=np.int64)
        return found

    @cached_property
    def arranged(self) -> Arranged | None:
        """Where a memory of weights has masks."""
        found = left_out(self.weights.T) if self.in_memory else None
        return found.arranged(self.unit.pe) if found else None

    @property
    def order(self) -> tuple[int, ...]:
        return self.arranged.order if self.arranged else ()

    @property
    def odd(self) -> int:
        """Whether scores of bits are odd, which is the same for all outputs."""
        if self.threshold is not None or not self.layer.binary:
            return 0
        parities = set((self.counted & 1).tolist())
        if len(parities) > 1:
            raise HardwareError(
                f"layer {self.layer.name}: gives scores of which some are even and some odd, its "
                'plan leaving inputs out, which a unit cannot; give it the architecture "graph"'
            )
        return int(parities.pop())

    @property
    def less(self) -> Int64Array:
        """[outputs]: a count less the sum of weights times values."""
        span, n = self.layer.values, self.counted
        negative = (self.weights < 0).sum(axis=1)
        found: Int64Array = ((1 << span.width) - 1) * negative
        if span.signed:
            found = found + (1 << span.width - 1) * (n - 2 * negative)
        return found

    @property
    def scores(self) -> Range | None:
        if self.threshold is not None:
            return None
        if self.layer.binary:
            n = self.layer.weights.shape[1]
            return Range(-n, n)
        span, weights = self.layer.values, self.weights
        ends = np.stack([weights * span.low, weights * span.high])
        low, high = ends.min(axis=0).sum(axis=1).min(), ends.max(axis=0).sum(axis=1).max()
        return Range(min(0, int(low)), max(0, int(high)))

    @property
    def sum_width(self) -> int:
        if self.scores is None:
            return self.most.bit_length() + 1
        return max(1, self.scores.width - self.layer.binary)

    @property
    def starts(self) -> tuple[tuple[int, ...], ...]:
        order = self.order or range(len(self.layer.weights))
        return tuple(tuple(row[output] for output in order) for row in self._starts())

    def _starts(self) -> list[list[int]]:
        """By class and output of the layer."""
        *_, constants = self.layer.classes()
        if self.threshold is not None:
            top = 1 << self.most.bit_length()
            return [[top - limit for limit in row] for row in self._limits(constants)]
        if not self.layer.binary:
            return [(-self.less).tolist()]
        outside = np.zeros_like(constants)  # what lies there counts as if its bits were -1
        if len(constants) > 1:
            outside = self.weights.sum(axis=1)[None] - constants
        if (outside & 1).any():
            raise HardwareError(
                f"layer {self.layer.name}: gives sums of which some are even and some odd, at a "
                'border of zeros, which a unit cannot; give it the architecture "graph"'
            )
        found: list[list[int]] = (outside // 2 - (self.counted + 1) // 2).tolist()
        return found

    def _limits(self, constants: Int64Array) -> list[list[int]]:
        """[classes][outputs]: the count from which on an output is 1; 0 for any, most + 1 for none.

        constants: of the sum over valid taps, by class and output.
        """
        assert self.threshold is not None
        at = (self.threshold.at.astype(np.int64) * self.signs).tolist()
        found = []
        for row in (constants * self.signs).tolist():
            sums = [
                -(-(t + c) // 2) if self.layer.binary else t for t, c in zip(at, row, strict=True)
            ]
            limits = (total + less for total, less in zip(sums, self.less.tolist(), strict=True))
            found.append([min(max(limit, 0), self.most + 1) for limit in limits])
        return found

    @property
    def in_memory(self) -> bool:
        return self.unit.remembers(self.layer.weights.size // (self.unit.pe * self.unit.simd))

    def words(self) -> Int64Array:
        """[words, lanes, values]: the weights of each part of a window and each turn."""
        unit, (n, inputs) = self.unit, self.weights.shape
        weights = self.weights[list(self.order)] if self.order else self.weights
        split = weights.reshape(n // unit.pe, unit.pe, inputs // unit.simd, unit.simd)
        found: Int64Array = split.transpose(0, 2, 1, 3).reshape(-1, unit.pe, unit.simd)
        return found

    def _memory(self, words: Int64Array) -> Weights:
        masks = self.arranged.masks if self.arranged else ()
        first = [masks.index(number) for number in range(1, max(masks, default=0) + 1)]
        bits = np.concatenate([words >= 0, words[:, first] != 0], axis=1)
        kept = tuple(_number(word.reshape(-1)) for word in bits)
        return Weights(kept, self.unit.memory == BLOCK, masks)

    def _slices(self) -> Weights:
        """A word of each part and turn: of each lane and slice the number and the sign."""
        unit, found = self.unit, sliced(self.by_channel)
        n_outputs, n_channels, taps = self.by_channel.shape
        n, order = unit.simd // taps, found.order
        bits = place_bits([found.bits[channel] for channel in order], n)
        shape = n_outputs // unit.pe, unit.pe, n, n_channels // n  # turn, lane, place, fold
        numbers, negated = (
            each[:, order].reshape(shape).transpose(0, 3, 1, 2)
            for each in (found.numbers, found.negated)
        )
        fields = [
            np.concatenate([numbers[..., [s]] >> np.arange(b) & 1 > 0, negated[..., [s]]], axis=-1)
            for s, b in enumerate(bits)
        ]
        words = np.concatenate(fields, axis=-1).reshape(shape[0] * shape[3], -1)
        slices = Slices(taps, tuple(order), tuple(bits), found.tables(n))
        return Weights(tuple(map(_number, words)), unit.memory == BLOCK, slices=slices)

    def lanes(self, *, heaps: bool) -> tuple[tuple[Netlist, ...], Weights | None]:
        """The netlists of the lanes, and the memory where they read one."""
        unit, span, words = self.unit, self.layer.values, self.words()
        if self.in_memory:
            shape = LaneShape(unit.simd, span.width, span.signed, None, heaps)
            stored = self._slices() if unit.slices else self._memory(words)
            return (weighted_lane(shape),), replace(stored, placed=heaps)
        word_bits = (len(words) - 1).bit_length()
        shape = LaneShape(unit.simd, span.width, span.signed, word_bits, heaps)
        first = worded_lane(shape, words[:, 0].tolist())
        others = (reweighted(first, shape, words[:, lane].tolist()) for lane in range(1, unit.pe))
        return (first, *others), None


def _number(bits: BoolArray) -> int:
    packed = np.packbits(bits.reshape(-1), bitorder="little")
    return int.from_bytes(packed.tobytes(), "little")
