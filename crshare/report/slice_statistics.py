"""Statistics of a network's slices and thresholds under a plan, for the page.

Patterns with their counts and inverse twins, Hamming distances, the sharing groups of one channel,
thresholds before and after. The measures of docs/measures.md are in `plan.cost`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from crshare.arrays import Int8Array, Int32Array
from crshare.errors import PlanError
from crshare.network.graph import ALWAYS, NEVER, Network, Threshold
from crshare.network.slices import SliceTable, chance, decompose, nearest_distances
from crshare.plan.plan import LayerPlan, SharingPlan
from crshare.typed_json import Count, Int32, Positive, Share, Signs

N_PATTERNS = 12


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of a layer, `+` and `-` row by row, the more frequent of the two inverse twins.

    n, n_inverse: slices with it and with its inverse. n_after, n_inverse_after: the same under the
    plan.
    """

    signs: Signs
    n: Count
    n_inverse: Count
    n_after: Count
    n_inverse_after: Count


@dataclass(frozen=True, slots=True)
class Use:
    """What one filter takes in a channel: a representative, its sign, the weights that differ."""

    filter: Count
    representative: Count
    negated: bool
    distance: Count
    corrected: bool


@dataclass(frozen=True, slots=True)
class ChannelStatistics:
    """The sharing groups of one channel (a dense layer: of one group of inputs); none where the
    layer shares patterns of groups of filters instead."""

    channel: Count
    representatives: tuple[Signs, ...]
    uses: tuple[Use, ...]

    def __post_init__(self) -> None:
        if any(use.representative >= len(self.representatives) for use in self.uses):
            raise ValueError("a filter uses a representative that is not there")


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """One layer's slices.

    shape: rows and columns of a slice. n_patterns: different patterns up to inverse in the layer.
    exact_slice_operations: for one image, when repeated and inverse slices are shared.
    chance_repeated, chance_inverse: shares to compute that random weights would leave. nearest: by
    distance, classes whose closest other class of the same channel is so far. taken: by distance,
    slices that differ in so many weights from what they take.
    """

    layer: str
    shape: tuple[Positive, Positive]
    n_groups: Positive
    n_filters: Positive
    positions: Positive
    n_distinct: Count
    n_up_to_inverse: Count
    n_computed: Count
    n_patterns: Count
    exact_slice_operations: Count
    chance_repeated: Share
    chance_inverse: Share
    patterns: tuple[Pattern, ...]
    nearest: tuple[Count, ...]
    taken: tuple[Count, ...]
    channel: ChannelStatistics

    def __post_init__(self) -> None:
        height, width = self.shape
        signs = [pattern.signs for pattern in self.patterns]
        if any(len(one) > height * width for one in (*signs, *self.channel.representatives)):
            raise ValueError(f"a pattern has more than {height} x {width} weights")

    @property
    def n_slices(self) -> int:
        return self.n_groups * self.n_filters


@dataclass(frozen=True, slots=True)
class ThresholdStatistics:
    """The thresholds of one layer, channel by channel.

    n_constant: channels left out, which always or never fire before or after. n_turned: channels
    left out, whose comparison changed its direction.
    """

    layer: str
    before: tuple[Int32, ...]
    after: tuple[Int32, ...]
    n_constant: Count
    n_turned: Count

    def __post_init__(self) -> None:
        if len(self.before) != len(self.after):
            raise ValueError("`before` and `after` are of different lengths")


def layer_statistics(network: Network, plan: SharingPlan) -> tuple[LayerStatistics, ...]:
    """Every layer with binary weights, each with a typical channel."""
    shapes = {layer.name: conv.kernel.shape for layer, conv in network.convs()}
    tables = decompose(network)
    return tuple(_layer(table, plan.layer(table.layer), shapes[table.layer]) for table in tables)


def _layer(table: SliceTable, plan: LayerPlan, kernel: tuple[int, ...]) -> LayerStatistics:
    sizes = np.diff(table.starts)
    counts, after = _count(table, table.matrix), plan.effective(table)
    return LayerStatistics(
        layer=table.layer,
        shape=(kernel[0], kernel[1]) if kernel[:2] != (1, 1) else (1, int(sizes.max())),
        n_groups=table.n_groups,
        n_filters=table.n_filters,
        positions=table.positions,
        n_distinct=table.n_distinct,
        n_up_to_inverse=sum(len(classes.patterns) for classes in table.classes),
        n_computed=plan.n_computed if plan.members is None else _n_different(table, after),
        n_patterns=len({min(signs, inverse(signs)) for signs in counts}),
        exact_slice_operations=table.positions
        * sum(classes.patterns.size for classes in table.classes),
        chance_repeated=_chance(table, inverse=False),
        chance_inverse=_chance(table, inverse=True),
        patterns=tuple(_patterns(counts, _count(table, after))),
        nearest=tuple(int(n) for n in nearest_distances(table)),
        taken=tuple(np.bincount(_differing(table, plan).reshape(-1)).tolist()),
        channel=channel_statistics(table, plan, typical_channel(plan)),
    )


