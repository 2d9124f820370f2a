"""The sharing plan as a value: what is computed once, who uses it, and the thresholds.

A layer's weights are a matrix of inputs and filters, cut into groups along one of the two. A plan
holds for each group representatives, what is computed, and for each user which one it takes, as it
is or negated. Of slices, groups are of inputs and the users are the filters: a representative's sum
is computed once for all filters that take it. Of patterns, groups are of filters and the users are
the inputs: the inputs that take a pattern are added up once, for all filters of the group; an
input may be left out, its weights being 0. A slice that differs from what it takes is either
corrected (made exact by adding or subtracting 2x where the weights differ) or similar (not exact);
patterns are never corrected.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from crshare.arrays import BoolArray, Float64Array, Int8Array, Int32Array
from crshare.errors import PlanError
from crshare.frame import Cell, Frame, Tabled
from crshare.network.graph import Network, Op, Scale, Threshold
from crshare.network.slices import SliceTable, decompose, with_slices
from crshare.plan.origins import (
    Computed,
    Copied,
    Corrected,
    LeftOut,
    Negated,
    Origin,
    OriginCounts,
    Similar,
)

Members = tuple[Int32Array, ...]


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """The plan of one layer: of slices, or where `members` are given, of patterns.

    representatives: for each group int8 [representatives, weights] of +1/-1, of patterns also 0.
    use: int32 [groups, users], +k to take representative k-1, -k to take its negation, and of
    patterns 0 to leave the input out. corrected: bool [groups, users]. The users of slices are the
    filters, those of patterns the inputs. members: of patterns the filters of each group, int32,
    every filter in one of them; the weights of a pattern are in their order.
    """

    layer: str
    representatives: tuple[Int8Array, ...]
    use: Int32Array
    corrected: BoolArray
    members: Members | None = None

    def __post_init__(self) -> None:
        if self.use.ndim != 2 or len(self.use) != len(self.representatives):
            raise PlanError(
                f"layer {self.layer}: {len(self.representatives)} groups of "
                f"representatives, but uses for {len(self.use)}"
            )
        if self.corrected.shape != self.use.shape:
            raise PlanError(f"layer {self.layer}: `corrected` does not match `use`")
        if self.members is not None:
            self._check_members(self.members)
        for group, (patterns, use) in enumerate(zip(self.representatives, self.use, strict=True)):
            taken = np.unique(np.abs(use.astype(np.int64)))
            taken = taken if self.members is None else taken[taken > 0]
            if not np.array_equal(taken, np.arange(1, len(patterns) + 1)):
                raise PlanError(
                    f"layer {self.layer}, group {group}: {len(patterns)} representatives, but the "
                    f"{self.users} use {taken.tolist()}; each must be used, and no other"
                )

    def _check_members(self, members: Members) -> None:
        found = np.sort(np.concatenate([*members, np.zeros(0, np.int32)]))
        if not np.array_equal(found, np.arange(len(found))) or len(members) != len(self.use):
            raise PlanError(
                f"layer {self.layer}: every filter must be in one of the {len(self.use)} groups "
                "of filters, and in no other"
            )
        for group, (patterns, own) in enumerate(zip(self.representatives, members, strict=True)):
            fits = len(patterns) > 0 and patterns.shape[1:] == own.shape
            if not fits or not (patterns != 0).any(axis=1).all():
                raise PlanError(
                    f"layer {self.layer}, group {group}: there must be a pattern, and each must "
                    f"have one weight for each of the group's {len(own)} filters, not only zeros"
                )
        if self.corrected.any():
            raise PlanError(f"layer {self.layer}: patterns cannot be corrected")

    @property
    def users(self) -> str:
        """Who takes representatives."""
        return "filters" if self.members is None else "inputs"

    @cached_property
    def n_computed(self) -> int:
        """Representatives computed for each output position."""
        return sum(len(patterns) for patterns in self.representatives)

    @cached_property
    def n_computed_taps(self) -> int:
        """Bit operations for each output position: an input counts once for each group of filters
        that it is not left out of."""
        if self.members is None:
            return sum(patterns.size for patterns in self.representatives)
        return int((self.use != 0).sum())

    @cached_property
    def taken(self) -> Int8Array:
        """What each filter takes, corrections left out: int8 [inputs, filters]."""
        blocks = [
            (patterns[np.abs(use) - 1].T * np.sign(use)).astype(np.int8)
            for patterns, use in zip(self.representatives, self.use, strict=True)
        ]
        if self.members is None:
            return np.concatenate(blocks)
        together = np.concatenate(blocks)[np.argsort(np.concatenate(self.members))]
        return np.ascontiguousarray(together.T)

    def block(self, matrix: Int8Array, table: SliceTable, group: int) -> Int8Array:
        """A group's part of a matrix [inputs, filters]: [weights, users]."""
        if self.members is None:
            return matrix[table.rows(group)]
        return matrix[:, self.members[group]].T

    def effective(self, table: SliceTable) -> Int8Array:
        """The weights that the plan really applies: int8 [inputs, filters]."""
        return np.where(self.exact(table), table.matrix, self.taken).astype(np.int8)

    def exact(self, table: SliceTable) -> BoolArray:
        """Weights that are a filter's own, its slice being corrected: bool [inputs, filters]."""
        if self.members is not None:
            return np.zeros(table.matrix.shape, np.bool_)
        return np.repeat(self.corrected, np.diff(table.starts), axis=0)

    def differing(self, table: SliceTable) -> Int32Array:
        """Weights in which what a user takes differs from its own: [groups, users]."""
        different = (self.taken != table.matrix).astype(np.int8)
        groups = range(len(self.use))
        rows = [self.block(different, table, group).sum(axis=0, dtype=np.int32) for group in groups]
        return np.stack(rows)

    def origin(self, table: SliceTable, group: int, user: int) -> Origin:
        """Where what one user has in one group comes from."""
        use = int(self.use[group, user])
        if use == 0:
            return LeftOut()
        own = self.block(table.matrix, table, group)[:, user]
        taken = self.block(self.taken, table, group)[:, user]
        positions = tuple(np.flatnonzero(own != taken).tolist())
        representative = abs(use) - 1
        if positions and self.corrected[group, user]:
            return Corrected(representative, use < 0, positions)
        if positions:
            return Similar(representative, use < 0, len(positions))
        if use < 0:
            return Negated(representative)
        first = np.flatnonzero((self.use[group] == use) & (self.differing(table)[group] == 0))[0]
        return Computed() if first == user else Copied(representative)

    def count_origins(self, table: SliceTable) -> OriginCounts:
        """The users by origin. A representative that is no user's own is computed all the same,
        and then counts beside the users."""
        differs = (self.differing(table) > 0) & (self.use != 0)
        exact = np.where(differs, 0, self.use)
        owned = sum(len(np.unique(row[row > 0])) for row in exact)
        return OriginCounts(
            computed=self.n_computed,
            copied=int((exact > 0).sum()) - owned,
            negated=int((exact < 0).sum()),
            similar=int((differs & ~self.corrected).sum()),
            corrected=int((differs & self.corrected).sum()),
            left_out=int((self.use == 0).sum()),
        )


