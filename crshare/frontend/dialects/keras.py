"""Keras's own layers, of Keras 2, tf_keras and Keras 3."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np

from crshare.arrays import Float64Array
from crshare.frontend.config import KerasLayer, is_number, short
from crshare.frontend.dialect import (
    DEPTHWISE_KERNEL,
    TWO_KERNELS,
    Activation,
    Context,
    Dialect,
    Field,
    LayerClass,
    LayerOps,
    Library,
)
from crshare.frontend.linear_layers import (
    CONVOLUTION,
    DENSE,
    DEPTHWISE,
    SEPARABLE,
    WINDOW,
    Quantization,
    activation,
    convolution,
    dense,
    depthwise,
    expect_channels_last,
    is_same,
    pair,
    separable,
    unquantized,
)
from crshare.frontend.quantizers import bounds, squash
from crshare.thresholds.layer_ops import (
    Affine,
    Average,
    Bounds,
    Flat,
    How,
    Joined,
    Pool,
    Role,
    Slope,
    Squash,
    fractions,
)
from crshare.thresholds.rationals import simplest

Weight = Callable[[str, tuple[int | None, ...]], Float64Array]

LEAKY_RELU = Fraction(0.2)  # of the function by its name, in Keras 2 and 3
ODD, LAST_ONLY = ("tanh", "softsign", "elu", "selu"), ("softmax", "log_softmax", "sigmoid")
UNQUANTIZED = Quantization(lambda _, __, weights: unquantized(weights))


def batch_norm(layer: KerasLayer, context: Context) -> LayerOps:
    return (normalisation(layer, context, layer.weight),)


def normalisation(layer: KerasLayer, context: Context, weight: Weight) -> Affine:
    """Batch normalisation with weights as `weight` reads them."""
    _refuse_other_axis(layer, context.rank)
    variance = weight("moving_variance", (None,))
    n = (len(variance),)
    mean = weight("moving_mean", n)
    known = ["moving_mean", "moving_variance"]
    gamma, beta = np.ones(n), np.zeros(n)
    if layer.flag("scale", True):
        gamma, known = weight("gamma", n), [*known, "gamma"]
    if layer.flag("center", True):
        beta, known = weight("beta", n), [*known, "beta"]
    layer.expect_weights(*known)
    epsilon = Fraction(layer.number("epsilon", 1e-3))
    radicand = tuple(value + epsilon for value in fractions(variance))
    if min(radicand) <= 0:
        raise layer.refuse("has a variance that is not positive; train the model again")
    scale, center, offset = fractions(gamma), fractions(mean), fractions(beta)
    return Affine(layer.name, Role.BATCH_NORM, scale, center, radicand, offset)


def _refuse_other_axis(layer: KerasLayer, rank: int) -> None:
    axis = layer.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if isinstance(axis, bool) or axis not in (-1, rank - 1):
        found = short(layer.config.get("axis"))
        raise layer.refuse(f"normalises axis {found}; crshare reads the last axis, the channels")


def max_pooling(layer: KerasLayer, context: Context) -> LayerOps:
    return (Pool(layer.name, *_window(layer, context), is_same(layer)),)


def average_pooling(layer: KerasLayer, context: Context) -> LayerOps:
    return (Average(layer.name, *_window(layer, context), is_same(layer)),)


def _window(layer: KerasLayer, context: Context) -> tuple[tuple[int, int], tuple[int, int]]:
    flat = layer.class_name.endswith("1D")
    if context.rank != (3 if flat else 4):
        raise layer.refuse("pools something else than [height, width, channels], which is not read")
    expect_channels_last(layer)
    size = pair(layer, "pool_size", 2, flat)
    return size, size if layer.config.get("strides") is None else pair(layer, "strides", None, flat)


def global_average(layer: KerasLayer, context: Context) -> LayerOps:
    expect_channels_last(layer)
    flat: LayerOps = () if layer.flag("keepdims", False) else (Flat(layer.name),)
    return (Average(layer.name, None, (1, 1), same=False), *flat)


def rescaling(layer: KerasLayer, context: Context) -> LayerOps:
    """v * scale + offset; the file's decimals stand for the simplest rationals they may mean."""
    given = (layer.config.get("scale"), layer.config.get("offset", 0.0))
    if not all(is_number(value) for value in given):
        raise layer.refuse(
            f"has scale {short(given[0])} and offset {short(given[1])}; crshare reads one number "
            "for each: rescale all channels alike"
        )
    scale, offset = (simplest(layer.number(key, 0.0)) for key in ("scale", "offset"))
    return (Affine(layer.name, Role.FACTOR, (scale,), offset=(offset,)),)


def flatten(layer: KerasLayer, context: Context) -> LayerOps:
    expect_channels_last(layer)
    return (Flat(layer.name),)


def relu(layer: KerasLayer, context: Context) -> LayerOps:
    if layer.number("threshold", 0) != 0:
        raise layer.refuse("is a ReLU with a threshold, which is not read; train it without")
    slope = layer.config.get("negative_slope")
    limit = layer.config.get("max_value")
    high = None if limit is None else Fraction(layer.number("max_value", 0))
    if slope in (None, 0):
        return (Bounds(layer.name, Fraction(0), high),)
    leaky = Slope(layer.name, (Fraction(layer.number("negative_slope", 0)),))
    return (leaky,) if high is None else (leaky, Bounds(layer.name, None, high))


