"""The state of a search on the gates of a LUT network: made, asked, changed, and made a network."""

from dataclasses import dataclass
from itertools import pairwise
from math import inf, nan

import numpy as np

from crshare.arrays import Array, Float64Array, Int32Array, Int64Array, Words
from crshare.network.bits import WORD
from crshare.network.graph import Lut, Network, Op
from crshare.network.lut_ops import MAX_INPUTS
from crshare.network.truth_tables import full
from crshare.planning.luts import kernels, options
from crshare.planning.luts.gates import Gates
from crshare.planning.luts.kernels import State

MAX_NEAR = 64
MAX_OPTIONS = MAX_NEAR + 20
N_TRIED = 6  # changes of a node whose cost is found by running them
SAMPLED = 2**14  # bits of a node by which others like it are found
TEMPERATURES = tuple(2.0 ** (k / 2) for k in range(-6, 11))


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a leading node. cost: growth of the divergence for each LUT saved."""

    cost: float
    grown: float
    node: int
    kind: int
    other: int
    inverse: bool
    table: np.uint64


class Working:
    """A network at work: nodes led by others, tables and rows as the changes so far have them."""

    def __init__(self, gates: Gates, labels: Int64Array) -> None:
        self.gates = gates
        self.places = _places(gates)
        self.state = _state(gates)
        self._found = np.zeros(64, np.int64)
        self._kinds = np.zeros((MAX_OPTIONS, 5), np.int64)
        self._tables = np.zeros(MAX_OPTIONS, np.uint64)
        kernels.connect(self.state)
        kernels.run_all(self.state)
        kernels.count_all(self.state, gates.outputs)
        self.labels = labels
        self._want()

    def _want(self) -> None:
        """The original's probabilities, at the temperature that suits its scores best."""
        sums, s = self.gates.sums, self.state
        scores = self._scores() / self.gates.frames
        losses = [_cross_entropy(scores / t, self.labels) for t in TEMPERATURES]
        temperature = TEMPERATURES[int(np.argmin(losses))]
        each = self.gates.of_frames / self.gates.frames
        s.weights[:] = sums.weights * each / temperature
        s.offsets[:] = sums.offsets / temperature
        s.wanted[:] = _softmax(scores / temperature)
        kernels.count_all(s, self.gates.outputs)

    @property
    def n_live(self) -> int:
        """LUTs of the tables, as they are now."""
        return int(options.n_live(self.state, -1, -1))

    @property
    def n_right(self) -> int:
        """Images of the right class."""
        return int((self._scores().argmax(axis=1) == self.labels).sum())

    def _scores(self) -> Int64Array:
        """By as many frames as the network has, times the number of those that are run."""
        sums = self.gates.sums
        each = self.state.counts * sums.weights.astype(np.int64) * self.gates.of_frames
        scores: Int64Array = each + sums.offsets.astype(np.int64) * self.gates.frames
        return scores

    def layers(self) -> list[list[int]]:
        """Nodes that may be changed, layer by layer."""
        first = self.gates.first_node
        return [[*filter(self.leads, range(*ends))] for ends in pairwise(first)]

    def leads(self, node: int) -> bool:
        return bool(self.state.leader[node] == node)

    def best(self, node: int, near: Int32Array) -> Change | None:
        """What costs least for each LUT that it saves; None where nothing saves one."""
        room = self._found, self._kinds, self._tables
        at = int(options.best(self.state, node, near[:MAX_NEAR], N_TRIED, *room))
        return None if at < 0 else self._change(node, at, *self.state.spent.tolist())

    def options(self, node: int, near: Int32Array) -> list[tuple[Change, int]]:
        """All changes of a leader that save a LUT, untried, and the bits of it that each flips."""
        n = self._find_options(node, near)
        return [(self._change(node, at), int(self._kinds[at, 4])) for at in range(n)]

    def least_flips(self, node: int, near: Int32Array) -> float:
        """Bits of a leader that change for each LUT saved, at least; inf where none is saved."""
        n = self._find_options(node, near)
        flips, saved = self._kinds[:n, 4], self._kinds[:n, 3]
        return float((flips / saved).min(initial=inf))

    def _find_options(self, node: int, near: Int32Array) -> int:
        """How many there are; their rows are left in _kinds."""
        room = self._found, self._kinds, self._tables
        return int(options.options(self.state, node, near[:MAX_NEAR], *room))

    def _change(self, node: int, at: int, cost: float = nan, grown: float = nan) -> Change:
        """Of row `at` of the options."""
        kind, other, inverse, *_ = self._kinds[at].tolist()
        return Change(cost, grown, node, kind, other, inverse == 1, self._tables[at])

    def make(self, change: Change) -> None:
        what = (change.kind, change.other, change.inverse, change.table)
        followers = self.state.leader == change.node
        kernels.change(self.state, change.node, *what)
        if change.kind == kernels.NODE:
            self.places[followers] = self.places[change.other]

    def alike(self, n: int, seed: int) -> list[Int32Array]:
        """For each node the n of its layer whose bits go most with its own, or against them."""
        rng, found = np.random.default_rng(seed), list[Int32Array]()
        for layer, first in enumerate(self.gates.first_node[:-1]):
            n_nodes = self.gates.first_node[layer + 1] - first
            rows = self.state.values[self.gates.rows_of(layer)]
            rows = rows.reshape(-1, n_nodes, rows.shape[1]).transpose(1, 0, 2)
            flat = rows.reshape(n_nodes, -1)
            some = rng.permutation(flat.shape[1])[: SAMPLED // WORD]
            words = np.ascontiguousarray(flat[:, np.sort(some)])
            bits = np.unpackbits(words.view(np.uint8), axis=1).astype(np.float32) * 2 - 1
            like = np.abs(bits @ bits.T)
            np.fill_diagonal(like, -1)
            order = np.argsort(-like, axis=1, kind="stable")[:, :n] + first
            found += list(order.astype(np.int32))
        return found

    def network(self) -> Network:
        """The network with the tables as they are now; nodes keep their places."""
        ops: dict[str, Op] = {}
        for number, layer in enumerate(self.gates.luts):
            op = layer.op
            assert isinstance(op, Lut)
            nodes = slice(self.gates.first_node[number], self.gates.first_node[number + 1])
            tables = self.state.tables[self.state.first_gate[nodes]]
            k = op.n_inputs
            ops[layer.name] = Lut(
                self.places[nodes, :k].copy(),
                tables & np.uint64(full(k)),
                op.size,
                op.strides,
                op.same,
            )
        return self.gates.network.replace(ops)


def _places(gates: Gates) -> Int32Array:
    """[nodes, 6]: connections of all layers, one below the other."""
    ops = (layer.op for layer in gates.luts)
    found = [op.widened().connections for op in ops if isinstance(op, Lut)]
    joined: Int32Array = np.concatenate(found).astype(np.int32)
    return joined


def _state(gates: Gates) -> State:
    n_rows, n_gates = len(gates.values), len(gates.tables)
    first = gates.first_node
    n_nodes, n_classes = first[-1], gates.sums.n_classes
    sizes = np.diff(first)
    layer_of = np.repeat(np.arange(len(sizes)), sizes)
    node = np.full(n_gates, -1, np.int32)
    for layer, n in enumerate(sizes):
        rows = slice(
            gates.first_gate[layer], gates.first_gate[layer] + gates.n_positions[layer] * n
        )
        node[rows] = np.tile(np.arange(first[layer], first[layer + 1]), gates.n_positions[layer])
    within = np.arange(n_nodes) - np.array(first)[layer_of]
    first_gate = np.array(gates.first_gate)[layer_of] + within
    images = gates.n_images
    output = np.full(n_rows, -1, np.int32)
    output[gates.outputs] = np.arange(len(gates.outputs))
    levels = np.searchsorted(gates.level, np.arange(gates.level[-1] + 2))
    return State(
        inputs=gates.inputs.copy(),
        tables=gates.tables.copy(),
        level=gates.level,
        node=node,
        level_start=levels.astype(np.int64),
        values=gates.values.copy(),
        trial=np.zeros_like(gates.values),
        stamp=np.zeros(n_rows, np.int64),
        output=output,
        fan_start=np.zeros(n_rows + 1, np.int64),
        fan=np.zeros(n_gates * MAX_INPUTS, np.int32),
        node_layer=layer_of.astype(np.int32),
        first_gate=first_gate.astype(np.int64),
        stride=sizes[layer_of].astype(np.int64),
        n_positions=np.array(gates.n_positions)[layer_of].astype(np.int64),
        source=_sources(gates, layer_of),
        support=_support(gates.tables[first_gate]),
        leader=np.arange(n_nodes, dtype=np.int32),
        inverse=np.zeros(n_nodes, np.bool_),
        counts=np.zeros((images, n_classes), np.int32),
        trial_counts=np.zeros((images, n_classes), np.int32),
        image_stamp=np.zeros(images, np.int64),
        wanted=np.zeros((images, n_classes)),
        divergence=np.zeros(images),
        weights=np.ones(n_classes),
        offsets=np.zeros(n_classes),
        queue=np.zeros(n_gates, np.int32),
        queued=np.zeros(n_gates, np.int64),
        touched=np.zeros(images, np.int32),
        clock=np.zeros(2, np.int64),
        spent=np.zeros(2),
        real=_real(gates),
        words_a_frame=gates.values.shape[1] // gates.frames,
        n_inputs=gates.n_inputs,
    )


def _real(gates: Gates) -> Words:
    """[words]: the bits of images; those that fill the words of a frame are 0."""
    n_bits = gates.values.shape[1] // gates.frames * WORD
    frame = np.packbits(np.arange(n_bits) < gates.n_images, bitorder="little").view("<u8")
    return np.tile(frame.astype(np.uint64), gates.frames)


def _sources(gates: Gates, layer_of: Array) -> Int32Array:
    """[nodes, 6]: the node of the layer before that an input reads; -1 for the first layer's."""
    places, first = _places(gates), np.array(gates.first_node)
    before = np.maximum(layer_of - 1, 0)
    nodes = first[before][:, None] + places % (first[before + 1] - first[before])[:, None]
    sources: Int32Array = np.where((layer_of == 0)[:, None], -1, nodes).astype(np.int32)
    return sources


def _support(tables: Array) -> Int32Array:
    """Bit j: whether input j of six changes the value."""
    entries = np.arange(64, dtype=np.uint64)
    bits = (tables[:, None] >> entries) & np.uint64(1)
    found = np.zeros(len(tables), np.int32)
    for place in range(MAX_INPUTS):
        other = bits[:, np.arange(64) ^ (1 << place)]
        found |= ((bits != other).any(axis=1) << place).astype(np.int32)
    narrow: Int32Array = found
    return narrow


def _softmax(scores: Float64Array) -> Float64Array:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _cross_entropy(scores: Float64Array, labels: Int64Array) -> float:
    chances = _softmax(scores)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chances, 1e-30)).mean())
