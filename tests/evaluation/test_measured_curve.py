"""A whole curve on the test images: which plans, what they lose, and their LUTs."""

from dataclasses import replace

import numpy as np
import pytest

from crshare.evaluation.measured_curve import measured_curve
from crshare.evaluation.plan_run import measure_accuracy
from crshare.evaluation.planned_luts import planned_luts
from crshare.plan.luts import luts_together
from crshare.planning import objectives
from crshare.planning.candidates import Job, prepared
from crshare.planning.layerwise import Method, exact_plan
from crshare.planning.search import Candidate, Found, Tried
from tests.jobs import tiny_job

OBJECTIVE = objectives.objective(objectives.DEFAULT, 1)
MULTIPLIERS = (1e-3, 1e-2, 1e-1)


@pytest.fixture(scope="module")
def job() -> Job:
    return tiny_job(1)


@pytest.fixture(scope="module")
def candidates(job: Job) -> list[Candidate]:
    return [prepared(job).evaluate(at, Method("lagrangian")) for at in MULTIPLIERS]


def found_of(job: Job, made: list[Candidate], kept: float) -> Found:
    tried = tuple(Tried(one.multiplier, one.cost, one.accuracy, within=True) for one in made)
    plans = {one.multiplier: one.plan for one in made}
    plan = plans.get(kept, exact_plan(job.network, job.fingerprint))
    return Found(plan, kept, None, tried, candidates=tuple(made))


def test_each_plan_that_none_beats_is_measured(job: Job, candidates: list[Candidate]) -> None:
    test = tiny_job(2).calibration
    told: list[float] = []
    found = found_of(job, candidates, kept=0.0)
    points = measured_curve(job.network, found, OBJECTIVE, test, lambda _, done: told.append(done))
    plans = {one.multiplier: one.plan for one in candidates}
    assert points and {one.multiplier for one in points} <= set(MULTIPLIERS)
    assert told == [number / len(points) for number in range(len(points))]
    for one in points:
        plan = plans[one.multiplier]
        assert one.accuracy == measure_accuracy(job.network, plan, test)[0]
        luts = planned_luts(job.network, plan, OBJECTIVE, lambda what, done: None)
        assert one.luts == (luts_together(luts).planned if luts else None)
    assert any(one.luts for one in points)


def test_a_plan_that_is_beaten_is_measured_only_if_it_is_kept(
    job: Job, candidates: list[Candidate]
) -> None:
    best = min(candidates, key=lambda one: one.cost)
    worse = replace(best, multiplier=1.0, cost=best.cost + 1)
    test = tiny_job(2).calibration
    for kept in (0.0, 1.0):
        found = found_of(job, [*candidates, worse], kept)
        points = measured_curve(job.network, found, OBJECTIVE, test, lambda _, done: None)
        assert (1.0 in {one.multiplier for one in points}) == (kept == 1.0)


def test_at_the_multiplier_that_is_kept_the_plan_kept_is_measured(
    job: Job, candidates: list[Candidate]
) -> None:
    """A search makes it again, with more images or a better solver."""
    last = candidates[-1]
    other = replace(found_of(job, candidates, last.multiplier), plan=candidates[0].plan)
    test = tiny_job(2).calibration
    points = measured_curve(job.network, other, OBJECTIVE, test, lambda _, done: None)
    (kept,) = (one for one in points if one.multiplier == last.multiplier)
    assert kept.accuracy == measure_accuracy(job.network, candidates[0].plan, test)[0]
    assert np.isfinite(kept.accuracy.interval).all()
