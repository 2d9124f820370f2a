"""JSON from outside, read strictly: the one way in for JSON that crshare did not just make.

A key that stands twice, NaN, Infinity, a number beyond float64, nesting too deep and text that is
not UTF-8 are refused; Python's own reader takes the first three without a word.
"""

import json
from math import isfinite
from typing import Any


class JsonError(ValueError):
    """A text is no JSON that crshare takes; the message is one line without a full stop."""


def parse_json(text: str | bytes, *, infinite: bool = False) -> Any:
    """The value of a JSON text (bytes: UTF-8); JsonError where it is none.

    infinite: take NaN and Infinity, which Keras writes into configurations.
    """
    constants = float if infinite else _refuse
    try:
        plain = text.decode("utf-8") if isinstance(text, bytes) else text
        return json.loads(
            plain, object_pairs_hook=_without_twins, parse_constant=constants, parse_float=_finite
        )
    except JsonError:
        raise
    except UnicodeDecodeError as error:
        raise JsonError(f"byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise JsonError("it is nested too deep") from error
    except ValueError as error:
        raise JsonError(str(error).splitlines()[0]) from error


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise JsonError(f"the key {ascii(twin)[:60]} stands twice in one object")
    return found


def _refuse(constant: str) -> float:
    raise JsonError(f"it holds {constant}, which is no number of JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise JsonError(f"the number {digits[:30]} is beyond what float64 holds")
    return value
