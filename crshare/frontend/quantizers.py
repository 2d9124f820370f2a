"""The names of quantizers and activations in a Keras configuration, and layer ops that many share.

A quantizer is written as null, as a text ("ste_sign"), as an object with a class name ("SteSign",
"Larq>SteSign"), or as a function object; all of them come down to one name in snake case.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crshare.errors import DAMAGED
from crshare.frontend.config import KerasLayer, agreed_class, short
from crshare.thresholds.layer_ops import Affine, Binarize, Bounds, LayerOp, Role, Squash


@dataclass(frozen=True, slots=True)
class Named:
    """A quantizer as a layer names it, with the fields that stand there."""

    name: str
    fields: Mapping[str, Any]


def snake_case(name: str) -> str:
    """SteSign, Larq>SteSign and ste_sign are all ste_sign."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.rsplit(">", 1)[-1]).lower()


def spelled(layer: KerasLayer, key: str) -> str | None:
    """The name under `key` as the file has it, or None where nothing is set there."""
    value = layer.config.get(key)
    if isinstance(value, dict):
        name, inner = value.get("class_name"), value.get("config")
        if isinstance(name, str) and name != "function":
            agreed_class(value, name, f"{key} of layer {layer.name}")
        value = inner if name == "function" else name
        value = value if value is not None else 0
    if value is None:
        return None
    if not isinstance(value, str):
        found = short(layer.config.get(key))
        raise layer.refuse(f"has {key} {found}, which is no name of a function; {DAMAGED}")
    return value


def fields(layer: KerasLayer, key: str) -> Mapping[str, Any]:
    """The configuration of the object under `key`; empty where it is a text or nothing."""
    value = layer.config.get(key)
    inner = value.get("config") if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def named_quantizer(layer: KerasLayer, key: str) -> Named | None:
    """The object, function or name under `key`, by its name in snake case."""
    found = spelled(layer, key)
    return None if found is None else Named(snake_case(found), fields(layer, key))


def sign(owner: str) -> tuple[LayerOp, ...]:
    return (Binarize(owner),)


def bounds(low: int | None, high: int | None) -> Callable[[str], tuple[LayerOp, ...]]:
    least, most = (None if bound is None else Fraction(bound) for bound in (low, high))
    return lambda owner: (Bounds(owner, least, most),)


def squash(function: str, *, odd: bool = False) -> Callable[[str], tuple[LayerOp, ...]]:
    return lambda owner: (Squash(owner, function, odd=odd),)


def zero_one(owner: str) -> Affine:
    """+1/-1 to 1/0."""
    return Affine(owner, Role.FACTOR, (Fraction(1, 2),), offset=(Fraction(1, 2),))
