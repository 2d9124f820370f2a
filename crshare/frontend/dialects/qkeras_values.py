"""QKeras's quantizers of weights (Coelho et al. 2021): their names and fields, and what they give.

Values are computed in float32, as QKeras computes them. A quantizer stands in a file as an object,
or as a text such as "binary(alpha=1.0)", which is parsed, never run.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crshare.arrays import Float32Array, Float64Array
from crshare.errors import DAMAGED
from crshare.frontend.config import KerasLayer, agreed_class, short

EPSILON = np.float32(1e-7)
TERNARY_THRESHOLD = 0.33
LONGEST_TEXT = 500
FIELDS: dict[str, dict[str, Any]] = {  # in the order of positional arguments, with defaults
    "binary": {"use_01": False, "alpha": None, "use_stochastic_rounding": False},
    "ternary": {"alpha": None, "threshold": None, "use_stochastic_rounding": False},
    "quantized_bits": {
        "bits": 8,
        "integer": 0,
        "symmetric": 0,
        "keep_negative": True,
        "alpha": None,
        "use_stochastic_rounding": False,
    },
    "quantized_relu": {
        "bits": 8,
        "integer": 0,
        "use_sigmoid": 0,
        "negative_slope": 0.0,
        "use_stochastic_rounding": False,
        "relu_upper_bound": None,
        "is_quantized_clip": True,
    },
    "quantized_po2": {
        "bits": 8,
        "max_value": None,
        "use_stochastic_rounding": False,
        "quadratic_approximation": False,
        "log2_rounding": "rnd",
    },
    "quantized_relu_po2": {
        "bits": 8,
        "max_value": None,
        "negative_slope": 0,
        "use_stochastic_rounding": False,
        "quadratic_approximation": False,
        "log2_rounding": "rnd",
    },
}
MOST_BITS = 32


@dataclass(frozen=True, slots=True)
class Quantizer:
    """A quantizer by its name, with all of its fields."""

    name: str
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        shown = ("bits", "alpha", "use_01")
        parts = [f"{key}={self.fields[key]!r}" for key in shown if key in self.fields]
        return f"{self.name}({', '.join(parts)})"

    @property
    def alpha(self) -> float | str | None:
        """A number, "auto", "auto_po2", or None, which is 1."""
        value = self.fields.get("alpha")
        return value if isinstance(value, str) or value is None else float(value)


def quantizer(layer: KerasLayer, key: str, default: object = None) -> Quantizer | None:
    """What stands under `key`; None for nothing. A name that is not in FIELDS has no fields."""
    value = layer.config.get(key, default)
    if value is None:
        return None
    name, given = _named(layer, key, value)
    fields = FIELDS.get(name, {})
    found = Quantizer(name, {k: given.get(k, standard) for k, standard in fields.items()})
    _check(layer, key, found)
    return found


def _named(layer: KerasLayer, key: str, value: object) -> tuple[str, Mapping[str, Any]]:
    if isinstance(value, str):
        return _parsed(layer, key, value)
    name = value.get("class_name") if isinstance(value, dict) else None
    inner = value.get("config") if isinstance(value, dict) else None
    if name == "function" and isinstance(inner, str):
        name, inner = inner, {}
    if not isinstance(name, str) or not isinstance(value, dict):
        raise layer.refuse(f"has {key} {short(value)}, which is no quantizer; {DAMAGED}")
    if value.get("class_name") != "function":
        agreed_class(value, name, f"{key} of layer {layer.name}")
    return name.rsplit(">", 1)[-1], inner if isinstance(inner, dict) else {}


def _parsed(layer: KerasLayer, key: str, text: str) -> tuple[str, Mapping[str, Any]]:
    """A name, or a call of constants."""
    wrong = layer.refuse(f"has {key} {short(text)}, which is no quantizer; {DAMAGED}")
    if len(text) > LONGEST_TEXT:
        raise wrong
    try:
        tree = ast.parse(text, mode="eval").body
        match tree:
            case ast.Name(name):
                return name, {}
            case ast.Call(ast.Name(name), values, keywords):
                places = zip(FIELDS.get(name, {}), values, strict=False)
                given = {place: ast.literal_eval(part) for place, part in places}
                given |= {str(part.arg): ast.literal_eval(part.value) for part in keywords}
                return name, given
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise wrong from error
    raise wrong


def _check(layer: KerasLayer, key: str, found: Quantizer) -> None:
    """Refuse fields that no quantizer can have."""
    alpha, bits = found.fields.get("alpha"), found.fields.get("bits", 1)
    integer = found.fields.get("integer", 0)
    numbers = [found.fields.get(k) for k in ("threshold", "max_value", "negative_slope")]
    fits = (
        (alpha is None or alpha in ("auto", "auto_po2") or (_number(alpha) and 0 < alpha < 1e30))
        and isinstance(bits, int)
        and 0 < bits <= MOST_BITS
        and _number(integer)
        and abs(integer) <= MOST_BITS
        and all(value is None or (_number(value) and abs(value) < 1e30) for value in numbers)
    )
    if not fits:
        raise layer.refuse(f"has {key} {found}, with fields that it cannot have; {DAMAGED}")


def _number(value: object) -> bool:
    return isinstance(value, int | float)


def scale_of(found: Quantizer, weights: Float64Array, signs: Float64Array) -> Float64Array:
    """What `binary` multiplies the signs of each filter (the last axis) with."""
    if not isinstance(found.alpha, str):
        return np.full(weights.shape[-1], 1.0 if found.alpha is None else found.alpha)
    axes = tuple(range(weights.ndim - 1))
    scale = (weights * signs).mean(axis=axes) / ((signs**2).mean(axis=axes) + float(EPSILON))
    if found.alpha == "auto":
        return np.asarray(scale)
    logarithm = np.log(scale.astype(np.float32) + EPSILON) / np.float32(np.log(2.0))
    return np.asarray(2.0 ** np.rint(logarithm.astype(np.float64)))


def quantised(found: Quantizer, weights: Float64Array) -> Float64Array | None:
    """The values that a quantizer makes; None where crshare does not know them."""
    if isinstance(found.alpha, str):
        return None
    x = weights.astype(np.float32)
    alpha = 1.0 if found.alpha is None else found.alpha
    match found.name:
        case "binary":
            plus = np.where(x >= 0, 1.0, -1.0)
            return np.asarray(alpha * ((plus + 1) / 2 if found.fields["use_01"] else plus))
        case "ternary":
            threshold = found.fields["threshold"]
            least = np.float32(TERNARY_THRESHOLD if threshold is None else threshold)
            return np.where(np.abs(x) >= least, alpha * np.sign(x), 0.0)
        case "quantized_bits":
            return alpha * _fixed_point(found, x).astype(np.float64)
        case "quantized_po2":
            return np.where(x < 0, -1.0, 1.0) * _power_of_two(found, np.abs(x), signed=True)
        case "quantized_relu_po2" if found.fields["negative_slope"] == 0:
            return _power_of_two(found, np.maximum(x, 0), signed=False)
        case _:
            return None


def bounds_of(found: Quantizer) -> tuple[float, float, float]:
    """The layer op of a fixed-point quantizer, and its least and greatest value."""
    fields = found.fields
    if found.name == "quantized_relu":
        unit = 2.0 ** (fields["integer"] - fields["bits"])
        return unit, 0.0, unit * (2.0 ** fields["bits"] - 1)
    signed = bool(fields["keep_negative"])
    levels = 2.0 ** (fields["bits"] - signed)
    unit = 2.0 ** fields["integer"] / levels
    return (
        unit,
        unit * (-levels + bool(fields["symmetric"])) if signed else 0.0,
        unit * (levels - 1),
    )


def _fixed_point(found: Quantizer, x: Float32Array) -> Float32Array:
    unit, low, high = (np.float32(value) for value in bounds_of(found))
    if found.fields["bits"] == bool(found.fields["keep_negative"]):
        return np.where(x >= 0, np.float32(1), np.float32(-1))
    return np.asarray(np.clip(np.rint(x / unit) * unit, low, high), np.float32)


def _power_of_two(found: Quantizer, magnitude: Float32Array, *, signed: bool) -> Float64Array:
    fields = found.fields
    most, quadratic = fields["max_value"], bool(fields["quadratic_approximation"])
    bits = fields["bits"] - signed - (most is None or most > 1)
    low, high = -(2.0**bits), 2.0**bits - 1
    high = 2 * (high // 2) if quadratic else high
    clipped = np.maximum(magnitude, EPSILON)
    clipped = clipped if most is None else np.minimum(clipped, np.float32(most))
    root = np.sqrt(clipped) if quadratic else clipped
    logarithm = np.log(root) / np.float32(np.log(2.0))
    rounded = np.floor(logarithm) if fields["log2_rounding"] == "floor" else np.rint(logarithm)
    exponent = (2.0 if quadratic else 1.0) * np.clip(rounded.astype(np.float64), low, high)
    return np.asarray(2.0 ** np.where(magnitude < EPSILON, low, exponent))
