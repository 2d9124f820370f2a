"""The compiled loops of the search for patterns: every input takes one, every pattern is refitted.

Weights v of k filters on n inputs cost, filter by filter, importance * (v'Sv - 2 scale v'aim), as
in planning.matched_variance. `gradient` [filters, inputs] is S v - scale * aim, kept up with the
weights. All sums but those over filters are of whole numbers, so their order does not matter.
"""

import numpy as np

from crshare.arrays import Float64Array, Int64Array
from crshare.compiled import compiled

NONE = -1  # an input that takes no pattern


@compiled
def move(
    covariance: Float64Array, weights: Float64Array, gradient: Float64Array,
    row: int, filter_: int, weight: float,
) -> None:  # fmt: skip
    """Give one weight another value."""
    change = weight - weights[row, filter_]
    if change != 0.0:
        weights[row, filter_] = weight
        for other in range(len(weights)):
            gradient[filter_, other] += change * covariance[row, other]


@compiled
def freed(
    covariance: Float64Array, weights: Float64Array, gradient: Float64Array
) -> None:  # fmt: skip
    """Every weight in turn to the best of +1, -1 and 0, all others held."""
    for row in range(len(weights)):
        own = covariance[row, row]
        for filter_ in range(weights.shape[1]):
            slope = gradient[filter_, row] - own * weights[row, filter_]
            best = -1.0 if slope > 0 else 1.0
            if own + 2 * best * slope > 0:
                best = 0.0
            move(covariance, weights, gradient, row, filter_, best)


@compiled
def assign(
    covariance: Float64Array, weights: Float64Array, gradient: Float64Array,
    importance: Float64Array, patterns: Float64Array, price: float,
    taken: Int64Array, signs: Float64Array, regret: Float64Array,
) -> None:  # fmt: skip
    """Every input in turn takes the best of the patterns and their negations, or none.

    price: what an input costs that takes one. taken [inputs], signs [inputs]: which pattern, or
    NONE. regret [patterns]: what its inputs would cost more, each at its next best.
    """
    n_filters = weights.shape[1]
    size, slope = np.zeros(len(patterns)), np.zeros(n_filters)
    for pattern in range(len(patterns)):
        regret[pattern] = 0.0
        for filter_ in range(n_filters):
            if patterns[pattern, filter_] != 0:
                size[pattern] += importance[filter_]
    for row in range(len(weights)):
        own = covariance[row, row]
        for filter_ in range(n_filters):
            slope[filter_] = gradient[filter_, row] - own * weights[row, filter_]
            slope[filter_] *= importance[filter_]
        least, second, best, sign = 0.0, 0.0, NONE, 1.0
        for pattern in range(len(patterns)):
            along = 0.0
            for filter_ in range(n_filters):
                along += patterns[pattern, filter_] * slope[filter_]
            cost = own * size[pattern] - 2 * abs(along) + price
            if cost < least:
                least, second, best = cost, least, pattern
                sign = -1.0 if along > 0 else 1.0
            elif cost < second:
                second = cost
        taken[row], signs[row] = best, sign
        if best != NONE:
            regret[best] += second - least
        for filter_ in range(n_filters):
            weight = 0.0 if best == NONE else sign * patterns[best, filter_]
            move(covariance, weights, gradient, row, filter_, weight)


@compiled
def refit(
    covariance: Float64Array, weights: Float64Array, gradient: Float64Array,
    patterns: Float64Array, taken: Int64Array, signs: Float64Array,
) -> None:  # fmt: skip
    """Every weight of every pattern to the best of +1, -1 and 0 for the inputs that take it."""
    for pattern in range(len(patterns)):
        rows = np.flatnonzero(taken == pattern)
        own = 0.0
        for one in rows:
            for other in rows:
                own += signs[one] * signs[other] * covariance[one, other]
        for filter_ in range(weights.shape[1]):
            slope = -own * patterns[pattern, filter_]
            for row in rows:
                slope += signs[row] * gradient[filter_, row]
            best = -1.0 if slope > 0 else 1.0
            if own + 2 * best * slope > 0:
                best = 0.0
            patterns[pattern, filter_] = best
            for row in rows:
                move(covariance, weights, gradient, row, filter_, signs[row] * best)
