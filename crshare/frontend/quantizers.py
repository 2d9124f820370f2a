"""The names of quantizers and activations in a Keras configuration, in all spellings.

A quantizer is written as null, as a text ("ste_sign"), as an object with a class name ("SteSign",
"Larq>SteSign"), or as a function object; all of them come down to one name in snake case.
"""

import re
from collections.abc import Mapping, Set
from fractions import Fraction
from typing import Any

from crshare.errors import DAMAGED
from crshare.frontend.config import KerasLayer, one_class, short
from crshare.thresholds.layer_ops import Affine, Binarize, Bounds, Role, Slope, Squash, Step

SIGNS = frozenset({"ste_sign", "approx_sign", "swish_sign"})
STRICT_SIGNS = frozenset({"binary_tanh"})  # sign(0) is -1, as in BinaryNet's code
ODD = frozenset({"tanh", "softsign", "elu", "selu", "leaky_tanh"})
LAST_ONLY = frozenset({"softmax", "log_softmax", "sigmoid"})
LEAKY_RELU = Fraction(0.2)  # of the function by its name, in Keras 2 and 3


def snake_case(name: str) -> str:
    """SteSign, Larq>SteSign and ste_sign are all ste_sign."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.rsplit(">", 1)[-1]).lower()


def spelled(layer: KerasLayer, key: str) -> str | None:
    """The name under `key` as the file has it, or None where nothing is set there."""
    value = layer.config.get(key)
    if isinstance(value, dict):
        name, inner = value.get("class_name"), value.get("config")
        if isinstance(name, str) and name != "function":
            one_class(value, name, f"{key} of layer {layer.name}")
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


def activation(layer: KerasLayer, sign_layers: Set[str]) -> tuple[Step, ...]:
    """The step that the field `activation` of a layer stands for."""
    found = spelled(layer, "activation")
    name = snake_case(found or "linear")
    if name == "linear":
        return ()
    if name in SIGNS or name in {snake_case(given) for given in sign_layers}:
        return (Binarize(layer.name),)
    if name in STRICT_SIGNS:
        return (Binarize(layer.name, zero_is_plus=False),)
    if name == "leaky_relu":
        return (Slope(layer.name, (LEAKY_RELU,)),)
    if name in ODD or name in LAST_ONLY:
        return (Squash(layer.name, name, odd=name in ODD),)
    if name in BOUNDS:
        return (Bounds(layer.name, *BOUNDS[name]),)
    if name == "ste_heaviside":
        return heaviside(layer.name)
    raise layer.refuse(
        f"has activation {found!r}, which is not read yet; if it gives +1 for values >= 0 and else "
        f"-1, say so with --sign-layer {found}"
    )


def heaviside(owner: str) -> tuple[Step, ...]:
    """1 where the value is > 0, else 0."""
    return (Binarize(owner, zero_is_plus=False), zero_one(owner))


def zero_one(owner: str) -> Affine:
    """+1/-1 to 1/0."""
    return Affine(owner, Role.FACTOR, (Fraction(1, 2),), offset=(Fraction(1, 2),))


BOUNDS = {
    "relu": (Fraction(0), None),
    "relu6": (Fraction(0), Fraction(6)),
    "hard_tanh": (Fraction(-1), Fraction(1)),
}
