"""Verilog text as tokens, and the few kinds of expression that exported LUT networks have."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from crshare.errors import ModelFormatError

SKIPPED = r"\s+|//[^\n]*|/\*.*?\*/|`timescale[^\n]*"
TOKEN = re.compile(
    rf"(?P<skip>{SKIPPED})|(?P<number>[0-9]*'[bdh][0-9a-fA-FxzXZ_]+|[0-9]+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign><=|>=|==|&&|[^\w\s`$\\])"
    r"|(?P<text>\"[^\"\n]*\")",
    re.DOTALL,
)
TEXT = re.compile(r"\"[^\"\n]*\"")
MAX_WIDTH = 64
BASES = {"b": 2, "d": 10, "h": 16}


@dataclass(frozen=True, slots=True)
class Name:
    """A net by itself."""

    name: str


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit of a net: its number, or the name of the net that says which."""

    name: str
    index: int | str


@dataclass(frozen=True, slots=True)
class Joined:
    """A concatenation, the most significant part first."""

    parts: tuple["Name | Bit", ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A number; None where it has unknown bits. width: where it is written."""

    value: int | None
    width: int | None = None


Expression = Name | Bit | Joined | Constant


class Tokens:
    """The tokens of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self._found = list(_tokens(text))
        self._place = 0

    @property
    def next(self) -> str:
        """The token to come; empty at the end."""
        return self._found[self._place] if self._place < len(self._found) else ""

    def take(self, *wanted: str) -> str:
        """The next token, which must be one of those wanted, where any are named."""
        token = self.next
        if not token or (wanted and token not in wanted):
            raise ModelFormatError(
                f"has {ascii(token)[:40]} where Verilog of a LUT network has "
                f"{' or '.join(wanted) or 'more'}"
            )
        self._place += 1
        return token

    def name(self) -> str:
        token = self.take()
        if not (token[0].isalpha() or token[0] == "_"):
            raise ModelFormatError(f"has {ascii(token)[:40]} where a name is read")
        return token

    def maybe(self, token: str) -> bool:
        """Whether this token comes, which is then taken."""
        if self.next != token:
            return False
        self._place += 1
        return True

    def enclosed(self, opening: str, closing: str) -> list[str]:
        """What stands between a pair of brackets, other pairs of them included."""
        self.take(opening)
        depth, found = 1, list[str]()
        while depth:
            token = self.take()
            depth += (token == opening) - (token == closing)
            found.append(token)
        return found[:-1]

    def until(self, *ends: str) -> list[str]:
        """What stands before the next of these tokens, outside of brackets."""
        found, depth = list[str](), 0
        while depth or self.next not in ends:
            token = self.take()
            depth += (token in "([{") - (token in ")]}")
            if depth < 0:
                raise ModelFormatError(f"has {token!r} without its opening")
            found.append(token)
        return found


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        found = TOKEN.match(text, place)
        if text[place] == '"':
            found = TEXT.match(text, place)
        if found is None:
            line = text.count("\n", 0, place) + 1
            raise ModelFormatError(
                f"has {ascii(text[place])} in line {line}, which Verilog of a LUT network has not"
            )
        place = found.end()
        if found.lastgroup != "skip":
            yield found.group()


def expression(tokens: list[str]) -> Expression | None:
    """The expression of these tokens; None where it is of another kind."""
    match tokens:
        case [str(word)] if word[0].isdigit() or word[0] == "'":
            return constant(word)
        case [str(word)] if word[0].isalpha() or word[0] == "_":
            return Name(word)
        case [str(word), "[", str(index), "]"]:
            return Bit(word, int(index) if index.isdecimal() else index)
        case ["{", *inner, "}"]:
            return _joined(inner)
        case _:
            return None


def _joined(tokens: list[str]) -> Joined | None:
    parts, part = [], list[str]()
    for token in (*tokens, ","):
        if token != ",":
            part.append(token)
            continue
        match expression(part):
            case (Name() | Bit()) as found:
                parts.append(found)
            case _:
                return None
        part = []
    return Joined(tuple(parts))


def constant(word: str) -> Constant | None:
    """A number such as 12 or 64'b0110."""
    width, mark, digits = word.partition("'")
    if not mark:
        return Constant(int(word)) if len(word) < MAX_WIDTH else None
    base, digits = BASES[digits[0]], digits[1:].replace("_", "")
    n_bits = int(width) if width and len(width) < 4 else None
    if len(digits) > MAX_WIDTH:
        return None
    try:
        return Constant(int(digits, base), n_bits)
    except ValueError:
        return Constant(None, n_bits)
