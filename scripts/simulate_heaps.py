"""Every small heap of a network's compressor trees, simulated with every input.

    python scripts/simulate_heaps.py [--model MODEL.h5] [--layers conv1 ...] [--bits 20] [--quick]

A heap is a node of a layer's adder graph, built for Xilinx devices by itself: its inputs are the
numbers that it adds up, each with all values of its exact range. Those of at most --bits input bits
stand side by side in one testbench, which counts through all inputs and compares with plain sums of
Verilog; of a layer's outputs also the answer `sum >= limit`, which is a tree of its own, at the
middle of the range. Says how many heaps a layer has, how many were small, and whether one was
wrong. --quick: graphs without a search. Needs Verilator.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from crshare.hardware.heap_cells import heap_netlist
from crshare.model.read import read_network
from crshare.network.graph import Kind, Network
from crshare.network.slices import SliceTable, decompose
from hwgen import Compare, Head, Linear, Netlist, combinational, simulate
from hwgen.cells import Range
from hwgen.verilog import primitives
from solver.adder_graph import AdderGraph, Heap, build

MODEL = Path(__file__).resolve().parents[1] / "data" / "digits_bnn.h5"
LIMIT_S = 3600.0


@dataclass(frozen=True, eq=False)
class Alone:
    """A heap as a graph of one node, whose inputs are what it reads."""

    graph: AdderGraph
    compared: bool

    @property
    def spans(self) -> list[Range]:
        n = self.graph.n_inputs
        ends = zip(self.graph.low[:n].tolist(), self.graph.high[:n].tolist(), strict=True)
        return [Range(low, high) for low, high in ends]

    @property
    def n_bits(self) -> int:
        return sum(span.width for span in self.spans)

    @property
    def limit(self) -> int:
        return int(self.graph.low[-1] + self.graph.high[-1] + 1) // 2

    @cached_property
    def netlist(self) -> Netlist:
        """Its sum, or whether that reaches the limit."""
        edge = self.graph.n_inputs
        head: Head = Compare(edge, True, (self.limit,)) if self.compared else Linear(edge, 1, 0)
        return heap_netlist(self.graph, (head,), 1)


def heaps(graph: AdderGraph) -> Iterator[Alone]:
    """Every heap by itself; those of outputs as comparisons, too."""
    outputs = set(graph.output_edge.tolist())
    for node in graph.nodes():
        assert isinstance(node, Heap)
        reads = sorted({term.edge for term in node.terms})
        alone = AdderGraph(
            *(graph.low[reads], graph.high[reads], np.array([0, len(node.terms)])),
            np.array([reads.index(term.edge) for term in node.terms]),
            np.array([term.shift for term in node.terms]),
            np.array([term.negative for term in node.terms]),
            *(graph.kind[:1], np.array([node.constant])),
            *(np.array([len(reads)]), np.array([False]), np.array([0])),
        )
        yield Alone(alone, compared=False)
        if node.edge in outputs:
            yield Alone(alone, compared=True)


def checked(heap: Alone, name: str) -> list[str]:
    """Declarations that call a heap `wrong` where an input within all ranges gives another sum."""
    lines, first, parts, inside = list[str](), 0, dict[int, str](), ["1'b1"]
    for place, span in enumerate(heap.spans):
        sign = "" if span.signed else "1'b0, "
        value = f"$signed({{{sign}x[{first} +: {span.width}]}})"
        parts[place] = f"{name}_{place}"
        lines.append(f"wire signed [31:0] {parts[place]} = {value};")
        inside.append(f"({parts[place]} >= {span.low} && {parts[place]} <= {span.high})")
        first += span.width
    node = heap.graph.node(0)
    assert isinstance(node, Heap)
    terms = "".join(
        f" {'-' if term.negative else '+'} ({parts[term.edge]} <<< {term.shift})"
        for term in node.terms
    )
    lines.append(f"wire signed [31:0] {name}_sum = ({node.constant}){terms};")
    width = heap.netlist.head_width
    wanted = f"({name}_sum >= {heap.limit})" if heap.compared else f"{name}_sum[{width - 1}:0]"
    lines.append(f"wire [{width - 1}:0] {name}_made;")
    ports = f".window(x[{first - 1}:0]), .window_class(1'b0), .out({name}_made)"
    lines.append(f"{name} {name}_i({ports});")
    lines.append(f"wire {name}_wrong = {' && '.join(inside)} && {name}_made !== {wanted};")
    return lines


def wrong_heaps(found: list[Alone], simulator: str = "verilator") -> int:
    """How many of the heaps are wrong for some input."""
    names = [f"heap_{place}" for place in range(len(found))]
    n_bits = max(heap.n_bits for heap in found)
    body = [line for one, name in zip(found, names, strict=True) for line in checked(one, name)]
    every = ", ".join(f"{name}_wrong" for name in names)
    testbench = [
        f"module testbench; reg [{n_bits - 1}:0] x; integer i, n;",
        f"reg [{len(found) - 1}:0] wrong;",
        *body,
        "initial begin wrong = 0; n = 0;",
        f"for (i = 0; i < {1 << n_bits}; i = i + 1) begin x = i; #1; wrong = wrong | {{{every}}};",
        f"end for (i = 0; i < {len(found)}; i = i + 1) n = n + wrong[i];",
        'if (n == 0) $display("PASS"); else $display("FAIL %0d", n);',
        "$finish; end endmodule",
    ]
    texts = {
        f"{name}.v": combinational(name, heap.netlist, heap.netlist.head_width)
        for heap, name in zip(found, names, strict=True)
    }
    texts |= primitives(texts) | {"testbench.v": "\n".join(testbench) + "\n"}
    (said,) = simulate(simulator, texts, LIMIT_S)
    return 0 if said == "PASS" else int(said.removeprefix("FAIL "))


def graph_of(network: Network, table: SliceTable, *, quick: bool) -> AdderGraph:
    """As `crshare generate --target xilinx` builds it; quick: without a search."""
    layer = next(one for one in network.layers if one.name == table.layer)
    given, pixels = network.input_of(layer), network.input
    span = (0, 1) if given.kind is Kind.BITS else (min(pixels.low, 0), pixels.high)
    rounds = 0 if quick else None
    weights = table.matrix.T.astype(np.int64)
    return build(weights, measure="lut6", input_range=span, search_rounds=rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--layers", nargs="+")
    parser.add_argument("--bits", type=int, default=20)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    network = read_network(args.model)
    for table in decompose(network):
        if args.layers and table.layer not in args.layers:
            continue
        every = list(heaps(graph_of(network, table, quick=args.quick)))
        small = [heap for heap in every if heap.n_bits <= args.bits]
        wrong = wrong_heaps(small) if small else 0
        print(
            f"{table.layer}: {len(every)} trees, {len(small)} simulated, {wrong} wrong", flush=True
        )


if __name__ == "__main__":
    main()
