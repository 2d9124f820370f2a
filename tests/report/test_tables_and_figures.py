"""Results as tables, CSV and figures for papers."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import crshare
from crshare.accuracy import Accuracy
from crshare.errors import ArgumentError
from crshare.evaluation.layer_losses import alone
from crshare.evaluation.plan_run import measure_accuracy
from crshare.network.slices import decompose
from crshare.plan.plan import changed_layers
from crshare.planning.layerwise import exact_plan
from crshare.planning.search import Tried
from crshare.report.page.document import read_document
from crshare.report.paper_figures import FORMATS, figures
from crshare.report.schema import PlanReport
from tests.cli.test_cli import crshare as command


def test_values_of_the_api_are_short_tables(model: Path, optimized: Path) -> None:
    loaded = crshare.load(model)
    plan = crshare.load_plan(loaded, optimized / "plan.json")
    outcome = crshare.optimize(loaded, max_loss_points=0)
    for value in (loaded, plan, outcome, crshare.analyze(loaded)):
        assert 4 <= len(repr(value).splitlines()) <= 20
        assert all(len(row) < 100 for row in repr(value).splitlines())
        assert value._repr_html_().startswith("<table>")
    assert repr(outcome).splitlines()[-1].startswith("all ")


def test_csv_is_the_report_of_each_layer(
    model: Path, images: Path, optimized: Path, tmp_path: Path
) -> None:
    path, plan = tmp_path / "layers.csv", optimized / "plan.json"
    arguments = ("--plan", plan, "--data", images, "--by-layer", "--csv", path, "--json", "-")
    done = command("evaluate", model, *arguments)
    assert done.exit_code == 0, done.output
    report, rows = json.loads(done.stdout), list(csv.DictReader(path.read_text().splitlines()))
    assert [row["layer"] for row in rows] == [layer["layer"] for layer in report["layers"]]
    for row, layer in zip(rows, report["layers"], strict=True):
        assert int(row["slice_operations_exact"]) == layer["exact"]["slice_operations"]
        assert int(row["additions_plan_graph"]) == layer["graph"]["additions"]
        lost = report["loss_by_layer"].get(row["layer"])
        assert row["points_lost_alone"] == (str(lost["loss_points"]) if lost else "")
    assert report["loss_by_layer"]


def test_a_layer_alone_is_the_plan_in_that_layer_only(
    model: Path, images: Path, optimized: Path
) -> None:
    loaded = crshare.load(model)
    network, pictures = loaded.network, crshare.load_images(loaded, images)
    plan = crshare.load_plan(loaded, optimized / "plan.json")
    evaluation = crshare.evaluate(loaded, plan, pictures, by_layer=True)
    changed, exact = changed_layers(network, plan), exact_plan(network, plan.fingerprint)
    assert [one.layer for one in evaluation.by_layer] == changed
    for one in evaluation.by_layer:
        own = alone(network, plan, exact, one.layer)
        assert changed_layers(network, own) == [one.layer]
        assert len(own.thresholds) <= 1 and own.thresholds.keys() <= plan.thresholds.keys()
        assert one.accuracy == measure_accuracy(network, own, pictures)[0]
    table = next(table for table in decompose(network) if table.layer == changed[0])
    kept = alone(network, plan, exact, changed[0]).layer(changed[0]).effective(table)
    assert np.array_equal(kept, plan.layer(changed[0]).effective(table))


def test_plans_tried_are_a_table(model: Path) -> None:
    outcome = crshare.optimize(crshare.load(model), max_loss_points=0)
    accuracy = Accuracy(100, 90, 88, lost=3, won=1)
    tried = (Tried(2e-4, 50, accuracy, within=True), Tried(1e-4, 70, accuracy, within=True))
    curve = replace(outcome, found=replace(outcome.found, tried=tried)).curve
    assert curve.columns[:3] == ("multiplier", "cost", "points_lost")
    assert [row[:3] for row in curve.rows] == [(1e-4, 70, 2.0), (2e-4, 50, 2.0)]
    assert [row[-1] for row in curve.rows] == [True, False]


@pytest.fixture(scope="module")
def report(optimized: Path) -> PlanReport:
    found = read_document(optimized).plan
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.needs_package("matplotlib")
def test_figures_are_drawn_whatever_layers_are_called(report: PlanReport) -> None:
    hostile = replace(
        report,
        layers=tuple(replace(one, layer=f"$\\x<{one.layer}") for one in report.layers),
        portraits=tuple(replace(one, layer=f"$\\x<{one.layer}") for one in report.portraits),
    )
    found = figures(hostile, "svg")
    names = ["chance", "full_adders", "loss", "slice_operations", *["luts"][: len(report.luts)]]
    assert sorted(found) == sorted(f"{name}.svg" for name in names)
    for content in found.values():
        ElementTree.fromstring(content)


@pytest.mark.slow
@pytest.mark.needs_package("matplotlib")
@pytest.mark.parametrize("kind", FORMATS)
def test_a_figure_is_the_same_twice(report: PlanReport, kind: str) -> None:
    short = replace(report, layers=(), portraits=(), luts=())
    assert figures(short, kind) == figures(short, kind)


@pytest.mark.needs_package("matplotlib")
def test_another_kind_of_figure_is_refused(optimized: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as error:
        crshare.save_figures(optimized, tmp_path, kind="gif")
    assert str(error.value) == "kind 'gif' is none of pdf, svg, png"
