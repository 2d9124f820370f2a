"""Architectures and choices in words: the text that a choice is in Python."""

from collections.abc import Sequence

from crshare.hardware.architecture import Architecture, Graph, Resources, Turns, Unit
from crshare.hardware.choice import Choice

AROUND = "pools, streams, decision"
HEAD = "", "", "clocks", "LUTs", "registers", "block RAMs"


def told(architecture: Architecture) -> str:
    """In the words of tables."""
    match architecture:
        case Graph():
            return "graph"
        case Turns(turns):
            return f"{turns} turns"
        case Unit(pe, simd, memory, slices):
            return f"unit {pe} x {simd}, {memory}{', slices' if slices else ''}"


def rate_of(choice: Choice, clock_mhz: float) -> str:
    """Clocks of an image, of what, and images a second."""
    return (
        f"{choice.clocks:,} clocks an image, by {choice.slowest}: "
        f"{clock_mhz * 1e6 / choice.clocks:,.0f} images/s at {clock_mhz:g} MHz"
    )


def choice_text(choice: Choice, clock_mhz: float) -> str:
    """The rate, and a line for each layer."""
    rows = [
        (layer, told(priced.architecture), *_figures(priced.clocks, priced.resources))
        for layer, priced in choice.layers
    ]
    rows.append((AROUND, "", *_figures(choice.frame.clocks, choice.frame.resources)))
    rows.append(("all", "", *_figures(choice.clocks, choice.resources)))
    return f"{rate_of(choice, clock_mhz)}\n{columns([HEAD, *rows], n_words=2)}"


def _figures(clocks: int, taken: Resources) -> tuple[str, ...]:
    return tuple(f"{n:,}" for n in (clocks, taken.luts, taken.registers, taken.block_rams))


def columns(rows: Sequence[Sequence[str]], n_words: int) -> str:
    """Rows of equal length below each other: words to the left, then figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.ljust(width) if place < n_words else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
