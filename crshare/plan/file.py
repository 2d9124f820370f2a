"""A sharing plan as a versioned JSON file: the only place that knows its layout.

The layout is that of PlanFile, from which docs/schemas/plan.schema.json is made. Reading checks the
layout, and that the plan belongs to the network. Plans without patterns are written as version 1.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

import numpy as np
from msgspec import Meta, to_builtins

from crshare.arrays import BoolArray, Float64Array, Int8Array
from crshare.errors import PlanError
from crshare.files import read_file_bytes, write_text
from crshare.network.graph import Network, Threshold
from crshare.network.slices import SliceTable, decompose
from crshare.plan.plan import LayerPlan, SharingPlan, scale_of
from crshare.strict_json import JsonError
from crshare.typed_json import Count, Hash, Int32, Ternary, read_json

SLICES: Final = 1  # versions: plans of slices alone, and those with patterns in some layer
PATTERNS: Final = 2
ZEROS = "0"
MAY_LACK = "corrected", "filters"
MAX_BYTES = 2**30
Json = dict[str, Any]
NO_IMAGES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """The model that the plan belongs to. fingerprint: a hash of its weights and thresholds.
    read_with: the options that said how its file was read; left out where there were none."""

    name: str
    fingerprint: Hash
    read_with: str = ""


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """One input channel; or of patterns, a group of filters.

    representatives: the weights that are computed, taps row by row; of patterns, those of the
    filters in their order, 0 where one leaves the input out. use: for each filter, +k takes
    representative k, -k its negation (k from 1); of patterns, for each input (channel by channel,
    taps row by row), 0 where the whole group leaves it out. corrected: filters (from 0) made exact
    by adding or subtracting 2x; left out where there are none. filters: of patterns (version 2),
    the filters of the group, rising; left out where the layer shares slices.
    """

    representatives: Annotated[tuple[Ternary, ...], Meta(min_length=1)]
    use: Annotated[tuple[Int32, ...], Meta(min_length=1)]
    corrected: tuple[Count, ...] = ()
    filters: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    name: str
    groups: tuple[PlannedGroup, ...]


@dataclass(frozen=True, slots=True)
class PlannedThreshold:
    """at: for each channel, +1 when the sum is at least this. falling: channels (from 0) that are
    +1 when it is at most this."""

    name: str
    at: tuple[Int32, ...]
    falling: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class PlannedOffset:
    """What is added to each channel, behind its factor."""

    name: str
    offset: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A sharing plan of crshare; of version 2 where a layer shares patterns. images: hashes of the
    sets that chose it (calibration) and reported its loss (test), where they are known. offsets:
    those that the plan changes; left out where there are none."""

    format: Literal["crshare-plan"]
    version: Literal[1, 2]
    model: PlannedModel
    layers: tuple[PlannedLayer, ...]
    thresholds: tuple[PlannedThreshold, ...]
    images: dict[str, Hash] = field(default_factory=dict)
    offsets: tuple[PlannedOffset, ...] = ()


def write_plan(
    plan: SharingPlan,
    model_name: str,
    path: Path,
    images: Mapping[str, str] = NO_IMAGES,
    *,
    read_with: str = "",
) -> None:
    write_text(path, dumps(plan, model_name, images, read_with=read_with))


def dumps(
    plan: SharingPlan,
    model_name: str,
    images: Mapping[str, str] = NO_IMAGES,
    *,
    read_with: str = "",
) -> str:
    """One line for each group: a plan can be read, and compared, by eye."""
    file = PlanFile(
        format="crshare-plan",
        version=SLICES if all(layer.members is None for layer in plan.layers) else PATTERNS,
        model=PlannedModel(model_name, plan.fingerprint, read_with),
        layers=tuple(map(_planned_layer, plan.layers)),
        thresholds=tuple(_planned(*item) for item in sorted(plan.thresholds.items())),
        images=dict(images),
        offsets=tuple(
            PlannedOffset(name, tuple(offset.tolist()))
            for name, offset in sorted(plan.offsets.items())
        ),
    )
    return _by_line(to_builtins(file))


