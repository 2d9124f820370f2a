"""Lines of text and their indentation; the one way of names and numbers into Verilog."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hwgen.errors import NetlistError

LONGEST_COMMENT = 4000  # characters; Icarus Verilog reads no comment of 16 kB
UNPRINTED = re.compile(r"[^ -~]|[\\`]")
# Words that make a comment a command to some tool where it begins with them.
COMMANDS = re.compile(
    r"\s*(altera|ambit|cadence|coverage|exemplar|leda|lint|pragma|quartus|rtl_synthesis|spyglass|"
    r"synopsys|synthesis|translate_o|vcs|verilator|verilint|vivado|xilinx)",
    re.IGNORECASE,
)


class Emitter:
    """Collects indented lines of text."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0

    def __call__(self, *lines: str) -> None:
        for line in lines or ("",):
            self._lines.append("  " * self._depth + line if line else "")

    def comment(self, text: str) -> None:
        """One line that no tool takes for more than a comment, whatever the text holds."""
        shown = UNPRINTED.sub(lambda found: f"<{ord(found[0]):x}>", text)
        if len(shown) > LONGEST_COMMENT:
            shown = f"{shown[: LONGEST_COMMENT - 3]}..."
        self(f"// {'- ' if COMMANDS.match(shown) else ''}{shown}")

    @contextmanager
    def block(self, opening: str, closing: str) -> Iterator[None]:
        self(opening)
        self._depth += 1
        yield
        self._depth -= 1
        self(closing)

    @contextmanager
    def module(self, name: str, ports: Iterable[str]) -> Iterator[None]:
        """A module whose ports are given as declarations."""
        self(f"module {name} (")
        self._depth += 1
        declared = list(ports)
        for place, port in enumerate(declared):
            self(port + ("," if place < len(declared) - 1 else ""))
        self._depth -= 1
        with self.block(");", "endmodule"):
            yield

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"


def bus(width: int) -> str:
    """The range of a vector: [7:0]."""
    return f"[{width - 1}:0]"


def constant(value: int, width: int) -> str:
    """A sized literal, two's complement where negative: 5'd19. NetlistError where it is cut."""
    if not -(1 << width - 1) <= value < 1 << width:
        raise NetlistError(f"{value} does not fit in {width} bits; this is a fault of crshare")
    return residue(value, width)


def residue(value: int, width: int) -> str:
    """A sized literal modulo 2**width: a term of a sum that fits, although the term may not."""
    return f"{width}'d{value & ((1 << width) - 1)}"
