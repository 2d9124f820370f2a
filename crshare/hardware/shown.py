"""Architectures and choices in words, and as the table that a choice is in Python."""

from crshare.frame import Cell, Frame
from crshare.hardware.architecture import Architecture, Graph, Resources, Turns, Unit
from crshare.hardware.choice import Choice

AROUND = "pools, streams, decision"


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


def choice_frame(choice: Choice, clock_mhz: float) -> Frame:
    """The rate, and a row for each layer, for what stands around them, and for all."""
    records = [
        _record(layer, told(priced.architecture), priced.clocks, priced.resources)
        for layer, priced in choice.layers
    ]
    records.append(_record(AROUND, "", choice.frame.clocks, choice.frame.resources))
    records.append(_record("all", "", choice.clocks, choice.resources))
    return Frame.of(rate_of(choice, clock_mhz), records)


def _record(layer: str, architecture: str, clocks: int, taken: Resources) -> dict[str, Cell]:
    return {
        "layer": layer,
        "architecture": architecture,
        "clocks": clocks,
        "luts": taken.luts,
        "registers": taken.registers,
        "block_rams": taken.block_rams,
    }
