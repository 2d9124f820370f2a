"""What the user says of layers whose code crshare does not run: what a name stands for."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from crshare.errors import ArgumentError
from crshare.frontend.config import KerasLayer
from crshare.frontend.quantizers import snake_case


class Meaning(Enum):
    """What a layer, its activation or one of its quantizers computes when the model is run.

    SIGNS_INPUT: a layer with a kernel that takes the signs of its input as well. SCALED_SIGN: the
    sign of a weight times the mean of abs(w) of its filter; LAYER_SCALED_SIGN: of its layer.
    """

    SIGN = "sign"
    IDENTITY = "identity"
    SIGNS_INPUT = "signs-input"
    SCALED_SIGN = "scaled-sign"
    LAYER_SCALED_SIGN = "layer-scaled-sign"
    CLIP = "clip-0-1"


Declared = Mapping[str, Meaning]
NOTHING: Declared = MappingProxyType({})
MEANINGS = tuple(meaning.value for meaning in Meaning)
QUANTIZERS: Mapping[Meaning, str | None] = {  # by their names among Larq's
    Meaning.SIGN: "ste_sign",
    Meaning.IDENTITY: None,
    Meaning.SCALED_SIGN: "magnitude_aware_sign",
    Meaning.LAYER_SCALED_SIGN: "layer_scaled_sign",
}


def declared(sign_layers: Collection[str], layers: Mapping[str, str | Meaning]) -> Declared:
    """Names with what they stand for; ArgumentError where that is nothing that crshare knows."""
    found = {name: Meaning.SIGN for name in sorted(sign_layers)}
    for name, value in layers.items():
        if value not in MEANINGS and not isinstance(value, Meaning):
            raise ArgumentError(f"layer {name}={value}: expected one of {', '.join(MEANINGS)}")
        found[name] = Meaning(value)
    return MappingProxyType(found)


def parsed_declarations(texts: Iterable[str]) -> dict[str, str]:
    """The values of --layer, NAME=MEANING each."""
    found = {}
    for text in texts:
        name, _, meaning = text.rpartition("=")
        if not name or meaning not in MEANINGS:
            raise ArgumentError(
                f"--layer {text[:60]}: expected NAME=MEANING, of which the meaning is one of "
                f"{', '.join(MEANINGS)}"
            )
        found[name] = meaning
    return found


def meaning_of(layer: KerasLayer, given: Declared) -> Meaning | None:
    """What was declared of a layer by its name or class."""
    own = layer.name.rsplit("/", 1)[-1]  # without the models that it lies in
    bare = layer.class_name.rsplit(">", 1)[-1]
    names = (layer.name, own, layer.class_name, bare)
    return next((given[name] for name in names if name in given), None)


def meaning_by(name: str, given: Declared) -> Meaning | None:
    """What was declared of a function, however its name is spelled."""
    return next((m for known, m in given.items() if snake_case(known) == snake_case(name)), None)


def function_at(layer: KerasLayer, key: str) -> str | None:
    """The name of the function or object under a key, as the file has it."""
    value = layer.config.get(key)
    if isinstance(value, dict):
        name, inner = value.get("class_name"), value.get("config")
        value = inner if name == "function" else name
    return value if isinstance(value, str) else None


def applies(layer: KerasLayer, name: str) -> bool:
    """Whether a layer's activation or one of its quantizers has this name."""
    keys = [key for key in layer.config if key == "activation" or str(key).endswith("_quantizer")]
    found = (function_at(layer, key) for key in keys)
    return any(value is not None and snake_case(value) == snake_case(name) for value in found)


def with_quantizers(layer: KerasLayer, given: Declared) -> KerasLayer:
    """The layer with the quantizers of Larq that the declared ones stand for."""
    changed: dict[str, Any] = {}
    for key in layer.config:
        if given and str(key).endswith("_quantizer"):
            found = meaning_by(function_at(layer, key) or "", given)
            if found is not None and found in QUANTIZERS:
                changed[key] = QUANTIZERS[found]
    return replace(layer, config={**layer.config, **changed}) if changed else layer
