"""The compiled loops of a search on gates: runs, trials of one change, and changes that are made.

A trial gives a node's rows other values and runs only what changes by it. Rows of a trial stand
beside those of the state; `stamp` tells which of them belong to the trial at work. The loops share
one state and call one another, which is why they stand in one file of more than 300 lines.
"""

from typing import NamedTuple

import numpy as np

from crshare.arrays import BoolArray, Float64Array, Int32Array, Int64Array, Words
from crshare.compiled import compiled

CONSTANT, WIRE, NODE, NARROWED = 0, 1, 2, 3


class State(NamedTuple):
    """Arrays that the loops share, and change.

    Of gates: inputs [gates, 6], tables, level, node (-1: pooling); level_start [levels +
    1]. Of rows: values, trial, stamp, output (which of the outputs, or -1), fan_start and fan (the
    gates that read it). Of nodes: node_layer, first_gate (at position 0), stride (gates from one
    position to the next), n_positions; source [nodes, 6] (the node read, or -1), support (bits of
    the inputs that matter), leader, inverse (of the leader). Of images: counts [images, classes],
    wanted (the original's probabilities), divergence. weights, offsets: of classes, times the
    temperature's inverse. real [words]: 1 where a bit of a row is an image's.
    """

    inputs: Int32Array
    tables: Words
    level: Int32Array
    node: Int32Array
    level_start: Int64Array
    values: Words
    trial: Words
    stamp: Int64Array
    output: Int32Array
    fan_start: Int64Array
    fan: Int32Array
    node_layer: Int32Array
    first_gate: Int64Array
    stride: Int64Array
    n_positions: Int64Array
    source: Int32Array
    support: Int32Array
    leader: Int32Array
    inverse: BoolArray
    counts: Int32Array
    trial_counts: Int32Array
    image_stamp: Int64Array
    wanted: Float64Array
    divergence: Float64Array
    weights: Float64Array
    offsets: Float64Array
    queue: Int32Array
    queued: Int64Array
    touched: Int32Array
    clock: Int64Array
    spent: Float64Array
    real: Words
    words_a_frame: int
    n_inputs: int


@compiled
def run_all(s: State) -> None:
    """All gates, in order."""
    scratch = np.zeros((33, 8), np.uint64)
    for gate in range(s.inputs.shape[0]):
        _gate(s, gate, -1, scratch, s.values[s.n_inputs + gate])


@compiled
def _gate(s: State, gate: int, now: int, scratch: Words, out: Words) -> None:
    """A gate's row, from rows of the trial `now` where they are changed; rows are whole eights of
    words."""
    one, none = np.uint64(1), np.uint64(0)
    table = s.tables[gate]
    for first in range(0, s.values.shape[1], 8):
        for place in range(6):
            row = s.inputs[gate, place]
            of_trial = s.stamp[row] == now
            for lane in range(8):
                at = first + lane
                scratch[32, lane] = s.trial[row, at] if of_trial else s.values[row, at]
            half = 32 >> place
            if place == 0:
                for i in range(32):
                    low = none - ((table >> np.uint64(2 * i)) & one)
                    differ = low ^ (none - ((table >> np.uint64(2 * i + 1)) & one))
                    for lane in range(8):
                        scratch[i, lane] = low ^ (differ & scratch[32, lane])
            else:
                for i in range(half):
                    for lane in range(8):
                        low = scratch[2 * i, lane]
                        differ = low ^ scratch[2 * i + 1, lane]
                        scratch[i, lane] = low ^ (differ & scratch[32, lane])
        for lane in range(8):
            out[first + lane] = scratch[0, lane]


@compiled
def connect(s: State) -> None:
    """Which gates read each row, by the inputs that matter to them."""
    n_rows, n_gates = s.values.shape[0], s.inputs.shape[0]
    s.fan_start[:] = 0
    for counting in range(2):
        for gate in range(n_gates):
            node = s.node[gate]
            support = s.support[s.leader[node]] if node >= 0 else 63
            for place in range(6):
                if support >> place & 1:
                    row = s.inputs[gate, place]
                    if counting == 0:
                        s.fan_start[row + 1] += 1
                    else:
                        s.fan[s.fan_start[row]] = gate
                        s.fan_start[row] += 1
        if counting == 0:
            for row in range(n_rows):
                s.fan_start[row + 1] += s.fan_start[row]
    for row in range(n_rows, 0, -1):
        s.fan_start[row] = s.fan_start[row - 1]
    s.fan_start[0] = 0


@compiled
def attempt(s: State, node: int, kind: int, other: int, inverse: bool, table: np.uint64) -> float:
    """By how much the divergence grows when a leader becomes this; the trial is left as it is."""
    s.clock[0] += 1
    now = s.clock[0]
    scratch = np.zeros((33, 8), np.uint64)
    n_levels = s.level_start.shape[0] - 1
    n_queued = np.zeros(n_levels, np.int64)
    n_words = s.values.shape[1]
    base = np.zeros(n_words, np.uint64)
    ones = ~np.uint64(0)
    total, n_touched = 0.0, 0
    for position in range(s.n_positions[node]):
        gate = s.first_gate[node] + position * s.stride[node]
        _new_row(s, node, gate, position, kind, other, table, scratch, base)
        for member in range(s.leader.shape[0]):
            if s.leader[member] == node:
                flip = ones if s.inverse[member] != inverse else np.uint64(0)
                row = s.n_inputs + s.first_gate[member] + position * s.stride[member]
                n_touched = _place(s, row, base, flip, now, n_queued, n_touched)
    for level in range(n_levels):
        at = 0
        while at < n_queued[level]:
            gate = s.queue[s.level_start[level] + at]
            at += 1
            _gate(s, gate, now, scratch, base)
            n_touched = _place(s, s.n_inputs + gate, base, np.uint64(0), now, n_queued, n_touched)
    for place in range(n_touched):
        image = s.touched[place]
        total += _diverges(s, image, s.trial_counts) - s.divergence[image]
    s.clock[1] = n_touched
    return total


