"""How fast what is learned: decayed rates, and rates in proportion to Glorot's initial weights."""

from typing import Any

import tensorflow as tf
import tf_keras as keras


def decayed(first: float, last: float, n_steps: int) -> Any:
    """first (last / first)^(t / n_steps): exponential decay from the first step's rate (BNN)."""
    return keras.optimizers.schedules.ExponentialDecay(first, n_steps, last / first)


def glorot_scale(shape: tuple[int, ...]) -> float:
    """sqrt((fan_in + fan_out) / 1.5) of a kernel [..., inputs, outputs]: one over Glorot's
    initial scale, with which BinaryConnect (sec. 2.5) multiplies the rates of Adam."""
    window = 1
    for size in shape[:-2]:
        window *= size
    return float((window * (shape[-2] + shape[-1]) / 1.5) ** 0.5)


class ScaledAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Adam (Kingma and Ba 2015) whose steps on some variables are multiplied with a number each.

    scales: by the variable's name.
    """

    def __init__(self, learning_rate: Any, scales: dict[str, float]) -> None:
        super().__init__(learning_rate, jit_compile=False)
        self.scales = scales

    def update_step(self, gradient: Any, variable: Any) -> None:
        scale = self.scales.get(variable.name, 1.0)
        before = tf.identity(variable)
        super().update_step(gradient, variable)
        if scale != 1:
            variable.assign(before + tf.cast(scale, variable.dtype) * (variable - before))
