"""The sharing plan as a value: which slices are computed, who uses them, and the thresholds.

For each group of a layer a plan holds representatives, the slices that are computed, and for each
filter which one it takes, as it is or negated. A slice that differs from what it takes is either
corrected (made exact by adding or subtracting 2x where the weights differ) or similar (not exact).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from crshare.arrays import BoolArray, Int8Array, Int32Array
from crshare.errors import PlanError
from crshare.network.graph import Network, Op, Threshold
from crshare.network.slices import SliceTable, decompose, with_slices
from crshare.typed_json import Count


@dataclass(frozen=True, slots=True)
class Computed:
    """Run the slice's own XNOR and popcount."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Equal slice: take the representative's result as it is."""

    representative: int


@dataclass(frozen=True, slots=True)
class Negated:
    """Inverse slice: every position disagrees, so the count is K - P."""

    representative: int


@dataclass(frozen=True, slots=True)
class Similar:
    """Take the result of a representative (or its negation) that it only resembles."""

    representative: int
    negated: bool
    distance: int


@dataclass(frozen=True, slots=True)
class Corrected:
    """Take a representative's result (or its negation) and mend the positions that differ."""

    representative: int
    negated: bool
    positions: tuple[int, ...]


Origin = Computed | Copied | Negated | Similar | Corrected


@dataclass(frozen=True, slots=True)
class OriginCounts:
    """How many slices of a layer come from where."""

    computed: Count = 0
    copied: Count = 0
    negated: Count = 0
    similar: Count = 0
    corrected: Count = 0

    def __add__(self, other: "OriginCounts") -> "OriginCounts":
        return OriginCounts(
            self.computed + other.computed,
            self.copied + other.copied,
            self.negated + other.negated,
            self.similar + other.similar,
            self.corrected + other.corrected,
        )


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """The plan of one layer.

    representatives: for each group int8 [representatives, taps] of +1/-1. use: int32 [groups,
    filters], +k to take representative k-1 and -k to take its negation. corrected: bool [groups,
    filters].
    """

    layer: str
    representatives: tuple[Int8Array, ...]
    use: Int32Array
    corrected: BoolArray

    def __post_init__(self) -> None:
        if self.use.ndim != 2 or len(self.use) != len(self.representatives):
            raise PlanError(
                f"layer {self.layer}: {len(self.representatives)} groups of "
                f"representatives, but uses for {len(self.use)}"
            )
        if self.corrected.shape != self.use.shape:
            raise PlanError(f"layer {self.layer}: `corrected` does not match `use`")
        for group, (patterns, use) in enumerate(zip(self.representatives, self.use, strict=True)):
            taken = np.unique(np.abs(use))
            if not np.array_equal(taken, np.arange(1, len(patterns) + 1)):
                raise PlanError(
                    f"layer {self.layer}, group {group}: {len(patterns)} representatives, but the "
                    f"filters use {taken.tolist()}; each must be used, and no other"
                )

    @cached_property
    def n_computed(self) -> int:
        """Slices computed for each output position."""
        return sum(len(patterns) for patterns in self.representatives)

    @cached_property
    def n_computed_taps(self) -> int:
        """Bit operations for each output position."""
        return sum(patterns.size for patterns in self.representatives)

    @cached_property
    def taken(self) -> Int8Array:
        """What each filter takes, corrections left out: int8 [inputs, filters]."""
        columns: list[Int8Array] = []
        for patterns, use in zip(self.representatives, self.use, strict=True):
            columns.append((patterns[np.abs(use) - 1].T * np.sign(use)).astype(np.int8))
        return np.concatenate(columns)

    def effective(self, table: SliceTable) -> Int8Array:
        """The weights that the plan really applies: int8 [inputs, filters]."""
        lengths = np.diff(table.starts)
        exact = np.repeat(self.corrected, lengths, axis=0)
        return np.where(exact, table.matrix, self.taken).astype(np.int8)

    def differing(self, table: SliceTable) -> Int32Array:
        """Weights in which what a filter takes differs from its own slice: [groups, filters]."""
        different = (self.taken != table.matrix).astype(np.int32)
        return np.add.reduceat(different, np.array(table.starts[:-1]), axis=0).astype(np.int32)

    def origin(self, table: SliceTable, group: int, filter_: int) -> Origin:
        """Where the slice of one filter in one group comes from."""
        use = int(self.use[group, filter_])
        own = table.matrix[table.rows(group), filter_]
        taken = self.taken[table.rows(group), filter_]
        positions = tuple(np.flatnonzero(own != taken).tolist())
        representative = abs(use) - 1
        if positions and self.corrected[group, filter_]:
            return Corrected(representative, use < 0, positions)
        if positions:
            return Similar(representative, use < 0, len(positions))
        if use < 0:
            return Negated(representative)
        first = np.flatnonzero((self.use[group] == use) & (self.differing(table)[group] == 0))[0]
        return Computed() if first == filter_ else Copied(representative)

    def count_origins(self, table: SliceTable) -> OriginCounts:
        """The slices by origin. A representative that is no filter's own is computed all the same,
        and then counts beside the filters' slices."""
        differs = self.differing(table) > 0
        exact = np.where(differs, 0, self.use)
        owned = sum(len(np.unique(row[row > 0])) for row in exact)
        return OriginCounts(
            computed=self.n_computed,
            copied=int((exact > 0).sum()) - owned,
            negated=int((exact < 0).sum()),
            similar=int((differs & ~self.corrected).sum()),
            corrected=int((differs & self.corrected).sum()),
        )


