"""JSON from outside: more is refused than Python's own reader does, each time in one line."""

import pytest

from crshare.strict_json import JsonError, parse_json


def test_plain_values_are_those_of_the_json_module() -> None:
    assert parse_json('{"a": [1, -2.5, "x", null, true]}') == {"a": [1, -2.5, "x", None, True]}
    assert parse_json('"é"'.encode()) == "é"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands twice in one object"),
        ("[NaN]", "it holds NaN, which is no number of JSON"),
        ("-Infinity", "it holds -Infinity, which is no number of JSON"),
        ("1e999", "the number 1e999 is beyond what float64 holds"),
        ("[" * 200_000, "it is nested too deep"),
        (b'"\xff"', "byte 1 is not UTF-8"),
        ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("", "Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_what_is_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(JsonError) as error:
        parse_json(text)
    assert str(error.value) == reason


def test_a_number_of_too_many_digits_is_one_line() -> None:
    with pytest.raises(JsonError, match=r"^[^\n]+$"):
        parse_json("9" * 5000)


def test_what_keras_writes_may_be_infinite() -> None:
    assert parse_json("[-Infinity, 1]", infinite=True) == [float("-inf"), 1]