@compiled
def _new_row(
    s: State,
    node: int,
    gate: int,
    position: int,
    kind: int,
    other: int,
    table: np.uint64,
    scratch: Words,
    base: Words,
) -> None:
    if kind == 0:
        base[:] = np.uint64(0)
    elif kind == 1:
        base[:] = s.values[s.inputs[gate, other]]
    elif kind == 2:
        base[:] = s.values[s.n_inputs + s.first_gate[other] + position * s.stride[other]]
    else:
        kept = s.tables[gate]
        s.tables[gate] = table
        _gate(s, gate, -1, scratch, base)
        s.tables[gate] = kept


@compiled
def _place(
    s: State, row: int, base: Words, flip: np.uint64, now: int, n_queued: Int64Array, n_touched: int
) -> int:
    """Take a row over into the trial, if it changes, and have what reads it run."""
    changed = False
    for word in range(base.shape[0]):
        value = base[word] ^ flip
        s.trial[row, word] = value
        changed |= value != s.values[row, word]
    if not changed:
        return n_touched
    s.stamp[row] = now
    for at in range(s.fan_start[row], s.fan_start[row + 1]):
        gate = s.fan[at]
        if s.queued[gate] != now:
            s.queued[gate] = now
            level = s.level[gate]
            s.queue[s.level_start[level] + n_queued[level]] = gate
            n_queued[level] += 1
    if s.output[row] >= 0:
        n_touched = _recount(s, row, now, n_touched)
    return n_touched


@compiled
def _recount(s: State, row: int, now: int, n_touched: int) -> int:
    one = np.uint64(1)
    label = s.output[row] % s.weights.shape[0]
    for word in range(s.values.shape[1]):
        differ = s.values[row, word] ^ s.trial[row, word]
        first = word % s.words_a_frame * 64
        for bit in range(64):
            if not differ:
                break
            if differ & one:
                image = first + bit
                if image < s.counts.shape[0]:
                    if s.image_stamp[image] != now:
                        s.image_stamp[image] = now
                        s.trial_counts[image] = s.counts[image]
                        s.touched[n_touched] = image
                        n_touched += 1
                    step = 1 if s.trial[row, word] >> np.uint64(bit) & one else -1
                    s.trial_counts[image, label] += step
            differ >>= one
    return n_touched


@compiled
def _diverges(s: State, image: int, counts: Int32Array) -> float:
    """The cross-entropy of the scores' probabilities against the original's."""
    greatest, mean = -np.inf, 0.0
    for label in range(s.weights.shape[0]):
        score = s.weights[label] * counts[image, label] + s.offsets[label]
        mean += s.wanted[image, label] * score
        greatest = max(greatest, score)
    total = 0.0
    for label in range(s.weights.shape[0]):
        total += np.exp(s.weights[label] * counts[image, label] + s.offsets[label] - greatest)
    return float(greatest + np.log(total) - mean)


@compiled
def count_all(s: State, rows: Int64Array) -> None:
    """The counts of the outputs, and the divergence of each image."""
    one = np.uint64(1)
    s.counts[:] = 0
    for place in range(rows.shape[0]):
        label = place % s.weights.shape[0]
        for word in range(s.values.shape[1]):
            first = word % s.words_a_frame * 64
            for bit in range(min(64, s.counts.shape[0] - first)):
                s.counts[first + bit, label] += (
                    s.values[rows[place], word] >> np.uint64(bit)
                ) & one
    for image in range(s.counts.shape[0]):
        s.divergence[image] = _diverges(s, image, s.counts)


@compiled
def accept(s: State) -> None:
    """The trial at work becomes the state."""
    now = s.clock[0]
    for row in range(s.values.shape[0]):
        if s.stamp[row] == now:
            s.values[row] = s.trial[row]
    for place in range(s.clock[1]):
        image = s.touched[place]
        s.counts[image] = s.trial_counts[image]
        s.divergence[image] = _diverges(s, image, s.counts)


@compiled
def change(s: State, node: int, kind: int, other: int, inverse: bool, table: np.uint64) -> float:
    """Make a change of a leader, of all that it leads with it, and run what changes by it."""
    grown = attempt(s, node, kind, other, inverse, table)
    accept(s)
    ones = ~np.uint64(0)
    variable = np.uint64(0)
    for entry in range(64):
        if kind == 1 and entry >> other & 1:
            variable |= np.uint64(1) << np.uint64(entry)
    if kind == 0:
        s.support[node] = 0
    elif kind == 1:
        s.support[node] = 1 << other
    elif kind == 3:
        s.support[node] &= ~(1 << other)
    for member in range(s.leader.shape[0]):
        if s.leader[member] != node:
            continue
        flip = s.inverse[member] != inverse
        if kind == 2:
            s.leader[member] = other
            s.inverse[member] = flip != s.inverse[other]
        elif kind < 2:
            s.inverse[member] = flip
        for position in range(s.n_positions[member]):
            gate = s.first_gate[member] + position * s.stride[member]
            if kind == 2:
                source = s.first_gate[other] + position * s.stride[other]
                s.inputs[gate] = s.inputs[source]
                new = s.tables[source]
            elif kind == 0:
                new = np.uint64(0)
            else:
                new = variable if kind == 1 else np.uint64(table)
            s.tables[gate] = new ^ ones if flip else new
    connect(s)
    return grown
