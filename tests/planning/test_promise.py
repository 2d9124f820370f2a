"""A budget that is kept surely: the search upwards, what it promises, and cross-fitting."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from crshare.accuracy import pooled
from crshare.evaluation.job import job_of
from crshare.evaluation.plan_run import errs_more
from crshare.executor.execute import compile_network
from crshare.images.image_set import ImageSet, MovedSet, load_images, stand_ins
from crshare.model.read import read_model
from crshare.plan.file import dumps
from crshare.plan.plan import planned_network
from crshare.planning.candidates import Job, evaluate_one, prepared
from crshare.planning.judging import before_of, compared
from crshare.planning.layerwise import OUT_OF_TIME, Method
from crshare.planning.multipliers import SAFEST
from crshare.planning.promise import promise_of
from crshare.planning.search import Budget, Candidate, Found, Search, Tried
from tests.jobs import tiny_job
from tests.planning.test_search import EXACT, METHOD, Known, accuracy, found


class Judging(Known):
    """The same with halves that judge; plans of all images lose `optimism` less, or the `unlucky`
    ones ten points."""

    def __init__(self, unlucky: int = 0) -> None:
        super().__init__(3e-4 * 2**0.1)
        self.unlucky, self.ways = unlucky, list[tuple[float, str, bool]]()

    def __call__(self, multipliers: Sequence[float], method: Method) -> list[Candidate]:
        self.ways += [(multiplier, method.solver, method.crossed) for multiplier in multipliers]
        made = super().__call__(multipliers, method)
        if method.crossed:
            return made
        self.unlucky -= 1
        loss = 10.0 if self.unlucky >= 0 else -0.5
        return [replace(candidate, accuracy=accuracy(loss)) for candidate in made]


def test_a_sure_budget_is_judged_by_halves_upwards_and_the_plan_is_made_of_all() -> None:
    evaluate = Judging()
    best = found(evaluate, confident=True)
    judged = [multiplier for multiplier, _, crossed in evaluate.ways if crossed]
    assert judged[:2] == [SAFEST, 2 * SAFEST]
    assert evaluate.ways[-2:] == [
        (best.multiplier, "lagrangian", False),
        (best.multiplier, "highs", False),
    ]
    told = [entry for entry in best.tried if entry.multiplier == best.multiplier]
    assert len(told) == 3 and len({entry.accuracy for entry in told}) == 1
    assert told[0].accuracy.interval[1] <= 1.0
    beyond = [entry for entry in best.tried if entry.multiplier > best.multiplier]
    assert beyond and not any(entry.within for entry in beyond)
    assert [entry.unsure for entry in beyond] == [
        entry.accuracy.loss_points < 1.0 for entry in beyond
    ]
    assert any(entry.within for entry in found(Known()).tried if entry.multiplier > best.multiplier)


def test_a_plan_of_all_images_that_loses_too_much_gives_way_to_the_next() -> None:
    usual, evaluate = found(Judging(), confident=True), Judging(unlucky=1)
    best = found(evaluate, confident=True)
    assert 0 < best.multiplier < usual.multiplier
    assert best.plan.fingerprint == repr(best.multiplier)
    lost = [entry for entry in best.tried if entry.multiplier == usual.multiplier]
    assert [entry.within for entry in lost] == [True, False]
    assert found(Judging(unlucky=100), confident=True).plan is EXACT


def test_a_sure_search_that_is_late_keeps_the_plan_of_a_half() -> None:
    best = Search(EXACT, Judging(), Budget(1.0, 0.0, confident=True)).run(METHOD)
    assert (best.multiplier, best.stopped) == (SAFEST, OUT_OF_TIME)


def test_a_search_promises_what_it_measured_and_tells_what_more_images_buy() -> None:
    budget = Budget(1.0, confident=True)
    best = found(Judging(), confident=True)
    promise = promise_of(best, budget)
    assert promise is not None and promise.more is not None
    assert promise.loss_points < promise.at_most_points <= 1.0
    assert (promise.n_images, promise.more.price > best.multiplier) == (10_000, True)
    enough = {entry.multiplier: entry for entry in best.tried}[promise.more.price].accuracy
    reach = enough.interval[1] - enough.loss_points
    assert enough.loss_points + reach * (10_000 / promise.more.n_images) ** 0.5 <= 1.0
    assert promise.sentence == (
        f"Loss on images that did not choose: {promise.loss_points:.2f} points; with 95 % "
        f"confidence at most {promise.at_most_points:.2f} on new images like them."
    )
    assert promise.advice("operations").startswith(
        f"About {promise.more.n_images:,} calibration images instead of 10,000 would tell whether "
    )
    assert promise_of(best, Budget(1.0)) is None
    assert promise_of(Found(EXACT), budget) is None
    nothing = promise_of(Found(EXACT, tried=(Tried(1.0, 1, accuracy(9), within=False),)), budget)
    assert nothing is not None
    assert (nothing.sentence, nothing.advice("")) == ("Exact sharing loses nothing.", "")


def test_each_half_judges_the_plan_of_the_other() -> None:
    """Against the plan of either half, made and measured by itself."""
    whole = tiny_job(0)
    images = whole.calibration
    parts = [ImageSet(f"part {k}", images.images[k::2], images.labels[k::2]) for k in (0, 1)]
    views = [stand_ins(part, mirrored=False) for part in parts]
    halves = [
        Job(whole.network, whole.fingerprint, part, view, strange=True)
        for part, view in zip(parts, views, strict=True)
    ]
    pair = halves[0], halves[1]
    moved = stand_ins(images, mirrored=False)
    job = Job(whole.network, whole.fingerprint, images, moved, pair, strange=True)
    assert job.key != replace(job, halves=None).key
    method = Method("lagrangian", crossed=True)
    found = evaluate_one(job, 1.0, method)
    plans = [prepared(half).evaluate(1.0, method).plan for half in halves]
    assert dumps(found.plan, "m") == dumps(plans[0], "m") != dumps(plans[1], "m")
    original = compile_network(whole.network)
    planned = [compile_network(planned_network(whole.network, plan)) for plan in plans]
    judges: tuple[Sequence[ImageSet | MovedSet], ...] = views, parts
    by_judge = [
        [
            compared(before_of(original, images), executor.classify(images.images), images)
            for executor, images in zip(planned, reversed(judge), strict=True)
        ]
        for judge in judges
    ]
    assert all(one.weighed_net is not None for one in by_judge[0])
    assert all(one.weighed_net is None for one in by_judge[1])
    ends = [pooled(two, "").interval[1] for two in by_judge]
    assert found.accuracy.interval[1] == max(ends)
    assert found.accuracy.images == (moved.name, images.name)[ends.index(max(ends))]


def test_a_job_is_parted_in_halves_and_tells_whether_moved_images_are_strange(
    model: Path, images: Path
) -> None:
    loaded = read_model(model)
    given = load_images(images, loaded.network)
    job = job_of(loaded, given, mirror=None, seed=1)
    assert job.halves is not None
    one, other = (half.calibration.images for half in job.halves)
    assert len(one) + len(other) == len(given)
    both = np.concatenate([one, other]).reshape(len(given), -1)
    assert sorted(map(bytes, both)) == sorted(map(bytes, given.images.reshape(len(given), -1)))
    assert job_of(loaded, given.take(slice(1), "one"), mirror=None).halves is None
    assert len(job.judges) == 1 + job.strange


def test_views_are_strange_where_a_network_errs_half_as_often_again() -> None:
    job = tiny_job(0)
    pixels, right = job.calibration.images, job.calibration.labels
    labels = right.copy()
    labels[:10] = 99
    images = ImageSet("ten wrong", pixels, labels)
    for n_wrong, strange in ((15, False), (16, True)):
        views = right.copy()
        views[:n_wrong] = 99
        assert errs_more(job.network, images, ImageSet("views", pixels, views)) == strange
