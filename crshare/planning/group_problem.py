"""A group's choice of representatives as a facility-location problem in whole numbers."""

from collections.abc import Callable

import numpy as np

from crshare.arrays import Float64Array, Int64Array
from solver import Problem, Selection, dense

OPENING = 20_000  # what a representative costs in the solver's whole numbers
LARGEST = 2**31

Solve = Callable[[Problem], Selection]
Serve = Callable[[Float64Array, float], Int64Array]


def posed(solve: Solve) -> Serve:
    """A solver of whole-number problems as one of a table of costs and a cost of opening."""

    def serve(costs: Float64Array, opening: float) -> Int64Array:
        whole = np.minimum(np.rint(costs * (OPENING / opening)), LARGEST).astype(np.int64)
        return np.array(solve(dense(np.full(costs.shape[1], OPENING), whole)).assignment)

    return serve
