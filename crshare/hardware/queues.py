"""Queues where streams meet: as long as it takes that no path of a network waits for another.

Two bounds hold, and a queue is as long as the greater. Of beats: before beat k of a join, the input
beats that its slowest path needs have passed the forks, and the queue of each other path keeps all
that comes of them; so nothing is ever stuck, however streams are held back. Of clocks: where images
come evenly, at the rate of the slowest stage, the queue keeps what comes until its join takes it;
so no stage waits, and since earlier beats make nothing later, none does at any lower rate.

Clocks may be later than they need to be: where a unit stands between two queues, behind a fork and
before a join, it may work as late as the join lets it, so that beats wait before it and not behind
it, where they are wider. Of both ways the one with less memory is taken.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from crshare.hardware.around import queue_cost
from crshare.hardware.choice import LUTS_A_BLOCK
from crshare.hardware.timing import (
    QUEUED,
    Timed,
    clocks_of,
    held_back,
    latest,
    needed,
    passed,
    queued_for,
)
from hwgen import Design, Entry, MatrixVector, Pointwise, Queue, Repeat, Stage
from hwgen.design import GIVEN, in_widths

MOST_WORDS = 16  # of a beat in a queue's memory
IMAGES = 3  # one after the other, of which the queues are filled by the last
SPARE = 2  # beats: a fork gives one before the other, and clocks of even images are rounded


@dataclass(frozen=True)
class _Stream:
    """given: clocks of its beats. needs: for each beat, how many beats of the input it needs."""

    given: list[int]
    needs: list[int]


@dataclass
class _Queued:
    """The stages so far; `places` are the new places of those of the design.

    fronted: units, by their new places, that have a queue before them, which may become longer for
    the sake of the one behind. spare: queues that are there for this alone. unmoved: units that are
    fronted, by their old places, for which it did not.
    """

    stages: list[Stage] = field(default_factory=list)
    sources: list[tuple[int, ...]] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=lambda: {GIVEN: GIVEN})
    streams: dict[int, _Stream] = field(default_factory=dict)
    fronted: dict[int, int] = field(default_factory=dict)
    spare: set[int] = field(default_factory=set)
    unmoved: set[int] = field(default_factory=set)

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
    fronted = _before_joins(design, waiting)
    made = _filled(design, waiting, fronted)
    if made.unmoved:
        made = _filled(design, waiting, fronted - made.unmoved)
    return Design(
        design.name, tuple(made.stages), design.beats_in, design.beats_out, tuple(made.sources)
    )


def _before_joins(design: Design, waiting: list[bool]) -> set[int]:
    """Units of numbers that a join alone reads."""
    readers = Counter(source for links in design.links for source in links)
    joined = {source for links in design.links if len(links) > 1 for source in links}
    return {
        place
        for place, stage in enumerate(design.stages)
        if isinstance(stage, MatrixVector)
        and waiting[place]
        and place in joined
        and readers[place] == 1
    }


def _filled(design: Design, waiting: list[bool], fronted: set[int]) -> _Queued:
    """With queues as long as they are ever full; one before each unit that is fronted."""
    made, n = _Queued(), design.beats_in * IMAGES
    pace = clocks_an_image(design)
    even = [beat * pace // design.beats_in for beat in range(n)]
    made.streams[GIVEN] = _Stream(even, list(range(1, n + 1)))
    for place, (stage, links) in enumerate(_linked(design)):
        sources = tuple(made.places[source] for source in links)
        if waiting[place]:
            sources = _with_queues(made, stage, sources, always=place in fronted)
        made.places[place] = made.put(stage, sources)
        if place in fronted:
            made.fronted[made.places[place]] = place
    return made


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


def _with_queues(
    made: _Queued, stage: Stage, sources: tuple[int, ...], *, always: bool
) -> tuple[int, ...]:
    """The sources of a stage, those that come too early behind queues; all of them if always. What
    is repeated waits where it is."""
    streams = [made.streams[source] for source in sources]
    kept = [source != GIVEN and isinstance(made.stages[source], Repeat) for source in sources]
    at_once = _taken(stage, streams, [0] * len(streams))
    waits = _settled(stage, streams, kept, [QUEUED * always] * len(streams))
    taken = _taken(stage, streams, waits)
    needs = latest([stream.needs for stream in streams])
    widths, found = in_widths(stage), list(sources)
    words = [1] * len(streams)
    for port, wait in enumerate(waits):
        if wait:
            plain = _deep_enough(Queue("", widths[port], 1), streams[port], taken, needs)
            gap = _least_gap(streams[port].given, taken)
            words[port] = _narrowed(plain, gap).words
            waits[port] = queued_for(words[port])
    waits = _settled(stage, streams, kept, waits)
    taken = _taken(stage, streams, waits)
    for port, (source, wait) in enumerate(zip(sources, waits, strict=True)):
        if wait:
            named = Queue(f"{stage.name} queue {port}", widths[port], 1, words[port])
            deep = _deep_enough(named, streams[port], taken, needs)
            fronted = source in made.fronted
            queue = _before_unit(made, source, deep, taken, needs) if fronted else deep
            if queue:
                found[port] = made.put(queue, (source,))
                if streams[port].given == at_once:
                    made.spare.add(found[port])
        elif source in made.fronted:
            made.unmoved.add(made.fronted[source])
    return tuple(found)


def _settled(
    stage: Stage, streams: Sequence[_Stream], kept: Sequence[bool], waits: Sequence[int]
) -> list[int]:
    """Clocks that each stream takes through its queue, with queues wherever beats come before they
    are taken: what has come last may have to wait for other queues."""
    found = list[int]()
    while found != waits:
        found, taken = list(waits), _taken(stage, streams, waits)
        waits = [
            wait or QUEUED * (stream.given != taken and not keeps)
            for wait, stream, keeps in zip(found, streams, kept, strict=True)
        ]
    return found


def _deep_enough(queue: Queue, stream: _Stream, taken: list[int], needs: list[int]) -> Queue:
    depth = max(_early(stream.given, taken), _ahead(stream.needs, needs))
    return replace(queue, depth=depth + SPARE)


def _narrowed(queue: Queue, gap: int) -> Queue:
    """gap: the fewest clocks from one beat to the next."""
    most = min(gap, MOST_WORDS, queue.width)
    return min((replace(queue, words=n) for n in range(1, max(1, most) + 1)), key=_price)


def _least_gap(*streams: Sequence[int]) -> int:
    """The fewest clocks from one beat of a stream to its next."""
    gaps = (later - clock for clocks in streams for clock, later in pairwise(clocks))
    return min(gaps, default=1)


def _before_unit(
    made: _Queued, place: int, behind: Queue, taken: list[int], needs: list[int]
) -> Queue | None:
    """The queue behind a unit, short where the one before the unit has become longer instead; none
    where the unit can have each beat ready when it is taken, and keep it until then.

    place: of the unit. taken, needs: of the join that reads it.
    """
    (before_place,) = made.sources[place]
    unit, before = made.stages[place], made.stages[before_place]
    assert isinstance(unit, MatrixVector) and isinstance(before, Queue)
    source = made.streams[made.sources[before_place][0]]
    room = _room(unit, source.needs, needs)
    longer, late = _fronted(unit, before, source, taken, room)
    shorter = None
    if late.given != taken:
        wanted = [clock - queued_for(behind.words) for clock in taken]
        longer, late = _fronted(unit, before, source, wanted, room)
        short = replace(behind, depth=_early(late.given, taken) + SPARE)
        shorter = _narrowed(short, behind.words)
    anyway = 0 if before_place in made.spare else _price(before)
    if _price(longer) + (_price(shorter) if shorter else 0) >= anyway + _price(behind):
        made.unmoved.add(made.fronted[place])
        return behind
    made.stages[before_place] = longer
    given = passed(longer, source.given).given
    made.streams[before_place] = replace(made.streams[before_place], given=given)
    made.streams[place] = replace(made.streams[place], given=late.given)
    return shorter


def _fronted(
    unit: MatrixVector, queue: Queue, source: _Stream, wanted: list[int], room: int
) -> tuple[Queue, Timed]:
    """A queue before a unit, at least as deep as it is and as narrow as is cheapest, and when the
    unit works behind it."""

    def behind(queue: Queue) -> tuple[Queue, Timed]:
        late = _late(unit, passed(queue, source.given).given, wanted)
        depth = max(_early(source.given, late.taken), room) + SPARE
        return replace(queue, depth=max(queue.depth, depth)), late

    deep, late = behind(queue)
    return behind(_narrowed(deep, _least_gap(source.given, late.taken)))


def _late(unit: MatrixVector, arrivals: list[int], wanted: list[int]) -> Timed:
    """The unit held back until its beats are wanted, less the lead it needs for the worst burst."""
    lead = 0
    while lead < wanted[-1]:
        held = held_back(unit, arrivals, [clock - lead for clock in wanted])
        excess = max(given - clock for given, clock in zip(held.given, wanted, strict=True))
        if excess <= 0:
            return held
        lead += excess
    return passed(unit, arrivals)


def _price(queue: Queue) -> int:
    """Of its memory and registers, in LUTs, beside each of which a device has two registers."""
    taken = queue_cost(queue)
    return taken.luts + taken.registers // 2 + LUTS_A_BLOCK * taken.block_rams


def _room(unit: MatrixVector, own: list[int], needs: list[int]) -> int:
    """The most beats that wait before a unit that has given only what its reader has taken, when
    all streams together need `needs` beats of the input for the next one."""
    passed_on = [0, *needed(unit, len(own))]
    return max(bisect_right(own, need) - passed_on[beat] for beat, need in enumerate(needs))


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
