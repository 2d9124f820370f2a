"""Learning rates: decayed ones, and ones in proportion to Glorot's initial weights."""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras


def decayed(first: float, last: float, n_steps: int) -> Any:
    """first (last / first)^(t / n_steps): exponential decay from the first step's rate (BNN)."""
    return keras.optimizers.schedules.ExponentialDecay(first, n_steps, last / first)


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """From 0 to the highest rate in a line through RISE of the steps, then to the last by half a
    cosine."""

    RISE = 0.1

    def __init__(self, highest: float, last: float, n_steps: int) -> None:
        self.highest, self.last, self.n_steps = highest, last, n_steps

    def __call__(self, step: Any) -> Any:
        done = tf.cast(step, tf.float32) / self.n_steps
        fallen = tf.clip_by_value((done - self.RISE) / (1 - self.RISE), 0.0, 1.0)
        low, high = self.last, self.highest
        falling = low + (high - low) * (1 + tf.cos(np.pi * fallen)) / 2
        return tf.minimum(high * (done + 1 / self.n_steps) / self.RISE, falling)

    def get_config(self) -> dict[str, Any]:
        return {"highest": self.highest, "last": self.last, "n_steps": self.n_steps}


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
        """By TensorFlow's fused operation, which passes once over what this one changes."""
        index, kind = self._index_dict[self._var_key(variable)], variable.dtype
        turns = tf.cast(self.iterations + 1, kind)
        beta_1, beta_2 = tf.constant(self.beta_1, kind), tf.constant(self.beta_2, kind)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=tf.pow(beta_1, turns),
            beta2_power=tf.pow(beta_2, turns),
            lr=tf.cast(self.learning_rate, kind) * self.scales.get(variable.name, 1.0),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, kind),
            grad=gradient,
        )
