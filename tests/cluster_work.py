"""Tasks for the tests of a cluster, in a module that its workers can import."""

import os
import signal
import time

from crshare.accuracy import Accuracy
from crshare.plan.plan import SharingPlan
from crshare.planning.layerwise import Method, SolverTally
from crshare.planning.search import Candidate

QUICK, FAILING, DEADLY, LONG = 1e-4, 2.0, 3.0, 4.0  # multipliers, by what becomes of their task


def evaluate_one(job: object, multiplier: float, method: Method) -> Candidate:
    """A plan that loses nothing, unless the multiplier says otherwise."""
    if multiplier == FAILING:
        raise LookupError("a fault of ours")
    if multiplier == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if multiplier == LONG:
        time.sleep(600)
    accuracy = Accuracy(10_000, 8_000, 8_000, 0, 0)
    return Candidate(multiplier, SharingPlan(repr(multiplier), ()), 1, accuracy, SolverTally())
