"""The tables that a LUT network really needs: an equal network without repeated and dead nodes.

Constants, repeated and inverse nodes are taken over by the tables that read them, as long as tables
do; then nodes that nothing reads are left out. Every score stays what it was, for every input.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from crshare.network.graph import BitPool, Flatten, Layer, Lut, Network, Op
from crshare.network.truth_tables import Function, chosen, cofactor, full, function, functions_of


@dataclass(frozen=True, slots=True)
class Same:
    """A channel is what channel `of` of the same map is, or its inverse."""

    of: int
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A channel is the same bit for every input."""

    bit: int


Known = Same | Constant


@dataclass(frozen=True, slots=True)
class LayerNodes:
    """How many of a layer's nodes are of each kind; each is counted at the first that fits.

    constant, wires: for every input. repeated, inverse: of an earlier node, whatever the order of
    inputs. dead: read by nothing that a score depends on. left: tables that remain once what reads
    all of these is rewired, a LUT each.
    """

    layer: str
    n_nodes: int
    constant: int
    wires: int
    repeated: int
    inverse: int
    dead: int
    left: int


def simplified(network: Network) -> Network:
    """The equal network with fewer nodes, in the same layers."""
    return _compacted(rewired(network))


def nodes_of(network: Network) -> list[LayerNodes]:
    """What the nodes of each LUT layer are."""
    live, wired = live_channels(network), rewired(network)
    left = tables_left(wired)
    return [
        LayerNodes(layer.name, layer.op.n_nodes, *_kinds(layer.op, live[layer.name]), count)
        for (layer, count) in zip(network.layers, left, strict=True)
        if isinstance(layer.op, Lut)
    ]


def tables_left(wired: Network) -> list[int]:
    """Nodes of each layer of a rewired network that take a LUT."""
    live = live_channels(wired)
    counts = []
    for layer in wired.layers:
        found = functions_of(layer.op) if isinstance(layer.op, Lut) else []
        kept = {one.positive for node, one in enumerate(found) if node in live[layer.name]}
        counts.append(sum(not one.is_costless for one in kept))
    return counts


def n_tables(network: Network) -> int:
    """Nodes that take a LUT."""
    return sum(tables_left(rewired(network)))


def _kinds(op: Lut, live: set[int]) -> tuple[int, int, int, int, int]:
    """Constant, wires, repeated, inverse and dead nodes."""
    seen: dict[Function, Function] = {}
    counts = [0] * 6
    for node, found in enumerate(functions_of(op)):
        first = seen.setdefault(found.positive, found)
        tests = (
            found.is_constant,
            found.is_wire,
            first is not found and first == found,
            first is not found,
            node not in live,
            True,
        )
        counts[tests.index(True)] += 1
    return counts[0], counts[1], counts[2], counts[3], counts[4]


def rewired(network: Network) -> Network:
    """Tables read the first of equal nodes, and neither constants nor inputs that do not matter."""
    ops: dict[str, Op] = {}
    known: dict[str, dict[int, Known]] = {}
    for layer in network.layers:
        given = known.get(layer.source, {})
        shape = network.input_of(layer).shape
        match layer.op:
            case Lut() as op:
                found = [_substituted(f, op, given, shape[2]) for f in functions_of(op)]
                ops[layer.name] = tables_of(found, op)
                known[layer.name] = _alike(found)
            case BitPool() as op:
                known[layer.name] = {
                    channel: what
                    for channel, what in given.items()
                    if _survives_pool(op, channel, what)
                }
            case Flatten():
                known[layer.name] = dict(_flattened(given, shape))
            case _:
                pass
    return network.replace(ops)


def _survives_pool(op: BitPool, channel: int, what: Known) -> bool:
    if isinstance(what, Constant):
        return True
    return not what.inverse and bool(op.all_of[channel] == op.all_of[what.of])


def _flattened(given: dict[int, Known], shape: tuple[int, int, int]) -> Iterator[tuple[int, Known]]:
    for position in range(shape[0] * shape[1]):
        first = position * shape[2]
        for channel, what in given.items():
            moved = what if isinstance(what, Constant) else Same(first + what.of, what.inverse)
            yield first + channel, moved


