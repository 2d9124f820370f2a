"""LUTs as an objective: which layers may change, what is counted, and a whole search for them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.accuracy import Accuracy
from crshare.errors import PlanError
from crshare.images.image_set import ImageSet
from crshare.model.read import read_model
from crshare.network.graph import Conv, Flatten, Input, Threshold
from crshare.network.slices import SliceTable, decompose
from crshare.plan.file import dumps, read_plan
from crshare.plan.luts import LayerLuts, graph_luts, luts_together, unshared_luts
from crshare.plan.plan import (
    LayerPlan,
    SharingPlan,
    changed_layers,
    exact_layer,
    pattern_layer,
)
from crshare.planning.candidates import Job, evaluate_one, own_method, prepared
from crshare.planning.layerwise import Method, plan_at
from crshare.planning.measured import measured_method
from crshare.planning.objective import Objective
from crshare.planning.objectives import objective
from crshare.planning.objectives.luts import FINE, TRIED, UNROLLED, Luts
from solver.adder_graph import build, measure
from tests.jobs import tiny_job
from tests.networks import Builder, random_signs


def table_of(positions: int = 36, **options: object) -> SliceTable:
    weights = random_signs(np.random.default_rng(0), (72, 16))
    starts = tuple(range(0, 73, 9))
    return SliceTable("conv", weights, starts, positions, False, **options)  # type: ignore[arg-type]


def test_layers_in_memory_and_of_pixels_stay_as_they_are() -> None:
    assert Luts().stays_unrolled(table_of())
    assert not Luts().stays_unrolled(table_of(positions=1))
    assert not Luts().stays_unrolled(replace(table_of(), integer_input=True))
    assert Luts(clocks=36 * UNROLLED - 1).stays_unrolled(table_of())
    assert not Luts(clocks=36 * UNROLLED).stays_unrolled(table_of())
    with pytest.raises(PlanError, match="^clocks 5: only luts depend on clocks an image$"):
        objective("additions", 5)
    assert objective("luts", 5) == Luts(clocks=5)


def test_luts_are_those_of_the_graphs() -> None:
    table = table_of()
    rows = table.matrix.T.astype(np.int64)
    apart = [measure(build(row[None], method="separate", measure="lut6")).lut6 for row in rows]
    assert unshared_luts(table) == sum(apart)
    graph = build(rows, measure="lut6", search_rounds=0)
    assert graph_luts(table.matrix) == measure(graph).lut6 < unshared_luts(table)
    pixels = [
        measure(build(row[None], method="separate", measure="lut6", input_range=(-9, 9))).lut6
        for row in rows
    ]
    assert unshared_luts(table, (-9, 9)) == sum(pixels)


def test_inputs_left_out_and_few_patterns_cost_less() -> None:
    table, members = table_of(), (np.arange(8, dtype=np.int32), np.arange(8, 16, dtype=np.int32))
    weights = table.matrix.copy()
    weights[::2] = 0
    half = pattern_layer(table, weights, members)
    few = pattern_layer(table, table.matrix[np.arange(72) % 4], members)
    found = Luts()
    costs = [found.layer_cost(table, plan) for plan in (few, half, exact_layer(table))]
    assert costs == sorted(costs) and costs[0] < 0.5 * costs[2]
    assert found.layer_cost(replace(table, positions=1), half) == 0


def test_a_layers_worth_follows_what_is_saved_and_what_is_lost() -> None:
    tables = [replace(table_of(), layer=name) for name in ("one", "other")]
    members = (np.arange(16, dtype=np.int32),)
    weights = tables[0].matrix.copy()
    weights[::3] = 0
    lost = {"one": Accuracy(100, 90, 70, 30, 10), "other": Accuracy(100, 90, 90, 10, 10)}
    begins = {"one": TRIED[0], "other": TRIED[2]}
    asked = []

    def probe(found: Objective) -> tuple[SharingPlan, Accuracy]:
        assert isinstance(found, Luts) and found.only
        asked.append(found.only)
        layers = tuple(
            pattern_layer(table, weights, members)
            if table.layer == found.only and dict(found.worth)[found.only] >= begins[found.only]
            else exact_layer(table)
            for table in tables
        )
        return SharingPlan("", layers), lost[found.only]

    found = Luts().measured(tables, probe)
    assert isinstance(found, Luts)
    assert asked == ["one", "other", "other", "other"]
    worth = dict(found.worth)  # a root of each slope over their geometric mean
    by = (lost["one"].interval[1] / lost["other"].interval[1]) ** 0.25
    assert by > 1
    assert worth["one"] == pytest.approx(TRIED[0] / by, rel=0.01)
    assert worth["other"] == pytest.approx(TRIED[2] * by, rel=0.01)
    assert dict(found.begins) == begins
    asked.clear()
    assert found.measured(tables, probe) == found and asked == ["one", "other"]


def test_a_layer_that_never_saves_is_worth_the_most_that_is_tried() -> None:
    table = table_of()

    def probe(found: Objective) -> tuple[SharingPlan, Accuracy]:
        return SharingPlan("", (exact_layer(table),)), Accuracy(100, 90, 90, 0, 0)

    found = Luts().measured([table], probe)
    assert isinstance(found, Luts)
    assert dict(found.worth) == {"conv": TRIED[-1] * FINE[0]}


@pytest.mark.parametrize("seed", range(2))
def test_only_the_layer_that_is_asked_for_changes_and_higher_multipliers_cost_less(
    seed: int,
) -> None:
    job = tiny_job(seed)
    ready = prepared(job)
    costs = []
    for multiplier in (1e-6, 3e-3, 3e-2):
        plan, _, tally = plan_at(
            ready.baseline, job.fingerprint, multiplier, Method(objective=Luts(only="conv2"))
        )
        shared = [layer.layer for layer in plan.layers if layer.members is not None]
        assert shared in (["conv2"], []) and not tally.backends
        table = next(table for table in decompose(job.network) if table.layer == "conv2")
        costs.append(Luts().layer_cost(table, plan.layer("conv2")))
    assert costs[2] <= costs[1] <= costs[0] and costs[2] < costs[0]


def followed_job() -> Job:
    """Two layers that may stay unrolled, and a convolution of one position behind them."""
    rng = np.random.default_rng(5)
    build = Builder(rng, Input((6, 6, 1)))
    for kernel, pad in (((3, 3, 1, 8), 0), ((3, 3, 8, 8), 0), ((6, 6, 8, 8), None)):
        build.add(Conv(random_signs(rng, kernel), pad_value=pad))
        build.add(Threshold(rng.integers(-4, 5, 8).astype(np.int32), np.ones(8, np.bool_)))
    build.add(Flatten())
    build.add(Conv(random_signs(rng, (1, 1, 8, 5))))
    pixels = rng.integers(0, 256, (80, 6, 6, 1)).astype(np.uint8)
    images = ImageSet("random images", pixels, np.zeros(80, np.int64))
    return Job(build.network, "0" * 64, images, images)


def test_a_layer_in_memory_follows_what_changed_before_it() -> None:
    job = followed_job()
    baseline, tables = prepared(job).baseline, decompose(job.network)
    *_, unrolled, behind, scores = [table.layer for table in tables]
    made = {
        (multiplier, only): plan_at(
            baseline, job.fingerprint, multiplier, Method(objective=Luts(only=only))
        )[0]
        for multiplier, only in ((1e-9, None), (3e-2, None), (3e-2, unrolled))
    }
    changed = {key: changed_layers(job.network, plan) for key, plan in made.items()}
    assert changed == {
        (1e-9, None): [],
        (3e-2, None): [unrolled, behind],
        (3e-2, unrolled): [unrolled],
    }
    follows = made[3e-2, None].layer(behind)
    assert follows.members is None and not follows.corrected.any()
    table = next(table for table in tables if table.layer == behind)
    assert follows.n_computed < exact_layer(table).n_computed
    assert Luts().layer_cost(table, follows) == 0


def test_what_is_measured_comes_before_the_search() -> None:
    job = tiny_job(0)
    ready = prepared(job)
    method = measured_method(
        Method(objective=Luts()),
        decompose(job.network),
        lambda multipliers, how: [ready.evaluate(each, how) for each in multipliers],
    )
    assert isinstance(method.objective, Luts)
    assert [layer for layer, _ in method.objective.worth] == ["conv2", "conv4"]
    plain = Method()
    assert measured_method(plain, decompose(job.network), lambda *_: []) == plain


def test_a_half_measures_the_worth_of_layers_on_its_own_images() -> None:
    whole = tiny_job(0)
    halves = [
        replace(whole, calibration=part, validation=part)
        for part in (whole.calibration.take(slice(k, None, 2), f"part {k}") for k in (0, 1))
    ]
    job = replace(whole, halves=(halves[0], halves[1]))
    known = Luts(worth=(("conv2", 7.0), ("conv4", 0.1)), begins=(("conv2", 1.0), ("conv4", 2.0)))
    method = Method(objective=known, crossed=True)
    own = own_method(halves[0], method)
    assert isinstance(own.objective, Luts)
    assert own.objective.begins == known.begins and own.objective.worth != known.worth
    found = evaluate_one(job, 3e-2, method)
    plan = prepared(halves[0]).evaluate(3e-2, own).plan
    assert dumps(found.plan, "m") == dumps(plan, "m")


def test_luts_of_all_layers_are_their_sum() -> None:
    both = luts_together([LayerLuts("a", 5, 4, 3), LayerLuts("b", 50, 40, 30)])
    assert both == LayerLuts("all", 55, 44, 33)


@pytest.mark.slow
def test_optimize_plans_for_luts_and_says_what_they_are(
    model: Path, images: Path, tmp_path: Path
) -> None:
    from crshare.cli import main
    from crshare.report.schema import PlanReport
    from crshare.typed_json import read_json

    arguments = [
        "optimize", model, "--max-acc-loss", 60, "--data", images, "--calib", images,
        "--minimise", "luts", "--on-average", "-o", tmp_path / "out",
    ]  # fmt: skip
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    loaded = read_model(model)
    plan = read_plan(tmp_path / "out" / "plan.json", loaded.network, loaded.weights_hash)
    report = read_json((tmp_path / "out" / "report.json").read_bytes(), PlanReport)
    assert [layer.layer for layer in report.luts] == ["conv2", "conv3"]
    tables = {table.layer: table for table in decompose(loaded.network)}
    for figures in report.luts:
        layer: LayerPlan = plan.layer(figures.layer)
        assert layer.members is not None or figures.planned == figures.exact
        effective = layer.effective(tables[figures.layer])
        assert figures.planned == graph_luts(effective, layer.members)
        assert figures.exact == graph_luts(tables[figures.layer].matrix)
    whole = luts_together(report.luts)
    assert whole.planned < whole.exact
    assert (report.objective.exact, report.objective.planned) == (whole.exact, whole.planned)
    assert "LUTs, by estimate" in done.output
    assert "LUTs, by estimate" in (tmp_path / "out" / "report.html").read_text()
    assert report.search.solver is None
