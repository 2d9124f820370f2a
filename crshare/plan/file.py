"""A sharing plan as a versioned JSON file: the only place that knows its layout.

plan.schema.json, beside this file, is the layout; it is checked on reading, and so is that the
plan belongs to the network.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from crshare.errors import PlanError
from crshare.files import write_text
from crshare.network.graph import BoolArray, Int8Array, Network, Threshold
from crshare.network.slices import SliceTable, decompose
from crshare.plan.plan import LayerPlan, SharingPlan

VERSION = 1
Json = dict[str, Any]


def write_plan(plan: SharingPlan, model_name: str, path: Path) -> None:
    write_text(path, dumps(plan, model_name))


def dumps(plan: SharingPlan, model_name: str) -> str:
    """One line for each group: a plan can be read, and compared, by eye."""
    document = {
        "format": "crshare-plan",
        "version": VERSION,
        "model": {"name": model_name, "fingerprint": plan.fingerprint},
        "layers": [_layer_json(layer) for layer in plan.layers],
        "thresholds": [_threshold_json(*item) for item in sorted(plan.thresholds.items())],
    }
    return _by_line(document)


def read_plan(path: Path, network: Network, fingerprint: str) -> SharingPlan:
    """Read and check a plan for this network; PlanError says what is wrong, and where."""
    document = _load(path)
    if document["model"]["fingerprint"] != fingerprint:
        raise PlanError(
            f"{path}: this plan was made for another model ({document['model']['name']}); its "
            "fingerprint of weights and thresholds differs; make a plan for this model with "
            "`crshare optimize`"
        )
    try:
        return _plan(document, network)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from error


def _load(path: Path) -> Json:
    import fastjsonschema

    schema = json.loads(files("crshare.plan").joinpath("plan.schema.json").read_text("utf-8"))
    try:
        document = json.loads(path.read_text("utf-8"))
        fastjsonschema.compile(schema)(document)
    except FileNotFoundError:
        raise PlanError(
            f"{path}: no such file; give a plan that `crshare optimize` wrote"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: cannot be read ({error})") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise PlanError(f"{path}: is not JSON ({error}); give a plan of crshare") from error
    except fastjsonschema.JsonSchemaValueException as error:
        raise PlanError(
            f"{path}: is no plan of version {VERSION} ({error.message[:200]}); "
            "give a plan that this version of `crshare optimize` wrote"
        ) from error
    return document  # type: ignore[no-any-return]


def _plan(document: Json, network: Network) -> SharingPlan:
    tables = decompose(network)
    names = [layer["name"] for layer in document["layers"]]
    if names != [table.layer for table in tables]:
        raise PlanError(
            f"plans layers {', '.join(names) or '(none)'}; the model's binary layers are "
            f"{', '.join(table.layer for table in tables)}"
        )
    pairs = zip(document["layers"], tables, strict=True)
    return SharingPlan(
        fingerprint=document["model"]["fingerprint"],
        layers=tuple(_layer(layer, table) for layer, table in pairs),
        thresholds=dict(_threshold(item, network) for item in document["thresholds"]),
    )


def _layer(document: Json, table: SliceTable) -> LayerPlan:
    groups = document["groups"]
    if len(groups) != table.n_groups:
        raise PlanError(f"layer {table.layer}: {len(groups)} groups; expected {table.n_groups}")
    for g, (group, taps) in enumerate(zip(groups, np.diff(table.starts), strict=True)):
        where = f"layer {table.layer}, group {g}"
        if any(len(pattern) != taps for pattern in group["representatives"]):
            raise PlanError(f"{where}: a representative does not have {taps} weights")
        if len(group["use"]) != table.n_filters:
            raise PlanError(f"{where}: {len(group['use'])} uses for {table.n_filters} filters")
    corrected = [_flags(group.get("corrected", ()), table.n_filters) for group in groups]
    return LayerPlan(
        layer=table.layer,
        representatives=tuple(_patterns(group["representatives"]) for group in groups),
        use=np.array([group["use"] for group in groups], np.int64)
        .clip(-(2**31), 2**31 - 1)
        .astype(np.int32),
        corrected=np.stack(corrected),
    )


def _threshold(document: Json, network: Network) -> tuple[str, Threshold]:
    name = document["name"]
    ops = {layer.name: layer.op for layer in network.layers}
    old = ops.get(name)
    if not isinstance(old, Threshold):
        raise PlanError(f"changes the threshold {name!r}, which the model does not have")
    if len(document["at"]) != len(old.at):
        raise PlanError(f"threshold {name}: {len(document['at'])} values; expected {len(old.at)}")
    at = np.array(document["at"], np.int64).astype(np.int32)
    rising = ~_flags(document["falling"], len(at))
    return name, old.moved(at, rising)


def _flags(indices: list[int], n: int) -> BoolArray:
    if any(index >= n for index in indices):
        raise PlanError(f"names filter {max(indices)}; filters run from 0 to {n - 1}")
    flags = np.zeros(n, np.bool_)
    flags[list(indices)] = True
    return flags


def _patterns(texts: list[str]) -> Int8Array:
    return np.array([[1 if c == "+" else -1 for c in text] for text in texts], np.int8)


def _layer_json(layer: LayerPlan) -> Json:
    groups = []
    for g, patterns in enumerate(layer.representatives):
        group: Json = {
            "representatives": ["".join("+" if w > 0 else "-" for w in row) for row in patterns],
            "use": layer.use[g].tolist(),
        }
        if layer.corrected[g].any():
            group["corrected"] = np.flatnonzero(layer.corrected[g]).tolist()
        groups.append(group)
    return {"name": layer.layer, "groups": groups}


def _threshold_json(name: str, threshold: Threshold) -> Json:
    falling = np.flatnonzero(~threshold.rising).tolist()
    return {"name": name, "at": threshold.at.tolist(), "falling": falling}


def _by_line(document: Json) -> str:
    def rows(items: list[Json], indent: str) -> str:
        return ",\n".join(indent + json.dumps(item, separators=(",", ":")) for item in items)

    head = {key: document[key] for key in ("format", "version", "model")}
    layers = ",\n".join(
        f'  {{"name":{json.dumps(layer["name"])},"groups":[\n{rows(layer["groups"], "    ")}\n  ]}}'
        for layer in document["layers"]
    )
    thresholds = rows(document["thresholds"], "  ")
    return (
        f'{json.dumps(head)[:-1]},\n"layers":[\n{layers}\n],\n"thresholds":[\n{thresholds}\n]}}\n'
    )
