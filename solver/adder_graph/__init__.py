"""A matrix of -1, 0 and +1 in, few additions out, exactly: adder graphs and how to build them."""

from solver.adder_graph.build import build
from solver.adder_graph.errors import AdderGraphError
from solver.adder_graph.graph import AdderGraph, Output
from solver.adder_graph.interpret import check, interpret
from solver.adder_graph.kinds import Count, Heap, Node, Sum, Term
from solver.adder_graph.measures import Cost, measure
from solver.adder_graph.plan_sums import Slices, effective_matrix
from solver.adder_graph.text import from_text, to_text
from solver.choices import MEASURES, METHODS

__all__ = [
    "MEASURES",
    "METHODS",
    "AdderGraph",
    "AdderGraphError",
    "Cost",
    "Count",
    "Heap",
    "Node",
    "Output",
    "Slices",
    "Sum",
    "Term",
    "build",
    "check",
    "effective_matrix",
    "from_text",
    "interpret",
    "measure",
    "to_text",
]
