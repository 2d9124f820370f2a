"""A binary convolution whose weight gradients are fast on a CPU in bfloat16."""

from typing import Any

import larq
import tensorflow as tf

SMALL = 8  # rows up to which matrix products made the weight gradient sooner than oneDNN


class Convolution(larq.layers.QuantConv2D):  # type: ignore[misc]
    """As larq.layers.QuantConv2D, for steps of 1 and zero padding, with gradients by `convolve`."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        return convolve(inputs, tf.convert_to_tensor(kernel))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def convolve(x: Any, kernel: Any) -> Any:
    """x [n, h, w, i] and kernel [r, s, i, o] to [n, h, w, o], with zero padding ("same").

    On maps of few rows the gradient of the kernel is a matrix product for each of its positions:
    oneDNN's own, of TensorFlow 2.21 in bfloat16, takes up to five times as long there
    (`scripts/bench_training.py`).
    """
    steps = {"strides": [1, 1, 1, 1], "padding": "SAME"}

    def gradients(upstream: Any) -> tuple[Any, Any]:
        given = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(x), filter=kernel, out_backprop=upstream, **steps
        )
        if x.shape[1] <= SMALL:
            return given, kernel_gradient(x, upstream, kernel.shape)
        return given, tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=kernel.shape, out_backprop=upstream, **steps
        )

    return tf.nn.conv2d(x, kernel, 1, "SAME"), gradients


def kernel_gradient(x: Any, upstream: Any, shape: tuple[int, int, int, int]) -> Any:
    """[r, s, i, o]: at (r, s) the inner products of x, moved so, with the gradient that arrives."""
    rows, columns, channels, filters = shape
    height, width = x.shape[1:3]
    border = [[0, 0], *([(size - 1) // 2, size // 2] for size in (rows, columns)), [0, 0]]
    padded, arriving = tf.pad(x, border), tf.reshape(upstream, [-1, filters])

    def moved(r: int, s: int) -> Any:
        return tf.reshape(padded[:, r : r + height, s : s + width], [-1, channels])

    found = [
        tf.matmul(moved(r, s), arriving, transpose_a=True)
        for r in range(rows)
        for s in range(columns)
    ]
    return tf.reshape(tf.stack(found), shape)
