"""Larq's layers and quantizers (Geiger et al. 2020), DoReFa with one bit (Zhou et al. 2016)."""

from collections.abc import Set
from fractions import Fraction

import numpy as np

from crshare.arrays import BoolArray, Float64Array
from crshare.frontend.config import KerasLayer
from crshare.frontend.linear_layers import Dialect, Kernel, mean_magnitudes, plain, signed
from crshare.frontend.quantizers import (
    SIGNS,
    activation,
    fields,
    heaviside,
    snake_case,
    spelled,
    zero_one,
)
from crshare.thresholds.layer_ops import Affine, Binarize, Role, Step

TERNARY = frozenset({"ste_tern", "ternary", "stochastic_ternary"})
DOREFA = frozenset({"dorefa_quantizer", "do_re_fa", "do_re_fa_quantizer"})
BINARY_ONLY = "crshare reads +1/-1 weights only"
USE_STE_SIGN = "train this layer with kernel_quantizer 'ste_sign'"
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
        return plain(weights)
    if name in SIGNS:
        return signed(weights, weights >= 0, name)
    if name == "magnitude_aware_sign":
        return signed(weights, weights >= 0, name, mean_magnitudes(weights))
    if name in DOREFA and _one_bit(layer, key, "weights"):
        return signed(weights, _dorefa_plus(weights), "dorefa")
    kind = "ternary weights" if name in TERNARY else "weights that are not +1/-1"
    raise layer.refuse(f"has {kind} ({key} {found!r}); {BINARY_ONLY}; {USE_STE_SIGN}")


def input_quantizer(layer: KerasLayer) -> tuple[Step, ...]:
    """The step in front of a layer."""
    found = spelled(layer, "input_quantizer")
    name = snake_case(found or "no_op")
    if name in ("no_op", "no_op_quantizer"):
        return ()
    if name in SIGNS:
        return (Binarize(layer.name),)
    if name == "ste_heaviside":
        return heaviside(layer.name)
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


def _dorefa_plus(weights: Float64Array) -> BoolArray:
    """Where round(tanh(w) / (2 max|tanh|) + 1/2), in float32 and with halves to even, is 1."""
    limited = np.tanh(weights.astype(np.float32))
    most = np.abs(limited).max()
    share = limited / (2 * most) if most else limited
    plus: BoolArray = np.rint(share + np.float32(0.5)) == 1
    return plus


def after(layer: KerasLayer, sign_layers: Set[str]) -> tuple[Step, ...]:
    return activation(layer, sign_layers)


LARQ = Dialect(kernel, input_quantizer, after)
