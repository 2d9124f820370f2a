"""A Keras model's configuration as values: its layers in order and what each of them reads.

JSON only; nothing is looked up or run. Whatever a configuration holds, the answer is a value or one
sentence (ModelFormatError) that names the layer; the caller puts the file's name in front.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crshare.arrays import Float64Array
from crshare.errors import DAMAGED, ModelFormatError
from crshare.frontend.calls import Call
from crshare.strict_json import JsonError, parse_json

Weights = Mapping[str, Float64Array]

ONE_WAY = "crshare reads models of one input and one output, each layer applied once"
RESAVE = "save the whole model with model.save('NAME.h5')"
MAX_CONFIG = 2**24  # bytes of a configuration
TINY, MOST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
NESTED = ("Sequential", "Functional", "Model")


@dataclass(frozen=True, slots=True, eq=False)
class KerasLayer:
    """One layer of the file: class, name, configuration, and its weights by short name (kernel).

    name: behind those of the models that it lies in, as block/conv. call: what it is called with.
    output: which of its outputs it stands for.
    """

    class_name: str
    name: str
    config: Mapping[str, Any]
    weights: Weights
    call: Call = Call()
    output: int = 0

    @property
    def reads(self) -> tuple[str, ...]:
        """The layers that it reads, by name."""
        return tuple(operand.name for operand in self.call.operands)

    @property
    def policy(self) -> object:
        """The type that it computes in, by name."""
        found = self.config.get("dtype", "float32")
        inner = found.get("config") if isinstance(found, dict) else None
        return inner.get("name") if isinstance(inner, dict) else found

    def refuse(self, what: str) -> ModelFormatError:
        """The error that says `what` of this layer."""
        return ModelFormatError(f"layer {self.name} {what}")

    def _wrong(self, key: str, wanted: str) -> ModelFormatError:
        value = short(self.config.get(key))
        return self.refuse(f"has {key} {value}, where {wanted} should stand; {DAMAGED}")

    def flag(self, key: str, default: bool) -> bool:
        value = self.config.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.config.get(key, default)
        if not is_number(value):
            raise self._wrong(key, "a number")
        return float(value)

    def text(self, key: str, default: str) -> str:
        value = self.config.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def pair(self, key: str, default: object = None) -> tuple[int, int]:
        """Two positive integers, height first; one integer stands for both."""
        value = self.config.get(key, default)
        value = [value, value] if isinstance(value, int) else value
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise self._wrong(key, "two positive integers")
        if not all(is_count(part) for part in value):
            raise self._wrong(key, "two positive integers")
        return value[0], value[1]

    def single(self, key: str, default: object = None) -> int:
        """One positive integer, by itself or in a list."""
        value = self.config.get(key, default)
        value = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
        if not isinstance(value, int) or not is_count(value):
            raise self._wrong(key, "one positive integer")
        return value

    def positive(self, key: str, default: int) -> int:
        """A positive integer; `default` where the file has none."""
        return default if key not in self.config else self.count(key)

    def count(self, key: str) -> int:
        value = self.config.get(key)
        if not isinstance(value, int) or not is_count(value):
            raise self._wrong(key, "a positive integer")
        return value

    def weight(self, key: str, shape: tuple[int | None, ...]) -> Float64Array:
        """The weight `key`, finite in float32, of this shape (None stands for any extent).

        What is too small for a normal number of the type that the layer computes in is 0, as the
        libraries' kernels take it.
        """
        if key not in self.weights:
            raise self.refuse(
                f"has no weight {key!r} in the file; save the whole trained model with "
                "model.save('NAME.h5')"
            )
        array = self.weights[key]
        if array.ndim != len(shape) or any(
            b not in (None, a) for a, b in zip(array.shape, shape, strict=True)
        ):
            wanted = ", ".join("any" if extent is None else str(extent) for extent in shape)
            raise self.refuse(
                f"has a weight {key!r} of shape {list(array.shape)}, where its configuration asks "
                f"for [{wanted}]; {DAMAGED}"
            )
        if array.size == 0 or not (np.abs(array) <= MOST).all():
            found = "holds NaN, infinity or more than float32 can" if array.size else "is empty"
            raise self.refuse(f"has a weight {key!r} that {found}; train the model again")
        least = float(np.finfo(np.float64).tiny) if self.policy == "float64" else TINY
        normal = array.astype(np.float64)
        normal[np.abs(array) < least] = 0
        return normal

    def expect_weights(self, *known: str) -> None:
        """Refuse a weight that the configuration does not speak of."""
        unknown = sorted(set(self.weights) - set(known))
        if unknown:
            raise self.refuse(
                f"({self.class_name}) holds a weight {unknown[0]!r} that its configuration does "
                f"not ask for; {DAMAGED}"
            )


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """What a file of weights must know of a layer to find and name its own.

    inside: the layers of a model that stands as a layer.
    """

    class_name: str
    name: str
    config: Mapping[str, Any]
    inside: tuple["LayerEntry", ...] = ()

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, "LayerEntry"]]:
        """The layer, or all inside of it, each with its name behind those of the models."""
        if not self.inside:
            yield prefix + self.name, self
        for entry in self.inside:
            yield from entry.leaves(f"{prefix}{self.name}/")


def is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and (-1e300 < value < 1e300)
    )


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


def short(value: object) -> str:
    """A value of the file as it may stand in a sentence."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def parsed(what: str, text: str | bytes) -> Any:
    """The value of a JSON text of a model file, which is `what` of it."""
    try:
        return parse_json(text, infinite=True)
    except JsonError as error:
        raise ModelFormatError(f"its {what} is no JSON ({error}); {RESAVE}") from error


def parsed_model(what: str, text: str | bytes) -> Any:
    """The same of a model's configuration: as model.to_json() gives it, that text written as JSON
    once more, or what model.get_config() gives."""
    found = parsed(what, text)
    found = parsed(what, found) if isinstance(found, str) else found
    if isinstance(found, dict) and "class_name" not in found and "layers" in found:
        kind = "Functional" if "output_layers" in found else "Sequential"
        return {"class_name": kind, "config": found}
    return found


def agreed_class(entry: Mapping[str, Any], kind: str, what: str) -> str:
    """The class that an entry names in one or two ways, behind its package where that is named.

    A library would take the first or the second, so both must name the same class.
    """
    registered = entry.get("registered_name")
    if registered is not None and bare_name(registered) != bare_name(kind):
        raise ModelFormatError(
            f"{what} is of class {short(kind)} by class_name and of class {short(registered)} by "
            f"registered_name; {DAMAGED}"
        )
    return kind if ">" in kind or registered is None else str(registered)


def bare_name(registered: object) -> str:
    """The class without the package that it is registered under."""
    return str(registered).rsplit(">", 1)[-1]
