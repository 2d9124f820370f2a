"""Plans: exact ones change no output, origins equal brute force, a plan is followed by slices."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crshare.errors import PlanError
from crshare.executor.execute import compile_network, run_sliced
from crshare.network import reference
from crshare.network.bits import pack
from crshare.network.graph import INPUT, Conv, Input, Kind, Layer, Network, Signal, Threshold
from crshare.network.slices import SliceTable, decompose, kernel_of
from crshare.plan.origins import Computed, Copied, Corrected, Negated, OriginCounts, Similar
from crshare.plan.plan import (
    LayerPlan,
    SharingPlan,
    exact_layer,
    is_exact,
    layer_from_weights,
    planned_network,
)
from crshare.planning.layerwise import exact_plan
from tests.networks import random_images, random_network, random_signs
from tests.plans import random_plan

SEEDS = st.integers(0, 2**32 - 1)
SIZES = [(1, 1), (1, 3), (2, 2), (3, 3), (5, 5)]


def random_table(rng: np.random.Generator) -> SliceTable:
    """A small layer, with equal and inverse slices."""
    size = SIZES[int(rng.integers(len(SIZES)))]
    kernel = random_signs(rng, (*size, int(rng.integers(1, 19)), int(rng.integers(1, 10))))
    conv = Conv(kernel[..., rng.integers(0, kernel.shape[3], kernel.shape[3])], (1, 1), 0)
    network = Network(Input((6, 5, kernel.shape[2])), (Layer("conv", conv, INPUT),))
    return decompose(network)[0]


@st.composite
def plans(draw: st.DrawFn) -> tuple[SliceTable, LayerPlan]:
    rng = np.random.default_rng(draw(SEEDS))
    table = random_table(rng)
    return table, random_plan(rng, table)


def own_and_taken(
    table: SliceTable, plan: LayerPlan, group: int, filter_: int
) -> tuple[list[int], list[int]]:
    """A filter's slice, and what it takes, one weight after the other."""
    use = int(plan.use[group, filter_])
    sign = 1 if use > 0 else -1
    own = table.matrix[table.starts[group] : table.starts[group + 1], filter_].tolist()
    return own, [sign * int(w) for w in plan.representatives[group][abs(use) - 1]]


@pytest.mark.slow
@settings(max_examples=60)
@given(SEEDS)
def test_an_exact_plan_gives_the_same_scores_for_every_input(seed: int) -> None:
    network = random_network(seed)
    plan = exact_plan(network, "")
    planned = planned_network(network, plan)
    images = random_images(np.random.default_rng(seed), network.input, 4)
    before, after = (compile_network(net, n_threads=1).scores(images) for net in (network, planned))
    assert before.dtype == after.dtype
    assert before.tobytes() == after.tobytes()
    assert is_exact(network, plan)


@given(SEEDS)
def test_an_exact_plan_has_the_weights_of_the_matrix_and_computes_the_classes(seed: int) -> None:
    table = random_table(np.random.default_rng(seed))
    plan = exact_layer(table)
    assert np.array_equal(plan.effective(table), table.matrix)
    assert plan.n_computed == sum(len(group.patterns) for group in table.classes)
    assert not plan.differing(table).any()


def test_a_plan_that_moves_a_weight_or_a_threshold_is_not_exact() -> None:
    conv = Conv(np.ones((1, 1, 2, 2), np.int8))
    at, rising = np.zeros(2, np.int32), np.ones(2, np.bool_)
    layers = (Layer("conv", conv, INPUT), Layer("bits", Threshold(at, rising), "conv"))
    network = Network(Input((1, 1, 2)), layers)
    exact = exact_plan(network, "")
    changed = -np.eye(2, dtype=np.int8) * 2 + 1
    other = layer_from_weights(decompose(network)[0], changed.astype(np.int8))
    moved = {"bits": Threshold(at + 1, rising)}
    assert not is_exact(network, replace(exact, layers=(other,)))
    assert not is_exact(network, replace(exact, thresholds=moved))
    planned = planned_network(network, SharingPlan("", (other,), moved))
    assert planned.conv("conv").kernel[0, 0].tolist() == changed.tolist()
    assert planned.layer("bits").op is moved["bits"]


@given(plans())
def test_effective_weights_are_what_is_taken_except_where_corrected(
    case: tuple[SliceTable, LayerPlan],
) -> None:
    table, plan = case
    effective = plan.effective(table)
    differing = plan.differing(table)
    for group in range(table.n_groups):
        for filter_ in range(table.n_filters):
            own, taken = own_and_taken(table, plan, group, filter_)
            wanted = own if plan.corrected[group, filter_] else taken
            assert effective[table.rows(group), filter_].tolist() == wanted
            different = sum(a != b for a, b in zip(own, taken, strict=True))
            assert differing[group, filter_] == different


