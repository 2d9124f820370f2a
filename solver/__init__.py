"""Least-cost sharing over integers: knows no filter, no file, no hardware.

Two problems. `Problem`: which candidates to open, and who serves each item. `Knapsack`: one option
of each group within a budget. `solve` and `solve_knapsack` answer them, with a proven bound.
"""

from solver.engines.backends import BACKENDS, KNAPSACK_BACKENDS, solve, solve_knapsack
from solver.errors import (
    AnswerError,
    BackendUnavailableError,
    EngineFaultError,
    ProblemError,
    SolverError,
)
from solver.facility.knapsack import Choice, Knapsack, knapsack, verify_choice
from solver.facility.problem import Problem, dense
from solver.facility.quick import serve_quickly
from solver.facility.selection import WORK, Answer, Selection, Status, verify

__all__ = [
    "BACKENDS",
    "KNAPSACK_BACKENDS",
    "WORK",
    "Answer",
    "AnswerError",
    "BackendUnavailableError",
    "Choice",
    "EngineFaultError",
    "Knapsack",
    "Problem",
    "ProblemError",
    "Selection",
    "SolverError",
    "Status",
    "dense",
    "knapsack",
    "serve_quickly",
    "solve",
    "solve_knapsack",
    "verify",
    "verify_choice",
]
