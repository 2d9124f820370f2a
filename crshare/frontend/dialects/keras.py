"""Keras's own layers, of Keras 2, tf_keras and Keras 3."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np

from crshare.arrays import Float64Array
from crshare.frontend.config import KerasLayer, is_count, is_number, short
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
from crshare.frontend.dialects.arithmetic import add, concatenate, multiply, operation, reshape
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
    Padded,
    Pool,
    Role,
    Slope,
    Squash,
    WholePool,
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


def joined(layer: KerasLayer, context: Context) -> LayerOps:
    return concatenate(layer, layer.config.get("axis", -1), context)


def zero_padding(layer: KerasLayer, context: Context) -> LayerOps:
    """Lines of zeros: [[top, bottom], [left, right]], or for a row [left, right]."""
    flat = layer.class_name.endswith("1D")
    expect_channels_last(layer)
    value = layer.config.get("padding", 1)
    sides = [value, value] if isinstance(value, int) else value
    sides = [[0, 0], sides] if flat else sides
    pairs = [[n, n] if isinstance(n, int) else n for n in sides] if _is_pair(sides) else []
    numbers = [n for part in pairs if _is_pair(part) for n in part]
    if len(numbers) != 4 or not all(is_count(n + 1) for n in numbers if isinstance(n, int)):
        raise layer.refuse(f"pads by {short(value)}, where numbers of lines should stand")
    if context.rank != (3 if flat else 4):
        raise layer.refuse("pads something else than [height, width, channels], which is not read")
    top, bottom, left, right = numbers
    return (Padded(layer.name, (top, left), (bottom, right)),)


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2


def global_max(layer: KerasLayer, context: Context) -> LayerOps:
    expect_channels_last(layer)
    flat: LayerOps = () if layer.flag("keepdims", False) else (Flat(layer.name),)
    return (WholePool(layer.name), *flat)


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
GLOBAL_MAXIMA = LayerClass(global_max, LAST | {"keepdims": Field.FLAG})
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
        "Clip": LayerClass(operation),
        "Concatenate": LayerClass(joined, {"axis": Field.AXES}),
        "Conv1D": CONVOLUTIONS,
        "Conv2D": CONVOLUTIONS,
        "Dense": LayerClass(partial(dense, how=UNQUANTIZED), DENSE),
        "DepthwiseConv2D": LayerClass(
            partial(depthwise, how=UNQUANTIZED), DEPTHWISE, DEPTHWISE_KERNEL
        ),
        "Divide": LayerClass(operation),
        "Dropout": DROPOUT,
        "Flatten": LayerClass(flatten, LAST),
        "GaussianDropout": DROPOUT,
        "GaussianNoise": LayerClass(nothing, {"stddev": Field.NUMBER}),
        "GetItem": LayerClass(operation),
        "GlobalAveragePooling1D": GLOBAL_AVERAGES,
        "GlobalAveragePooling2D": GLOBAL_AVERAGES,
        "GlobalMaxPooling1D": GLOBAL_MAXIMA,
        "GlobalMaxPooling2D": GLOBAL_MAXIMA,
        "Identity": LayerClass(nothing),
        "LeakyReLU": LayerClass(
            leaky_relu, {"alpha": Field.NUMBER, "negative_slope": Field.NUMBER}
        ),
        "MaxPooling1D": MAXIMA,
        "MaxPooling2D": MAXIMA,
        "Multiply": LayerClass(multiply),
        "Negative": LayerClass(operation),
        "Pad": LayerClass(operation),
        "PReLU": LayerClass(prelu, {"shared_axes": Field.AXES}, ("alpha",)),
        "ReLU": LayerClass(relu, RELU),
        "Relu": LayerClass(operation),
        "Relu6": LayerClass(operation),
        "Rescaling": LayerClass(rescaling, {"scale": Field.NUMBER, "offset": Field.NUMBER}),
        "Reshape": LayerClass(reshape, {"target_shape": Field.SHAPE}),
        "SeparableConv1D": SEPARABLES,
        "SeparableConv2D": SEPARABLES,
        "Sigmoid": LayerClass(operation),
        "Softmax": LayerClass(softmax, {"axis": Field.AXES}),
        "SpatialDropout1D": LayerClass(nothing, {"rate": Field.NUMBER}),
        "SpatialDropout2D": LayerClass(nothing, LAST | {"rate": Field.NUMBER}),
        "SlicingOpLambda": LayerClass(operation),
        "Split": LayerClass(operation),
        "Subtract": LayerClass(operation),
        "TFOpLambda": LayerClass(operation),
        "Tanh": LayerClass(operation),
        "TensorFlowOpLayer": LayerClass(operation),
        "TrueDivide": LayerClass(operation),
        "ZeroPadding1D": LayerClass(zero_padding, {"padding": Field.LINES}),
        "ZeroPadding2D": LayerClass(zero_padding, LAST | {"padding": Field.LINES}),
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
