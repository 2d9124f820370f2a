"""The verdict on a plan: what exact sharing saves is never credited to it."""

from dataclasses import replace
from pathlib import Path

import pytest

from crshare.plan.luts import LayerLuts
from crshare.report.figures import begun
from crshare.report.page.document import read_document
from crshare.report.page.html import render
from crshare.report.schema import PlanReport
from crshare.report.verdict import verdict

ONE = LayerLuts("conv2", 8000, 5000, 4000)


@pytest.fixture(scope="module")
def report(optimized: Path) -> PlanReport:
    found = read_document(optimized).plan
    assert found is not None and found.accuracy is not None and not found.lossless
    return replace(found, accuracy=replace(found.accuracy, loss_points=0.6), luts=(ONE,))


def test_luts_are_those_beyond_the_exact_graph(report: PlanReport) -> None:
    assert verdict(report).startswith(
        "This plan saves 1,000 LUTs of the 5,000 that the exact graph takes (20.0 %; conv2), and "
        "loses 0.60 points; without a plan the exact graph takes 5,000 of 8,000 LUTs unshared, and "
        "loses nothing. It leaves "
    )


@pytest.mark.parametrize("planned", [4950, 5000, 5100])
def test_a_plan_that_saves_no_luts_is_said_to(report: PlanReport, planned: int) -> None:
    said = verdict(replace(report, luts=(replace(ONE, planned=planned),)))
    assert said.startswith(
        f"This plan saves no LUTs (conv2), and loses 0.60 points: its graph takes {planned:,}, and "
        "without a plan the exact graph takes 5,000 of 8,000 LUTs unshared, and loses nothing; "
        "--minimise luts plans for LUTs. It leaves "
    )


def test_operations_are_compared_with_exact_sharing(report: PlanReport) -> None:
    names = ("before", "exact", "after")
    was, exact, now = (
        sum(getattr(layer, name).slice_operations for layer in report.layers) for name in names
    )
    assert now < exact < was
    saved = 1000 * (exact - now) // exact / 10
    assert f"({saved} % fewer)." in verdict(replace(report, luts=()))
    assert verdict(replace(report, luts=())).startswith("This plan loses 0.60 points: it leaves ")
    assert report.accuracy is not None
    better = replace(report, luts=(), accuracy=replace(report.accuracy, loss_points=-1.5))
    assert verdict(better).startswith("This plan gains 1.50 points on the test images: it leaves ")
    assert verdict(replace(report, lossless=True)).startswith("This plan is lossless: it leaves ")


def test_the_verdict_stands_at_the_top_of_the_page(optimized: Path) -> None:
    document = read_document(optimized)
    assert document.plan is not None
    page = render(document)
    assert page.index(verdict(document.plan)) < page.index("<main")
    text = (optimized / "report.txt").read_text("utf-8")
    assert " ".join(text.split()).startswith(verdict(document.plan))


def test_a_heading_begins_with_a_capital_and_keeps_the_others() -> None:
    assert [begun(unit) for unit in ("LUTs", "slice operations", "")] == [
        "LUTs",
        "Slice operations",
        "",
    ]
