"""What errors of a layer's sums cost: a quadratic form of its weights, in whole numbers."""

from dataclasses import dataclass

from crshare.arrays import Float64Array


@dataclass(frozen=True, eq=False)
class Target:
    """One layer's damage model, S and X w in whole numbers so that no order of additions matters.

    S: float64 [inputs, inputs]; aim: X w, [inputs, filters]; importance: [filters], what a unit of
    S costs. scalable: whether a multiple of the original sums is as good.
    """

    S: Float64Array
    aim: Float64Array
    importance: Float64Array
    scalable: bool
