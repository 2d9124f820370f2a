"""Constraints on trained values, applied after each step."""

from typing import Any

import tensorflow as tf
import tf_keras as keras


class Clip(keras.constraints.Constraint):  # type: ignore[misc]
    """Latent weights stay within [-1, 1], beyond which they would never turn (BinaryConnect)."""

    def __call__(self, w: Any) -> Any:
        return tf.clip_by_value(w, -1, 1)


class KeepSign(keras.constraints.Constraint):  # type: ignore[misc]
    """Factors keep the given signs, and at least the size `least`."""

    def __init__(self, signs: Any, least: float = 0.01) -> None:
        self.signs, self.least = signs, least

    def __call__(self, w: Any) -> Any:
        return self.signs * tf.maximum(w * self.signs, self.least)
