"""The canonical text of an adder graph, one line a node, and the way back.

    adder graph 1
    inputs 3 in [0, 1]
    inputs 1 in [-255, 255]
    e4 = count e0 ~e1 e2
    e5 = e4 + e3<<1
    e6 = e5 - e0
    y0 = e6 - 1
    y1 = -e4 + 2
    y2 = 0

Equal graphs have equal text, and `from_text(to_text(graph)) == graph`.
"""

from __future__ import annotations

import re
from itertools import groupby

import numpy as np

from solver.adder_graph.errors import AdderGraphError
from solver.adder_graph.graph import NO_EDGE, AdderGraph, Count, Node, Output, Term

_HEAD = "adder graph 1"
_EDGE = r"e(\d+)(?:<<(\d+))?"
_INPUTS = re.compile(r"inputs (\d+) in \[(-?\d+), (-?\d+)\]")
_COUNT = re.compile(r"e(\d+) = count((?: ~?e\d+)+)")
_SUM = re.compile(rf"e(\d+) = {_EDGE} ([+-]) {_EDGE}")
_OUTPUT = re.compile(r"y(\d+) = (-?)e(\d+)(?: ([+-]) (\d+))?")
_CONSTANT = re.compile(r"y(\d+) = (-?\d+)")


def to_text(graph: AdderGraph) -> str:
    """The canonical text."""
    lines = [_HEAD]
    ranges = zip(graph.input_low.tolist(), graph.input_high.tolist(), strict=True)
    for (low, high), run in groupby(ranges):
        lines.append(f"inputs {len(list(run))} in [{low}, {high}]")
    lines += [_node_line(node) for node in graph.nodes()]
    lines += [_output_line(row, output) for row, output in enumerate(graph.outputs())]
    return "\n".join(lines) + "\n"


def _node_line(node: Node) -> str:
    if isinstance(node, Count):
        bits = " ".join(f"{'~' * bit.negative}e{bit.edge}" for bit in node.bits)
        return f"e{node.edge} = count {bits}"
    sign = "-" if node.right.negative else "+"
    return f"e{node.edge} = {_operand(node.left)} {sign} {_operand(node.right)}"


def _operand(term: Term) -> str:
    return f"e{term.edge}" + (f"<<{term.shift}" if term.shift else "")


def _output_line(row: int, output: Output) -> str:
    if output.edge is None:
        return f"y{row} = {output.offset}"
    sign = "-" if output.offset < 0 else "+"
    offset = f" {sign} {abs(output.offset)}" if output.offset else ""
    return f"y{row} = {'-' * output.negative}e{output.edge}{offset}"


class _Reader:
    """Collects the arrays of a graph from lines."""

    def __init__(self) -> None:
        self.low, self.high = list[int](), list[int]()
        self.start, self.is_count = [0], list[bool]()
        self.terms = list[tuple[int, int, bool]]()
        self.outputs = list[tuple[int, bool, int]]()

    def read(self, line: str) -> bool:
        """Whether the line is one that may stand here."""
        if found := _INPUTS.fullmatch(line):
            return self._inputs(*(int(group) for group in found.groups()))
        if found := _COUNT.fullmatch(line):
            return self._count(int(found[1]), found[2].split())
        if found := _SUM.fullmatch(line):
            return self._sum(found)
        if found := _OUTPUT.fullmatch(line):
            offset = int(found[5] or 0) * (-1 if found[4] == "-" else 1)
            return self._output(int(found[1]), int(found[3]), found[2] == "-", offset)
        if found := _CONSTANT.fullmatch(line):
            return self._output(int(found[1]), NO_EDGE, False, int(found[2]))
        return False

    def _inputs(self, number: int, low: int, high: int) -> bool:
        self.low += [low] * number
        self.high += [high] * number
        return not self.is_count and not self.outputs

    def _count(self, edge: int, bits: list[str]) -> bool:
        terms = [(int(bit.lstrip("~e")), 0, bit[0] == "~") for bit in bits]
        return self._node(edge, True, terms)

    def _sum(self, found: re.Match[str]) -> bool:
        left = (int(found[2]), int(found[3] or 0), False)
        right = (int(found[5]), int(found[6] or 0), found[4] == "-")
        return self._node(int(found[1]), False, [left, right])

    def _node(self, edge: int, is_count: bool, terms: list[tuple[int, int, bool]]) -> bool:
        in_order = edge == len(self.low) + len(self.is_count) and not self.outputs
        self.is_count.append(is_count)
        self.terms += terms
        self.start.append(len(self.terms))
        return in_order

    def _output(self, row: int, edge: int, negative: bool, offset: int) -> bool:
        self.outputs.append((edge, negative, offset))
        return row == len(self.outputs) - 1

    def graph(self) -> AdderGraph:
        terms = np.array(self.terms, dtype=np.int64).reshape(len(self.terms), 3)
        outputs = np.array(self.outputs, dtype=np.int64).reshape(len(self.outputs), 3)
        low, high, start = (np.array(x, dtype=np.int64) for x in (self.low, self.high, self.start))
        return AdderGraph(
            low, high, start, terms[:, 0], terms[:, 1], terms[:, 2].astype(np.bool_),
            np.array(self.is_count, dtype=np.bool_),
            outputs[:, 0], outputs[:, 1].astype(np.bool_), outputs[:, 2],
        )  # fmt: skip


def from_text(text: str) -> AdderGraph:
    """The graph that a canonical text describes; AdderGraphError names the first bad line."""
    lines = text.splitlines()
    if not lines or lines[0] != _HEAD:
        raise AdderGraphError(f"an adder graph's text begins with the line '{_HEAD}'")
    reader = _Reader()
    for number, line in enumerate(lines[1:], start=2):
        if not reader.read(line):
            raise AdderGraphError(f"line {number} of the adder graph cannot stand there: {line!r}")
    return reader.graph()
