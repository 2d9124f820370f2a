"""Counts of layers as tables: unshared, shared exactly, and as planned."""

from collections.abc import Sequence
from dataclasses import asdict

from crshare.frame import Cell, Frame
from crshare.plan.cost import LayerCounts, Totals
from crshare.plan.luts import LayerLuts, luts_together

Record = dict[str, Cell]

OPERATIONS, ADDED = "slice_operations", ("additions", "full_adders")
EXACT = {"unshared": "before", "exact": "exact"}
PLANNED = EXACT | {"plan": "after"}
EXACT_GRAPH, PLANNED_GRAPH = {"exact_graph": "exact_graph"}, {"plan_graph": "graph"}


def measures(counts: LayerCounts, *, planned: bool) -> Record:
    """Every measure; those of a plan only where there is one."""
    ends = PLANNED if planned else EXACT
    graphs = EXACT_GRAPH | (PLANNED_GRAPH if planned else {})
    return _of(counts, OPERATIONS, ends) | {
        name: figure
        for measure in ADDED
        for name, figure in _of(counts, measure, ends | graphs).items()
    }


def _of(counts: LayerCounts, measure: str, ends: dict[str, str]) -> Record:
    return {
        f"{measure}_{name}": int(getattr(getattr(counts, end), measure))
        for name, end in ends.items()
    }


def origins(counts: LayerCounts) -> Record:
    return {"layer": counts.layer, "slices": counts.n_slices, **asdict(counts.origins)}


def luts(layer: str, found: Sequence[LayerLuts]) -> Record:
    """LUTs of a layer that stays unrolled; None of others."""
    own = next((one for one in found if one.layer == layer), None)
    figures = _figures(own) if own else (None,) * 3
    return dict(zip(("luts_unshared", "luts_exact", "luts_plan"), figures, strict=True))


def _figures(luts: LayerLuts) -> tuple[int, int, int]:
    return luts.unshared, luts.exact, luts.planned


def short_frame(
    title: str, counts: Sequence[LayerCounts], found: Sequence[LayerLuts] = (), *, planned: bool
) -> Frame:
    """Slice operations of each layer and together, and LUTs where they are known."""
    ends = PLANNED if planned else EXACT
    records = [
        {"layer": one.layer}
        | _of(one, OPERATIONS, ends)
        | (luts(one.layer, found) if found else {})
        for one in counts
    ]
    frame = Frame.of(title, records)
    return Frame(title, frame.columns, (*frame.rows, *_together(frame, counts, ends, found)))


def _together(
    frame: Frame, counts: Sequence[LayerCounts], ends: dict[str, str], found: Sequence[LayerLuts]
) -> list[tuple[Cell, ...]]:
    if not frame.rows:
        return []
    totals = [
        sum((getattr(one, end) for one in counts), Totals()).slice_operations
        for end in ends.values()
    ]
    return [("all", *totals, *(_figures(luts_together(found)) if found else ()))]
