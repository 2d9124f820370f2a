"""Larq's layers and quantizers (Geiger et al. 2020), DoReFa with one bit (Zhou et al. 2016)."""

from collections.abc import Mapping
from fractions import Fraction
from functools import partial

import numpy as np

from crshare.arrays import BoolArray, Float64Array
from crshare.frontend.config import KerasLayer
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
    LibraryClass,
)
from crshare.frontend.linear_layers import (
    CONVOLUTION,
    DENSE,
    DEPTHWISE,
    SEPARABLE,
    Kernel,
    Quantization,
    convolution,
    dense,
    depthwise,
    mean_magnitude,
    mean_magnitudes,
    separable,
    signed,
    unquantized,
)
from crshare.frontend.quantizers import (
    bounds,
    fields,
    sign,
    snake_case,
    spelled,
    squash,
    zero_one,
)
from crshare.thresholds.layer_ops import Affine, Binarize, Levels, Role

SIGNS = ("ste_sign", "approx_sign", "swish_sign")
TERNARY = frozenset({"ste_tern", "ternary", "stochastic_ternary"})
DOREFA = frozenset({"dorefa_quantizer", "do_re_fa", "do_re_fa_quantizer"})
MOST_BITS = 4  # of activations, which are as many thresholds as steps
BINARY_ONLY = "crshare reads +1/-1 weights only"
USE_STE_SIGN = "train this layer with kernel_quantizer 'ste_sign'"
OWN_QUANTIZER = (
    ", or say what it computes: --layer {0}=sign, {0}=scaled-sign (times the mean of abs(w) of "
    "each filter) or {0}=layer-scaled-sign"
)
KEYS = {
    "kernel": "kernel_quantizer",
    "depthwise_kernel": "depthwise_quantizer",
    "pointwise_kernel": "pointwise_quantizer",
}


def kernel(layer: KerasLayer, weight: str, weights: Float64Array) -> Kernel:
    """The weights through the layer's own quantizer."""
    key = KEYS[weight]
    found = spelled(layer, key)
    name = snake_case(found or "no_op")
    if name in ("no_op", "no_op_quantizer"):
        return unquantized(weights)
    if name in SIGNS:
        return signed(weights, weights >= 0, name)
    if name == "magnitude_aware_sign":
        return signed(weights, weights >= 0, name, mean_magnitudes(weights))
    if name == "layer_scaled_sign":  # as the user declares one
        return signed(weights, weights >= 0, name, mean_magnitude(weights))
    if name in DOREFA and _one_bit(layer, key, "weights"):
        return signed(weights, _dorefa_plus(weights), "dorefa")
    kind = "ternary weights" if name in TERNARY else "weights that are not +1/-1"
    told = "" if name in TERNARY | DOREFA else OWN_QUANTIZER.format(found)
    raise layer.refuse(f"has {kind} ({key} {found!r}); {BINARY_ONLY}; {USE_STE_SIGN}{told}")


def input_quantizer(layer: KerasLayer) -> LayerOps:
    """The layer op in front of a layer."""
    found = spelled(layer, "input_quantizer")
    name = snake_case(found or "no_op")
    if name in ("no_op", "no_op_quantizer"):
        return ()
    if name in SIGNS:
        return (Binarize(layer.name),)
    if name == "ste_heaviside":
        return heaviside(layer.name)
    if name in DOREFA and (n := _levels(layer)) > 1:
        return (Levels(layer.name, n),)
    if name in DOREFA and _one_bit(layer, "input_quantizer", "activations"):
        half = Affine(layer.name, Role.FACTOR, offset=(Fraction(-1, 2),))
        return (half, Binarize(layer.name, zero_is_plus=False), zero_one(layer.name))
    raise layer.refuse(
        f"has input_quantizer {found!r}; crshare reads inputs of +1/-1 only: train this layer with "
        "input_quantizer 'ste_sign'"
    )


def _one_bit(layer: KerasLayer, key: str, mode: str) -> bool:
    given = fields(layer, key)
    return bool(given.get("k_bit", 2) == 1 and given.get("mode", "activations") == mode)


def _levels(layer: KerasLayer) -> int:
    """The steps of DoReFa's activations of a few bits; 0 of others."""
    given = fields(layer, "input_quantizer")
    n_bits = given.get("k_bit", 2)
    few = isinstance(n_bits, int) and not isinstance(n_bits, bool) and 2 <= n_bits <= MOST_BITS
    return 2**n_bits - 1 if few and given.get("mode", "activations") == "activations" else 0


