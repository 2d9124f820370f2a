"""The one boundary around the engines: what they raise, and what of their answers cannot be.

Whatever goes wrong inside an engine becomes an EngineFaultError that names it, so that the next one
can be asked. An engine's bound above the cost of an answer that is known proves the engine wrong.
"""

import math

import numpy as np

from solver.arrays import Floats
from solver.engines.ilp import Ending, Engine, Ilp, IlpAnswer, Stop
from solver.errors import EngineFaultError, SolverError

LEAST_TOLERANCE = 0.01  # costs are whole
TOLERANCE = 1e-6  # a share of the cost: what engines take for equal
LONGEST_REASON = 200


def ask(engine: Engine, ilp: Ilp, start: Floats, stop: Stop) -> IlpAnswer:
    """What an engine answers; EngineFaultError for any fault, what else it raises on purpose."""
    try:
        answer = engine.optimise(ilp, start, stop)
        fault = _fault(ilp, answer)
    except SolverError:
        raise
    except Exception as error:
        raise EngineFaultError(
            f"{engine.name}: it failed with {type(error).__name__}: {readable(str(error))}"
        ) from error
    if fault:
        raise EngineFaultError(f"{engine.name}: {fault}")
    return answer


def _fault(ilp: Ilp, answer: IlpAnswer) -> str | None:
    if answer.ending is Ending.DONE and answer.values is None:
        return "it says that it is done, and gives no solution"
    if math.isnan(answer.bound):
        return "its bound is not a number"
    if answer.values is None:
        return None
    if answer.values.shape != (ilp.n_columns,):
        return f"it gives {answer.values.size} values for {ilp.n_columns} variables"
    return None if np.all(np.isfinite(answer.values)) else "its solution holds what is no number"


def proven_by(engine: Engine, bound: float, cost: int) -> int:
    """An engine's bound in whole costs; `cost` is that of an answer which is known to be valid."""
    if bound > cost + max(LEAST_TOLERANCE, TOLERANCE * abs(cost)):
        raise EngineFaultError(
            f"{engine.name}: it says that nothing costs less than {bound:.10g}, but an answer of "
            f"cost {cost} is known; its answers are wrong here"
        )
    return min(whole_bound(bound), cost)


def whole_bound(bound: float) -> int:
    """Round an engine's bound up to the next whole cost, allowing for its rounding errors."""
    if bound == -math.inf:
        return -(2**62)
    return math.ceil(bound - max(1e-5, 1e-9 * abs(bound)))


def readable(text: str) -> str:
    """The last line of what a foreign program said, without what a terminal would obey."""
    lines = [line for line in text.splitlines() if line.strip()] or ["(no words)"]
    shown = "".join(letter if letter.isprintable() else "?" for letter in lines[-1].strip())
    return shown[:LONGEST_REASON]
