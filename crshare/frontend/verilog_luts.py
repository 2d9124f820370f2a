"""The Verilog that BinaryBrain writes of a LUT network, in its three forms: the sandbox's side.

A node is an instance of bb_lut or LUT6, or a table that is indexed. Nothing is run or elaborated;
what is not one of these forms is refused.
"""

import numpy as np

from crshare.errors import ModelFormatError
from crshare.frontend.lut_layers import Tables, network_of_tables
from crshare.frontend.verilog_modules import Instance, Module, modules_of
from crshare.frontend.verilog_tokens import Bit, Constant, Expression, Joined, Name
from crshare.network.graph import Network
from crshare.network.lut_ops import MAX_INPUTS

IN, OUT = "in_data", "out_data"
MAX_DEPTH = 64
FORMS = "crshare reads layers of bb_lut, of LUT6 or of indexed tables, as BinaryBrain exports them"

Node = tuple[tuple[int, ...], int]  # places of the inputs, least significant first, and the table


def read_verilog(text: str, frames: int) -> Network:
    """The network of a file; ModelFormatError where it is none that is read."""
    modules = modules_of(text)
    used = {instance.module for module in modules.values() for instance in module.instances}
    tops = [module for module in modules.values() if module.name not in used]
    if len(tops) != 1 or not {IN, OUT} <= tops[0].ports.keys():
        raise ModelFormatError(f"has no single top module with ports {IN} and {OUT}; {FORMS}")
    layers = _layers(tops[0], modules, 0)
    return network_of_tables(
        (tops[0].ports[IN],), tuple(map(_tables, layers)), frames, len(layers[-1])
    )


def _layers(module: Module, modules: dict[str, Module], depth: int) -> list[list[Node]]:
    """The layers between a module's in_data and out_data, in order."""
    if depth > MAX_DEPTH:
        raise ModelFormatError(f"nests modules in each other; {FORMS}")
    inside = [instance for instance in module.instances if instance.module in modules]
    if not inside:
        return [_layer(module)]
    drivers = {instance.ports.get(OUT): instance for instance in inside}
    net: Expression
    net, found = module.value(Name(OUT)), list[list[Node]]()
    for _ in inside:
        driver = drivers.get(net)
        if driver is None:
            break
        found[:0] = _layers(modules[driver.module], modules, depth + 1)
        source = driver.ports.get(IN)
        net = module.value(source) if isinstance(source, Name) else Name("")
    if net != Name(IN):
        raise ModelFormatError(f"module {module.name} is no chain of layers; {FORMS}")
    return found


def _layer(module: Module) -> list[Node]:
    """The nodes of a layer by the bits of out_data."""
    made = dict(_instanced(module, instance) for instance in module.instances)
    n_nodes, n_given = module.ports.get(OUT, 0), module.ports.get(IN, 0)
    nodes = []
    for place in range(n_nodes):
        net = module.value(Bit(OUT, place))
        node = made.get(net) if isinstance(net, Name) else _indexed(module, net)
        if node is None:
            raise ModelFormatError(
                f"module {module.name} has no table that drives {OUT}[{place}]; {FORMS}"
            )
        if any(source >= n_given for source in node[0]):
            raise ModelFormatError(f"module {module.name} reads past its {n_given} inputs")
        nodes.append(node)
    return nodes


def _instanced(module: Module, instance: Instance) -> tuple[Expression | None, Node]:
    """An instance's output net and its node."""
    ports = instance.ports
    match instance.module:
        case "bb_lut":
            out, inputs = ports.get(OUT), ports.get(IN)
        case "LUT6":
            out = ports.get("O")
            bits = [ports.get(f"I{k}") for k in reversed(range(MAX_INPUTS))]
            inputs = Joined(tuple(bit for bit in bits if isinstance(bit, Bit)))
        case other:
            raise ModelFormatError(f"module {module.name} uses {other[:40]}; {FORMS}")
    return out, _node(module, inputs, instance.parameters.get("INIT"))


def _indexed(module: Module, found: Expression) -> Node | None:
    """table[select] of two nets with their values."""
    if not isinstance(found, Bit) or not isinstance(found.index, str):
        return None
    table, select = (module.value(Name(name)) for name in (found.name, found.index))
    return _node(module, select, table)


def _node(module: Module, inputs: Expression | None, table: Expression | None) -> Node:
    parts = inputs.parts if isinstance(inputs, Joined) else ()
    places = tuple(
        part.index
        for part in reversed(parts)
        if isinstance(part, Bit) and part.name == IN and isinstance(part.index, int)
    )
    if len(places) != len(parts) or not 0 < len(places) <= MAX_INPUTS:
        raise ModelFormatError(
            f"module {module.name} has a table whose inputs are not read; {FORMS}"
        )
    if not isinstance(table, Constant) or table.value is None:
        raise ModelFormatError(f"module {module.name} has a node without a table; {FORMS}")
    if table.width != 1 << len(places) or table.value >> table.width:
        raise ModelFormatError(
            f"module {module.name} has a table of {table.width} bits for {len(places)} inputs"
        )
    return places, table.value


def _tables(nodes: list[Node]) -> Tables:
    if len({len(places) for places, _ in nodes}) != 1:
        raise ModelFormatError(f"has a layer of tables of different sizes; {FORMS}")
    return Tables(
        np.array([places for places, _ in nodes], np.int32),
        np.array([table for _, table in nodes], np.uint64),
    )
