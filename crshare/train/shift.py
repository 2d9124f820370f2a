"""Normalisation and optimiser without multiplications: shifts by powers of two instead.

Shift-based batch normalisation and shift-based AdaMax of M. Courbariaux et al., "Binarized Neural
Networks", 2016, algorithms 3 and 4. x << AP2(y) of the paper is x times the power of two AP2(y).
"""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from crshare.arrays import Float32Array
from crshare.train.signs import ap2


class ShiftBatchNormalization(keras.layers.Layer):  # type: ignore[misc]
    """Batch normalisation over all axes but the last, by powers of two (algorithm 3).

    C = x - mean; variance = mean(C << AP2(C)); y = AP2(gamma) << (C << AP2(1 / sqrt(variance +
    epsilon))) + beta. Gradients pass AP2 as if it were the identity, so they are those of a batch
    normalisation with the rounded factors. The moving averages serve inference.
    """

    def __init__(self, *, momentum: float = 0.9, epsilon: float = 1e-4, **options: Any) -> None:
        super().__init__(**options)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, shape: Any) -> None:
        def weight(name: str, initial: str, trainable: bool = True) -> Any:
            return self.add_weight(name, shape[-1:], None, initial, trainable=trainable)

        self.gamma, self.beta = weight("gamma", "ones"), weight("beta", "zeros")
        self.moving_mean = weight("moving_mean", "zeros", trainable=False)
        self.moving_variance = weight("moving_variance", "ones", trainable=False)
        super().build(shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = tf.cast(inputs, self.dtype)
        if training:
            mean, variance = shift_moments(x)
            for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign_add((now - moving) * (1 - self.momentum))
        else:
            mean, variance = self.moving_mean, self.moving_variance
        scaled = (x - mean) * ap2(tf.math.rsqrt(variance + self.epsilon))
        return scaled * ap2(self.gamma) + self.beta

    def plain_weights(self) -> list[Float32Array]:
        """gamma, beta, mean and variance of a keras.layers.BatchNormalization with epsilon 0 that
        computes the same at inference."""
        scale = ap2(self.gamma) * ap2(tf.math.rsqrt(self.moving_variance + self.epsilon))
        mean = self.moving_mean.numpy()
        return [scale.numpy(), self.beta.numpy(), mean, np.ones_like(mean)]


def shift_moments(x: Any) -> tuple[Any, Any]:
    """Mean and shift-based variance of each channel (the last axis)."""
    axes = list(range(len(x.shape) - 1))
    mean = tf.reduce_mean(x, axis=axes)
    centred = x - mean
    return mean, tf.reduce_mean(centred * ap2(centred), axis=axes)


class ShiftAdaMax(keras.optimizers.Optimizer):  # type: ignore[misc]
    """AdaMax whose steps are shifts (algorithm 4), with the paper's defaults.

    m = beta_1 m + (1 - beta_1) g; v = max(beta_2 v, |g|);
    theta -= AP2(rate / (1 - beta_1^t)) m << AP2(1 / v). Weights whose v is 0 stay.
    """

    def __init__(
        self,
        learning_rate: Any = 2.0**-10,
        beta_1: float = 1 - 2.0**-3,
        beta_2: float = 1 - 2.0**-10,
    ) -> None:
        super().__init__(name="ShiftAdaMax", jit_compile=False)
        self._learning_rate = self._build_learning_rate(learning_rate)
        self.beta_1, self.beta_2 = beta_1, beta_2

    def build(self, var_list: Any) -> None:
        super().build(var_list)
        if not getattr(self, "_built", False):
            self._m = [self.add_variable_from_reference(v, "m") for v in var_list]
            self._v = [self.add_variable_from_reference(v, "v") for v in var_list]
            self._built = True

    def update_step(self, gradient: Any, variable: Any) -> None:
        index = self._index_dict[self._var_key(variable)]
        m, v, kind = self._m[index], self._v[index], variable.dtype
        g = tf.convert_to_tensor(gradient)
        beta_1 = tf.cast(self.beta_1, kind)
        turns = tf.cast(self.iterations + 1, kind)
        m.assign(beta_1 * m + (1 - beta_1) * g)
        v.assign(tf.maximum(tf.cast(self.beta_2, kind) * v, tf.abs(g)))
        step = ap2(tf.cast(self.learning_rate, kind) / (1 - tf.pow(beta_1, turns)))
        variable.assign_sub(step * m * ap2(tf.math.divide_no_nan(tf.ones_like(v), v)))
