"""What a report says of new images: on average, surely, and what more images would buy."""

from dataclasses import replace
from pathlib import Path

import pytest

from crshare.planning.promise import MoreImages, Promise
from crshare.report.page.document import document_of, read_document
from crshare.report.page.html import render
from crshare.report.page.tables import tried_table
from crshare.report.promised import ON_AVERAGE, promise_lines
from crshare.report.schema import PlanReport
from crshare.report.terminal import search_lines


@pytest.fixture(scope="module")
def report(optimized: Path) -> PlanReport:
    found = read_document(optimized).plan
    assert found is not None and found.search.tried
    return found


def promising(report: PlanReport, promise: Promise | None) -> PlanReport:
    return replace(report, search=replace(report.search, promise=promise))


def test_the_page_tells_the_estimate_the_upper_end_and_the_level(report: PlanReport) -> None:
    more = MoreImages(n_images=4600, price=3e-4, cost=1200, loss_points=0.67)
    told = promising(report, Promise(300, 0.04, 0.98, more))
    page = render(document_of(told))
    for sentence in promise_lines(told):
        assert sentence in page
    assert "Points lost at most, 95 % confidence" in page
    assert promise_lines(told)[1] == (
        "About 4,600 calibration images instead of 300 would tell whether multiplier 3.0e-04 keeps "
        "the budget too (+0.67 points so far), with 1,200 slice operations."
    )


def test_a_budget_kept_on_average_is_said_to_be_no_promise(report: PlanReport) -> None:
    told = promising(report, None)
    assert promise_lines(told) == [ON_AVERAGE]
    page = render(document_of(told))
    assert ON_AVERAGE in page and "Points lost at most" not in page
    nothing = replace(told, search=replace(told.search, tried=()))
    assert promise_lines(nothing) == []


def test_a_plan_that_is_made_again_is_listed_once(report: PlanReport) -> None:
    one = report.search.tried[0]
    told = [(2.0, 9, "kept the budget, planned again below"), (1.0, 8, "kept the budget")]
    told += [(2.0, 7, "this plan"), (2.0, 6, "lost too much"), (3.0, 5, "lost too much")]
    tried = tuple(replace(one, price=p, cost=cost, verdict=said) for p, cost, said in told)
    again = replace(report, search=replace(report.search, tried=tried))
    head, *rows = [words.plain for words in search_lines(again)][:4]
    assert head.endswith("5 plans tried at 3 multipliers.")
    assert [row.split(":")[1].split()[0] for row in rows] == ["8", "7", "5"]
    assert "planned again" not in tried_table(again).html