def leaky_relu(layer: KerasLayer, context: Context) -> LayerOps:
    """Keras 2 writes alpha, Keras 3 negative_slope; both mean 0.3 where neither stands."""
    key = "alpha" if "alpha" in layer.config else "negative_slope"
    return (Slope(layer.name, (Fraction(layer.number(key, 0.3)),)),)


def prelu(layer: KerasLayer, context: Context) -> LayerOps:
    """A slope for each channel; one for each position must be the same for all of them."""
    layer.expect_weights("alpha")
    alpha = layer.weight("alpha", (None,) * (context.rank - 1))
    by_channel = alpha.reshape(-1, alpha.shape[-1])
    if (by_channel != by_channel[0]).any():
        raise layer.refuse(
            "has slopes that differ by position, which is not read; train it with shared_axes "
            "[1, 2]"
        )
    return (Slope(layer.name, fractions(by_channel[0])),)


def softmax(layer: KerasLayer, context: Context) -> LayerOps:
    return (Squash(layer.name, "softmax", odd=False),)


def add(layer: KerasLayer, context: Context) -> LayerOps:
    return (Joined(layer.name, How.ADD),)


def concatenate(layer: KerasLayer, context: Context) -> LayerOps:
    axis = layer.config.get("axis", -1)
    if isinstance(axis, bool) or axis not in (-1, context.rank - 1):
        raise layer.refuse(f"joins along axis {short(axis)}; crshare reads the last, the channels")
    return (Joined(layer.name, How.CONCATENATE),)


def nothing(layer: KerasLayer, context: Context) -> LayerOps:
    return ()


def leaky(owner: str) -> LayerOps:
    return (Slope(owner, (LEAKY_RELU,)),)


NORM = {
    "axis": Field.AXES,
    "momentum": Field.NUMBER,
    "epsilon": Field.NUMBER,
    "center": Field.FLAG,
    "scale": Field.FLAG,
}
MOMENTS = ("gamma", "beta", "moving_mean", "moving_variance")
MOMENT_FLAGS = {"gamma": "scale", "beta": "center"}
POOL = WINDOW | {"pool_size": Field.SIZES}
LAST = {"data_format": Field.CHANNELS_LAST}
RELU = dict.fromkeys(("max_value", "negative_slope", "threshold"), Field.NUMBER)

CONVOLUTIONS = LayerClass(partial(convolution, how=UNQUANTIZED), CONVOLUTION)
SEPARABLES = LayerClass(partial(separable, how=UNQUANTIZED), SEPARABLE, TWO_KERNELS)
MAXIMA, AVERAGES = LayerClass(max_pooling, POOL), LayerClass(average_pooling, POOL)
GLOBAL_AVERAGES = LayerClass(global_average, LAST | {"keepdims": Field.FLAG})
DROPOUT = LayerClass(nothing, {"rate": Field.NUMBER})

DIALECT = Dialect(
    name="Keras",
    library=Library(),
    packages=("keras", "tf_keras", "tensorflow", "builtins"),
    classes={
        "Activation": LayerClass(activation, {"activation": Field.ACTIVATION}),
        "ActivityRegularization": LayerClass(nothing, {"l1": Field.NUMBER, "l2": Field.NUMBER}),
        "Add": LayerClass(add),
        "AlphaDropout": DROPOUT,
        "AveragePooling1D": AVERAGES,
        "AveragePooling2D": AVERAGES,
        "BatchNormalization": LayerClass(batch_norm, NORM, MOMENTS, MOMENT_FLAGS),
        "Concatenate": LayerClass(concatenate, {"axis": Field.AXES}),
        "Conv1D": CONVOLUTIONS,
        "Conv2D": CONVOLUTIONS,
        "Dense": LayerClass(partial(dense, how=UNQUANTIZED), DENSE),
        "DepthwiseConv2D": LayerClass(
            partial(depthwise, how=UNQUANTIZED), DEPTHWISE, DEPTHWISE_KERNEL
        ),
        "Dropout": DROPOUT,
        "Flatten": LayerClass(flatten, LAST),
        "GaussianDropout": DROPOUT,
        "GaussianNoise": LayerClass(nothing, {"stddev": Field.NUMBER}),
        "GlobalAveragePooling1D": GLOBAL_AVERAGES,
        "GlobalAveragePooling2D": GLOBAL_AVERAGES,
        "Identity": LayerClass(nothing),
        "LeakyReLU": LayerClass(
            leaky_relu, {"alpha": Field.NUMBER, "negative_slope": Field.NUMBER}
        ),
        "MaxPooling1D": MAXIMA,
        "MaxPooling2D": MAXIMA,
        "PReLU": LayerClass(prelu, {"shared_axes": Field.AXES}, ("alpha",)),
        "ReLU": LayerClass(relu, RELU),
        "Rescaling": LayerClass(rescaling, {"scale": Field.NUMBER, "offset": Field.NUMBER}),
        "SeparableConv1D": SEPARABLES,
        "SeparableConv2D": SEPARABLES,
        "Softmax": LayerClass(softmax, {"axis": Field.AXES}),
        "SpatialDropout2D": LayerClass(nothing, LAST | {"rate": Field.NUMBER}),
    },
    activations={
        "linear": Activation(lambda _: (), "linear"),
        "relu": Activation(bounds(0, None), "relu"),
        "relu6": Activation(bounds(0, 6), "relu6"),
        "leaky_relu": Activation(leaky, "leaky_relu"),
        **{name: Activation(squash(name, odd=True), name) for name in ODD},
        **{name: Activation(squash(name), name) for name in LAST_ONLY},
    },
)
