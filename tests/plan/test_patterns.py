"""Plans of patterns: what inputs take in groups of filters, followed, counted, kept and refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crshare.errors import ModelFormatError, NetworkError, PlanError
from crshare.evaluation.plan_run import follow, measure_accuracy
from crshare.executor.execute import run_patterned
from crshare.frontend.lut_container import write_lut_network
from crshare.images.image_set import ImageSet
from crshare.model.read import Model, fingerprint, read_model
from crshare.model.write import apply_network
from crshare.network import reference
from crshare.network.bits import pack
from crshare.network.graph import INPUT, Conv, Input, Kind, Layer, Network, Signal
from crshare.network.slices import SliceTable, decompose, kernel_of
from crshare.plan.cost import count_layer, graph_as_planned
from crshare.plan.file import dumps, read_plan
from crshare.plan.origins import Computed, Copied, LeftOut, Negated, Origin, Similar
from crshare.plan.plan import LayerPlan, SharingPlan, exact_layer, pattern_layer, planned_network
from crshare.report.slice_statistics import layer_statistics
from solver.adder_graph import check, measure
from tests.networks import random_images, random_network, random_signs
from tests.plans import random_pattern_plan

SEEDS = st.integers(0, 2**32 - 1)
SIZE = (2, 3)
ONE = np.ones((1, 1), np.int8)


def table_of(rng: np.random.Generator) -> SliceTable:
    kernel = random_signs(rng, (*SIZE, int(rng.integers(1, 5)), int(rng.integers(1, 14))))
    network = Network(Input((6, 5, kernel.shape[2])), (Layer("conv", Conv(kernel), INPUT),))
    return decompose(network)[0]


@st.composite
def cases(draw: st.DrawFn) -> tuple[SliceTable, LayerPlan]:
    rng = np.random.default_rng(draw(SEEDS))
    table = table_of(rng)
    return table, random_pattern_plan(rng, table)


def spelt_out(table: SliceTable, plan: LayerPlan) -> list[list[int]]:
    """The effective weights, one after the other."""
    found = [[9] * table.n_filters for _ in table.matrix]
    groups = zip(plan.representatives, plan.use, plan.members or (), strict=True)
    for patterns, use, members in groups:
        for row, taken in enumerate(use.tolist()):
            for place, filter_ in enumerate(members.tolist()):
                weight = 0 if taken == 0 else int(patterns[abs(taken) - 1, place])
                found[row][filter_] = -weight if taken < 0 else weight
    return found


@given(cases())
def test_effective_weights_are_those_of_the_patterns(case: tuple[SliceTable, LayerPlan]) -> None:
    table, plan = case
    effective = plan.effective(table)
    assert effective.tolist() == spelt_out(table, plan)
    again = pattern_layer(table, effective, plan.members or ())
    assert np.array_equal(again.effective(table), effective)
    assert [len(p) for p in again.representatives] == [len(p) for p in plan.representatives]
    for patterns in again.representatives:
        inverse = (-patterns).tolist()
        both = zip(patterns.tolist(), inverse, strict=True)
        pairs = {tuple(min(pair)) for pair in both}
        assert len(pairs) == len(patterns)


@given(SEEDS)
def test_patterns_are_slices_with_inputs_and_filters_exchanged(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = table_of(rng)
    across = np.ascontiguousarray(table.matrix.T)
    turned = replace(table, matrix=across, starts=(0, table.n_filters))
    slices = exact_layer(turned)
    members = (np.arange(table.n_filters, dtype=np.int32),)
    patterns = pattern_layer(table, table.matrix, members)
    assert np.array_equal(patterns.taken.T, slices.taken)
    assert patterns.n_computed == slices.n_computed
    assert patterns.count_origins(table) == slices.count_origins(turned)


@settings(max_examples=60)
@given(cases(), st.booleans(), st.sampled_from([None, 0, 1, -1]))
def test_following_patterns_gives_the_sums_of_the_effective_weights(
    case: tuple[SliceTable, LayerPlan], integer: bool, pad_value: int | None
) -> None:
    table, plan = case
    rng = np.random.default_rng(len(table.matrix))
    shape = (*SIZE, len(table.matrix) // (SIZE[0] * SIZE[1]), table.n_filters)
    effective = Conv(kernel_of(plan.effective(table), shape), (1, 2), pad_value)
    signal = Signal(Kind.INTEGERS if integer else Kind.BITS, (6, 5, shape[2]), 9 if integer else 1)
    maps = (2, 6, 5, shape[2])
    values = rng.integers(-9, 10, maps) if integer else random_signs(rng, maps)
    sums, counts = run_patterned(
        Conv(kernel_of(table.matrix, shape), (1, 2), pad_value),
        signal,
        values.astype(np.int16) if integer else pack(values),
        representatives=plan.representatives,
        use=plan.use,
        members=plan.members or (),
        n_threads=1,
    )
    expected = reference.apply(effective, values)
    n_positions = expected[..., 0].size
    used = sum(1 for row in plan.use.tolist() for taken in row if taken)
    read = sum(
        max(sum(1 for weight in column if weight) - 1, 0)
        for patterns in plan.representatives
        for column in patterns.T.tolist()
    )
    assert np.array_equal(sums, expected)
    assert counts.slice_operations == plan.n_computed_taps * n_positions == used * n_positions
    assert counts.popcount_additions == (used - plan.n_computed) * n_positions
    assert (counts.corrections, counts.accumulations) == (0, read * n_positions)


@given(cases())
def test_origins_are_counted_as_they_are(case: tuple[SliceTable, LayerPlan]) -> None:
    table, plan = case
    effective = plan.effective(table)
    kinds: list[type[Origin]] = []
    for group, members in enumerate(plan.members or ()):
        for row in range(len(table.matrix)):
            origin = plan.origin(table, group, row)
            kinds.append(type(origin))
            own, taken = table.matrix[row, members], effective[row, members]
            assert isinstance(origin, LeftOut) == (not taken.any())
            if isinstance(origin, Similar):
                assert origin.distance == (own != taken).sum() > 0
            elif not isinstance(origin, LeftOut):
                assert np.array_equal(own, taken)
    counts = plan.count_origins(table)
    assert kinds.count(Computed) <= counts.computed == plan.n_computed
    assert counts.copied == kinds.count(Copied)
    assert counts.negated == kinds.count(Negated)
    assert counts.similar == kinds.count(Similar)
    assert counts.left_out == kinds.count(LeftOut)


@settings(max_examples=10)
@given(cases(), st.sampled_from(["additions", "full_adders", "lut6"]))
def test_the_graph_as_planned_computes_the_effective_weights(
    case: tuple[SliceTable, LayerPlan], goal: str
) -> None:
    table, plan = case
    graph = graph_as_planned(table, plan, input_range=(0, 1), measure=goal)
    check(graph, plan.effective(table).T.astype(np.int64))


def test_counts_follow_the_patterns() -> None:
    rng = np.random.default_rng(4)
    table = replace(table_of(rng), integer_input=False)
    plan = random_pattern_plan(rng, table)
    signal = Signal(Kind.BITS, (6, 5, 2), 1)
    counts = count_layer(table, plan, signal)
    assert counts.patterns and counts.n_slices == plan.use.size
    assert counts.after.slice_operations == table.positions * plan.n_computed_taps
    graph = graph_as_planned(table, plan, input_range=(0, 1), measure="additions")
    assert counts.after.additions == table.positions * measure(graph).additions
    assert counts.graph.full_adders <= counts.before.full_adders


def planned_by_patterns(network: Network, seed: int) -> SharingPlan:
    rng = np.random.default_rng(seed)
    layers = tuple(
        random_pattern_plan(rng, table) if table.parts == 1 else exact_layer(table)
        for table in decompose(network)
    )
    return SharingPlan(fingerprint(network), layers)


@settings(max_examples=30)
@given(SEEDS)
@pytest.mark.slow
def test_a_whole_network_is_followed_pattern_by_pattern(seed: int) -> None:
    """`follow` refuses sums other than the packed executor's; that one equals the reference."""
    network = random_network(seed)
    plan = planned_by_patterns(network, seed)
    planned = planned_network(network, plan)
    images = random_images(np.random.default_rng(seed), network.input, 2)
    follow(network, plan, images)
    before, after = (reference.run(each, images) for each in (network, planned))
    name = network.layers[-1].name
    labels = np.zeros(len(images), np.int64)
    _, n_equal = measure_accuracy(network, plan, ImageSet("images", images, labels))
    pairs = zip(before[name], after[name], strict=True)
    assert n_equal == sum(np.array_equal(one, other) for one, other in pairs)
    layer_statistics(network, plan)


