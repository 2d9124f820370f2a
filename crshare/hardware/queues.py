"""Queues where streams meet: as long as it takes that no path of a network waits for another.

Two bounds hold, and a queue is as long as the greater. Of beats: before beat k of a join, the input
beats that its slowest path needs have passed the forks, and the queue of each other path keeps all
that comes of them; so nothing is ever stuck, however streams are held back. Of clocks: where images
come evenly, at the rate of the slowest stage, the queue keeps what comes until its join takes it;
so no stage waits, and since earlier beats make nothing later, none does at any lower rate.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from crshare.hardware.timing import QUEUED, clocks_of, latest, needed, passed
from hwgen import Design, Entry, MatrixVector, Pointwise, Queue, Stage
from hwgen.design import GIVEN, in_widths

IMAGES = 3  # one after the other, of which the queues are filled by the last
SPARE = 2  # beats: a fork gives one before the other, and clocks of even images are rounded


@dataclass(frozen=True)
class _Stream:
    """given: clocks of its beats. needs: for each beat, how many beats of the input it needs."""

    given: list[int]
    needs: list[int]


@dataclass
class _Queued:
    """The stages so far; `places` are the new places of those of the design."""

    name: str
    stages: list[Stage] = field(default_factory=list)
    sources: list[tuple[int, ...]] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=lambda: {GIVEN: GIVEN})
    streams: dict[int, _Stream] = field(default_factory=dict)

    def put(self, stage: Stage, sources: tuple[int, ...]) -> int:
        """Its place."""
        given = [self.streams[source] for source in sources]
        needs = latest([stream.needs for stream in given])
        through = [needs[n - 1] for n in needed(stage, len(needs))]
        clocks = passed(stage, latest([stream.given for stream in given])).given
        self.stages.append(stage)
        self.sources.append(sources)
        place = len(self.stages) - 1
        self.streams[place] = _Stream(clocks, through)
        return place


def queued(design: Design) -> Design:
    """The same design with a queue wherever a beat comes before it is taken: before joins, and
    before units of numbers, which keep nothing themselves."""
    waiting = [_waits(design, place) for place in range(len(design.stages))]
    if not any(waiting):
        return design
    made, n = _Queued(design.name), design.beats_in * IMAGES
    pace = clocks_an_image(design)
    even = [beat * pace // design.beats_in for beat in range(n)]
    made.streams[GIVEN] = _Stream(even, list(range(1, n + 1)))
    for place, (stage, links) in enumerate(_linked(design)):
        sources = tuple(made.places[source] for source in links)
        if waiting[place]:
            sources = _with_queues(made, stage, sources)
        made.places[place] = made.put(stage, sources)
    return Design(
        design.name, tuple(made.stages), design.beats_in, design.beats_out, tuple(made.sources)
    )


def clocks_an_image(design: Design) -> int:
    """Of the slowest stage."""
    beats, slowest = {GIVEN: design.beats_in}, design.beats_in
    for place, (stage, sources) in enumerate(_linked(design)):
        given = beats[sources[0]]
        beats[place] = len(needed(stage, given))
        slowest = max(slowest, clocks_of(stage, given))
    return slowest


def _linked(design: Design) -> list[tuple[Stage, tuple[int, ...]]]:
    return list(zip(design.stages, design.links, strict=True))


def _waits(design: Design, place: int) -> bool:
    """Whether beats may come before a stage takes them, and it keeps none. Pixels may wait."""
    stage, sources = design.stages[place], design.links[place]
    if isinstance(stage, Pointwise):
        return len(sources) > 1 or stage.turns > 1
    if not isinstance(stage, MatrixVector):
        return False
    inside = sources[0] != GIVEN and not isinstance(design.stages[sources[0]], Entry)
    return inside and not stage.doubled and stage.kept == 0


def _with_queues(made: _Queued, stage: Stage, sources: tuple[int, ...]) -> tuple[int, ...]:
    """The sources of a stage, those that come too early behind queues."""
    streams = [made.streams[source] for source in sources]
    taken = _taken(stage, streams, [0] * len(streams))
    waits = [QUEUED * (stream.given != taken) for stream in streams]
    taken = _taken(stage, streams, waits)
    needs = latest([stream.needs for stream in streams])
    widths, found = in_widths(stage), list(sources)
    for port, (stream, wait) in enumerate(zip(streams, waits, strict=True)):
        if wait:
            depth = max(_early(stream.given, taken), _ahead(stream.needs, needs)) + SPARE
            queue = Queue(f"{stage.name} queue {port}", widths[port], depth)
            found[port] = made.put(queue, (sources[port],))
    return tuple(found)


def _taken(stage: Stage, streams: Sequence[_Stream], waits: Sequence[int]) -> list[int]:
    """When the stage takes the beats, each stream being later by its wait."""
    later = [
        [clock + wait for clock in stream.given]
        for stream, wait in zip(streams, waits, strict=True)
    ]
    return passed(stage, latest(later)).taken


def _early(given: list[int], taken: list[int]) -> int:
    """The most beats that have been given and not taken."""
    return max(bisect_right(given, clock) - beat for beat, clock in enumerate(taken))


def _ahead(own: list[int], needs: list[int]) -> int:
    """The most beats that a stream has given before beat k is taken, those taken less: of beats of
    the input that all streams together need for it."""
    return max(bisect_right(own, need) - beat for beat, need in enumerate(needs))
