"""NeuroBlend's Blend module (A. Fayyazi et al. 2024): two paths whose sums are added."""

from typing import Any

import larq
import tensorflow as tf
import tf_keras as keras

N_FRACTION = 4  # fractional bits of the skip path's weights


def blend(
    x: Any,
    filters: int,
    name: str,
    *,
    strides: int = 1,
    trained: bool = True,
    momentum: float = 0.99,
) -> Any:
    """A Blend module on x [n, h, w, c]: a binary 3x3 convolution of signs in the main path, a 1x1
    convolution in fixed point in the skip path, batch normalisation on both, and their sum.

    The layers are NAME_main, NAME_main_norm, NAME_skip, NAME_skip_norm and NAME. trained: with a
    skip path that learns; else one of plain Keras, which holds the rounded weights. momentum: of
    the moving averages of batch normalisation.
    """
    main = larq.layers.QuantConv2D(
        filters, 3, strides=strides, padding="same", pad_values=1.0, use_bias=False,
        input_quantizer="ste_sign", kernel_quantizer="ste_sign", kernel_constraint="weight_clip",
        name=f"{name}_main",
    )(x)  # fmt: skip
    kind = FixedPointConv2D if trained else keras.layers.Conv2D
    skip = kind(filters, 1, strides=strides, use_bias=False, name=f"{name}_skip")(x)
    norms = [
        keras.layers.BatchNormalization(momentum=momentum, name=f"{name}_{path}_norm")
        for path in ("main", "skip")
    ]
    return keras.layers.Add(name=name)([norms[0](main), norms[1](skip)])


@tf.custom_gradient  # type: ignore[untyped-decorator]
def fixed_point(x: Any) -> Any:
    """Rounded to multiples of 2^-N_FRACTION, halves to even; the gradient passes as it is."""
    steps = tf.constant(2.0**N_FRACTION, x.dtype)
    return tf.round(x * steps) / steps, lambda upstream: upstream


class FixedPointConv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """A convolution whose kernel is real in training and rounded where it is applied."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        return super().convolution_op(inputs, fixed_point(kernel))

    def plain_weights(self) -> list[Any]:
        """Those of a keras.layers.Conv2D that computes the same."""
        kernel, *others = self.get_weights()
        return [fixed_point(tf.constant(kernel)).numpy(), *others]