@given(plans())
def test_each_origin_says_how_its_slice_comes_about(case: tuple[SliceTable, LayerPlan]) -> None:
    table, plan = case
    for group in range(table.n_groups):
        owners = set()
        for filter_ in range(table.n_filters):
            own, taken = own_and_taken(table, plan, group, filter_)
            different = tuple(i for i, w in enumerate(own) if w != taken[i])
            use = int(plan.use[group, filter_])
            representative, negated = abs(use) - 1, use < 0
            match plan.origin(table, group, filter_):
                case Computed():
                    assert not different and not negated and representative not in owners
                    owners.add(representative)
                case Copied(found):
                    assert not different and not negated and representative in owners
                    assert found == representative
                case Negated(found):
                    assert not different and negated and found == representative
                case Similar(found, sign, distance):
                    assert (found, sign, distance) == (representative, negated, len(different))
                    assert different and not plan.corrected[group, filter_]
                case Corrected(found, sign, positions):
                    assert (found, sign, positions) == (representative, negated, different)
                    assert different and plan.corrected[group, filter_]


@given(plans())
def test_counted_origins_are_those_of_the_slices_and_the_patterns_no_filter_owns(
    case: tuple[SliceTable, LayerPlan],
) -> None:
    table, plan = case
    places = [(g, f) for g in range(table.n_groups) for f in range(table.n_filters)]
    kinds = [type(plan.origin(table, group, filter_)) for group, filter_ in places]
    counts = plan.count_origins(table)
    assert kinds.count(Computed) <= counts.computed == plan.n_computed
    assert counts.copied == kinds.count(Copied)
    assert counts.negated == kinds.count(Negated)
    assert counts.similar == kinds.count(Similar)
    assert counts.corrected == kinds.count(Corrected)


def test_the_origins_of_an_exact_plan_are_its_slices() -> None:
    table = random_table(np.random.default_rng(3))
    counts = exact_layer(table).count_origins(table)
    assert counts.computed + counts.copied + counts.negated == table.n_slices
    assert counts + counts == OriginCounts(
        2 * counts.computed, 2 * counts.copied, 2 * counts.negated
    )


@pytest.mark.slow
@settings(max_examples=60)
@given(plans(), st.booleans(), st.sampled_from([None, 0, 1, -1]))
def test_following_a_plan_gives_the_sums_of_its_effective_weights(
    case: tuple[SliceTable, LayerPlan], integer: bool, pad_value: int | None
) -> None:
    table, plan = case
    rng = np.random.default_rng(len(table.matrix))
    lengths = np.diff(table.starts)
    size = next(s for s in reversed(SIZES) if s[0] * s[1] == lengths[0] or s == (1, 1))
    shape = (*size, len(table.matrix) // (size[0] * size[1]), table.n_filters)
    conv = Conv(kernel_of(table.matrix, shape), (1, 2), pad_value)
    effective = Conv(kernel_of(plan.effective(table), shape), (1, 2), pad_value)
    signal = Signal(Kind.INTEGERS if integer else Kind.BITS, (6, 5, shape[2]), 9 if integer else 1)
    maps = (2, 6, 5, shape[2])
    values = rng.integers(-9, 10, maps) if integer else random_signs(rng, maps)
    sums, counts = run_sliced(
        conv,
        signal,
        values.astype(np.int16) if integer else pack(values),
        starts=table.starts,
        representatives=plan.representatives,
        use=plan.use,
        corrected=plan.corrected,
        n_threads=1,
    )
    expected = reference.apply(effective, values)
    n_positions = expected[..., 0].size
    mended = plan.differing(table)[plan.corrected].sum()
    assert np.array_equal(sums, expected)
    assert counts.slice_operations == plan.n_computed_taps * n_positions
    assert counts.popcount_additions == (plan.n_computed_taps - plan.n_computed) * n_positions
    assert counts.corrections == mended * n_positions


def refusal(**changes: object) -> str:
    """The sentence with which a plan of two groups and three filters is refused."""
    patterns = np.array([[1, 1], [1, -1]], np.int8)
    use = np.array([[1, 2, -1], [2, 1, 1]], np.int32)
    plan = LayerPlan("conv", (patterns, patterns), use, np.zeros((2, 3), np.bool_))
    with pytest.raises(PlanError) as error:
        replace(plan, **changes)  # type: ignore[arg-type]
    return str(error.value)


def test_malformed_plans_are_refused_with_a_sentence() -> None:
    use = np.array([[1, 2, -1], [2, 1, 1]], np.int32)
    assert refusal(use=use[:1]) == ("layer conv: 2 groups of representatives, but uses for 1")
    assert refusal(corrected=np.zeros((2, 2), np.bool_)) == (
        "layer conv: `corrected` does not match `use`"
    )
    for row, named in [((1, 1, -1), "[1]"), ((1, 2, 3), "[1, 2, 3]"), ((0, 1, 2), "[0, 1, 2]")]:
        assert refusal(use=np.array([use[0], row], np.int32)) == (
            f"layer conv, group 1: 2 representatives, but the filters use {named}; "
            "each must be used, and no other"
        )
