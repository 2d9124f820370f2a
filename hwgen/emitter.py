"""Lines of text and their indentation."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Emitter:
    """Collects indented lines of text."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0

    def __call__(self, *lines: str) -> None:
        for line in lines or ("",):
            self._lines.append("  " * self._depth + line if line else "")

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
    """A sized literal, two's complement where negative: 5'd19."""
    return f"{width}'d{value & ((1 << width) - 1)}"
