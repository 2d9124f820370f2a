"""Draw docs/pictures from the example network in data/.

python scripts/draw_docs.py           write the pictures
python scripts/draw_docs.py --check   end with 1 where one is not what would be written
"""

import argparse
import sys
from itertools import combinations
from pathlib import Path

import numpy as np

from crshare import jobs
from crshare.files import write_text
from crshare.images.digits import demo_model
from crshare.jobs import Source
from crshare.network.slices import SliceTable, decompose
from crshare.plan.plan import exact_layer
from crshare.report.page.bars import chance_plot
from crshare.report.page.document import Document, document_of
from crshare.report.page.glyphs import draw_glyph, star
from crshare.report.page.html import drawing_style
from crshare.report.page.svg import Drawing
from crshare.report.slice_statistics import LayerStatistics, channel_statistics, inverse, signs_of
from crshare.report.written import analysis_report

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
LAYER = "conv3"


def pictures() -> dict[str, Drawing]:
    """Every picture by its file name."""
    analysis = jobs.analyze(Source(demo_model()), lambda what, done: None)
    document = document_of(analysis_report(analysis))
    table = next(t for t in decompose(analysis.model.network) if t.layer == LAYER)
    return {
        "kinds.svg": kinds(table),
        "patterns.svg": patterns(document.statistics(LAYER)),
        "group.svg": largest_group(table),
        "chance.svg": chance(document),
    }


def kinds(table: SliceTable) -> Drawing:
    """A repeated, an inverse and a similar pair of slices of one channel."""
    drawing = Drawing(
        "kinds",
        560,
        112,
        "Repeated, inverse and similar slices",
        f"Three pairs of 3x3 slices of the same input channel of {table.layer}.",
    )
    wanted = (
        ("repeated", lambda a, b: a == b),
        ("inverse", lambda a, b: a == inverse(b)),
        ("similar", lambda a, b: sum(x != y for x, y in zip(a, b, strict=True)) == 1),
    )
    for number, (name, matches) in enumerate(wanted):
        group, first, second = first_pair(table, matches)
        left = 10.0 + 190 * number
        drawing.text(left, 16, name, "heading")
        for place, filter_ in ((left, first), (left + 56, second)):
            draw_glyph(drawing, pattern(table, group, filter_), 3, place, 30)
            drawing.text(place, 74, f"filter {filter_}", "figure")
        drawing.text(left, 98, f"input channel {group}", "figure")
    return drawing


def first_pair(table: SliceTable, matches: object) -> tuple[int, int, int]:
    """The first channel and two filters whose slices match; not all of one sign."""
    for group in range(table.n_groups):
        for a, b in combinations(range(table.n_filters), 2):
            one, other = pattern(table, group, a), pattern(table, group, b)
            if 2 < one.count("+") < 7 and matches(one, other):  # type: ignore[operator]
                return group, a, b
    raise SystemExit(f"{table.layer} has no such pair")


def pattern(table: SliceTable, group: int, filter_: int) -> str:
    return signs_of(table.matrix[table.rows(group), filter_])


def patterns(statistics: LayerStatistics) -> Drawing:
    """The most used patterns with their inverse twins and counts."""
    said = "; ".join(f"{p.signs} {p.n}, inverse {p.n_inverse}" for p in statistics.patterns)
    drawing = Drawing("patterns", 560, 130, f"Most used patterns of {statistics.layer}", said + ".")
    for number, seen in enumerate(statistics.patterns):
        row, column = divmod(number, 6)
        x, y = 10.0 + 92 * column, 6.0 + 64 * row
        draw_glyph(drawing, seen.signs, 3, x, y)
        draw_glyph(drawing, inverse(seen.signs), 3, x + 32, y)
        drawing.text(x, y + 42, f"{seen.n} · {seen.n_inverse}", "figure")
    return drawing


def largest_group(table: SliceTable) -> Drawing:
    """The channel in which most filters share one slice, all of them drawn around it."""
    plan = exact_layer(table)
    sizes = [np.bincount(np.abs(use)).max() for use in plan.use]
    channel = int(np.argmax(sizes))
    seen = channel_statistics(table, plan, channel)
    members = [use.representative for use in seen.uses]
    most = max(set(members), key=lambda index: (members.count(index), -index))
    uses = [use for use in seen.uses if use.representative == most]
    return star("group", seen.representatives[most], (3, 3), uses)


def chance(document: Document) -> Drawing:
    return chance_plot(document)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check, stale = parser.parse_args().check, []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, drawing in pictures().items():
        path, text = FOLDER / name, drawing.standalone(drawing_style())
        if not check:
            write_text(path, text)
        elif not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
    print(*stale, sep="\n", end="\n" if stale else "")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
