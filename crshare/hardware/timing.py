"""How long an image is under way: when each stage takes and gives beats.

Stages work at the same time, each as soon as its input is there; a unit keeps what comes while it
counts, so no stage is taken to wait for the next one. A test compares clocks with a simulator's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from hwgen import (
    Accumulate,
    Compute,
    Decide,
    Design,
    Gather,
    MatrixVector,
    Pointwise,
    Pool,
    Queue,
    Repeat,
    Stage,
    Windowing,
)
from hwgen.datapath import Schedule
from hwgen.design import GIVEN

Windowed = Compute | Pool | MatrixVector
QUEUED = 2  # clocks in which a beat passes an empty queue as one word
WORDS = 3  # clocks more than words, in which it passes one as several


@dataclass(frozen=True, slots=True)
class Timed:
    """Clocks at which beats are taken by a stage, and at which it gives beats."""

    taken: list[int]
    given: list[int]


def latency(design: Design) -> int:
    """Clocks from the first beat of an image to the last of its answer, both included, where the
    image comes as fast as it is taken, a beat a clock at most. Where two windows of one stream walk
    over unlike borders, one waits for the other, and it takes some clocks more."""
    given: dict[int, list[int]] = {GIVEN: list(range(design.beats_in))}
    for place, (stage, sources) in enumerate(zip(design.stages, design.links, strict=True)):
        given[place] = passed(stage, latest([given[source] for source in sources])).given
    return given[len(design.stages) - 1][-1] + 1


def latest(streams: Sequence[list[int]]) -> list[int]:
    """When a beat of each stream is there."""
    return [max(clocks) for clocks in zip(*streams, strict=True)]


def passed(stage: Stage, arrivals: list[int]) -> Timed:
    """When a stage takes and gives beats, if it never waits for the next stage."""
    match stage:
        case Compute() | Pool() | MatrixVector():
            return _walked(stage, _kept(stage, arrivals))
        case Gather(beats=beats) | Accumulate(frames=beats):
            return Timed(arrivals, [clock + 1 for clock in arrivals[beats - 1 :: beats]])
        case Decide():
            return Timed(arrivals, [clock + stage.n_levels for clock in arrivals])
        case Pointwise():
            return _in_turns(stage, arrivals)
        case Repeat(times=times):
            return _repeated(arrivals, times)
        case Queue(words=words):
            return _queued(arrivals, words)
        case _:
            return Timed(arrivals, arrivals)


def held_back(stage: MatrixVector, arrivals: list[int], until: list[int]) -> Timed:
    """The same of a unit that gives no beat earlier than at its clock of `until`."""
    return _walked(stage, _kept(stage, arrivals), iter(until))


def needed(stage: Stage, n_beats: int) -> list[int]:
    """For each beat that a stage gives of n_beats: how many of them it takes before."""
    match stage:
        case Compute() | Pool() | MatrixVector():
            a_map = prod(stage.windowing.size)
            ends = list(_ends_of_windows(stage.windowing))
            return [first + end for first in range(0, n_beats, a_map) for end in ends]
        case Gather(beats=beats) | Accumulate(frames=beats):
            return list(range(beats, n_beats + 1, beats))
        case Repeat(times=times):
            return [beat for beat in range(1, n_beats + 1) for _ in range(times)]
        case _:
            return list(range(1, n_beats + 1))


def clocks_of(stage: Stage, n_beats: int) -> int:
    """The fewest clocks in which a stage passes so many beats, image after image."""
    match stage:
        case Compute() | Pool() | MatrixVector():
            windowing, each = stage.windowing, clocks_a_window(stage)
            maps, walked = n_beats // prod(windowing.size), prod(windowing.padded)
            if isinstance(stage, MatrixVector) and stage.whole_map:
                return maps * max(walked, each)
            return maps * (walked + prod(windowing.output) * (each - 1))
        case Pointwise(turns=each) | Repeat(times=each) | Queue(words=each):
            return n_beats * each
        case _:
            return n_beats


def _in_turns(stage: Pointwise, arrivals: list[int]) -> Timed:
    """Beats are kept for their turns, where there are some, and their values behind registers."""
    n_stages = Schedule(stage.netlist, stage.per_stage).n_stages
    if stage.turns == 1:
        return Timed(arrivals, [clock + n_stages for clock in arrivals])
    taken, free = list[int](), 0
    for clock in arrivals:
        taken.append(max(clock, free))
        free = taken[-1] + stage.turns
    return Timed(taken, [clock + stage.turns + n_stages + 1 for clock in taken])


def queued_for(words: int) -> int:
    """Clocks in which a beat of so many words passes an empty queue."""
    return QUEUED if words == 1 else words + WORDS


def _queued(arrivals: list[int], words: int) -> Timed:
    taken, free = list[int](), 0
    for clock in arrivals:
        taken.append(max(clock, free))
        free = taken[-1] + words
    return Timed(taken, [clock + queued_for(words) for clock in taken])


def _repeated(arrivals: list[int], times: int) -> Timed:
    """A beat for each of so many clocks, and taken in the last of them."""
    taken, given, free = list[int](), list[int](), 0
    for clock in arrivals:
        first = max(clock, free)
        given += range(first, first + times)
        taken.append(given[-1])
        free = first + times
    return Timed(taken, given)


def clocks_a_window(stage: Windowed) -> int:
    match stage:
        case MatrixVector():
            return stage.n_words
        case Compute() if stage.folding:
            return stage.folding.phases
        case _:
            return 1


def _kept(stage: Compute | Pool | MatrixVector, arrivals: list[int]) -> list[int]:
    """When beats have passed what keeps them before a stage: a register, or a memory with one."""
    if isinstance(stage, Pool) or not stage.kept:
        return arrivals
    return [clock + min(stage.kept, 2) for clock in arrivals]


def _registers(stage: Windowed) -> int:
    """In a row, from the last part of a window to the output."""
    match stage:
        case MatrixVector():
            return 2 + max(Schedule(lane, stage.per_stage).n_stages for lane in stage.lanes)
        case Compute():
            return Schedule(stage.netlist, stage.per_stage).n_stages
        case Pool():
            return 1


def _walked(stage: Windowed, arrivals: list[int], until: Iterator[int] | None = None) -> Timed:
    """A walk over the padded map, a position a clock; at a window it stays for its clocks.

    A window has a register of its own, but for one that is a position. until: before which it
    gives no beat.
    """
    windowing, clocks = stage.windowing, clocks_a_window(stage)
    behind = _registers(stage) - windowing.pointwise
    coming, taken, given, now = iter(arrivals), list[int](), list[int](), 0
    n_beats = windowing.size[0] * windowing.size[1]
    for _ in range(len(arrivals) // n_beats):
        for on_map, complete in _steps(windowing):
            if complete and until:
                now = max(now, next(until) - behind - clocks)
            if on_map:
                now = max(now, next(coming))
                taken.append(now + (clocks - 1 if windowing.pointwise else 0))
            now += clocks if complete else 1
            if complete:
                given.append(now + behind)
    return Timed(taken, given)


def _steps(windowing: Windowing) -> Iterator[tuple[bool, bool]]:
    """For each position of the walk: whether it is on the map, and whether it ends a window."""
    (top, left, _, _), (height, width) = windowing.pads, windowing.size
    rows, columns = windowing.padded
    ends = [_ends(axis, windowing) for axis in range(2)]
    for row in range(rows):
        for column in range(columns):
            on_map = top <= row < top + height and left <= column < left + width
            yield on_map, row in ends[0] and column in ends[1]


def _ends_of_windows(windowing: Windowing) -> Iterator[int]:
    """How many positions of the map the walk has taken at the end of each window."""
    taken = 0
    for on_map, complete in _steps(windowing):
        taken += on_map
        if complete:
            yield taken


def _ends(axis: int, windowing: Windowing) -> set[int]:
    """The rows or columns at which windows end."""
    first, stride = windowing.kernel[axis] - 1, windowing.strides[axis]
    return {first + stride * place for place in range(windowing.output[axis])}