def _differing(table: SliceTable, plan: LayerPlan) -> Int32Array:
    """Weights of each slice that a plan changes by what is taken: [groups, filters]."""
    if plan.members is None:
        return plan.differing(table)
    changed = (plan.effective(table) != table.matrix).astype(np.int32)
    return np.add.reduceat(changed, np.array(table.starts[:-1]), axis=0).astype(np.int32)


def _n_different(table: SliceTable, matrix: Int8Array) -> int:
    """Different slices up to inverse, 0 for an input that is left out."""
    pairs = (
        {min(signs_of(row), signs_of(-row)) for row in matrix[table.rows(group)].T}
        for group in range(table.n_groups)
    )
    return sum(map(len, pairs))


def _chance(table: SliceTable, *, inverse: bool) -> float:
    sizes = np.diff(table.starts)
    return float(np.mean([chance(table.n_filters, int(n), inverse=inverse) for n in sizes]))


def _count(table: SliceTable, matrix: Int8Array) -> Counter[str]:
    """The slices of all channels by their pattern."""
    found: Counter[str] = Counter()
    for group in range(table.n_groups):
        rows, n = np.unique(matrix[table.rows(group)].T, axis=0, return_counts=True)
        for row, number in zip(rows, n.tolist(), strict=True):
            found[signs_of(row)] += number
    return found


def _patterns(before: Counter[str], after: Counter[str]) -> Iterator[Pattern]:
    """The most used pairs of inverse twins, a tie going by the pattern's text."""
    leaders = {signs for signs, n in before.items() if (n, signs) >= _twin(before, signs)}
    order = sorted(leaders, key=lambda signs: (-before[signs] - _twin(before, signs)[0], signs))
    for signs in order[:N_PATTERNS]:
        twin = inverse(signs)
        yield Pattern(signs, before[signs], before[twin], after[signs], after[twin])


def _twin(counts: Counter[str], signs: str) -> tuple[int, str]:
    return counts[inverse(signs)], inverse(signs)


_SIGNS = bytes(ord({0: "0", 1: "+"}.get(byte, "-")) for byte in range(256))


def signs_of(row: Int8Array) -> str:
    return row.tobytes().translate(_SIGNS).decode("ascii")


def inverse(signs: str) -> str:
    return signs.translate(str.maketrans("+-", "-+"))


def typical_channel(plan: LayerPlan) -> int:
    """The first channel whose number of representatives is the median; 0 of patterns."""
    if plan.members is not None:
        return 0
    sizes = [len(patterns) for patterns in plan.representatives]
    return sizes.index(sorted(sizes)[len(sizes) // 2])


def channel_statistics(table: SliceTable, plan: LayerPlan, channel: int) -> ChannelStatistics:
    """The sharing groups of a channel; PlanError where the layer has no such channel."""
    if not 0 <= channel < table.n_groups:
        raise PlanError(
            f"layer {table.layer} has no channel {channel}; its channels run from 0 to "
            f"{table.n_groups - 1}"
        )
    if plan.members is not None:
        return ChannelStatistics(channel, (), ())
    differing = plan.differing(table)[channel]
    uses = (
        Use(f, abs(use) - 1, use < 0, int(differing[f]), bool(plan.corrected[channel, f]))
        for f, use in enumerate(plan.use[channel].tolist())
    )
    patterns = tuple(signs_of(row) for row in plan.representatives[channel])
    return ChannelStatistics(channel, patterns, tuple(uses))


def threshold_statistics(network: Network, plan: SharingPlan) -> tuple[ThresholdStatistics, ...]:
    """Every threshold layer that the plan changes, in the network's order."""
    changed = ((layer.name, layer.op) for layer in network.layers if layer.name in plan.thresholds)
    return tuple(
        _threshold(name, old, plan.thresholds[name])
        for name, old in changed
        if isinstance(old, Threshold)
    )


def _threshold(name: str, old: Threshold, new: Threshold) -> ThresholdStatistics:
    ends = (ALWAYS, NEVER)
    constant = np.isin(old.at, ends) | np.isin(new.at, ends)
    turned = (old.rising != new.rising) & ~constant
    kept = ~constant & ~turned
    return ThresholdStatistics(
        layer=name,
        before=tuple(old.at[kept].tolist()),
        after=tuple(new.at[kept].tolist()),
        n_constant=int(constant.sum()),
        n_turned=int(turned.sum()),
    )
