"""A threshold as a batch normalisation and a sign, so that it moves while the network is trained.

It begins where the plan has it, and is merged back exactly at any time.
"""

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras as keras

from crshare.arrays import BoolArray, Float64Array
from crshare.network.graph import Threshold
from crshare.thresholds.integer import merge_maps
from crshare.thresholds.layer_ops import Affine, Role, fractions
from crshare.train.constraints import KeepSign
from crshare.train.signs import sign

EPSILON = 1e-3  # small beside the variance of sums of +1/-1


class TrainedThreshold(keras.layers.Layer):  # type: ignore[misc]
    """Sums to +1/-1 by batch normalisation and sign.

    Factors keep their sign, so a channel keeps its direction, which pools of bits behind it count
    on. A threshold that is not adjustable does not move; gradients pass it all the same. After a
    step the norm's moments are those of its batch; `Trainable.settle` takes those of many.

    bound: the greatest |sum|.
    """

    def __init__(self, threshold: Threshold, bound: int, **options: Any) -> None:
        super().__init__(**options)
        self.threshold = threshold
        self._crossing = crossing(threshold, bound)
        self._signs = np.where(threshold.rising, 1, -1).astype(np.float32)
        self.norm = keras.layers.BatchNormalization(
            momentum=0.0,
            epsilon=EPSILON,
            gamma_constraint=KeepSign(self._signs),
            trainable=threshold.adjustable,
            name="norm",
        )

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.norm.build(shape)
        n = len(self._signs)
        self.begin(self._crossing, np.ones(n) - EPSILON)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return sign(self.norm(inputs, training=training))

    def begin(self, mean: Float64Array, variance: Float64Array) -> None:
        """Set the moments of the sums, and all else so that the threshold stays where the plan
        has it; a variance below 1 counts as 1."""
        variance = np.maximum(variance, 1 - EPSILON)
        offset = self._signs * (mean - self._crossing) / np.sqrt(variance + EPSILON)
        self.norm.set_weights([self._signs, offset, mean, variance])

    def merged(self) -> Threshold:
        """The threshold of now."""
        if not self.threshold.adjustable:
            return self.threshold
        gamma, beta, mean, variance = (
            fractions(values.astype(np.float64)) for values in self.norm.get_weights()
        )
        radicand = tuple(value + Fraction(EPSILON) for value in variance)
        layer_op = Affine(self.name, Role.BATCH_NORM, gamma, mean, radicand, beta)
        found = merge_maps((layer_op,), len(self._signs))
        return self.threshold.moved(found.at, found.rising)


def crossing(threshold: Threshold, bound: int) -> Float64Array:
    """Half a step on the -1 side of each threshold, or of the first sum out of reach."""
    at = threshold.at.astype(np.float64)
    rising = np.clip(at, -bound, bound + 1) - 0.5
    falling = np.clip(at, -bound - 1, bound) + 0.5
    return np.where(threshold.rising, rising, falling)


def lowest_counts(threshold: Threshold, all_of: BoolArray) -> npt.NDArray[np.bool_]:
    """Per channel, whether a pool of the threshold's bits is decided by the least sum of a window
    rather than by the greatest."""
    return np.asarray(all_of == threshold.rising)
