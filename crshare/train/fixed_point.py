"""A quantiser of real values as a Keras layer: on a grid of a power of two, halves up.

Its configuration is what crshare's reader knows as `crshare>FixedPoint`
(crshare/frontend/dialects/own.py); the executor's Quantise computes the same.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("crshare")
class FixedPoint(keras.layers.Layer):  # type: ignore[misc]
    """Values to the nearest multiple of 2^-fraction_bits that two's complement of integer_bits (the
    sign is one of them) and fraction_bits holds.

    Gradients pass where a value lies within these limits, as they are (straight through).
    """

    def __init__(self, integer_bits: int = 4, fraction_bits: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.integer_bits, self.fraction_bits = integer_bits, fraction_bits

    def call(self, inputs: Any) -> Any:
        return rounded(inputs, *grid_of(self.integer_bits, self.fraction_bits))

    def get_config(self) -> dict[str, Any]:
        own = {"integer_bits": self.integer_bits, "fraction_bits": self.fraction_bits}
        return {**super().get_config(), **own}


def grid_of(integer_bits: int, fraction_bits: int) -> tuple[float, float, float]:
    """The unit, the lowest and the highest of its values."""
    unit, top = 2.0**-fraction_bits, 2.0 ** (integer_bits - 1)
    return unit, -top, top - unit


def rounded(x: Any, unit: float, low: float, high: float) -> Any:
    """unit * floor(x / unit + 1/2) within [low, high], exactly where unit is a power of two."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def straight(x: Any) -> Any:
        steps = tf.floor(x * (1 / unit) + 0.5)
        found = tf.clip_by_value(steps * unit, low, high)
        return found, lambda upstream: tf.where((x >= low) & (x <= high), upstream, 0.0)

    return straight(x)
