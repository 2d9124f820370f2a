"""JSON as dataclasses: what is written is read back, and nothing of another type gets in."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from crshare.strict_json import JsonError
from crshare.typed_json import Count, Number, Signs, read_json, write_json


@dataclass(frozen=True, slots=True)
class Inner:
    n: Count
    share: Number = 0.5
    signs: tuple[Signs, ...] = ()


@dataclass(frozen=True, slots=True)
class Outer:
    name: str
    counts: dict[str, Count]
    inner: tuple[Inner, ...]
    last: Inner | None

    def __post_init__(self) -> None:
        if len(self.inner) > 2:
            raise ValueError("more than two")


VALUE = Outer("a\ud800\n", {"x": 1, "\udc80": 2}, (Inner(3, -1e9, ("+-",)), Inner(0)), None)


def test_what_is_written_is_read_back() -> None:
    text = write_json(VALUE)
    assert text.isascii()
    assert read_json(text.encode(), Outer) == VALUE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": 1}, "Expected `str`, got `int` - at `$.name`"),
        ({"counts": {"x": True}}, "Expected `int`, got `bool` - at `$.counts[...]`"),
        ({"counts": {"x": 1.0}}, "Expected `int`, got `float` - at `$.counts[...]`"),
        ({"counts": {"x": "1"}}, "Expected `int`, got `str` - at `$.counts[...]`"),
        ({"counts": {"x": -1}}, "Expected `int` >= 0 - at `$.counts[...]`"),
        ({"inner": [{"n": 10**30}]}, "Expected `int` <= 1152921504606846976 - at `$.inner[0].n`"),
        ({"inner": [{"n": 1, "share": 1e300}]}, "Expected `float` <= 1000000000000000.0"),
        ({"inner": [{"n": 1, "signs": ["+x"]}]}, "Expected `str` matching regex '^[+-]+$'"),
        ({"inner": [{"share": 1}]}, "it lacks `n` - at `$.inner[0]`"),
        ({"inner": [{"n": 1}] * 3}, "more than two"),
        ({"inner": [{"n": 1, "m": 2}]}, "'m' is no field there - at `$.inner[0]`"),
        ({"other": {}}, "'other' is no field there - at `$`"),
        ({"last": "\ud800"}, "a lone surrogate stands where none may"),
        ({"\ud800": 1}, "a lone surrogate stands where none may"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], said: str) -> None:
    document = json.loads(write_json(VALUE)) | change
    with pytest.raises(JsonError) as error:
        read_json(json.dumps(document).encode(), Outer)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "1", '{"name": NaN}', '{"name": "", "name": ""}']
)
def test_what_is_no_object_of_json_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        read_json(text.encode(), Outer)


def test_a_part_of_a_file_may_be_asked_for() -> None:
    assert read_json(b'{"n": 1, "other": {}}', Inner, whole=False) == Inner(1)