def parts_of(table: SliceTable, plan: LayerPlan) -> Iterator[tuple[SliceTable, LayerPlan]]:
    """Each group of channels of a layer as a layer of its own; patterns have but one."""
    if plan.members is not None:
        yield table, plan
        return
    n_rows, n_groups = len(table.matrix) // table.parts, table.n_groups // table.parts
    for part in range(table.parts):
        rows = slice(part * n_rows, (part + 1) * n_rows)
        groups = slice(part * n_groups, (part + 1) * n_groups)
        own = replace(
            table, matrix=table.matrix[rows], starts=table.starts[: n_groups + 1], parts=1
        )
        patterns = plan.representatives[groups]
        yield own, LayerPlan(plan.layer, patterns, plan.use[groups], plan.corrected[groups])


@dataclass(frozen=True, eq=False, repr=False)
class SharingPlan(Tabled):
    """A plan for a whole network, bound to it by the fingerprint of its weights and thresholds.

    thresholds: by name of the Threshold layer, only those that the plan changes. offsets: likewise,
    [channels] by name of the Scale layer behind sums that a sign reads as reals.
    """

    fingerprint: str
    layers: tuple[LayerPlan, ...]
    thresholds: dict[str, Threshold] = field(default_factory=dict)
    offsets: dict[str, Float64Array] = field(default_factory=dict)

    def summary(self) -> Frame:
        title = f"sharing plan of network {self.fingerprint[:12]}"
        return Frame.of(title, [_planned(one) for one in self.layers])

    def layer(self, name: str) -> LayerPlan:
        return next(plan for plan in self.layers if plan.layer == name)


