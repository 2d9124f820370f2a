"""Netlists and streaming designs to Verilog; knows no Keras and no solver."""

from hwgen.cells import Add, Bit, Cell, Operand, Popcount, Range, Tally
from hwgen.decide import Decide, Ranks
from hwgen.design import (
    Compute,
    Design,
    Entry,
    Folding,
    Gate,
    Gather,
    Pool,
    Stage,
)
from hwgen.errors import HwgenError, NetlistError, TimeLimitError, ToolError
from hwgen.frames import Accumulate, Modulation
from hwgen.interpret import interpret
from hwgen.lookup import Lookup
from hwgen.matrix_vector import MatrixVector, Slices, Weights
from hwgen.netlist import Compare, Fixed, Head, Linear, Netlist, to_text
from hwgen.pointwise import Lanes, Pointwise
from hwgen.queue import Queue
from hwgen.repeat import Repeat
from hwgen.simulate import available, lint, simulate
from hwgen.tables import TruthTable
from hwgen.tally import tally
from hwgen.testbench import IN_FILE, OUT_FILE, STALLS, hex_lines, testbench, verdict
from hwgen.verilog import combinational, files
from hwgen.windowing import Windowing

__all__ = [
    "IN_FILE",
    "OUT_FILE",
    "STALLS",
    "Accumulate",
    "Add",
    "Bit",
    "Cell",
    "Compare",
    "Compute",
    "Decide",
    "Design",
    "Entry",
    "Fixed",
    "Folding",
    "Gate",
    "Gather",
    "Head",
    "HwgenError",
    "Lanes",
    "Linear",
    "Lookup",
    "MatrixVector",
    "Modulation",
    "Netlist",
    "NetlistError",
    "Operand",
    "Pointwise",
    "Pool",
    "Popcount",
    "Queue",
    "Range",
    "Ranks",
    "Repeat",
    "Slices",
    "Stage",
    "TruthTable",
    "Tally",
    "TimeLimitError",
    "ToolError",
    "Weights",
    "Windowing",
    "available",
    "combinational",
    "files",
    "hex_lines",
    "interpret",
    "lint",
    "simulate",
    "tally",
    "testbench",
    "to_text",
    "verdict",
]