def refusal(**changes: object) -> str:
    """The sentence with which a plan of two groups, of one and of two filters, is refused."""
    members = (np.array([1], np.int32), np.array([0, 2], np.int32))
    patterns = (ONE, np.array([[1, 1], [1, -1]], np.int8))
    use = np.array([[1, 0, -1], [2, 1, 1]], np.int32)
    plan = LayerPlan("conv", patterns, use, np.zeros((2, 3), np.bool_), members)
    with pytest.raises(PlanError) as error:
        replace(plan, **changes)  # type: ignore[arg-type]
    return str(error.value)


def test_malformed_patterns_are_refused_with_a_sentence() -> None:
    for use, named in [(3, "[1, 2, 3]"), (-(2**31), "[1, 2, 2147483648]")]:
        assert refusal(use=np.array([[1, 0, -1], [2, 1, use]], np.int32)) == (
            "layer conv, group 1: 2 representatives, but the inputs use "
            f"{named}; each must be used, and no other"
        )
    twice = (np.array([1], np.int32), np.array([1, 2], np.int32))
    assert refusal(members=twice) == (
        "layer conv: every filter must be in one of the 2 groups of filters, and in no other"
    )
    for patterns in (np.zeros((2, 2), np.int8), np.ones((2, 3), np.int8)):
        assert refusal(representatives=(ONE, patterns)) == (
            "layer conv, group 1: there must be a pattern, and each must have one weight for each "
            "of the group's 2 filters, not only zeros"
        )
    assert refusal(corrected=np.ones((2, 3), np.bool_)) == (
        "layer conv: patterns cannot be corrected"
    )


