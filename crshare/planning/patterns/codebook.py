"""The patterns of one group of filters: few, and inputs left out, at least damage for their price.

Beginning from the patterns that there are, with weights that would rather be 0 set to that, the
least missed are given up, a few at a time, down to a handful; what was best on the way is kept. All
along, every input takes the pattern that its filters mind least, or none, all other weights held,
so that later inputs make up for earlier ones; and every pattern is refitted to the inputs that take
it. It is a facility location with compensation, as that of slices (planning.matched_variance) with
inputs and filters exchanged, and vector quantisation in whole numbers (Y. Linde, A. Buzo, R. Gray,
"An algorithm for vector quantizer design", 1980). The whole way down is gone since the price is
concave: of many patterns, each costs next to nothing, so no single one is worth giving up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import expm1

import numpy as np

from crshare.arrays import Float64Array, Int8Array, Int32Array, Int64Array
from crshare.planning.matched_variance import SCALE_STEP
from crshare.planning.patterns import kernels
from crshare.planning.target import Target

Luts = Callable[[Int8Array], int]

FREED = 2  # passes over all weights, each by itself, before patterns are chosen
GIVEN_UP = 5  # a fifth of the patterns at a time
REFITTED = 64  # patterns from which on they are refitted as well while others are given up
FEWEST = 2
N_PASSES = 4  # over inputs and patterns once their number stands
SCALES = (0.25, 2.0)  # the least and the greatest of a new sum; smaller where inputs are left out
INPUT_LUTS = 0.55  # of a graph, for an input that a group of filters reads
SATURATED = 15.0  # patterns of a group at which all but 1/e of the LUTs of a full table are there


@dataclass(frozen=True, slots=True)
class Prices:
    """What a group of filters costs: LUTs, about, and the damage that one is worth.

    table_luts: to recover the group's sums from very many patterns.
    """

    damage: float
    table_luts: float

    def luts(self, n_inputs: int, n_patterns: int) -> float:
        """Within some hundredths of the graphs of the CNV's layers (docs/lut_plans.md)."""
        return INPUT_LUTS * n_inputs - self.table_luts * expm1(-n_patterns / SATURATED)


def prices_of(weights: Int8Array, luts: int, damage: float) -> Prices:
    """Such that the original weights of a group, [inputs, filters], cost what their graph does."""
    n_patterns = len(np.unique(weights * weights[:, :1], axis=0))
    table = (luts - INPUT_LUTS * len(weights)) / -expm1(-n_patterns / SATURATED)
    return Prices(damage, max(table, 0.0))


@dataclass(frozen=True, eq=False)
class Found:
    """A choice for a group: its patterns [patterns, filters], the weights that follow, their S v,
    the scales, and for each input which pattern it takes with which sign."""

    patterns: Float64Array
    weights: Float64Array
    response: Float64Array
    scale: Float64Array
    taken: Int64Array
    signs: Float64Array


def chosen_weights(
    aim: Target, weights: Int8Array, members: Int32Array, damage: float, luts: Luts
) -> Int8Array:
    """The weights of a group of filters, int8 [inputs, filters of the group] of +1, -1 and 0.

    weights: int8 [inputs, filters], the original ones of the layer. damage: that a LUT is worth.
    luts: of the graph of a group's weights; the original ones stay unless what that saves is worth
    what it damages. At least one input is left.
    """
    original = np.ascontiguousarray(weights[:, members])
    before, worth = luts(original), damage
    while True:
        group = Group(aim, weights, members, prices_of(original, before, worth))
        least = group.damage()
        group.search()
        if group.taken.max(initial=kernels.NONE) != kernels.NONE:
            break
        worth /= 2
    found = np.ascontiguousarray(group.weights, np.int8)
    pays = group.damage() - least < damage * (before - luts(found))
    return found if pays else original


