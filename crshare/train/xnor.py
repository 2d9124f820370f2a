"""XNOR-Net's scaling of binary weights (M. Rastegari et al., "XNOR-Net", 2016)."""

from typing import Any

import tensorflow as tf


@tf.custom_gradient  # type: ignore[untyped-decorator]
def scaled_sign(kernel: Any) -> Any:
    """alpha sign(W) with alpha the mean of |W| of each filter (the last axis): eq. 6.

    The gradient is that of section 3.1: dC/dW = dC/dW~ (1/n + alpha 1_{|W| <= 1}), n the weights
    of a filter.
    """
    axes = list(range(len(kernel.shape) - 1))
    alpha = tf.reduce_mean(tf.abs(kernel), axis=axes, keepdims=True)
    n = tf.cast(tf.size(kernel) / tf.shape(kernel)[-1], kernel.dtype)

    def gradient(upstream: Any) -> Any:
        return upstream * (1 / n + tf.where(tf.abs(kernel) <= 1, alpha, tf.zeros_like(alpha)))

    return tf.where(kernel >= 0, alpha, -alpha), gradient


def input_scale(inputs: Any, size: tuple[int, int], padding: str) -> Any:
    """K of eq. 11: the mean of |x| over channels and over each window, [n, rows, columns, 1].

    A binary convolution of sign(x) times this K approximates the one of x. crshare reads no such
    layer, since a sum times K is compared with no constant; recipes use `scaled_sign` alone.
    """
    magnitude = tf.reduce_mean(tf.abs(inputs), axis=-1, keepdims=True)
    window = tf.ones((*size, 1, 1), inputs.dtype) / (size[0] * size[1])
    return tf.nn.conv2d(magnitude, window, strides=1, padding=padding.upper())
