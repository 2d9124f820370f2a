"""A layer run as a plan of patterns says: inputs of one pattern added up first, for checking.

Each group of filters adds up the inputs that take a pattern, with their signs, and every filter
then adds up the patterns' sums. An input that is left out of a group is added nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crshare.arrays import Array, Int8Array, Int32Array, Int64Array
from crshare.executor.kernels.batches import Scratch, map_batches, usable_cores
from crshare.executor.kernels.native import values_of
from crshare.executor.kernels.sliced import BATCH_VALUES, SlicedCounts, windows_of
from crshare.executor.kernels.unpacked import EXACT_IN_FLOAT32
from crshare.network.graph import Conv, Signal, signal_after


@dataclass(frozen=True, eq=False)
class PatternGroup:
    """One group of filters: [patterns, inputs] of 0 and signs, and [filters, patterns]."""

    members: Int32Array
    gathered: Array
    recovered: Array

    def sums(self, windows: Array) -> Array:
        """Windows [inputs, positions] to the sums of the group's filters."""
        found: Array = self.recovered @ (self.gathered @ windows)
        return found


def run_patterned(
    conv: Conv,
    given: Signal,
    x: Array,
    *,
    representatives: Sequence[Int8Array],
    use: Int32Array,
    members: Sequence[Int32Array],
    n_threads: int | None = None,
) -> tuple[Int64Array, SlicedCounts]:
    """Sums int64 [n, h, w, filters] of native values of `given`, by way of the plan's patterns.

    representatives: int8 [patterns, filters of the group] of +1, -1 and 0. use: [groups, inputs],
    +k to add an input to pattern k-1, -k to subtract it, 0 to leave it out. members: the filters
    of each group. The counts are those of `sliced`, an input of a group being one bit operation.
    """
    summed = signal_after(conv, given)
    kind = np.float32 if summed.bound < EXACT_IN_FLOAT32 else np.float64
    groups = [
        PatternGroup(own, _gathered(taken, len(patterns), kind), patterns.T.astype(kind))
        for patterns, taken, own in zip(representatives, use, members, strict=True)
    ]
    sums = np.zeros((len(x), *summed.shape), np.int64)

    def follow(rows: slice, batch: Array, _: Scratch) -> None:
        windows = windows_of(conv, values_of(batch, given), summed.shape).astype(kind)
        flat = sums[rows].reshape(-1, summed.shape[2])
        for group in groups:
            flat[:, group.members] = group.sums(windows).T

    n_positions = summed.shape[0] * summed.shape[1]
    size = max(1, BATCH_VALUES // (n_positions * use.shape[1]))
    for _ in map_batches(x, size, n_threads or usable_cores(), follow):
        pass
    return sums, _counted(groups, len(x) * n_positions)


def _gathered(use: Int32Array, n_patterns: int, kind: type) -> Array:
    taken = np.flatnonzero(use)
    gathered: Array = np.zeros((n_patterns, len(use)), kind)
    gathered[np.abs(use[taken]) - 1, taken] = np.sign(use[taken])
    return gathered


def _counted(groups: Sequence[PatternGroup], n_positions: int) -> SlicedCounts:
    used = sum(int(np.count_nonzero(group.gathered)) for group in groups)
    patterns = sum(len(group.gathered) for group in groups)
    terms = np.concatenate([(group.recovered != 0).sum(axis=1) for group in groups])
    accumulated = int(np.maximum(terms - 1, 0).sum())
    return SlicedCounts(
        slice_operations=used * n_positions,
        popcount_additions=(used - patterns) * n_positions,
        corrections=0,
        accumulations=accumulated * n_positions,
    )
