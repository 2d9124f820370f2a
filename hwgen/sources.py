"""Verilog on its way to a foreign program: names are plain words, and text only describes.

A tool's script is made of these names alone. Text from outside is looked at before a tool reads it:
what crshare never writes (system tasks, macros, strings, escaped names) is refused, and with it
`$system`, `$fopen`, `include`, DPI and whatever else reaches out of a description of hardware.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hwgen.errors import ToolError
from hwgen.identifiers import is_identifier

FILE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}\.v")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
BLOCK = '(* ram_style = "block", rom_style = "block" *)'  # the one attribute that we write
FOREIGN = re.compile(r"\$(?!signed\b)\w*|`\w*|[\"\\]|[^\t\n -~]")


@dataclass(frozen=True, slots=True)
class Sources:
    """A module, and the files that it is made of by their names."""

    top: str
    files: Mapping[str, str]

    def __post_init__(self) -> None:
        if not is_identifier(self.top):
            raise ToolError(f"{self.top[:40]!a} is no name of a module")
        for name in self.files:
            if not FILE.fullmatch(name):
                raise ToolError(f"{name[:40]!a} is no name of a Verilog file")


def foreign_word(text: str) -> str | None:
    """The first word of a Verilog text that is more than a description, if there is one."""
    found = CONTROL.search(text) or FOREIGN.search(COMMENT.sub(" ", text).replace(BLOCK, " "))
    return None if found is None else found[0]
