"""Text of files as people are shown it: nothing in it moves a cursor, hides or forges a line.

What is not plainly visible stands as its escape: controls, line breaks, overrides of the writing
direction, zero-width, private and unassigned characters, lone surrogates.
"""

import re

NAME = 60  # characters of a name in a table
LINE = 4000  # characters of a sentence

# Letters and marks by their class in Unicode, but drawn as nothing or as a space.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


def printable(text: str, width: int = LINE) -> str:
    """The text in one line of at most `width` characters; what is too long loses its middle."""
    return _shortened(visible(_shortened(text, width)), width)


def visible(text: str) -> str:
    """The text in one line, whatever its length."""
    return text if _is_plain(text) else "".join(map(_shown, text))


def _is_plain(text: str) -> bool:
    return text.isprintable() and _BLANK.search(text) is None


def _shown(character: str) -> str:
    if _is_plain(character):
        return character
    return character.encode("unicode_escape").decode("ascii")


def _shortened(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - head - 1) :]}"
