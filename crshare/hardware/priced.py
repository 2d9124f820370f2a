"""An architecture of a layer with what it takes: a line of a menu."""

from dataclasses import dataclass

from crshare.hardware.architecture import Architecture, Resources


@dataclass(frozen=True, slots=True)
class Priced:
    """An architecture of a layer: clocks from one image to the next, and what it takes.

    exact: built and counted, not estimated from a shape.
    """

    architecture: Architecture
    clocks: int
    resources: Resources
    exact: bool = False
