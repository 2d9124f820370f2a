"""Patterns as glyphs, and the sharing groups of a channel as stars around their representative."""

from collections.abc import Sequence
from math import cos, pi, sin

from crshare.report.page.svg import Drawing
from crshare.report.slice_statistics import (
    ChannelStatistics,
    LayerStatistics,
    Pattern,
    Use,
    inverse,
)

CELL = 8.0
NODE = 8.5
N_STARS = 24


def draw_glyph(drawing: Drawing, signs: str, columns: int, x: float, y: float) -> None:
    """A slice as cells, dark for +1 and light for -1; (x, y) is its upper left corner."""
    for index, sign in enumerate(signs):
        row, column = divmod(index, columns)
        look = "plus" if sign == "+" else "minus"
        drawing.rect(x + column * CELL, y + row * CELL, CELL, CELL, look)


def rows_of(signs: str, columns: int) -> str:
    """`++-/+--/+++`: a pattern as words."""
    return "/".join(signs[start : start + columns] for start in range(0, len(signs), columns))


def twin_glyphs(statistics: LayerStatistics) -> list[Drawing]:
    """The most used patterns of a layer, each beside its inverse twin."""
    return [
        twin_glyph(f"p-{statistics.layer}-{number}", pattern, statistics.shape)
        for number, pattern in enumerate(statistics.patterns)
    ]


def twin_glyph(name: str, pattern: Pattern, shape: tuple[int, int]) -> Drawing:
    """A pattern beside its inverse twin; below each other where they are wide."""
    height, width = shape[0] * CELL, shape[1] * CELL
    flat = shape[1] > 2 * shape[0]
    size = (width, 2 * height + 6) if flat else (2 * width + 8, height)
    drawing = Drawing(
        name,
        size[0] + 2,
        size[1] + 2,
        f"pattern {rows_of(pattern.signs, shape[1])} and its inverse",
        f"{pattern.n:,} slices have it, {pattern.n_inverse:,} its inverse.",
    )
    draw_glyph(drawing, pattern.signs, shape[1], 1, 1)
    x, y = (1.0, height + 7) if flat else (width + 9, 1.0)
    draw_glyph(drawing, inverse(pattern.signs), shape[1], x, y)
    return drawing


def groups_by_size(channel: ChannelStatistics) -> list[tuple[int, list[Use]]]:
    """The representatives of a channel with the filters that take them, most used first."""
    takers: dict[int, list[Use]] = {index: [] for index in range(len(channel.representatives))}
    for use in channel.uses:
        takers[use.representative].append(use)
    return sorted(takers.items(), key=lambda item: (-len(item[1]), item[0]))


def stars(statistics: LayerStatistics) -> list[Drawing]:
    """The largest groups of the channel shown that serve more than one filter."""
    channel = statistics.channel
    shared = [(index, uses) for index, uses in groups_by_size(channel) if len(uses) > 1]
    return [
        star(
            f"star-{statistics.layer}-{index}",
            channel.representatives[index],
            statistics.shape,
            uses,
        )
        for index, uses in shared[:N_STARS]
    ]


def star(name: str, signs: str, shape: tuple[int, int], uses: Sequence[Use]) -> Drawing:
    """A representative in the middle, a ring of the filters that take its result."""
    width, height = shape[1] * CELL, shape[0] * CELL
    inner = max(width, height) / 2 + 24
    ring = max(inner, len(uses) * (2 * NODE + 3) / (2 * pi))
    middle = ring + NODE + 2
    said = ", ".join(_taken(use) for use in uses)
    title = f"{len(uses)} filters share the slice {rows_of(signs, shape[1])}"
    drawing = Drawing(name, 2 * middle, 2 * middle, title, said + ".")
    places = [_on_ring(number, len(uses), ring, middle) for number in range(len(uses))]
    for (x, y), use in zip(places, uses, strict=True):
        drawing.line(middle, middle, x, y, "edge similar" if use.distance else "edge")
    drawing.rect(middle - width / 2 - 3, middle - height / 2 - 3, width + 6, height + 6, "backing")
    draw_glyph(drawing, signs, shape[1], middle - width / 2, middle - height / 2)
    for (x, y), use in zip(places, uses, strict=True):
        drawing.circle(x, y, NODE, "negated" if use.negated else "copied", _taken(use))
        look = "nodelabel dark" if use.negated else "nodelabel"
        drawing.text(x, y + 2.8, str(use.filter), look, "middle")
    return drawing


def _on_ring(number: int, n: int, ring: float, middle: float) -> tuple[float, float]:
    angle = 2 * pi * number / n - pi / 2
    return middle + ring * cos(angle), middle + ring * sin(angle)


def _taken(use: Use) -> str:
    how = "negated" if use.negated else "as it is"
    if not use.distance:
        return f"filter {use.filter} {how}"
    kind = "corrected in" if use.corrected else "differing in"
    return f"filter {use.filter} {how}, {kind} {use.distance} weights"