class Group:
    """A group's weights on their way from the original ones to few patterns."""

    def __init__(
        self, aim: Target, weights: Int8Array, members: Int32Array, prices: Prices
    ) -> None:
        self.covariance, self.prices = aim.S, prices
        self.aim = np.ascontiguousarray(aim.aim[:, members])
        self.importance, self.scalable = aim.importance[members], aim.scalable
        self.weights = np.ascontiguousarray(weights[:, members], np.float64)
        self.response = np.ascontiguousarray((self.covariance @ self.weights).T)
        self.scale = np.ones(len(members))
        self.taken = np.full(len(weights), kernels.NONE)
        self.signs = np.ones(len(weights))

    def search(self) -> None:
        """Choose patterns, and what every input takes."""
        patterns, missed = self._assigned(self._candidates())
        best, least = self._now(patterns), self.cost(patterns)
        while len(patterns) > FEWEST:
            few = np.argsort(missed, kind="stable")[: max(1, len(missed) // GIVEN_UP)]
            patterns, missed = self._assigned(np.delete(patterns, few, axis=0))
            if len(patterns) <= REFITTED:
                patterns, missed = self._refitted(patterns)
            if (cost := self.cost(patterns)) < least:
                best, least = self._now(patterns), cost
        patterns = self._back_to(best)
        for _ in range(N_PASSES):
            patterns, _ = self._refitted(patterns)

    def damage(self) -> float:
        """Up to what no weight changes."""
        own = (self.weights * self.response.T).sum(axis=0) / self.scale**2
        cross = (self.weights * self.aim).sum(axis=0) / self.scale
        return float((self.importance * (own - 2 * cross)).sum())

    def cost(self, patterns: Float64Array) -> float:
        """Damage and the price of the LUTs."""
        n_inputs = int((self.taken != kernels.NONE).sum())
        return self.damage() + self.prices.damage * self.prices.luts(n_inputs, len(patterns))

    def _now(self, patterns: Float64Array) -> Found:
        return Found(
            patterns.copy(),
            self.weights.copy(),
            self.response.copy(),
            self.scale.copy(),
            self.taken.copy(),
            self.signs.copy(),
        )

    def _back_to(self, found: Found) -> Float64Array:
        self.weights, self.response, self.scale = found.weights, found.response, found.scale
        self.taken, self.signs = found.taken, found.signs
        return found.patterns

    def _candidates(self) -> Float64Array:
        """The patterns that there are, as they are and with the weights free, up to sign."""
        found = [self.weights.copy()]
        for _ in range(FREED):
            gradient = self._gradient()
            kernels.freed(self.covariance, self.weights, gradient)
            self._settle(gradient)
        found.append(self.weights)
        columns = np.concatenate(found)
        first = (columns != 0).argmax(axis=1)
        signed = columns * columns[np.arange(len(columns)), first][:, None]
        distinct: Float64Array = np.unique(signed[signed.any(axis=1)], axis=0)
        return distinct

    def _assigned(self, patterns: Float64Array) -> tuple[Float64Array, Float64Array]:
        """The patterns that inputs take, and what each would be missed."""
        patterns, gradient = np.ascontiguousarray(patterns), self._gradient()
        regret, price = np.zeros(len(patterns)), self.prices.damage * INPUT_LUTS
        kernels.assign(
            self.covariance, self.weights, gradient, self.importance / self.scale**2,
            patterns, price, self.taken, self.signs, regret,
        )  # fmt: skip
        self._settle(gradient)
        used = np.unique(self.taken[self.taken != kernels.NONE])
        place = np.full(len(patterns) + 1, kernels.NONE)
        place[used] = np.arange(len(used))
        self.taken = place[self.taken]
        return patterns[used], regret[used]

    def _refitted(self, patterns: Float64Array) -> tuple[Float64Array, Float64Array]:
        gradient = self._gradient()
        kernels.refit(
            self.covariance, self.weights, gradient, patterns, self.taken, self.signs
        )  # fmt: skip
        self._settle(gradient)
        kept = np.ascontiguousarray(np.unique(patterns[patterns.any(axis=1)], axis=0))
        return self._assigned(kept)

    def _gradient(self) -> Float64Array:
        """S v - scale * aim, [filters, inputs]."""
        return np.ascontiguousarray(self.response - (self.scale * self.aim).T)

    def _settle(self, gradient: Float64Array) -> None:
        """The response after a pass; and each filter's scale, so that its error is least."""
        self.response = gradient + (self.scale * self.aim).T
        if self.scalable:
            variance = (self.weights * self.response.T).sum(axis=0)
            covariance = (self.weights * self.aim).sum(axis=0)
            closest = variance / np.maximum(covariance, 1)
            self.scale = np.rint(closest.clip(*SCALES) / SCALE_STEP) * SCALE_STEP