def read_plan(path: Path, network: Network, fingerprint: str) -> SharingPlan:
    """Read and check a plan for this network; PlanError says what is wrong, and where."""
    file = load_plan_file(path)
    if file.model.fingerprint != fingerprint:
        raise PlanError(
            f"{path}: this plan was made for another model ({file.model.name}); its "
            "fingerprint of weights and thresholds differs; make a plan for this model with "
            f"`crshare optimize`{_as_it_was_read(file.model)}"
        )
    try:
        return _plan(file, network)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from error


def _as_it_was_read(model: PlannedModel) -> str:
    """What to try first, where options said how the plan's model was read."""
    return f", or read it as the plan's was: {model.read_with}" if model.read_with else ""


def load_plan_file(path: Path) -> PlanFile:
    """A plan as it stands in its file, which no network was asked about."""
    advice = "give a plan that `crshare optimize` wrote"
    try:
        return read_json(read_file_bytes(path, PlanError, advice, MAX_BYTES), PlanFile)
    except JsonError as error:
        raise PlanError(
            f"{path}: is no plan of version 1 or 2 ({error}); give a plan that this version of "
            "`crshare optimize` wrote"
        ) from error


def _plan(file: PlanFile, network: Network) -> SharingPlan:
    tables = decompose(network)
    names = [layer.name for layer in file.layers]
    if names != [table.layer for table in tables]:
        raise PlanError(
            f"plans layers {', '.join(names) or '(none)'}; the model's binary layers are "
            f"{', '.join(table.layer for table in tables)}"
        )
    changed = [threshold.name for threshold in file.thresholds]
    changed += [offset.name for offset in file.offsets]
    if len(set(changed)) < len(changed):
        raise PlanError("changes one threshold or offset twice")
    if file.version == SLICES and any(map(_is_of_patterns, file.layers)):
        raise PlanError("is of version 1, yet names groups of filters, which only version 2 has")
    return SharingPlan(
        fingerprint=file.model.fingerprint,
        layers=tuple(map(_layer, file.layers, tables)),
        thresholds={item.name: _threshold(item, network) for item in file.thresholds},
        offsets={item.name: _offset(item, network) for item in file.offsets},
    )


def _is_of_patterns(layer: PlannedLayer) -> bool:
    return any(group.filters for group in layer.groups)


def _layer(layer: PlannedLayer, table: SliceTable) -> LayerPlan:
    groups = layer.groups
    if _is_of_patterns(layer):
        return _pattern_layer(layer, table)
    if len(groups) != table.n_groups:
        raise PlanError(f"layer {table.layer}: {len(groups)} groups; expected {table.n_groups}")
    for g, (group, taps) in enumerate(zip(groups, np.diff(table.starts), strict=True)):
        where = f"layer {table.layer}, group {g}"
        if any(len(pattern) != taps or ZEROS in pattern for pattern in group.representatives):
            raise PlanError(f"{where}: a representative does not have {taps} weights of + and -")
        if len(group.use) != table.n_filters:
            raise PlanError(f"{where}: {len(group.use)} uses for {table.n_filters} filters")
    return LayerPlan(
        layer=table.layer,
        representatives=tuple(_patterns(group.representatives) for group in groups),
        use=np.array([group.use for group in groups], np.int32),
        corrected=np.stack([_flags(group.corrected, table.n_filters) for group in groups]),
    )


def _pattern_layer(layer: PlannedLayer, table: SliceTable) -> LayerPlan:
    """LayerPlan checks the groups against each other."""
    n_inputs, n_filters = table.matrix.shape
    if table.parts > 1:
        raise PlanError(f"layer {table.layer}: is a grouped convolution, which shares slices alone")
    for g, group in enumerate(layer.groups):
        where, size = f"layer {table.layer}, group {g}", len(group.filters)
        if any(len(pattern) != size for pattern in group.representatives):
            raise PlanError(f"{where}: a pattern does not have the {size} weights of its filters")
        if len(group.use) != n_inputs:
            raise PlanError(f"{where}: {len(group.use)} uses for {n_inputs} inputs")
        if any(group.corrected):
            raise PlanError(f"{where}: patterns cannot be corrected")
        if list(group.filters) != sorted(set(group.filters)):
            raise PlanError(f"{where}: its filters do not rise")
    if sum(len(group.filters) for group in layer.groups) != n_filters:
        raise PlanError(f"layer {table.layer}: its groups do not hold its {n_filters} filters")
    return LayerPlan(
        layer=table.layer,
        representatives=tuple(
            _patterns(group.representatives).reshape(-1, len(group.filters))
            for group in layer.groups
        ),
        use=np.array([group.use for group in layer.groups], np.int32),
        corrected=np.zeros((len(layer.groups), n_inputs), np.bool_),
        members=tuple(np.array(group.filters, np.int32) for group in layer.groups),
    )


