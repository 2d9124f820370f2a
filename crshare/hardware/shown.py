"""Architectures and choices in words, and as the table that a choice is in Python."""

from dataclasses import asdict

from crshare.frame import Frame
from crshare.hardware.architecture import Architecture, Channels, Graph, Resources, Turns, Unit
from crshare.hardware.choice import Choice

AROUND = "pools, streams, decision"


def told(architecture: Architecture) -> str:
    """In the words of tables."""
    match architecture:
        case Graph():
            return "graph"
        case Turns(turns):
            return f"{turns} turns"
        case Channels(1):
            return "all channels"
        case Channels(turns):
            return f"channels in {turns} turns"
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
        {"layer": layer, "architecture": architecture, "clocks": clocks, **asdict(taken)}
        for layer, architecture, clocks, taken in choice_rows(choice)
    ]
    return Frame.of(rate_of(choice, clock_mhz), records)


def choice_rows(choice: Choice) -> list[tuple[str, str, int, Resources]]:
    """Of each layer, of what stands around them, and of all: the architecture in words, clocks an
    image, and what it takes."""
    layers = [
        (layer, told(priced.architecture), priced.clocks, priced.resources)
        for layer, priced in choice.layers
    ]
    around = (AROUND, "", choice.around.clocks, choice.around.resources)
    return [*layers, around, ("all", "", choice.clocks, choice.resources)]