@pytest.fixture(scope="module")
def loaded(model: Path) -> Model:
    return read_model(model)


def plan_for(loaded: Model) -> SharingPlan:
    """Patterns in the last layer alone."""
    *others, last = decompose(loaded.network)
    layers = (*map(exact_layer, others), random_pattern_plan(np.random.default_rng(1), last))
    return SharingPlan(loaded.weights_hash, layers)


def test_plans_of_patterns_are_read_as_they_were_written(loaded: Model, tmp_path: Path) -> None:
    plan, path = plan_for(loaded), tmp_path / "plan.json"
    text = dumps(plan, loaded.path.name)
    path.write_text(text)
    again = read_plan(path, loaded.network, loaded.weights_hash)
    assert dumps(again, loaded.path.name) == text
    assert text.startswith('{"format": "crshare-plan", "version": 2')
    tables = decompose(loaded.network)
    for table, one, other in zip(tables, plan.layers, again.layers, strict=True):
        assert np.array_equal(one.effective(table), other.effective(table))
    exact = SharingPlan(loaded.weights_hash, tuple(map(exact_layer, tables)))
    assert dumps(exact, "").startswith('{"format": "crshare-plan", "version": 1')


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"version": 2', '"version": 1', "is of version 1, yet names groups of filters"),
        ('"filters":[0', '"filters":[9999', "layer dense, group "),
        ('"use":[', '"use":[1,', "layer dense, group 0: "),
    ],
)
def test_a_plan_of_patterns_that_does_not_fit_is_refused(
    loaded: Model, tmp_path: Path, old: str, new: str, said: str
) -> None:
    path, text = tmp_path / "plan.json", dumps(plan_for(loaded), "")
    place = text.rindex('"name":"dense"') if old.startswith('"use') else 0
    path.write_text(text[:place] + text[place:].replace(old, new, 1))
    with pytest.raises(PlanError) as error:
        read_plan(path, loaded.network, loaded.weights_hash)
    assert str(error.value).startswith(f"{path}: {said}")


def test_zeros_are_exported_and_not_applied(loaded: Model, tmp_path: Path) -> None:
    network = planned_network(loaded.network, plan_for(loaded))
    with pytest.raises(PlanError) as error:
        apply_network(loaded.path, network, tmp_path / "out.h5")
    assert str(error.value) == (
        f"{loaded.path}: dense would have weights of 0, inputs that the plan leaves out, which a "
        "kernel read by its signs cannot hold; write the network with `crshare export --plan`, "
        "as .npz"
    )
    assert not (tmp_path / "out.h5").exists()
    write_lut_network(network, tmp_path / "out.npz")
    again = read_model(tmp_path / "out.npz").network
    assert np.array_equal(again.conv("dense").kernel, network.conv("dense").kernel)
    with pytest.raises(NetworkError) as refused:
        exact_layer(decompose(again)[-1])
    assert str(refused.value) == (
        "layer dense: has weights of 0, inputs that a plan left out, and so no slices; plan the "
        "model that this plan was made for"
    )
    assert not issubclass(NetworkError, ModelFormatError)
