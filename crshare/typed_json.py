"""JSON files as frozen dataclasses: written and read by their types, and nothing else gets in.

Reading is strict: a type, a range, a key that stands twice or that no field has, and what a value
itself refuses (in __post_init__, by a ValueError) end in a JsonError that says where.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from crshare.printable import printable
from crshare.strict_json import JsonError, parse_json

T = TypeVar("T")

Count = Annotated[int, Meta(ge=0, le=2**60)]
Positive = Annotated[int, Meta(ge=1, le=2**60)]
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Number = Annotated[float, Meta(ge=-1e15, le=1e15)]  # of any sign, and finite
Amount = Annotated[float, Meta(ge=0, le=1e15)]
Share = Annotated[float, Meta(ge=0, le=1)]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Signs = Annotated[str, Meta(pattern="^[+-]+$")]
Ternary = Annotated[str, Meta(pattern="^[+0-]+$")]


def write_json(value: Any) -> str:
    """A dataclass as an indented text of ASCII."""
    return json.dumps(msgspec.to_builtins(value), indent=1, allow_nan=False) + "\n"


def read_json(content: bytes, kind: type[T], *, whole: bool = True) -> T:
    """The value that the text holds; JsonError where it holds anything else.

    whole: other keys than those of the fields are refused.
    """
    document = parse_json(content)
    try:
        value = msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        said = str(error).replace("Object missing required field", "it lacks")
        raise JsonError(printable(said, 200)) from error
    except UnicodeEncodeError as error:  # of msgspec's, where it compares texts
        raise JsonError("a lone surrogate stands where none may") from error
    if whole:
        _refuse_others(document, msgspec.to_builtins(value), "$")
    return value


def _refuse_others(given: Any, taken: Any, where: str) -> None:
    """No key of what was given is missing from what was taken of it."""
    if isinstance(given, Mapping):
        if others := given.keys() - taken.keys():
            raise JsonError(f"{ascii(min(others))[:60]} is no field there - at `{where}`")
        for key, inner in given.items():
            _refuse_others(inner, taken[key], f"{where}.{key}")
    elif isinstance(given, Sequence) and not isinstance(given, str):
        for number, (inner, other) in enumerate(zip(given, taken, strict=True)):
            if isinstance(inner, Mapping | list):
                _refuse_others(inner, other, f"{where}[{number}]")
