"""QKeras's layers: binary weights and activations, and fixed-point ones outside the binary part."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np

from crshare.arrays import Float64Array
from crshare.frontend.config import KerasLayer
from crshare.frontend.dialect import (
    DEPTHWISE_KERNEL,
    Context,
    Dialect,
    Field,
    LayerClass,
    LayerOps,
    Library,
    LibraryClass,
)
from crshare.frontend.dialects.keras import MOMENT_FLAGS, MOMENTS, NORM, normalisation
from crshare.frontend.dialects.qkeras_values import (
    FIELDS,
    Quantizer,
    bounds_of,
    quantised,
    quantizer,
    scale_of,
)
from crshare.frontend.linear_layers import (
    CONVOLUTION,
    DENSE,
    DEPTHWISE,
    Kernel,
    Quantization,
    activation,
    convolution,
    dense,
    depthwise,
    signed,
    unquantized,
)
from crshare.frontend.quantizers import Named, zero_one
from crshare.thresholds.layer_ops import (
    ONE,
    Affine,
    Binarize,
    LayerOp,
    Role,
    Round,
    Storage,
    fractions,
)

KEYS = {"kernel": "kernel_quantizer", "depthwise_kernel": "depthwise_quantizer"}
NORM_QUANTIZERS = {
    "gamma": ("gamma_quantizer", "quantized_relu_po2(6, 2048)"),
    "beta": ("beta_quantizer", "quantized_po2(5)"),
    "moving_mean": ("mean_quantizer", "quantized_po2(5)"),
    "moving_variance": (
        "variance_quantizer",
        "quantized_relu_po2(6, quadratic_approximation=True)",
    ),
}
READ = (
    "crshare reads binary, and with a number as alpha ternary, quantized_bits, quantized_po2 and "
    "quantized_relu_po2"
)


def kernel(layer: KerasLayer, weight: str, weights: Float64Array) -> Kernel:
    """The weights through the layer's own quantizer."""
    key = KEYS[weight]
    found = quantizer(layer, key)
    if found is None:
        return unquantized(weights)
    if _is_binary(found):
        signs = np.where(weights >= 0, 1.0, -1.0)
        magnitudes = fractions(scale_of(found, weights, signs))
        if not all(magnitudes):
            raise layer.refuse(f"has a filter of zeros, which {found} scales by 0; train it again")
        return signed(weights, signs > 0, str(found), magnitudes)
    return Kernel(None, ONE, _values(layer, key, found, weights), Storage.REAL, str(found))


def _is_binary(found: Quantizer) -> bool:
    if found.name == "quantized_bits":
        return found.fields["bits"] == 1 and bool(found.fields["keep_negative"])
    return found.name == "binary" and not found.fields["use_01"]


def _values(layer: KerasLayer, key: str, found: Quantizer, weights: Float64Array) -> Float64Array:
    values = quantised(found, weights)
    if values is None:
        raise layer.refuse(f"has {key} {found}, whose weights are not +1/-1; {READ}")
    return values


def bias(layer: KerasLayer, stored: Float64Array) -> Float64Array:
    found = quantizer(layer, "bias_quantizer")
    return stored if found is None else _values(layer, "bias_quantizer", found, stored)


def after(layer: KerasLayer, context: Context) -> LayerOps:
    """The layer op that the field `activation` stands for: a quantizer, or a function of Keras."""
    found = quantizer(layer, "activation")
    if found is None or not found.fields:
        return activation(layer, context)
    if found.name == "binary" and not isinstance(found.alpha, str):
        return _binary(layer, found)
    if found.name in ("quantized_bits", "quantized_relu") and _is_fixed_point(found):
        unit, low, high = (Fraction(bound) for bound in bounds_of(found))
        return (Round(layer.name, unit, low, high),)
    raise layer.refuse(
        f"has activation {found}, which is not read; crshare reads binary, quantized_bits and "
        "quantized_relu, with alpha 1"
    )


def _binary(layer: KerasLayer, found: Quantizer) -> LayerOps:
    layer_ops: list[LayerOp] = [Binarize(layer.name)]
    if found.fields["use_01"]:
        layer_ops.append(zero_one(layer.name))
    if found.alpha not in (None, 1.0):
        layer_ops.append(Affine(layer.name, Role.FACTOR, (Fraction(float(found.alpha or 1)),)))
    return tuple(layer_ops)


def _is_fixed_point(found: Quantizer) -> bool:
    fields = found.fields
    return (
        found.alpha in (None, 1.0)
        and not fields.get("use_sigmoid")
        and not fields.get("negative_slope")
        and fields.get("relu_upper_bound") is None
        and fields["bits"] > bool(fields.get("keep_negative"))
    )


def batch_norm(layer: KerasLayer, context: Context) -> LayerOps:
    """With the weights through their quantizers; such ones cannot be set to any value."""

    def weight(name: str, shape: tuple[int | None, ...]) -> Float64Array:
        key, default = NORM_QUANTIZERS[name]
        found = quantizer(layer, key, None if key in layer.config else default)
        stored = layer.weight(name, shape)
        return stored if found is None else _values(layer, key, found, stored)

    layer_op = normalisation(layer, context, weight)
    keys = [key for key, _ in NORM_QUANTIZERS.values()]
    free = all(layer.config.get(key, "") is None for key in keys)
    return (layer_op if free else replace(layer_op, role=Role.FACTOR),)


def quantizer_at(layer: KerasLayer, key: str) -> Named | None:
    found = quantizer(layer, key)
    return None if found is None else Named(found.name, found.fields)


def _fields(known: Mapping[str, Field], *keys: str) -> dict[str, Field]:
    return {**known, **dict.fromkeys(keys, Field.QUANTIZER)}


HOW = Quantization(kernel, after=after, bias=bias)
CONVOLUTIONS = LayerClass(
    partial(convolution, how=HOW),
    _fields(CONVOLUTION, "kernel_quantizer", "bias_quantizer", "activation"),
)
WORDS = ("auto", "auto_po2", "rnd", "floor")

DIALECT = Dialect(
    name="QKeras",
    library=Library("qkeras", package="qkeras", keras="tf_keras"),
    packages=("qkeras",),
    registered_as="qkeras",
    classes={
        "QConv1D": CONVOLUTIONS,
        "QConv2D": CONVOLUTIONS,
        "QDepthwiseConv2D": LayerClass(
            partial(depthwise, how=HOW),
            _fields(DEPTHWISE, "depthwise_quantizer", "bias_quantizer", "activation"),
            DEPTHWISE_KERNEL,
        ),
        "QDense": LayerClass(
            partial(dense, how=HOW),
            _fields(DENSE, "kernel_quantizer", "bias_quantizer", "activation"),
        ),
        "QActivation": LayerClass(after, _fields({}, "activation")),
        "QBatchNormalization": LayerClass(
            batch_norm,
            _fields(NORM, *(key for key, _ in NORM_QUANTIZERS.values()), "inverse_quantizer"),
            MOMENTS,
            MOMENT_FLAGS,
        ),
    },
    quantizers={
        name: LibraryClass(f"qkeras.{name}", tuple(keys), WORDS) for name, keys in FIELDS.items()
    },
    quantizer_at=quantizer_at,
)
