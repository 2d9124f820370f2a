"""What the quantizers and activations of a Keras or Larq configuration mean, in all spellings.

A quantizer is written as null, as a text ("ste_sign"), as an object with a class name ("SteSign",
"Larq>SteSign"), or as a function object; all of them come down to one name in snake case.
"""

import re
from collections.abc import Set
from enum import Enum
from fractions import Fraction

import numpy as np

from crshare.keras_config import DAMAGED, Array, KerasLayer, short
from crshare.steps import Binarize, Bounds, Fractions, Squash, Step

SIGNS = frozenset({"ste_sign", "approx_sign", "swish_sign"})
TERNARY = frozenset({"ste_tern", "ternary", "stochastic_ternary"})
ODD = frozenset({"tanh", "softsign", "elu", "selu", "leaky_relu", "leaky_tanh"})
LAST_ONLY = frozenset({"softmax", "log_softmax", "sigmoid"})
BINARY_ONLY = "crshare reads +1/-1 weights only"
USE_STE_SIGN = "train this layer with kernel_quantizer 'ste_sign'"


class KernelQuantizer(Enum):
    """How a layer makes its weights from the stored ones."""

    NONE = "none"
    SIGN = "sign"
    MAGNITUDE_AWARE_SIGN = "magnitude_aware_sign"


def snake_case(name: str) -> str:
    """SteSign, Larq>SteSign and ste_sign are all ste_sign."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.rsplit(">", 1)[-1]).lower()


def spelled(layer: KerasLayer, key: str) -> str | None:
    """The name under `key` as the file has it, or None where nothing is set there."""
    value = layer.config.get(key)
    if isinstance(value, dict):
        name, inner = value.get("class_name"), value.get("config")
        value = inner if name == "function" else name
        value = value if value is not None else 0
    if value is None:
        return None
    if not isinstance(value, str):
        found = short(layer.config.get(key))
        raise layer.refuse(f"has {key} {found}, which is no name of a function; {DAMAGED}")
    return value


def kernel_quantizer(layer: KerasLayer) -> KernelQuantizer:
    found = spelled(layer, "kernel_quantizer")
    name = snake_case(found or "no_op")
    if name in ("no_op", "no_op_quantizer"):
        return KernelQuantizer.NONE
    if name in SIGNS:
        return KernelQuantizer.SIGN
    if name == "magnitude_aware_sign":
        return KernelQuantizer.MAGNITUDE_AWARE_SIGN
    kind = "ternary weights" if name in TERNARY else "weights that are not +1/-1"
    raise layer.refuse(f"has {kind} (kernel_quantizer {found!r}); {BINARY_ONLY}; {USE_STE_SIGN}")


def input_quantizer(layer: KerasLayer) -> tuple[Step, ...]:
    """The step in front of a layer."""
    name = spelled(layer, "input_quantizer")
    if name is None:
        return ()
    if snake_case(name) in SIGNS:
        return (Binarize(layer.name),)
    raise layer.refuse(
        f"has input_quantizer {name!r}; crshare reads inputs of +1/-1 only: train this layer with "
        "input_quantizer 'ste_sign'"
    )


def activation(layer: KerasLayer, sign_layers: Set[str]) -> tuple[Step, ...]:
    """The step that the field `activation` of a layer stands for."""
    found = spelled(layer, "activation")
    name = snake_case(found or "linear")
    if name == "linear":
        return ()
    if name in SIGNS or name in {snake_case(given) for given in sign_layers}:
        return (Binarize(layer.name),)
    if name in ODD or name in LAST_ONLY:
        return (Squash(layer.name, name, odd=name in ODD),)
    if name in BOUNDS:
        return (Bounds(layer.name, *BOUNDS[name]),)
    raise layer.refuse(
        f"has activation {found!r}, which is not read yet; if it gives +1 for values >= 0 and else "
        f"-1, say so with --sign-layer {found}"
    )


BOUNDS = {
    "relu": (Fraction(0), None),
    "relu6": (Fraction(0), Fraction(6)),
    "hard_tanh": (Fraction(-1), Fraction(1)),
}


def mean_magnitudes(weights: Array) -> Fractions:
    """The exact mean of |w| over each filter (the last axis)."""
    flat = np.abs(weights).reshape(-1, weights.shape[-1])
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
