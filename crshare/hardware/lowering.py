"""A network, with or without a plan, to a streaming design: the bridge to solver and hwgen."""

from dataclasses import dataclass, replace

from crshare.hardware.options import Options
from crshare.hardware.parts import beats, frames_sent, part_of
from crshare.hardware.queues import queued
from crshare.hardware.settling import LoweredLayer
from crshare.hardware.stages import Report, Stages
from crshare.network.graph import Network
from crshare.plan.plan import SharingPlan, planned_network
from hwgen import Design
from hwgen.targets import GENERIC

__all__ = ["DESIGNS", "Lowered", "LoweredLayer", "Options", "Report", "lower"]

UNSHARED, EXACT, PLANNED = "unshared", "exact", "plan"
DESIGNS = (UNSHARED, EXACT, PLANNED)
"""What a design shares: nothing between filters, what changes no output, or what a plan says."""


@dataclass(frozen=True, eq=False)
class Lowered:
    """A design, and its datapaths; `network` computes the same, `start` and `end` are its ends.

    shares: one of DESIGNS. fraction: answers that are reals are integers times 2**-fraction."""

    design: Design
    layers: tuple[LoweredLayer, ...]
    network: Network
    start: str
    end: str
    target: str = GENERIC
    shares: str = EXACT
    fraction: int = 0

    @property
    def frames_sent(self) -> int:
        """How often an image enters."""
        return frames_sent(self.network, self.start)


def lower(
    network: Network,
    plan: SharingPlan | None,
    options: Options,
    on_progress: Report = lambda what, share: None,
    *,
    name: str = "network",
    only: tuple[str, str] | None = None,
) -> Lowered:
    """The design of a whole network, or of the layers with weights from only[0] to only[1].

    HardwareError names a layer that has no hardware, or is too large to unroll.
    """
    part = part_of(planned_network(network, plan) if plan else network, only)
    planned = part.network
    made = Stages(network, part, plan, options, on_progress)
    for place, layer in enumerate(part.layers):
        made.add(layer, place / len(part.layers))
    frames = frames_sent(planned, part.start)
    given = replace(planned.signals[part.start], frames=frames)
    if part.end == planned.layers[-1].name:
        made.finish(beats(given))
    beats_out = beats(planned.signals[part.end])
    stages, sources = tuple(made.stages), tuple(made.sources)
    design = queued(Design(name, stages, beats(given), beats_out, sources))
    unshared = UNSHARED if options.method == "separate" else EXACT
    shares = PLANNED if plan else unshared
    lowered = tuple(replace(one, clocks=one.clocks * frames) for one in made.lowered)
    ends = part.start, part.end
    fraction = made.grids[part.end].fraction if part.end in made.grids else 0
    return Lowered(design, lowered, planned, *ends, options.target, shares, fraction)
