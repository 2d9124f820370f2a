"""A whole curve on the test images as the page, files and figures for papers show it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from crshare.accuracy import Accuracy
from crshare.errors import CrshareError
from crshare.plan.luts import LayerLuts
from crshare.report.page.curve_plot import curve_plots
from crshare.report.page.curve_section import curve_section, curve_table
from crshare.report.page.document import Document, read_document
from crshare.report.paper_figures import figures
from crshare.report.schema import CurvePoint, CurveReport
from crshare.report.written import measured
from crshare.typed_json import write_json

TEST = Accuracy(1000, 900, 890, lost=15, won=5)


def point(price: float, cost: int, luts: int | None, *, tested: bool = True) -> CurvePoint:
    bare = CurvePoint(price=price, cost=cost, loss=TEST.estimate, beaten=not tested)
    return replace(bare, test=measured(TEST), luts=luts) if tested else bare


@pytest.fixture(scope="module")
def document(optimized: Path) -> Document:
    read = read_document(optimized)
    assert read.plan is not None
    curve = CurveReport(
        crshare=read.report.crshare, model=read.report.model, library=read.report.library,
        fingerprint=read.report.fingerprint, chosen_on=read.plan.chosen_on,
        objective=read.plan.objective, max_loss_points=1.0, kept=2.0,
        luts=LayerLuts("all", 900, 800, 640),
        points=(point(1.0, 500, None), point(2.0, 400, 640), point(3.0, 450, 1, tested=False)),
    )  # fmt: skip
    return replace(read, curve=curve)


@pytest.fixture(scope="module")
def curve(document: Document) -> CurveReport:
    assert document.curve is not None
    return document.curve


def test_plans_stand_at_their_cost_and_the_one_kept_is_marked(curve: CurveReport) -> None:
    draw = curve_plots(curve)
    assert sorted(draw) == ["pareto-luts", "pareto-test"]
    text = draw["pareto-test"]().markup().html
    assert "500 slice operations, +1.00 points lost" in text and "450" not in text
    assert text.count('class="reported"') == 1
    assert "640 LUTs lose 1.00 points, the plan kept" in draw["pareto-luts"](388.0).markup().html


def test_the_table_has_exact_sharing_first_and_luts_of_each(curve: CurveReport) -> None:
    text = curve_table(curve).html
    assert text.count("<tr>") == 1 + 1 + 2
    assert "exact sharing" in text and "2.0e+00 (this plan)" in text
    assert text.count(">800<") == 2  # of exact sharing, and of a plan that changes no weight
    assert "−20.0 %" in text
    assert "LUTs" not in curve_table(replace(curve, luts=None)).html


def test_nothing_measured_is_nothing_shown(document: Document, curve: CurveReport) -> None:
    bare = replace(curve, points=tuple(replace(one, test=None) for one in curve.points))
    assert curve_plots(bare) == {}
    assert curve_section(replace(document, curve=bare)) is None
    assert curve_section(replace(document, curve=None)) is None
    section = curve_section(document)
    assert section is not None and section.body.html.count("<svg") == 4
    unit = replace(curve, objective=replace(curve.objective, name="luts", unit="LUTs"))
    assert sorted(curve_plots(unit)) == ["pareto-test"]


def test_a_curve_beside_a_report_is_read_and_anothers_is_refused(
    optimized: Path, curve: CurveReport, tmp_path: Path
) -> None:
    folder = shutil.copytree(optimized, tmp_path / "out")
    path = folder / "pareto.json"
    path.write_text(write_json(curve))
    assert read_document(folder).curve == curve
    path.write_text(write_json(replace(curve, fingerprint="0" * 64)))
    advice = "remove it, or make it anew with `crshare optimize --pareto`"
    with pytest.raises(CrshareError) as error:
        read_document(folder)
    assert str(error.value) == f"{path}: has the curve of another model; {advice}"
    path.write_text("{}")
    with pytest.raises(CrshareError, match="cannot be read as what `crshare optimize --pareto`"):
        read_document(folder)


@pytest.mark.slow
@pytest.mark.needs_package("matplotlib")
def test_papers_get_both_figures(document: Document, curve: CurveReport) -> None:
    assert document.plan is not None
    bare = replace(document.plan, layers=(), portraits=(), luts=())
    with_curve = figures(bare, "svg", curve)
    assert sorted(with_curve) == ["loss.svg", "pareto.svg", "pareto_luts.svg"]
    assert sorted(figures(bare, "svg")) == ["loss.svg"]
