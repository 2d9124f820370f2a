from solver.engines.backends import BACKENDS as BACKENDS
from solver.engines.backends import KNAPSACK_BACKENDS as KNAPSACK_BACKENDS
from solver.engines.backends import solve as solve
from solver.engines.backends import solve_knapsack as solve_knapsack
from solver.errors import AnswerError as AnswerError
from solver.errors import BackendUnavailableError as BackendUnavailableError
from solver.errors import EngineFaultError as EngineFaultError
from solver.errors import ProblemError as ProblemError
from solver.errors import SolverError as SolverError
from solver.facility.knapsack import Choice as Choice
from solver.facility.knapsack import Knapsack as Knapsack
from solver.facility.knapsack import knapsack as knapsack
from solver.facility.knapsack import verify_choice as verify_choice
from solver.facility.problem import Problem as Problem
from solver.facility.problem import dense as dense
from solver.facility.quick import serve_quickly as serve_quickly
from solver.facility.selection import WORK as WORK
from solver.facility.selection import Answer as Answer
from solver.facility.selection import Selection as Selection
from solver.facility.selection import Status as Status
from solver.facility.selection import verify as verify

PLACE: dict[str, str]