def _planned(plan: LayerPlan) -> dict[str, Cell]:
    return {
        "layer": plan.layer,
        "shares": "slices" if plan.members is None else "patterns",
        "groups": len(plan.use),
        "users": plan.use.size,
        "representatives": plan.n_computed,
        "corrected": int(plan.corrected.sum()),
        "left_out": int((plan.use == 0).sum()),
    }


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


def pattern_layer(table: SliceTable, effective: Int8Array, members: Members) -> LayerPlan:
    """The plan that adds up the inputs of each distinct pattern of these groups of filters once.

    effective: int8 [inputs, filters] of +1, -1 and 0.
    """
    found = [_patterns(effective[:, own]) for own in members]
    use = np.stack([taken for _, taken in found])
    patterns = tuple(distinct for distinct, _ in found)
    return LayerPlan(table.layer, patterns, use, np.zeros(use.shape, np.bool_), members)


def _patterns(columns: Int8Array) -> tuple[Int8Array, Int32Array]:
    """Rows [inputs, filters of a group] by pattern up to sign, in the order of first use and each
    as its first input has it; and which one each input takes."""
    inputs = np.arange(len(columns))
    signs = columns[inputs, (columns != 0).argmax(axis=1)]
    kept = np.flatnonzero(signs)
    signed = (columns * signs[:, None])[kept]
    distinct, first, found = np.unique(signed, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.argsort(order)[found.reshape(-1)]
    leaders = signs[kept][first[order]]
    use = np.zeros(len(columns), np.int32)
    use[kept] = (rank + 1) * signs[kept] * leaders[rank]
    return (distinct[order] * leaders[:, None]).astype(np.int8), use


def layer_from_weights(table: SliceTable, effective: Int8Array) -> LayerPlan:
    """The plan that computes each distinct effective slice of a group once."""
    shared = SliceTable(table.layer, effective, table.starts, table.positions, table.integer_input)
    return exact_layer(shared)


def planned_network(network: Network, plan: SharingPlan) -> Network:
    """The network with the plan's effective weights, thresholds and offsets."""
    tables = {table.layer: table for table in decompose(network)}
    ops: dict[str, Op] = dict(plan.thresholds)
    for layer, conv in network.convs():
        planned = plan.layer(layer.name).effective(tables[layer.name])
        ops[layer.name] = with_slices(conv, planned)
    return with_offsets(network, plan).replace(ops)


def with_offsets(network: Network, plan: SharingPlan) -> Network:
    """The network with the plan's offsets alone."""
    return network.replace(
        {
            name: replace(scale_of(network, name), offset=offset)
            for name, offset in plan.offsets.items()
        }
    )


def scale_of(network: Network, name: str) -> Scale:
    """The scale of this name, whose offset a plan may change; PlanError where there is none."""
    scale = network.op_of(name)
    if not isinstance(scale, Scale):
        raise PlanError(f"changes the offset of {name!r}, which the model does not have")
    return scale


def changed_layers(network: Network, plan: SharingPlan) -> list[str]:
    """Layers of which the plan changes a weight; the others share only what is equal or inverse."""
    return [
        table.layer
        for table in decompose(network)
        if not np.array_equal(plan.layer(table.layer).effective(table), table.matrix)
    ]


def is_exact(network: Network, plan: SharingPlan) -> bool:
    """Whether the plan changes no weight, threshold or offset: then no output can differ."""
    return not (changed_layers(network, plan) or plan.thresholds or plan.offsets)
