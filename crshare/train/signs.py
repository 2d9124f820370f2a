"""Signs that pass gradients: deterministic and stochastic.

The formulas are those of M. Courbariaux et al., "BinaryConnect", 2015, and "Binarized Neural
Networks", 2016 (BNN). sign(0) is +1, as everywhere in crshare.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf


@tf.custom_gradient  # type: ignore[untyped-decorator]
def sign(x: Any) -> Any:
    """+1 where x >= 0, else -1; the gradient passes straight through where |x| <= 1 (BNN, eq. 4:
    g_r = g_q 1_{|r| <= 1})."""
    return _signs(x >= 0, x.dtype), lambda upstream: _inside(x, upstream)


def stochastic_sign(x: Any, uniform: Callable[[Any], Any] = tf.random.uniform) -> Any:
    """+1 with probability hard_sigmoid(x), else -1 (BNN, eq. 2), drawn anew at each call; gradient
    as of `sign`.

    uniform: draws float32 numbers from [0, 1) in a given shape.
    """
    numbers = uniform(tf.shape(x))

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def drawn(x: Any) -> Any:
        plus = numbers < hard_sigmoid(tf.cast(x, tf.float32))
        return _signs(plus, x.dtype), lambda upstream: _inside(x, upstream)

    return drawn(x)


class Drawn:
    """`stochastic_sign`, with draws that follow from the seed and the step alone.

    So a training that goes on from a checkpoint draws what it would have drawn. seed: two numbers,
    of the training and of the layer. steps: the optimiser's count of steps, set once there is one.
    """

    def __init__(self, seed: tuple[int, int]) -> None:
        self.key = np.random.SeedSequence(seed).generate_state(1)[0]
        self.steps: Any = 0

    def __call__(self, x: Any) -> Any:
        return stochastic_sign(x, self._uniform)

    def _uniform(self, shape: Any) -> Any:
        key = tf.stack([tf.constant(self.key, tf.int64), tf.cast(self.steps, tf.int64)])
        return tf.random.stateless_uniform(shape, key)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def weight_sign(x: Any) -> Any:
    """As `sign`, but all gradients pass: of latent weights, which are clipped to [-1, 1]
    (BinaryConnect, alg. 1)."""
    return _signs(x >= 0, x.dtype), lambda upstream: tf.convert_to_tensor(upstream)


def hard_sigmoid(x: Any) -> Any:
    """clip((x + 1) / 2, 0, 1) (BNN, eq. 3)."""
    return tf.clip_by_value((x + 1) / 2, 0, 1)


def _signs(plus: Any, dtype: Any) -> Any:
    return tf.where(plus, tf.ones((), dtype), -tf.ones((), dtype))


def _inside(x: Any, upstream: Any) -> Any:
    return tf.where(tf.abs(x) <= 1, upstream, tf.zeros_like(upstream))
