"""Figures of a plan for papers and slides, as SVG, PNG or PDF: the only place of matplotlib.

Widths fit a column of a two-column paper. Nothing of the machine or of the time is in a file, so
the same report gives the same one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from typing import Any

from crshare.errors import CrshareError
from crshare.plan.cost import LayerCounts
from crshare.printable import printable
from crshare.report.schema import CurveReport, PlanReport

FORMATS = ("pdf", "svg", "png")
GREY, BLUE, ORANGE, RED = "#8b949c", "#1d6c8c", "#c9822a", "#b23f2b"
LONGEST = 18  # characters of a name
COLUMN, TALL = 3.5, 2.6  # inches
STYLE = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "crshare",
    "pdf.fonttype": 42,
    "savefig.dpi": 300,
}
NO_DATE: dict[str, dict[str, None]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {},
}
Draw = Callable[[Any, PlanReport], None]


def figures(report: PlanReport, kind: str, curve: CurveReport | None = None) -> dict[str, bytes]:
    """Every figure that the report, and the whole curve beside it, has something for, by file
    name."""
    matplotlib = _matplotlib()
    with matplotlib.rc_context(STYLE):
        return {
            f"{name}.{kind}": _file(matplotlib, draw, report, kind)
            for name, draw in (_drawings(report) | _curves(curve)).items()
        }


def _matplotlib() -> Any:
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as error:
        raise CrshareError(
            'figures need matplotlib, which is not installed; try pip install "crshare[report]"'
        ) from error
    return matplotlib


def _drawings(report: PlanReport) -> dict[str, Draw]:
    found: dict[str, Draw] = {}
    if report.search.tried:
        found["loss"] = _loss
    if report.layers:
        found |= {"slice_operations": _operations, "full_adders": _adders, "chance": _chance}
    return found | ({"luts": _luts} if report.luts else {})


def _curves(curve: CurveReport | None) -> dict[str, Draw]:
    """Of plans on the test images, against the objective and against LUTs."""
    if curve is None or not curve.tested:
        return {}
    unit, objective, luts = _plain(curve.objective.unit), curve.objective, curve.luts
    costs = [point.cost for point, _ in curve.tested]
    found = {"pareto": partial(_curve, curve, f"{unit} an image", objective.exact, costs)}
    if luts is not None and objective.name != "luts":
        sites = [luts.exact if one.luts is None else one.luts for one, _ in curve.tested]
        found["pareto_luts"] = partial(_curve, curve, "LUTs of the sums", luts.exact, sites)
    return {**found}


def _curve(
    curve: CurveReport, across: str, exact: int, costs: list[int], axes: Any, report: PlanReport
) -> None:
    for kept, colour, label in ((False, BLUE, "plans"), (True, ORANGE, "this plan")):
        taken = [
            (cost, test)
            for cost, (point, test) in zip(costs, curve.tested, strict=True)
            if (point.price == curve.kept) == kept
        ]
        if taken:
            points = [test.loss_points for _, test in taken]
            ends = [test.interval_95_points for _, test in taken]
            _intervals(axes, [cost for cost, _ in taken], points, ends, colour, label)
    axes.plot([exact], [0], "o", mfc="white", mec=BLUE, label="exact sharing")
    axes.axhline(curve.max_loss_points, color=RED, linewidth=0.8, linestyle="--")
    axes.set_xlabel(across)
    axes.set_ylabel("points lost, test images (95 %)")
    axes.legend(frameon=False, fontsize=6)


def _file(matplotlib: Any, draw: Draw, report: PlanReport, kind: str) -> bytes:
    figure = matplotlib.figure.Figure(figsize=(COLUMN, TALL), layout="constrained")
    draw(figure.subplots(), report)
    written = BytesIO()
    figure.savefig(written, format=kind, metadata=NO_DATE[kind])
    return written.getvalue()


def _loss(axes: Any, report: PlanReport) -> None:
    """Every plan tried on the validation images, and the plan kept on the test images."""
    objective, accuracy = report.objective, report.accuracy
    for within, colour, label in ((True, BLUE, "within the budget"), (False, RED, "lost too much")):
        entries = [entry for entry in report.search.tried if entry.within == within]
        if entries:
            points = [entry.loss.loss_points for entry in entries]
            ends = [entry.loss.interval_points for entry in entries]
            _intervals(axes, [entry.cost for entry in entries], points, ends, colour, label)
    axes.plot([objective.exact], [0], "o", mfc="white", mec=BLUE, label="exact sharing")
    if accuracy is not None:
        ends = [accuracy.interval_95_points]
        where = [objective.planned], [accuracy.loss_points]
        _intervals(axes, *where, ends, ORANGE, "this plan, test images")
    axes.axhline(report.request.max_loss_points, color=RED, linewidth=0.8, linestyle="--")
    axes.set_xlabel(f"{_plain(objective.unit)} an image")
    axes.set_ylabel("points lost (95 % interval)")
    axes.legend(frameon=False, fontsize=6)


def _intervals(
    axes: Any,
    x: Sequence[float],
    points: Sequence[float],
    ends: Sequence[tuple[float, float]],
    colour: str,
    label: str,
) -> None:
    below = [max(0.0, at - low) for at, (low, _) in zip(points, ends, strict=True)]
    above = [max(0.0, high - at) for at, (_, high) in zip(points, ends, strict=True)]
    look = {"fmt": "o", "color": colour, "markersize": 3.5, "linewidth": 0.8}
    axes.errorbar(x, points, yerr=[below, above], label=label, **look)


def _operations(axes: Any, report: PlanReport) -> None:
    names = ("before", "exact", "after")
    _three_bars(axes, [_measured(la, names, "slice_operations") for la in report.layers], report)
    axes.set_ylabel("slice operations an image")


def _adders(axes: Any, report: PlanReport) -> None:
    names = ("before", "exact_graph", "graph")
    _three_bars(axes, [_measured(la, names, "full_adders") for la in report.layers], report)
    axes.set_ylabel("full adders, adder graphs")


def _measured(layer: LayerCounts, names: Sequence[str], measure: str) -> list[int]:
    return [int(getattr(getattr(layer, name), measure)) for name in names]


def _luts(axes: Any, report: PlanReport) -> None:
    rows = [[one.unshared, one.exact, one.planned] for one in report.luts]
    _bars(axes, [one.layer for one in report.luts], rows)
    axes.set_ylabel("LUTs of the sums")


def _three_bars(axes: Any, rows: list[list[int]], report: PlanReport) -> None:
    _bars(axes, [layer.layer for layer in report.layers], rows)
    axes.set_yscale("log")


def _bars(axes: Any, names: Sequence[str], rows: Sequence[Sequence[int]]) -> None:
    looks = ((GREY, "unshared"), (BLUE, "exact"), (ORANGE, "plan"))
    for number, (colour, label) in enumerate(looks):
        places = [at + 0.27 * (number - 1) for at in range(len(rows))]
        axes.bar(places, [row[number] for row in rows], 0.25, color=colour, label=label)
    axes.set_xticks(range(len(names)), [*map(_plain, names)], rotation=30, ha="right")
    axes.legend(frameon=False, fontsize=6)


def _plain(name: str) -> str:
    """A text of a report; matplotlib would take $ for the begin of a formula."""
    return printable(name, LONGEST).replace("$", r"\$")


def _chance(axes: Any, report: PlanReport) -> None:
    """The share of slices to compute: by chance, exact, and of the plan."""
    places = range(len(report.portraits))
    shares = (
        ([one.chance_inverse for one in report.portraits], "|", GREY, "random weights"),
        ([one.n_up_to_inverse / one.n_slices for one in report.portraits], "o", BLUE, "exact"),
        ([one.n_computed / one.n_slices for one in report.portraits], "s", ORANGE, "plan"),
    )
    for values, mark, colour, label in shares:
        axes.plot(values, places, mark, color=colour, label=label, markersize=5)
    axes.set_yticks(places, [_plain(one.layer) for one in report.portraits])
    axes.invert_yaxis()
    axes.set_xlabel("share of slices to compute")
    axes.legend(frameon=False, fontsize=6)
