"""The convolution kernel: a register tile written in LLVM IR, and the walk over all tiles.

A tile computes `vectors` x `lanes` filters at `positions` output positions. For bits it counts
disagreeing bits, D = popcount(x ^ w) summed over the window's words. For integers it adds x ^ m,
where m is 0 for a weight of +1 and -1 for -1: x ^ -1 = -x - 1, so the sum of w * x is what was
added plus the number of -1 weights. A row of constants for each class of position then turns
what was added into the result: bits (D <= row, added >= row) or sums (row - 2D, added + row).

Carry-save adding: with `ones` the running parity, z = ones ^ x0 ^ w0 and s = z ^ x1 ^ w1 take in
two words, and the carry of weight 2 is (z ? not s : ones). Three logic operations for two words
leave one population count instead of two.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types as numba_types
from numba.extending import intrinsic as numba_intrinsic

from crshare.compiled import compiled
from crshare.executor.kernels.emitter import CARRY, INT64, MAJORITY, PARITY, Emitter, cgutils
from crshare.executor.kernels.variants import Tile

BLOCK = 512  # output positions whose whereabouts are worked out at once

types: Any = numba_types  # numba annotates these in part
intrinsic: Any = numba_intrinsic


class Accumulation(Emitter):
    """The loops over the words of the window."""

    def __init__(self, builder: Any, tile: Tile, addresses: tuple[Any, ...]) -> None:
        super().__init__(builder, tile)
        self.x, self.weight_address, self.offsets, self.n, spots = addresses
        self.starts = [self.window(spots, self.x, p) for p in range(tile.positions)]
        self.total = self.states()

    def run(self) -> dict[tuple[int, int], Any]:
        """What was added, for each cell of the tile."""
        if self.tile.levels:
            done = self.carry_save()
        else:  # a window has at least one word
            done = INT64(1)
            for cell, value in self.summands(INT64(0)):
                self.builder.store(value, self.total[cell])
        with cgutils.for_range_slice(self.builder, done, self.n, INT64(1), INT64) as (k, _):
            for cell, value in self.summands(k):
                self.add(cell, value)
        return {cell: self.builder.load(slot) for cell, slot in self.total.items()}

    def summands(self, k: Any) -> Iterator[tuple[tuple[int, int], Any]]:
        """What the k-th word of the window adds to each cell."""
        rows = self.weights(self.weight_address, k)
        offset = self.load(self.offsets, INT64, 8, k)
        for p, start in enumerate(self.starts):
            word = self.word(start, offset)
            for v in range(self.tile.vectors):
                mixed = self.mixed(word, rows, v)
                yield (p, v), self.popcount(mixed) if self.tile.element == 64 else mixed

    def add(self, cell: tuple[int, int], value: Any) -> None:
        slot = self.total[cell]
        self.builder.store(self.builder.add(self.builder.load(slot), value), slot)

    def carry_save(self) -> Any:
        """As many words as fill whole rounds of 2**levels; how many these were."""
        levels = self.tile.levels
        step = 1 << levels
        whole = self.builder.and_(self.n, INT64(-step))
        parities = [self.states() for _ in range(levels)]
        loop = cgutils.for_range_slice(self.builder, INT64(0), whole, INT64(step), INT64)
        with loop as (k, _):
            words = [self.builder.add(k, INT64(i)) for i in range(step)]
            rows = [self.weights(self.weight_address, word) for word in words]
            offsets = [self.load(self.offsets, INT64, 8, word) for word in words]
            for p, start in enumerate(self.starts):
                x = [self.word(start, offset) for offset in offsets]
                for v in range(self.tile.vectors):
                    pairs = [self.pair(x[i], rows[i], v) for i in range(step)]
                    carry = self.tree([parity[p, v] for parity in parities], pairs)
                    self.add((p, v), self.popcount(carry))
        self.settle(parities)
        return whole

    def pair(self, word: Any, rows: list[Any], v: int) -> tuple[Any, Any]:
        """Two words whose parity is what a window word adds."""
        return (
            (self.mixed(word, rows, v), self.constant(0)) if self.tile.masked else (word, rows[v])
        )

    def tree(self, parities: list[Any], pairs: list[tuple[Any, Any]]) -> Any:
        """Take in 2**levels words; what is carried out has the weight 2**levels."""
        build = self.builder
        ones = build.load(parities[-1])
        if len(parities) == 1:
            (x0, w0), (x1, w1) = pairs
            z = self.logic(PARITY, ones, x0, w0)
            parity = self.logic(PARITY, z, x1, w1)
            carry = self.logic(CARRY, z, parity, ones)
        else:
            half = len(pairs) // 2
            first = self.tree(parities[:-1], pairs[:half])
            second = self.tree(parities[:-1], pairs[half:])
            parity = self.logic(PARITY, ones, first, second)
            carry = self.logic(MAJORITY, ones, first, second)
        build.store(parity, parities[-1])
        return carry

    def settle(self, parities: list[dict[tuple[int, int], Any]]) -> None:
        """Bring the carries to weight 1, and add what stands in the parities."""
        build = self.builder
        for cell, slot in self.total.items():
            value = build.shl(build.load(slot), self.constant(len(parities)))
            for level, parity in enumerate(parities):
                count = self.popcount(build.load(parity[cell]))
                value = build.add(value, build.shl(count, self.constant(level)))
            build.store(value, slot)


def finish(emitter: Emitter, added: dict[Any, Any], table: Any, out: Any, spots: Any) -> None:
    """Store the sums of each position as int32."""
    build, tile = emitter.builder, emitter.tile
    narrow = ir.VectorType(ir.IntType(32), tile.lanes)
    for (p, v), value in added.items():
        row = table_row(emitter, table, spots, p, v)
        if tile.element == 64:
            sums = build.trunc(build.sub(row, build.shl(value, emitter.constant(1))), narrow)
        else:
            sums = build.add(row, value)
            sums = build.sext(sums, narrow) if tile.element == 16 else sums
        place = emitter.load(spots, INT64, 8, INT64(3 * p + 2))
        place = build.add(build.add(out, place), INT64(4 * v * tile.lanes))
        build.store(sums, build.inttoptr(place, narrow.as_pointer()), align=4)


def finish_bits(emitter: Emitter, added: dict[Any, Any], table: Any, out: Any, spots: Any) -> None:
    """Compare with the thresholds, and store one bit for each filter."""
    build, tile = emitter.builder, emitter.tile
    for p in range(tile.positions):
        fired = []
        for v in range(tile.vectors):
            row = table_row(emitter, table, spots, p, v)
            order = "<=" if tile.element == 64 else ">="
            fired.append(build.icmp_signed(order, added[p, v], row))
        word = build.bitcast(concatenate(build, fired), ir.IntType(tile.filters))
        place = build.add(out, emitter.load(spots, INT64, 8, INT64(3 * p + 2)))
        build.store(word, build.inttoptr(place, word.type.as_pointer()), align=1)


def table_row(emitter: Emitter, table: Any, spots: Any, p: int, v: int) -> Any:
    first = emitter.load(spots, INT64, 8, INT64(3 * p + 1))
    build, size = emitter.builder, emitter.tile.element // 8
    place = build.add(table, build.mul(first, INT64(size)))
    return emitter.load(place, emitter.vector, size, INT64(v))


def concatenate(build: Any, vectors: list[Any]) -> Any:
    """Join vectors of equal length, whose number is a power of two."""
    while len(vectors) > 1:
        length = 2 * vectors[0].type.count
        mask = ir.VectorType(ir.IntType(32), length)(list(range(length)))
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [build.shuffle_vector(a, b, mask) for a, b in pairs]
    return vectors[0]


@intrinsic(prefer_literal=True)
def run_tile(  # type: ignore[no-untyped-def]
    context, element, lanes, positions, vectors, levels, ternary, masked, fused, addresses
):
    """One tile: what is known when it is compiled, then the addresses of x, weights and offsets,
    the number of words in a window, and the addresses of spots, table and out."""
    shape = (element, lanes, positions, vectors, levels, ternary, masked)
    tile = Tile(*(item.literal_value for item in shape))
    finisher = finish_bits if fused.literal_value else finish

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        x, weights, offsets, n, spots, table, out = cgutils.unpack_tuple(builder, args[8])
        emitter = Accumulation(builder, tile, (x, weights, offsets, n, spots))
        finisher(emitter, emitter.run(), table, out, spots)
        return context.get_dummy_value()

    return types.void(*shape, fused, types.UniTuple(types.int64, 7)), generate


@cache
def conv_kernel(tile: Tile, *, fused: bool) -> Callable[..., None]:
    """The compiled walk of `tile` over all output positions of a batch and all filters.

    x: [images, ...], the padded maps. weights: [filter blocks, words, filters], of a masked tile
    [filter blocks, words, 2, filters] with the masks behind the weights. offsets: where
    the words of a window lie, from its first. origins: where the window of each output position
    of an image begins. classes: its row of `table` [classes, filters]. out: uint8 [images *
    positions, bytes].
    """
    element, lanes, together, vectors = tile.element, tile.lanes, tile.positions, tile.vectors
    levels, ternary, bits = tile.levels, int(tile.ternary), int(fused)
    masked, filters = int(tile.masked), tile.filters
    row_bytes = tile.rows * tile.lanes * tile.element // 8
    step_bytes = filters // 8 if fused else filters * 4
    item_bytes = tile.element // 8

    def walk(x, weights, offsets, origins, classes, table, out):  # type: ignore[no-untyped-def]
        spots = np.empty((BLOCK + together, 3), np.int64)
        n_places, n_words = len(origins), len(offsets)
        image_size = x.size // len(x)
        for first in range(0, len(x) * n_places, BLOCK):
            count = min(BLOCK, len(x) * n_places - first)
            start, place = first // n_places * image_size, first % n_places
            for i in range(count):
                spots[i, 0] = start + origins[place]
                spots[i, 1] = classes[place] * table.shape[1]
                spots[i, 2] = (first + i) * out.shape[1]
                place += 1
                if place == n_places:
                    start, place = start + image_size, 0
            for i in range(count, count + together):
                for column in range(3):
                    spots[i, column] = spots[count - 1, column]
            for block in range(len(weights)):
                for i in range(0, count, together):
                    addresses = (
                        x.ctypes.data,
                        weights.ctypes.data + block * n_words * row_bytes,
                        offsets.ctypes.data,
                        n_words,
                        spots.ctypes.data + i * 24,
                        table.ctypes.data + block * filters * item_bytes,
                        out.ctypes.data + block * step_bytes,
                    )
                    run_tile(
                        element, lanes, together, vectors, levels, ternary, masked, bits, addresses
                    )

    return compiled(walk)