def parts_of(table: SliceTable, plan: LayerPlan) -> Iterator[tuple[SliceTable, LayerPlan]]:
    """Each group of channels of a layer as a layer of its own."""
    n_rows, n_groups = len(table.matrix) // table.parts, table.n_groups // table.parts
    for part in range(table.parts):
        rows = slice(part * n_rows, (part + 1) * n_rows)
        groups = slice(part * n_groups, (part + 1) * n_groups)
        own = replace(
            table, matrix=table.matrix[rows], starts=table.starts[: n_groups + 1], parts=1
        )
        patterns = plan.representatives[groups]
        yield own, LayerPlan(plan.layer, patterns, plan.use[groups], plan.corrected[groups])


@dataclass(frozen=True, eq=False)
class SharingPlan:
    """A plan for a whole network, bound to it by the fingerprint of its weights and thresholds.

    thresholds: by name of the Threshold layer, only those that the plan changes.
    """

    fingerprint: str
    layers: tuple[LayerPlan, ...]
    thresholds: dict[str, Threshold] = field(default_factory=dict)

    def layer(self, name: str) -> LayerPlan:
        return next(plan for plan in self.layers if plan.layer == name)


def exact_layer(table: SliceTable) -> LayerPlan:
    """Repeated and inverse slices shared, nothing changed."""
    return LayerPlan(
        layer=table.layer,
        representatives=tuple(classes.patterns for classes in table.classes),
        use=np.stack([classes.use for classes in table.classes]),
        corrected=np.zeros((table.n_groups, table.n_filters), np.bool_),
    )


def unshared_layer(table: SliceTable) -> LayerPlan:
    """Every slice computed for its one filter."""
    return LayerPlan(
        layer=table.layer,
        representatives=tuple(table.matrix[table.rows(group)].T for group in range(table.n_groups)),
        use=np.tile(np.arange(1, table.n_filters + 1, dtype=np.int32), (table.n_groups, 1)),
        corrected=np.zeros((table.n_groups, table.n_filters), np.bool_),
    )


def layer_from_weights(table: SliceTable, effective: Int8Array) -> LayerPlan:
    """The plan that computes each distinct effective slice of a group once."""
    shared = SliceTable(table.layer, effective, table.starts, table.positions, table.integer_input)
    return exact_layer(shared)


def planned_network(network: Network, plan: SharingPlan) -> Network:
    """The network with the plan's effective weights and thresholds."""
    tables = {table.layer: table for table in decompose(network)}
    ops: dict[str, Op] = dict(plan.thresholds)
    for layer, conv in network.convs():
        planned = plan.layer(layer.name).effective(tables[layer.name])
        ops[layer.name] = with_slices(conv, planned)
    return network.replace(ops)


def changed_layers(network: Network, plan: SharingPlan) -> list[str]:
    """Layers of which the plan changes a weight; the others share only what is equal or inverse."""
    return [
        table.layer
        for table in decompose(network)
        if not np.array_equal(plan.layer(table.layer).effective(table), table.matrix)
    ]


def is_exact(network: Network, plan: SharingPlan) -> bool:
    """Whether the plan changes no weight and no threshold: then no output can differ."""
    return not changed_layers(network, plan) and not plan.thresholds
