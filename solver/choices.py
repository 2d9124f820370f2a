"""The names that callers choose from, best first. Imports nothing: a command line may ask."""

AUTO = "auto"
ENGINES = {"gurobi": "Gurobi", "highs": "Highs", "cbc": "Cbc"}
"""The modules of solver.engines that solve an integer program, and their classes."""

LAGRANGIAN, GREEDY = "lagrangian", "greedy"
SOLVERS = (*ENGINES, LAGRANGIAN, GREEDY)

METHODS = (AUTO, "separate", "slices", "buckets", "subexpressions", "combined")
"""How an adder graph is built."""

MEASURES = LUT6, ADDER_LUTS, FULL_ADDERS, ADDITIONS = (
    *("lut6", "adder_luts", "full_adders", "additions"),
)
"""What an adder graph has least of: LUT sites of bit heaps, LUTs of two-operand adders, ..."""
