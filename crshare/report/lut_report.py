"""Results of LUT networks as values, field by field as in JSON, and as tables for a terminal."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Group, RenderableType

from crshare.accuracy import Estimate
from crshare.evaluation.lut_outcome import LutEvaluation, LutOutcome, Measured
from crshare.frame import Frame
from crshare.model.read import Model
from crshare.network.lut_rewiring import LayerNodes, nodes_of
from crshare.report.figures import less
from crshare.report.responsive_table import Fitting, table_of
from crshare.report.schema import MeasuredAccuracy, Reproducible
from crshare.report.written import head, measured, origin
from crshare.screen import line
from crshare.typed_json import Amount, Count


@dataclass(frozen=True, kw_only=True)
class NodesOfLayer:
    """A layer's nodes in the network (LayerNodes says what each count is), and tables after."""

    layer: str
    n_nodes: Count
    constant: Count
    wires: Count
    repeated: Count
    inverse: Count
    dead: Count
    left: Count
    planned: Count


@dataclass(frozen=True, kw_only=True)
class TriedTables:
    """A network that the search measured: its tables, and its loss on the validation images."""

    tables: Count
    loss: Estimate
    kept: bool


@dataclass(frozen=True, kw_only=True)
class LutReport(Reproducible):
    """What analyze, optimize and evaluate write of a LUT network.

    left: tables by exact sharing. planned: tables of the plan, `left` where there is none. tried:
    by falling tables. images: that chose changes, and that told how many to make. confident: the
    upper end of the loss on those keeps the budget, not its middle.
    """

    layers: tuple[NodesOfLayer, ...]
    max_loss_points: Amount
    confident: bool = False
    changed_nodes: Count
    chosen_on: str | None
    tried: tuple[TriedTables, ...]
    accuracy: MeasuredAccuracy | None
    images_with_equal_scores: Count | None

    def table(self) -> Frame:
        """All figures, a row for each layer."""
        return Frame.of(self.model, [asdict(layer) for layer in self.layers])

    @property
    def plans(self) -> bool:
        """Whether there is a plan, and not an analysis alone."""
        return bool(self.changed_nodes or self.chosen_on or self.accuracy)

    def total(self, what: str) -> int:
        """Of all layers."""
        return sum(getattr(layer, what) for layer in self.layers)


def analysed(model: Model, command: str) -> LutReport:
    before = nodes_of(model.network)
    return _report(model, command, before, before)


def optimized(
    outcome: LutOutcome, max_loss_points: float, command: str, *, confident: bool = True
) -> LutReport:
    found = outcome.found
    chosen = found.chosen if found else None
    tried = tuple(
        TriedTables(tables=one.n_luts, loss=one.accuracy.estimate, kept=one is chosen)
        for one in (found.tried if found else ())
    )
    return _report(
        outcome.model,
        command,
        outcome.before,
        outcome.after,
        outcome.measured,
        max_loss_points=max_loss_points,
        confident=confident,
        changed=outcome.plan.n_changed,
        chosen_on=found.images if found else None,
        tried=tried,
    )


def evaluated(evaluation: LutEvaluation, n_changed: int, command: str) -> LutReport:
    after = {layer.layer: layer for layer in evaluation.after}
    ordered = [after[layer.layer] for layer in evaluation.before]
    return _report(
        evaluation.model,
        command,
        evaluation.before,
        ordered,
        evaluation.measured,
        changed=n_changed,
    )


def _report(
    model: Model,
    command: str,
    before: Sequence[LayerNodes],
    after: Sequence[LayerNodes],
    found: Measured | None = None,
    *,
    max_loss_points: float = 0.0,
    confident: bool = False,
    changed: int = 0,
    chosen_on: str | None = None,
    tried: tuple[TriedTables, ...] = (),
) -> LutReport:
    layers = tuple(
        NodesOfLayer(
            layer=old.layer,
            n_nodes=old.n_nodes,
            constant=old.constant,
            wires=old.wires,
            repeated=old.repeated,
            inverse=old.inverse,
            dead=old.dead,
            left=old.left,
            planned=new.left,
        )
        for old, new in zip(before, after, strict=True)
    )
    return LutReport(
        **head(model),
        **origin(command),
        layers=layers,
        max_loss_points=max_loss_points,
        confident=confident,
        changed_nodes=changed,
        chosen_on=chosen_on,
        tried=tried,
        accuracy=measured(found.accuracy) if found else None,
        images_with_equal_scores=found.n_equal if found else None,
    )


def lut_tables(report: LutReport) -> RenderableType:
    """What the commands print of a LUT network."""
    title = line(f"{report.model}: {report.library}, {len(report.layers)} layers of tables")
    lines = [line(text) for text in _lines(report)]
    return Group(title, _nodes_table(report), line(note(report), style="dim"), *lines)


def note(report: LutReport) -> str:
    """What the columns count."""
    planned = "; plan: tables of the plan" if report.plans else ""
    return (
        "Each node is counted once: constant, a wire, repeated or inverse (of an earlier one, in "
        f"any order of inputs), dead. Left: tables after exact sharing{planned}. A table is a "
        "LUT6; heads and encoders are not counted here."
    )


def _nodes_table(report: LutReport) -> Fitting:
    table = table_of("Nodes", "Layer")
    columns = {
        "n_nodes": "Nodes",
        "constant": "Const.",
        "wires": "Wires",
        "repeated": "Rep.",
        "inverse": "Inv.",
        "dead": "Dead",
        "left": "Left",
        **({"planned": "Plan"} if report.plans else {}),
    }
    for name in columns.values():
        table.add_column(name, justify="right", no_wrap=True)
    for layer in report.layers:
        table.add_row(layer.layer, *(f"{getattr(layer, key):,}" for key in columns))
    if len(report.layers) > 1:
        table.add_row("all", *(f"{report.total(key):,}" for key in columns))
    return Fitting(table)


def _lines(report: LutReport) -> list[str]:
    nodes, left, planned = (report.total(key) for key in ("n_nodes", "left", "planned"))
    found = [f"Tables: {nodes:,} as trained, {left:,} by exact sharing"]
    if report.changed_nodes:
        found[0] += f", {planned:,} by the plan ({less(planned, nodes)} less than trained)"
    found[0] += "."
    if report.chosen_on:
        found.append(f"Chosen on {report.chosen_on}. {kept_line(report)}".rstrip())
    if report.accuracy is not None:
        one = report.accuracy
        low, high = one.interval_95_points
        found.append(
            f"On {one.n_images:,} images ({one.images}): {one.before_percent:.2f} % before, "
            f"{one.after_percent:.2f} % after; {one.loss_points:.2f} points lost (95 % interval "
            f"{low:.2f} to {high:.2f}); {report.images_with_equal_scores:,} with equal scores."
        )
    return found


def kept_line(report: LutReport) -> str:
    """What the plan kept loses on the validation images, and at most on new ones like them."""
    kept = [one.loss for one in report.tried if one.kept]
    if not kept:
        return ""
    said = f"The plan loses {kept[0].loss_points:.2f} points on the validation images"
    if not report.confident:
        return f"{said}; the budget is kept on average."
    end = kept[0].interval_points[1]
    return f"{said}, and with 95 % confidence at most {end:.2f} on new images like them."