def _alike(found: list[Function]) -> dict[int, Known]:
    first: dict[Function, int] = {}
    known: dict[int, Known] = {}
    for node, one in enumerate(found):
        if one.is_constant:
            known[node] = Constant(one.table)
            continue
        earlier = first.setdefault(one.positive, node)
        if earlier != node:
            known[node] = Same(earlier, found[earlier] != one)
    return known


def _substituted(one: Function, op: Lut, given: dict[int, Known], channels: int) -> Function:
    """The function with what is known of its inputs. Outside of a map, all bits are 0."""
    places, table = list(one.places), one.table
    for j in range(len(places) - 1, -1, -1):
        tap, channel = divmod(places[j], channels)
        match given.get(channel):
            case Constant(bit) if bit == 0 or not op.same:
                table = cofactor(table, len(places), j, bit)
                del places[j]
            case Same(other, inverse) if not (inverse and op.same):
                places[j] = tap * channels + other
                if inverse:
                    low, high = (cofactor(table, len(places), j, value) for value in (0, 1))
                    table = chosen(high, low, len(places), j)
            case _:
                pass
    return function(places, table)


def tables_of(found: list[Function], like: Lut) -> Lut:
    """Functions as a layer of the same windows; unused inputs change nothing."""
    k = like.n_inputs
    connections = np.zeros((len(found), k), np.int32)
    tables = np.zeros(len(found), np.uint64)
    for node, one in enumerate(found):
        table = one.table
        for n in range(len(one.places), k):
            table |= table << (1 << n)
        padding = (one.places[:1] or (0,)) * (k - len(one.places))
        connections[node] = (*one.places, *padding)
        tables[node] = table & full(k)
    return Lut(connections, tables, like.size, like.strides, like.same)


def live_channels(network: Network) -> dict[str, set[int]]:
    """Of each layer the channels that the output depends on."""
    live: dict[str, set[int]] = {layer.name: set() for layer in network.layers}
    last = network.layers[-1]
    live[last.name] = set(range(network.output.shape[2]))
    for layer in reversed(network.layers):
        for source in layer.sources:
            if source in live:
                live[source] |= _read(network, layer, source, live[layer.name])
    return live


def _read(network: Network, layer: Layer, source: str, live: set[int]) -> set[int]:
    channels = network.signals[source].shape[2]
    match layer.op:
        case Lut() as op:
            functions = functions_of(op)
            return {place % channels for node in live for place in functions[node].places}
        case Flatten():
            return {place % channels for place in live}
        case BitPool():
            return live
        case _:
            return set(range(channels))


def _compacted(network: Network) -> Network:
    """The network without channels of LUT layers that no score depends on; one at least stays."""
    live = live_channels(network)
    kept: dict[str, list[int]] = {}
    ops: dict[str, Op] = {}
    for layer in network.layers:
        before = kept.get(layer.source)
        channels = network.input_of(layer).shape[2]
        match layer.op:
            case Lut() as op:
                nodes = sorted(live[layer.name]) or [0]
                kept[layer.name] = nodes
                ops[layer.name] = _some(op, nodes, before, channels)
            case BitPool(size, strides, same, all_of) if before is not None:
                kept[layer.name] = before
                ops[layer.name] = BitPool(size, strides, same, all_of[before])
            case Flatten() if before is not None:
                height, width, _ = network.input_of(layer).shape
                starts = range(0, height * width * channels, channels)
                kept[layer.name] = [start + channel for start in starts for channel in before]
            case _:
                pass
    return network.replace(ops)


def _some(op: Lut, nodes: list[int], before: list[int] | None, channels: int) -> Lut:
    """Some nodes of a layer, which read some channels of the map before."""
    connections = op.connections[nodes].astype(np.int64)
    if before is not None:
        place = np.zeros(channels, np.int64)
        place[before] = np.arange(len(before))
        tap, channel = np.divmod(connections, channels)
        connections = tap * len(before) + place[channel]
    return Lut(connections.astype(np.int32), op.tables[nodes], op.size, op.strides, op.same)