def _threshold(changed: PlannedThreshold, network: Network) -> Threshold:
    name = changed.name
    ops = {layer.name: layer.op for layer in network.layers}
    old = ops.get(name)
    if not isinstance(old, Threshold):
        raise PlanError(f"changes the threshold {name!r}, which the model does not have")
    if len(changed.at) != len(old.at):
        raise PlanError(f"threshold {name}: {len(changed.at)} values; expected {len(old.at)}")
    return old.moved(np.array(changed.at, np.int32), ~_flags(changed.falling, len(old.at)))


def _offset(changed: PlannedOffset, network: Network) -> Float64Array:
    old = scale_of(network, changed.name)
    if len(changed.offset) != len(old.offset):
        n = len(old.offset)
        raise PlanError(f"offset of {changed.name}: {len(changed.offset)} values; expected {n}")
    found = np.array(changed.offset, np.float64)
    if not np.isfinite(found).all():
        raise PlanError(f"offset of {changed.name}: a value is no finite number")
    return found


def _flags(indices: Sequence[int], n: int) -> BoolArray:
    if any(index >= n for index in indices):
        raise PlanError(f"names filter {max(indices)}; filters run from 0 to {n - 1}")
    flags = np.zeros(n, np.bool_)
    flags[list(indices)] = True
    return flags


def _patterns(texts: Sequence[str]) -> Int8Array:
    return np.array([["-0+".index(c) - 1 for c in text] for text in texts], np.int8)


def _planned_layer(layer: LayerPlan) -> PlannedLayer:
    members = layer.members or (np.zeros(0, np.int32),) * len(layer.use)
    groups = (
        PlannedGroup(
            representatives=tuple("".join("-0+"[w + 1] for w in row) for row in patterns.tolist()),
            use=tuple(use.tolist()),
            corrected=tuple(np.flatnonzero(corrected).tolist()),
            filters=tuple(own.tolist()),
        )
        for patterns, use, corrected, own in zip(
            layer.representatives, layer.use, layer.corrected, members, strict=True
        )
    )
    return PlannedLayer(layer.layer, tuple(groups))


def _planned(name: str, threshold: Threshold) -> PlannedThreshold:
    falling = np.flatnonzero(~threshold.rising)
    return PlannedThreshold(name, tuple(threshold.at.tolist()), tuple(falling.tolist()))


def _by_line(document: Json) -> str:
    def rows(items: Sequence[Json], indent: str) -> str:
        return ",\n".join(indent + json.dumps(item, separators=(",", ":")) for item in items)

    def shortened(group: Json) -> Json:
        return {key: value for key, value in group.items() if value or key not in MAY_LACK}

    names = ("format", "version", "model", *(("images",) if document["images"] else ()))
    head = {key: document[key] for key in names}
    head["model"] = {key: value for key, value in head["model"].items() if value or key == "name"}
    layers = ",\n".join(
        f'  {{"name":{json.dumps(layer["name"])},"groups":[\n'
        f"{rows(list(map(shortened, layer['groups'])), '    ')}\n  ]}}"
        for layer in document["layers"]
    )
    listed = [f'"thresholds":[\n{rows(document["thresholds"], "  ")}\n]']
    if document["offsets"]:
        listed.append(f'"offsets":[\n{rows(document["offsets"], "  ")}\n]')
    ends = ",\n".join(listed)
    return f'{json.dumps(head)[:-1]},\n"layers":[\n{layers}\n],\n{ends}}}\n'