def _dorefa_plus(weights: Float64Array) -> BoolArray:
    """Where round(tanh(w) / (2 max|tanh|) + 1/2), in float32 and with halves to even, is 1."""
    limited = np.tanh(weights.astype(np.float32))
    most = np.abs(limited).max()
    share = limited / (2 * most) if most else limited
    plus: BoolArray = np.rint(share + np.float32(0.5)) == 1
    return plus


def heaviside(owner: str) -> LayerOps:
    """1 where the value is > 0, else 0."""
    return (Binarize(owner, zero_is_plus=False), zero_one(owner))


def sign_layer(layer: KerasLayer, context: Context) -> LayerOps:
    """A quantizer that stands in the model as a layer."""
    return sign(layer.name)


HOW = Quantization(kernel, input_quantizer)


def _of_parts(known: Mapping[str, Field], *parts: str) -> dict[str, Field]:
    """The fields of a layer that quantizes its input and the weights of these parts."""
    keys = (f"{part}_quantizer" for part in ("input", *parts))
    pads = {"pad_values": Field.NUMBER} if "kernel_size" in known else {}
    return {**known, **dict.fromkeys(keys, Field.QUANTIZER), **pads}


def _sign_layer(*keys: str) -> LayerClass:
    return LayerClass(sign_layer, dict.fromkeys(keys, Field.SCALAR), home="larq.quantizers")


CONVOLUTIONS = LayerClass(partial(convolution, how=HOW), _of_parts(CONVOLUTION, "kernel"))
SEPARABLES = LayerClass(
    partial(separable, how=HOW), _of_parts(SEPARABLE, "depthwise", "pointwise"), TWO_KERNELS
)
STE_SIGN = LibraryClass("larq.quantizers.SteSign", ("clip_value",))
APPROX_SIGN = LibraryClass("larq.quantizers.ApproxSign")
SWISH_SIGN = LibraryClass("larq.quantizers.SwishSign", ("beta",))
STE_HEAVISIDE = LibraryClass("larq.quantizers.SteHeaviside", ("clip_value",))
NO_OP = LibraryClass("larq.quantizers.NoOp", ("precision",))
DOREFA_CLASS = LibraryClass(
    "larq.quantizers.DoReFa", ("k_bit", "mode"), words=("weights", "activations")
)

DIALECT = Dialect(
    name="Larq",
    library=Library("larq.layers", package="larq", keras="tf_keras"),
    packages=("larq",),
    registered_as="Larq",
    classes={
        "QuantConv1D": CONVOLUTIONS,
        "QuantConv2D": CONVOLUTIONS,
        "QuantDepthwiseConv2D": LayerClass(
            partial(depthwise, how=HOW), _of_parts(DEPTHWISE, "depthwise"), DEPTHWISE_KERNEL
        ),
        "QuantSeparableConv1D": SEPARABLES,
        "QuantSeparableConv2D": SEPARABLES,
        "QuantDense": LayerClass(partial(dense, how=HOW), _of_parts(DENSE, "kernel")),
        "SteSign": _sign_layer("clip_value"),
        "ApproxSign": _sign_layer(),
        "SwishSign": _sign_layer("beta"),
    },
    activations={
        "ste_sign": Activation(sign, STE_SIGN),
        "approx_sign": Activation(sign, APPROX_SIGN),
        "swish_sign": Activation(sign, SWISH_SIGN),
        "ste_heaviside": Activation(heaviside, STE_HEAVISIDE),
        "hard_tanh": Activation(bounds(-1, 1), "larq.activations.hard_tanh"),
        "leaky_tanh": Activation(squash("leaky_tanh", odd=True), "larq.activations.leaky_tanh"),
    },
    quantizers={
        "ste_sign": STE_SIGN,
        "approx_sign": APPROX_SIGN,
        "swish_sign": SWISH_SIGN,
        "magnitude_aware_sign": LibraryClass("larq.quantizers.MagnitudeAwareSign", ("clip_value",)),
        "ste_heaviside": STE_HEAVISIDE,
        "no_op": NO_OP,
        "no_op_quantizer": NO_OP,
        **dict.fromkeys(sorted(DOREFA), DOREFA_CLASS),
    },
)
