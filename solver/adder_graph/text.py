"""The canonical text of an adder graph, one line a node, and the way back.

    adder graph 1
    inputs 3 in [0, 1]
    inputs 1 in [-255, 255]
    e4 = count e0 ~e1 e2
    e5 = e4 + e3<<1
    e6 = e5 - e0
    e7 = heap e6 -e2<<1 e5 + 3
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
from solver.adder_graph.graph import NO_EDGE, AdderGraph, Output
from solver.adder_graph.kinds import KINDS, SUM, Kind, Term

_HEAD = "adder graph 1"
_EDGE = r"e(\d+)(?:<<(\d+))?"
_INPUTS = re.compile(r"inputs (\d+) in \[(-?\d+), (-?\d+)\]")
_PLUS = r"(?: ([+-]) (\d+))?"
_NAMED = re.compile(rf"e(\d+) = ([a-z_]+)((?: [~-]?e\d+(?:<<\d+)?)+){_PLUS}")
_TERM = re.compile(rf"([~-]?){_EDGE}")
_SUM = re.compile(rf"e(\d+) = {_EDGE} ([+-]) {_EDGE}")
_OUTPUT = re.compile(rf"y(\d+) = (-?)e(\d+){_PLUS}")
_CONSTANT = re.compile(r"y(\d+) = (-?\d+)")


def to_text(graph: AdderGraph) -> str:
    """The canonical text."""
    lines = [_HEAD]
    ranges = zip(graph.input_low.tolist(), graph.input_high.tolist(), strict=True)
    for (low, high), run in groupby(ranges):
        lines.append(f"inputs {len(list(run))} in [{low}, {high}]")
    lines += [_node_line(graph, index) for index in range(graph.n_nodes)]
    lines += [_output_line(row, output) for row, output in enumerate(graph.outputs())]
    return "\n".join(lines) + "\n"


def _node_line(graph: AdderGraph, index: int) -> str:
    kind, terms = KINDS[graph.kind[index]], graph.terms(index)
    if kind is KINDS[SUM]:
        left, right = terms
        words = f"{_operand(left)} {'-' if right.negative else '+'} {_operand(right)}"
    else:
        signed = (_mark(kind) * term.negative + _operand(term) for term in terms)
        words = " ".join([kind.name, *signed]) + _plus(int(graph.constant[index]))
    return f"e{graph.n_inputs + index} = {words}"


def _mark(kind: Kind) -> str:
    return "~" if kind.complements else "-"


def _operand(term: Term) -> str:
    return f"e{term.edge}" + (f"<<{term.shift}" if term.shift else "")


def _output_line(row: int, output: Output) -> str:
    if output.edge is None:
        return f"y{row} = {output.offset}"
    return f"y{row} = {'-' * output.negative}e{output.edge}{_plus(output.offset)}"


def _plus(constant: int) -> str:
    return f" {'-' if constant < 0 else '+'} {abs(constant)}" if constant else ""


def _constant(sign: str | None, digits: str | None) -> int:
    return int(digits or 0) * (-1 if sign == "-" else 1)


class _Reader:
    """Collects the arrays of a graph from lines."""

    def __init__(self) -> None:
        self.low, self.high = list[int](), list[int]()
        self.start, self.kind, self.constant = [0], list[int](), list[int]()
        self.terms = list[tuple[int, int, bool]]()
        self.outputs = list[tuple[int, bool, int]]()

    def read(self, line: str) -> bool:
        """Whether the line is one that may stand here."""
        if found := _INPUTS.fullmatch(line):
            return self._inputs(*(int(group) for group in found.groups()))
        if found := _NAMED.fullmatch(line):
            constant = _constant(found[4], found[5])
            return self._named(int(found[1]), found[2], found[3].split(), constant)
        if found := _SUM.fullmatch(line):
            return self._sum(found)
        if found := _OUTPUT.fullmatch(line):
            offset = _constant(found[4], found[5])
            return self._output(int(found[1]), int(found[3]), found[2] == "-", offset)
        if found := _CONSTANT.fullmatch(line):
            return self._output(int(found[1]), NO_EDGE, False, int(found[2]))
        return False

    def _inputs(self, number: int, low: int, high: int) -> bool:
        self.low += [low] * number
        self.high += [high] * number
        return not self.kind and not self.outputs

    def _named(self, edge: int, name: str, words: list[str], constant: int) -> bool:
        code = next((code for code, row in enumerate(KINDS) if row.name == name), None)
        if code is None:
            return False
        found = [term for term in map(_TERM.fullmatch, words) if term]
        terms = [(int(term[2]), int(term[3] or 0), bool(term[1])) for term in found]
        marks = {term[1] for term in found} - {""}
        return marks <= {_mark(KINDS[code])} and self._node(edge, code, terms, constant)

    def _sum(self, found: re.Match[str]) -> bool:
        left = (int(found[2]), int(found[3] or 0), False)
        right = (int(found[5]), int(found[6] or 0), found[4] == "-")
        return self._node(int(found[1]), SUM, [left, right], 0)

    def _node(
        self, edge: int, kind: int, terms: list[tuple[int, int, bool]], constant: int
    ) -> bool:
        in_order = edge == len(self.low) + len(self.kind) and not self.outputs
        self.kind.append(kind)
        self.constant.append(constant)
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
            np.array(self.kind, dtype=np.int64), np.array(self.constant, dtype=np.int64),
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
