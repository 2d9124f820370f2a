"""A plan of a LUT network as a value and a file: nodes that become another table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, to_builtins

from crshare.errors import NetworkError, PlanError
from crshare.files import read_file_bytes, write_text
from crshare.network.graph import Conv, Lut, Network, Op
from crshare.network.lut_rewiring import simplified
from crshare.strict_json import JsonError
from crshare.typed_json import Count, Hash, read_json

VERSION = 1
MAX_BYTES = 2**28
ADVICE = "give a plan that `crshare optimize` wrote for this model"
Table = Annotated[str, Meta(pattern="^[0-9a-f]{1,16}$")]


@dataclass(frozen=True, slots=True)
class Node:
    """What a node becomes: as many connections as the layer's nodes have, and a table (hex)."""

    node: Count
    connections: tuple[Count, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class PlannedTables:
    """name: of a layer of tables. nodes: those that change, rising."""

    name: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """The model that a plan belongs to: its file's name, and the hash of its tables."""

    name: str
    fingerprint: Hash


@dataclass(frozen=True, slots=True)
class LutPlan:
    """A plan of crshare for a LUT network."""

    format: Literal["crshare-lut-plan"]
    version: Literal[1]
    model: PlannedModel
    layers: tuple[PlannedTables, ...]

    @property
    def n_changed(self) -> int:
        return sum(len(layer.nodes) for layer in self.layers)


def is_lut_network(network: Network) -> bool:
    """Whether tables are what is planned: there are some, and no +1/-1 weights."""
    kinds = {type(layer.op) for layer in network.layers}
    return Lut in kinds and Conv not in kinds


def plan_between(before: Network, after: Network, model_name: str, fingerprint: str) -> LutPlan:
    """What makes one network of another of the same layers."""
    layers = []
    for old, new in zip(before.layers, after.layers, strict=True):
        if isinstance(old.op, Lut) and isinstance(new.op, Lut):
            layers.append(PlannedTables(old.name, _changed(old.op, new.op)))
    model = PlannedModel(model_name, fingerprint)
    return LutPlan("crshare-lut-plan", 1, model, tuple(layers))


def _changed(old: Lut, new: Lut) -> tuple[Node, ...]:
    other = (old.connections != new.connections).any(axis=1) | (old.tables != new.tables)
    return tuple(
        Node(node, tuple(new.connections[node].tolist()), f"{int(new.tables[node]):x}")
        for node in np.flatnonzero(other).tolist()
    )


def planned_tables(network: Network, plan: LutPlan) -> Network:
    """The network with the plan's tables, nodes in their places; PlanError where none fits."""
    ops: dict[str, Op] = {}
    luts = {layer.name: layer.op for layer in network.layers if isinstance(layer.op, Lut)}
    for layer in plan.layers:
        if layer.name not in luts or layer.name in ops:
            raise PlanError(f"plans {layer.name[:60]!r}, no layer of tables; {ADVICE}")
        ops[layer.name] = _planned(layer, luts[layer.name])
    try:
        return network.replace(ops)
    except NetworkError as error:
        raise PlanError(f"{error}; {ADVICE}") from error


def shared_network(network: Network, plan: LutPlan) -> Network:
    """The same without the nodes that nothing needs then."""
    return simplified(planned_tables(network, plan))


def _planned(layer: PlannedTables, op: Lut) -> Lut:
    connections, tables = op.connections.copy(), op.tables.copy()
    for node in layer.nodes:
        table = int(node.table, 16)
        fits = node.node < op.n_nodes and len(node.connections) == op.n_inputs
        if not fits or table >> op.n_entries or max(node.connections) >= 2**31:
            raise PlanError(f"layer {layer.name}: node {node.node} does not fit; {ADVICE}")
        connections[node.node], tables[node.node] = node.connections, table
    return Lut(connections, tables, op.size, op.strides, op.same)


def write_lut_plan(plan: LutPlan, path: Path) -> None:
    """One line for each node that changes."""
    document = to_builtins(plan)
    head = {key: document[key] for key in ("format", "version", "model")}
    layers = ",\n".join(_lines(layer) for layer in document["layers"])
    write_text(path, f'{json.dumps(head)[:-1]},\n"layers":[\n{layers}\n]}}\n')


def _lines(layer: Mapping[str, object]) -> str:
    nodes = layer["nodes"]
    assert isinstance(nodes, list | tuple)
    rows = ",\n".join(f"    {json.dumps(node, separators=(',', ':'))}" for node in nodes)
    return f'  {{"name":{json.dumps(layer["name"])},"nodes":[\n{rows}\n  ]}}'


def read_lut_plan(path: Path, network: Network, fingerprint: str) -> LutPlan:
    """Read and check a plan for this network; PlanError says what is wrong."""
    content = read_file_bytes(path, PlanError, ADVICE, MAX_BYTES)
    try:
        plan = read_json(content, LutPlan)
    except JsonError as error:
        raise PlanError(
            f"{path}: is no plan of a LUT network, version {VERSION} ({error}); {ADVICE}"
        ) from error
    if plan.model.fingerprint != fingerprint:
        raise PlanError(
            f"{path}: this plan was made for another model ({plan.model.name}); its fingerprint of "
            "tables differs; make a plan for this model with `crshare optimize`"
        )
    try:
        planned_tables(network, plan)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from error
    return plan
