"""Time-multiplexing (folding): one datapath gives a layer's outputs in several turns.

In turn p the datapath gives outputs p * units to (p + 1) * units - 1. A weight whose sign changes
from turn to turn inverts its bit instead: w * b with w = s * (1 - 2f) and a bit g = b xor f is
s * g - s * f. So every turn adds up gated bits with the signs of turn 0, less a constant.
"""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Int64Array
from hwgen import Gate
from solver.adder_graph import AdderGraph, build, measure


@dataclass(frozen=True, eq=False)
class Turned:
    """gates: the graph's inputs. constants [phases, units]: the graph's outputs less those of the
    weights, in each turn."""

    graph: AdderGraph
    gates: tuple[Gate, ...]
    constants: Int64Array

    @property
    def lut6(self) -> int:
        """Estimated LUTs: of the graph, and one for each bit that is inverted in some turn."""
        return measure(self.graph).lut6 + sum(1 for gate in self.gates if gate.flips)


def in_turns(weights: Int64Array, phases: int, method: str, goal: str) -> Turned:
    """One datapath for weights [n_outputs, n_inputs] of +1/-1 on bits; the last turn may repeat."""
    n_outputs, n_inputs = weights.shape
    units = -(-n_outputs // phases)
    places = np.minimum(np.arange(phases * units), n_outputs - 1)
    rows = weights[places].reshape(phases, units, n_inputs)
    flipped = rows != rows[0]
    flips = np.einsum("pui,p->ui", flipped.astype(np.int64), 1 << np.arange(phases))
    keys, gate = np.unique(np.arange(n_inputs) + n_inputs * flips, return_inverse=True)
    matrix = np.zeros((units, len(keys)), dtype=np.int64)
    matrix[np.arange(units)[:, None], gate.reshape(units, n_inputs)] = rows[0]
    return Turned(
        build(matrix, method=method, measure=goal),
        tuple(Gate(int(key % n_inputs), int(key // n_inputs)) for key in keys),
        np.einsum("ui,pui->pu", rows[0], flipped.astype(np.int64)),
    )
