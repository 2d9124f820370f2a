"""Convolutions and dense layers of every kind as layer ops; how their weights are made is given.

A layer is: what stands before it (a sign), its weights through their quantizer, its bias, and its
activation. One-dimensional maps are maps of height 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from crshare.arrays import Array, BoolArray, Float64Array, Int8Array
from crshare.frontend.config import KerasLayer
from crshare.frontend.declared import Meaning, meaning_by
from crshare.frontend.dialect import Context, Field, LayerOps
from crshare.frontend.quantizers import bounds, snake_case, spelled
from crshare.thresholds.layer_ops import (
    ONE,
    Affine,
    Binarize,
    Fractions,
    Linear,
    Role,
    Storage,
    fractions,
)

# The fields of such layers, as a library may get them.
WINDOW = {"strides": Field.SIZES, "padding": Field.PADDING, "data_format": Field.CHANNELS_LAST}
LINEAR = {"use_bias": Field.FLAG, "activation": Field.ACTIVATION}
SIZES = {"kernel_size": Field.SIZES, "dilation_rate": Field.SIZES, "groups": Field.SIZE}
CONVOLUTION = WINDOW | LINEAR | SIZES | {"filters": Field.SIZE}
DEPTHWISE = WINDOW | LINEAR | SIZES | {"depth_multiplier": Field.SIZE}
SEPARABLE = CONVOLUTION | DEPTHWISE
DENSE = LINEAR | {"units": Field.SIZE}


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """What a quantizer makes of stored weights, in their shape.

    signs: None where the weights are no +1/-1. magnitudes: what the signs are multiplied with, for
    each place of the last axis. values: what the library multiplies with; the signs themselves
    where that is what it is.
    """

    signs: Int8Array | None
    magnitudes: Fractions
    values: Array
    storage: Storage
    quantizer: str


FUNCTIONS: Mapping[Meaning | None, Callable[[str], LayerOps]] = {
    Meaning.SIGN: lambda owner: (Binarize(owner),),
    Meaning.IDENTITY: lambda owner: (),
    Meaning.CLIP: bounds(0, 1),
}


def activation(layer: KerasLayer, context: Context) -> LayerOps:
    """The layer ops that the field `activation` of a layer stands for."""
    found = spelled(layer, "activation")
    name = snake_case(found or "linear")
    meaning = None if name == "linear" else meaning_by(name, context.declared)
    if meaning in FUNCTIONS:
        return FUNCTIONS[meaning](layer.name)
    if name in context.activations:
        return context.activations[name].layer_ops(layer.name)
    raise layer.refuse(
        f"has activation {found!r}, which is not read yet; if it gives +1 for values >= 0 and else "
        f"-1, say so with --sign-layer {found}"
    )


@dataclass(frozen=True, slots=True)
class Quantization:
    """What makes the weights of a linear layer and its bias, and what stands before and after."""

    kernel: Callable[[KerasLayer, str, Float64Array], Kernel]
    before: Callable[[KerasLayer], LayerOps] = lambda _: ()
    after: Callable[[KerasLayer, Context], LayerOps] = activation
    bias: Callable[[KerasLayer, Float64Array], Float64Array] = lambda _, values: values


def signed(
    weights: Float64Array, plus: BoolArray, quantizer: str, magnitudes: Fractions = ONE
) -> Kernel:
    """+1 where `plus`, else -1, times one magnitude for each place of the last axis."""
    signs = np.where(plus, 1, -1).astype(np.int8)
    if set(magnitudes) == {Fraction(1)}:
        return Kernel(signs, ONE, signs, storage_of(weights), quantizer)
    values = signs * np.array([float(magnitude) for magnitude in magnitudes])
    return Kernel(signs, magnitudes, values, storage_of(weights), quantizer)


def unquantized(weights: Float64Array, quantizer: str = "none") -> Kernel:
    """Weights as they are; they may be +a/-a in each filter."""
    if storage_of(weights) is Storage.BINARY:
        magnitudes = fractions(np.abs(weights).reshape(-1, weights.shape[-1])[0])
        return signed(weights, weights >= 0, quantizer, magnitudes)
    return Kernel(None, ONE, weights, Storage.REAL, quantizer)


def storage_of(weights: Float64Array) -> Storage:
    """Whether each filter holds one magnitude."""
    magnitudes = np.abs(weights).reshape(-1, weights.shape[-1])
    even = bool((magnitudes == magnitudes[0]).all() and magnitudes.all())
    return Storage.BINARY if even else Storage.LATENT


def mean_magnitudes(weights: Float64Array) -> Fractions:
    """The exact mean of |w| over each filter (the last axis)."""
    flat = np.abs(weights).reshape(-1, weights.shape[-1])
    if found := _sums_of_single(flat):
        return tuple(total / len(flat) for total in found)
    mantissas, exponents = np.frexp(flat)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    sums = [0] * flat.shape[1]
    lowest = int(exponents.min())
    for exponent in np.unique(exponents).tolist():
        chosen = np.where(exponents == exponent, whole, 0)
        high = (chosen >> 26).sum(axis=0).tolist()
        low = (chosen & (2**26 - 1)).sum(axis=0).tolist()
        for channel, parts in enumerate(zip(high, low, strict=True)):
            sums[channel] += (parts[0] * 2**26 + parts[1]) << (exponent - lowest)
    unit = Fraction(2) ** (lowest - 53) / len(flat)
    return tuple(total * unit for total in sums)


def _sums_of_single(flat: Float64Array) -> Fractions | None:
    """The exact sums of columns of float32 values that lie within 2^38 of each other, as almost all
    weights do; None for others."""
    if not np.array_equal(flat.astype(np.float32), flat):
        return None
    lowest = np.frexp(flat[flat > 0].min(initial=1.0))[1] - 24
    if np.frexp(flat.max())[1] - lowest > 62:
        return None
    whole = np.ldexp(flat, -lowest).astype(np.int64)
    high = (whole >> 31).sum(axis=0).tolist()
    low = (whole & (2**31 - 1)).sum(axis=0).tolist()
    unit = Fraction(2) ** int(lowest)
    return tuple((h * 2**31 + n) * unit for h, n in zip(high, low, strict=True))


def mean_magnitude(weights: Float64Array) -> Fractions:
    """The exact mean of |w| over all filters."""
    found = mean_magnitudes(weights)
    return (sum(found, Fraction(0)) / len(found),) * len(found)


def convolution(layer: KerasLayer, context: Context, how: Quantization) -> LayerOps:
    """A convolution of one or two dimensions, in groups or not."""
    flat = context.rank == 3
    filters, groups = layer.count("filters"), layer.positive("groups", 1)
    weights = layer.weight("kernel", (*_size(layer, flat), None, filters))
    if filters % groups:
        raise layer.refuse(f"has {filters} filters for {groups} groups, which do not divide them")
    linear = _linear(layer, "kernel", how.kernel(layer, "kernel", weights), flat)
    return _layer(layer, how, context, [replace(linear, groups=groups)], filters)


def depthwise(layer: KerasLayer, context: Context, how: Quantization) -> LayerOps:
    """Each input channel with filters of its own."""
    flat = context.rank == 3
    linear = _depthwise(layer, flat, how)
    return _layer(layer, how, context, [linear], linear.weights.shape[3])


def separable(layer: KerasLayer, context: Context, how: Quantization) -> LayerOps:
    """A depthwise convolution, and a 1x1 convolution of its sums."""
    flat = context.rank == 3
    first = replace(_depthwise(layer, flat, how), owner=f"{layer.name}/depthwise")
    filters = layer.count("filters")
    ones = (1,) if flat else (1, 1)
    weights = layer.weight("pointwise_kernel", (*ones, first.weights.shape[3], filters))
    kernel = how.kernel(layer, "pointwise_kernel", weights)
    second = replace(
        _linear(layer, "pointwise_kernel", kernel, flat),
        strides=(1, 1),
        dilation=(1, 1),
        pad_value=None,
    )
    return _layer(layer, how, context, [first, second], filters)


def dense(layer: KerasLayer, context: Context, how: Quantization) -> LayerOps:
    units = layer.count("units")
    kernel = how.kernel(layer, "kernel", layer.weight("kernel", (None, units)))
    linear = _made(layer, "kernel", kernel, (1, 1, *kernel.values.shape))
    return _layer(layer, how, context, [linear], units)


def is_same(layer: KerasLayer) -> bool:
    padding = layer.text("padding", "valid").lower()
    if padding not in ("valid", "same"):
        raise layer.refuse(f"has padding {padding!r}; crshare reads 'valid' and 'same'")
    return padding == "same"


def expect_channels_last(layer: KerasLayer) -> None:
    if layer.text("data_format", "channels_last") != "channels_last":
        raise layer.refuse("keeps channels first; crshare reads data_format 'channels_last' only")


def pair(layer: KerasLayer, key: str, default: object, flat: bool) -> tuple[int, int]:
    """Two positive integers, or for a one-dimensional layer one, behind a 1 for the height."""
    return (1, layer.single(key, default)) if flat else layer.pair(key, default)


def _size(layer: KerasLayer, flat: bool) -> tuple[int, ...]:
    return pair(layer, "kernel_size", None, flat)[1:] if flat else layer.pair("kernel_size")


def _depthwise(layer: KerasLayer, flat: bool, how: Quantization) -> Linear:
    name = "depthwise_kernel" if "depthwise_kernel" in layer.weights else "kernel"
    multiplier = layer.positive("depth_multiplier", 1)
    weights = layer.weight(name, (*_size(layer, flat), None, multiplier))
    kernel = how.kernel(layer, "depthwise_kernel", weights)
    channels = weights.shape[-2]
    if len(kernel.magnitudes) > 1:
        kernel = replace(kernel, magnitudes=kernel.magnitudes * channels)
    shape = (*weights.shape[:-2], 1, channels * multiplier)
    signs = None if kernel.signs is None else kernel.signs.reshape(shape)
    kernel = replace(kernel, signs=signs, values=kernel.values.reshape(shape))
    return replace(_linear(layer, name, kernel, flat), groups=channels)


def _linear(layer: KerasLayer, name: str, kernel: Kernel, flat: bool) -> Linear:
    expect_channels_last(layer)
    shape = kernel.values.shape
    return replace(
        _made(layer, name, kernel, (1, *shape) if flat else shape),
        strides=pair(layer, "strides", 1, flat),
        dilation=pair(layer, "dilation_rate", 1, flat),
        pad_value=Fraction(layer.number("pad_values", 0)) if is_same(layer) else None,
    )


def _made(layer: KerasLayer, name: str, kernel: Kernel, shape: tuple[int, ...]) -> Linear:
    return Linear(
        owner=layer.name,
        weights=kernel.values.reshape(shape),
        signs=None if kernel.signs is None else kernel.signs.reshape(shape),
        magnitudes=kernel.magnitudes,
        strides=(1, 1),
        pad_value=None,
        quantizer=kernel.quantizer,
        storage=kernel.storage,
        stored=(layer.name, name),
    )


def _layer(
    layer: KerasLayer, how: Quantization, context: Context, linears: list[Linear], filters: int
) -> LayerOps:
    has_bias = layer.flag("use_bias", True)
    names = [linear.stored[1] for linear in linears]
    layer.expect_weights(*names, *(("bias",) if has_bias else ()))
    bias: LayerOps = ()
    if has_bias:
        stored = layer.weight("bias", (filters,))
        values = how.bias(layer, stored)
        role = Role.BIAS if values is stored else Role.FACTOR
        bias = (Affine(layer.name, role, offset=fractions(values)),)
    after = how.after(layer, context)
    return (*how.before(layer), *linears, *bias, *after)
