"""What a design means, beat by beat in plain Python: the meaning that its Verilog must have."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

from hwgen import unit_model
from hwgen.cells import Range
from hwgen.decide import Decide
from hwgen.design import GIVEN, Compute, Design, Entry, Gather, Pool, Stage
from hwgen.frames import Accumulate, Modulation
from hwgen.interpret import interpret
from hwgen.matrix_vector import MatrixVector
from hwgen.pointwise import Pointwise
from hwgen.queue import Queue
from hwgen.repeat import Repeat
from hwgen.windowing import Windowing

BIT = Range(0, 1)
Values = list[int]
T = TypeVar("T")


def run(design: Design, beats: Sequence[int]) -> list[int]:
    """The beats that come out, for those of whole images."""
    streams = {GIVEN: list(beats)}
    for place, (stage, sources) in enumerate(zip(design.stages, design.links, strict=True)):
        streams[place] = list(_beats(stage, [streams[source] for source in sources]))
    return streams[len(design.stages) - 1]


def unpacked(beat: int, values: Range, n: int) -> Values:
    """The values of a beat."""
    width = values.width
    raw = [beat >> place * width & (1 << width) - 1 for place in range(n)]
    return [one - (values.signed and one >> width - 1) * (1 << width) for one in raw]


def packed(values: Sequence[int], width: int) -> int:
    mask = (1 << width) - 1
    return sum((value & mask) << place * width for place, value in enumerate(values))


def _beats(stage: Stage, given: list[list[int]]) -> Iterator[int]:
    """What a stage gives for all beats of its streams."""
    first = given[0]
    match stage:
        case Entry(_, channels, raw, value, multiplier, offset):
            for pixels in (unpacked(beat, raw, channels) for beat in first):
                yield packed([multiplier * pixel + offset for pixel in pixels], value.width)
        case Modulation():
            yield from _modulated(stage, first)
        case Compute():
            for place, window in _windows(stage.windowing, first):
                yield packed(_computed(stage, window, place), stage.head_width)
        case MatrixVector():
            for place, window in _windows(stage.windowing, first):
                values = _values(window, stage.values, stage.channels)
                which = _class(stage, place)
                yield packed(unit_model.outputs(stage, values, which), stage.head_width)
        case Pool(_, windowing, all_of):
            for _, window in _windows(windowing, first):
                taps = [unpacked(beat, BIT, len(all_of)) for beat in window]
                columns = zip(all_of, zip(*taps, strict=True), strict=True)
                yield packed([min(bits) if every else max(bits) for every, bits in columns], 1)
        case Gather(_, beats, width):
            for group in _groups(first, beats):
                yield packed(group, width)
        case Accumulate(_, values, lanes, frames):
            for maps in _groups([unpacked(beat, values, lanes) for beat in first], frames):
                sums = [sum(lane) for lane in zip(*maps, strict=True)]
                yield packed(sums, stage.sums.width)
        case Decide():
            yield from (_decided(stage, beat) for beat in first)
        case Pointwise():
            yield from (_joined(stage, each) for each in zip(*given, strict=True))
        case Queue():
            yield from first
        case Repeat(times=times):
            yield from (beat for beat in first for _ in range(times))


def _joined(stage: Pointwise, beats: Sequence[int]) -> int:
    """What a beat of each stream gives, turn by turn."""
    parts = zip(beats, stage.given, strict=True)
    maps, found = [unpacked(beat, on.values, on.n) for beat, on in parts], Values()
    for turn in range(stage.turns):
        inputs = Values()
        for values in maps:
            n = len(values) // stage.turns
            inputs += values[turn * n : (turn + 1) * n]
        inputs += [words[turn] for words in stage.tables]
        found += interpret(stage.netlist, inputs)
    return packed(found, stage.head_width)


def _groups(items: Sequence[T], n: int) -> Iterator[list[T]]:
    source = iter(items)
    while group := list(islice(source, n)):
        yield group


def _modulated(stage: Modulation, beats: Sequence[int]) -> Iterator[int]:
    for number, beat in enumerate(beats):
        pixels = unpacked(beat, stage.values, stage.channels)
        limits = stage.at[number // stage.beats % stage.frames]
        yield packed([p >= at for row in limits for p, at in zip(pixels, row, strict=True)], 1)


def _windows(
    windowing: Windowing, beats: Sequence[int]
) -> Iterator[tuple[tuple[int, int], Values]]:
    """The place of each window, and its positions tap by tap; of one map after the other."""
    (rows, columns), (top, left, _, _) = windowing.size, windowing.pads
    for a_map in _groups(beats, rows * columns):
        for row in range(windowing.output[0]):
            for column in range(windowing.output[1]):
                window = []
                for i in range(windowing.kernel[0]):
                    for j in range(windowing.kernel[1]):
                        y = row * windowing.strides[0] + i - top
                        x = column * windowing.strides[1] + j - left
                        inside = 0 <= y < rows and 0 <= x < columns
                        window.append(a_map[y * columns + x] if inside else windowing.pad)
                yield (row, column), window


def _values(window: Sequence[int], values: Range, channels: int) -> Values:
    return list(chain.from_iterable(unpacked(beat, values, channels) for beat in window))


def _class(stage: Compute | MatrixVector, place: tuple[int, int]) -> int:
    """One class in an axis stands for all of its places."""
    axes = stage.row_classes, stage.column_classes
    row, column = (
        classes[where] if len(classes) > 1 else classes[0]
        for classes, where in zip(axes, place, strict=True)
    )
    return row * (max(stage.column_classes) + 1) + column


def _computed(stage: Compute, window: Sequence[int], place: tuple[int, int]) -> Values:
    """The outputs for one window, whose values the netlist reads channel by channel."""
    taps = [unpacked(beat, stage.values, stage.channels) for beat in window]
    values = list(chain.from_iterable(zip(*taps, strict=True)))
    which, folding = _class(stage, place), stage.folding
    if folding is None:
        return interpret(stage.netlist, values, which)
    found = Values()
    for phase in range(folding.phases):
        gates = [gate.value(values, phase) for gate in folding.gates]
        found += interpret(stage.netlist, gates, which * folding.phases + phase)
    return found[: folding.n_outputs]


def _decided(stage: Decide, beat: int) -> int:
    """The first of the greatest scores, or of their ranks."""
    scores, ranks = unpacked(beat, stage.scores, stage.n_classes), stage.ranks
    if ranks is not None:
        rows = zip(ranks.rows, scores, strict=True)
        scores = [row[score // ranks.step - ranks.first] for row, score in rows]
    return scores.index(max(scores))
