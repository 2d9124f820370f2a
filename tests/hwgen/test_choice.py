"""The choice of architectures: against an exact reference, and what is said where nothing fits."""

import json
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.errors import HardwareError
from crshare.hardware.architecture import Graph, Resources, Turns, Unit, size_of
from crshare.hardware.around import Around, around_of
from crshare.hardware.choice import (
    LUTS_A_BLOCK,
    LUTS_A_MULTIPLIER,
    Budget,
    Choice,
    Question,
    budget_of,
    cheapest,
    curve,
    fastest,
    rates_of,
    settled,
)
from crshare.hardware.choosing import Chooser
from crshare.hardware.costs import GRAPH_LUTS, Built, Menu, graph_estimate, menus
from crshare.hardware.goal import Goal, target_for
from crshare.hardware.options import Options
from crshare.hardware.priced import Priced
from crshare.hardware.what_gives import Ask, what_gives
from crshare.network.graph import INPUT, Conv, Input, Layer, Network, Threshold
from hwgen.devices import CHIPS, DEVICES
from hwgen.targets import GENERIC, XILINX
from solver.adder_graph import build, measure
from solver.choices import ADDER_LUTS, LUT6
from tests.conftest import ROOT
from tests.hwgen.designs import random_hardware_network
from tests.networks import random_signs

DIGITS = str(ROOT / "data" / "digits_bnn.h5")
FRAME = Around(Resources(7, 5, 2), 3, "the input")


def random_question(seed: int, budget: Budget | None = None, *, dsps: bool = False) -> Question:
    """A few layers of a graph and some units; block RAMs that matter, and DSP blocks."""
    random = Random(seed)

    def option(place: int) -> Priced:
        architecture = Unit(place, 1) if place else Graph()
        taken = Resources(random.randint(1, 60), random.randint(1, 40), random.randint(0, 6))
        if dsps:
            taken = replace(taken, dsps=random.randint(0, 6))
        return Priced(architecture, random.randint(1, 12), taken)

    found = tuple(
        Menu(f"layer{place}", tuple(option(k) for k in range(random.randint(1, 5))))
        for place in range(random.randint(1, 4))
    )
    limits = Budget(random.randint(20, 150), random.randint(20, 120), random.randint(0, 12))
    return Question(found, FRAME, limits if budget is None else budget, "hull")


def by_dynamic_program(question: Question, clocks: int) -> int | None:
    """The least cost at so many clocks: for each number of block RAMs, layer after layer."""
    limit = question.budget.block_rams
    room = 1000 if limit is None else limit - question.around.resources.block_rams
    best = {0: 0} if question.around.clocks <= clocks else {}
    for menu in question.menus:
        following = dict[int, int]()
        for used, cost in best.items():
            for one in menu.options:
                blocks = used + one.resources.block_rams
                if one.clocks <= clocks and blocks <= room:
                    total = cost + luts_of(question, one.resources)
                    following[blocks] = min(total, following.get(blocks, total))
        best = following
    return min(best.values(), default=None)


def cost_of(question: Question, choice: Choice) -> int:
    return sum(luts_of(question, one.resources) for _, one in choice.layers)


def luts_of(question: Question, taken: Resources) -> int:
    """With what counts as LUTs."""
    price = LUTS_A_BLOCK if question.budget.block_rams is None else 0
    return taken.luts + price * taken.block_rams + LUTS_A_MULTIPLIER * taken.dsps


@pytest.mark.parametrize("backend", ["highs", "cbc"])
@pytest.mark.parametrize("seed", range(12))
def test_the_choice_at_given_clocks_is_the_best(backend: str, seed: int) -> None:
    question = replace(random_question(seed), backend=backend)
    blocks = question.budget.block_rams if seed % 3 else None
    question = replace(question, budget=Budget(block_rams=blocks))
    for clocks in (2, 5, 8, 12):
        found, best = cheapest(question, clocks), by_dynamic_program(question, clocks)
        assert (found is None) == (best is None)
        if found is not None:
            assert cost_of(question, found) == best
            assert found.clocks <= clocks
            limit = question.budget.block_rams
            assert limit is None or found.resources.block_rams <= limit


@pytest.mark.parametrize("kind", ["registers", "dsps"])
@pytest.mark.parametrize("seed", range(30))
def test_registers_and_dsps_have_a_price_where_the_least_luts_take_too_many(
    seed: int, kind: str
) -> None:
    """They fit wherever any choice has so few; at a price, not always at the least LUTs."""
    question = replace(random_question(seed, dsps=kind == "dsps"), backend="highs")
    blocks, limit = Random(seed).choice([None, 8]), 40 + seed if kind == "registers" else seed // 2
    question = replace(question, budget=replace(Budget(block_rams=blocks), **{kind: limit}))
    every = [
        Choice(tuple(zip((menu.layer for menu in question.menus), some, strict=True)), FRAME)
        for some in product(*(menu.options for menu in question.menus))
    ]
    fair = [choice for choice in every if question.budget.holds(choice.resources)]
    found = cheapest(question, 12)
    if found is None or not fair:
        assert found is None or not question.budget.holds(found.resources)
        assert not fair
        return
    assert question.budget.holds(found.resources)
    costs = sorted(cost_of(question, choice) for choice in fair)
    fewest = max(
        cost_of(question, choice)
        for choice in fair
        if getattr(choice.resources, kind) == min(getattr(one.resources, kind) for one in fair)
    )
    assert costs[0] <= cost_of(question, found) <= fewest
    free = replace(question, budget=Budget(block_rams=blocks))
    if costs[0] == by_dynamic_program(free, 12):
        assert cost_of(question, found) == costs[0]


def test_registers_and_dsps_are_priced_together() -> None:
    """Where least LUTs take too many of both: DSP blocks first, then registers."""
    both, neither = Resources(1, 50, 0, 9), Resources(900, 5, 0, 1)
    question = Question(
        tuple(
            Menu(name, (Priced(Graph(), 3, both), Priced(Unit(1, 1), 3, neither)))
            for name in ("one", "two")
        ),
        FRAME,
        Budget(registers=60, dsps=10),
        "highs",
    )
    found = cheapest(question, 3)
    assert found is not None and question.budget.holds(found.resources)
    assert cheapest(replace(question, budget=Budget(dsps=1)), 3) is not None  # the fewest, two


@pytest.mark.parametrize("seed", range(40))
def test_the_fewest_clocks_within_a_device_are_those_of_trying_everything(seed: int) -> None:
    question = replace(random_question(seed), backend="highs")
    question = replace(question, budget=replace(question.budget, registers=None))
    every = [
        Choice(
            tuple((menu.layer, one) for menu, one in zip(question.menus, some, strict=True)), FRAME
        )
        for some in product(*(menu.options for menu in question.menus))
    ]
    fair = [choice for choice in every if question.budget.holds(choice.resources)]
    found = fastest(question)
    assert (found is None) == (not fair)
    if found is not None:
        least = min(choice.clocks for choice in fair)
        assert found.clocks == least and question.budget.holds(found.resources)
        assert found.resources.luts == min(
            choice.resources.luts for choice in fair if choice.clocks <= least
        )


@pytest.mark.parametrize("seed", range(8))
def test_it_chooses_again_until_all_chosen_graphs_are_built(seed: int) -> None:
    random, built = Random(seed), dict[str, int]()
    first = random_question(seed, Budget())

    def question_of() -> Question:
        found = [
            Menu(menu.layer, tuple(_built(one, built.get(menu.layer)) for one in menu.options))
            for menu in first.menus
        ]
        return replace(first, menus=tuple(found))

    def build(one: Built) -> None:
        layer, architecture = one
        assert layer not in built and architecture == Graph()
        built[layer] = random.randint(1, 120)

    choice = settled(question_of, lambda asked: cheapest(asked, 12), build)
    assert choice is not None and not choice.unbuilt
    question = question_of()
    assert cost_of(question, choice) == by_dynamic_program(question, 12)


def _built(one: Priced, luts: int | None) -> Priced:
    if luts is None or not isinstance(one.architecture, Graph):
        return one
    return replace(one, resources=replace(one.resources, luts=luts), exact=True)


def test_the_curve_falls() -> None:
    network = small()
    question = Question(menus(network, GENERIC, {}), around_of(network))
    points = list(curve(question, rates_of(question, 6)))
    clocks = [point.clocks for point in points]
    luts = [point.resources.luts for point in points]
    assert clocks == sorted(clocks) and luts == sorted(luts, reverse=True) and len(points) > 1


@pytest.mark.parametrize(("n_outputs", "n_inputs"), [(32, 72), (16, 144), (32, 288)])
@pytest.mark.parametrize("target", [GENERIC, XILINX])
def test_the_estimate_of_a_graph_is_within_a_tenth(
    target: str, n_outputs: int, n_inputs: int
) -> None:
    weights = random_signs(np.random.default_rng(n_inputs), (n_outputs, n_inputs))
    goal = {GENERIC: ADDER_LUTS, XILINX: LUT6}[target]
    factor, power = GRAPH_LUTS[target]
    estimated = factor * n_inputs**-power * n_inputs * n_outputs
    assert estimated == pytest.approx(measure(build(weights, measure=goal)).lut6, rel=0.1)


def small() -> Network:
    rng = np.random.default_rng(0)
    wide = np.zeros(8, np.int32)
    return Network(
        Input((6, 6, 2)),
        (
            Layer("conv1", Conv(random_signs(rng, (3, 3, 2, 8))), INPUT),
            Layer("sign1", Threshold(wide, wide >= 0), "conv1"),
            Layer("conv2", Conv(random_signs(rng, (3, 3, 8, 8))), "sign1"),
            Layer("sign2", Threshold(wide, wide >= 0), "conv2"),
        ),
    )


def quiet(what: str, share: float) -> None:
    del what, share


def test_a_menu_has_the_graph_and_units_and_exact_graphs_replace_estimates() -> None:
    network = small()
    exact: dict[Built, Resources] = {("conv2", Graph()): Resources(1, 2, 0)}
    first, second = menus(network, GENERIC, exact)
    assert (first.layer, second.layer) == ("conv1", "conv2")
    assert first.options[0].resources == graph_estimate(size_of(network, "conv1"), GENERIC)
    assert second.options[0] == Priced(Graph(), 16, exact["conv2", Graph()], exact=True)
    assert len({one.architecture for one in second.options}) == len(second.options) > 4
    around = around_of(network)
    assert (around.clocks, around.slowest) == (36, "the input")


def test_turns_are_chosen_where_compressor_trees_are_and_built_before_they_count() -> None:
    """Each number of lanes by its fewest turns; no layer of pixels, and none of plain adders."""
    network = small()

    def turns(target: str) -> list[list[int]]:
        every = ([one.architecture for one in m.options] for m in menus(network, target, {}))
        return [[one.turns for one in menu if isinstance(one, Turns)] for menu in every]

    assert turns(GENERIC) == [[], []] and turns(XILINX) == [[], [2, 3, 4, 8]]
    options = Options(XILINX, architectures={"conv2": Turns(8)})
    built = dict(Chooser(network, None, options).choose(Goal(150), quiet).choice.layers)["conv2"]
    assert built.architecture == Turns(8) and built.exact and built.clocks == 16 + 4 * 7


def test_other_rates_keep_within_the_block_rams_of_the_device() -> None:
    chosen = Chooser(small(), None, Options()).choose(Goal(None, "ice40-up5k"), quiet)
    held = chosen.goal.budget.block_rams
    assert held is not None and chosen.curve
    assert all(choice.resources.block_rams <= held for choice in chosen.curve)
    assert chosen.curve[0].resources.luts <= chosen.choice.resources.luts


def test_what_cannot_be_fast_enough_is_told_with_the_layer() -> None:
    with pytest.raises(HardwareError) as error:
        Chooser(small(), None, Options()).choose(Goal(clocks=20), quiet)
    assert str(error.value) == (
        "no choice takes 20 clocks an image or fewer: the input takes at least 36; ask for "
        "--clocks 36 or more"
    )


def test_what_a_device_does_not_hold_is_told_with_one_that_does() -> None:
    """And both ways out are ways out."""
    chooser, goal = Chooser(small(), None, Options()), Goal(36, "ice40-hx1k", 1)
    with pytest.raises(HardwareError) as error:
        chooser.choose(goal, quiet)
    said = re.fullmatch(
        r"100 % of ice40-hx1k hold 640 LUTs, 1,280 registers and 3 block RAMs, and the network "
        r"takes at least (\d+) LUTs, \d+ registers and 0 block RAMs at 36 clocks an image; take "
        r"--device (\S+) or --clocks (\d+) on this one",
        str(error.value),
    )
    assert said is not None and int(said[1]) > 640
    assert chooser.choose(replace(goal, chip=said[2]), quiet).choice.clocks == 36
    slower = chooser.choose(replace(goal, clocks=int(said[3])), quiet)
    assert slower.choice.resources.luts <= 640
    with pytest.raises(HardwareError, match="--device "):
        chooser.choose(replace(goal, clocks=int(said[3]) - 1), quiet)


def test_no_device_is_named_where_none_holds_it() -> None:
    huge = Priced(Graph(), 1, Resources(10**8, 1, 0), exact=True)
    goal = Goal(9, "xcvu9p")
    question = Question((Menu("layer1", (huge,)),), FRAME, goal.budget)

    def settle(budget: Budget, ask: Ask) -> Choice | None:
        return ask(replace(question, budget=budget))

    assert what_gives(question, goal, GENERIC, settle) == (
        "80 % of xcvu9p hold 945,792 LUTs, 1,891,584 registers and 3,456 block RAMs, and the "
        "network takes at least 100,000,007 LUTs, 6 registers and 2 block RAMs at 9 clocks an "
        "image; choose fewer layers with --layers"
    )


def test_chips_named_are_those_of_the_target() -> None:
    """Estimates of compressor trees do not hold on a chip that has none."""
    assert (target_for("xc7z020", GENERIC), target_for("ecp5-85k", GENERIC)) == (XILINX, GENERIC)
    chooser = Chooser(small(), None, Options(XILINX))
    with pytest.raises(HardwareError, match="; take --device x"):
        chooser.choose(Goal(36, "xc7a15t", 0.03), quiet)
    with pytest.raises(HardwareError, match="^device 'xc9' is none of xc7a15t, "):
        Goal(chip="xc9")


@pytest.mark.parametrize("name", CHIPS)
def test_chips_are_of_families_that_yosys_maps_to(name: str) -> None:
    chip = CHIPS[name]
    assert chip.family in DEVICES and chip.lut_inputs in (4, 6)
    assert chip.registers >= chip.luts
    half, whole = budget_of(chip, 0.5), budget_of(chip, 1)
    assert half.luts is not None and whole.luts is not None
    assert 2 * half.luts == pytest.approx(whole.luts, abs=2)


def test_the_devices_of_the_docs_are_those_of_the_table() -> None:
    text = (ROOT / "docs" / "hardware.md").read_text()
    for name, chip in CHIPS.items():
        kbit = chip.block_bits // 1024
        row = f"| `{name}` | {chip.luts:,} of {chip.lut_inputs} inputs | {chip.registers:,} | "
        assert f"{row}{chip.block_rams:,} of {kbit} kbit | {chip.dsps:,} | {chip.source} |" in text


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["generate", DIGITS, *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_estimates_of_the_command_are_tables_and_json(tmp_path: Path) -> None:
    code, out, _ = run("--estimate", "--json", "-")
    points = json.loads(out)["curve"]
    assert code == 0 and points[0]["clocks"] == 100 and points[0]["luts"] > points[-1]["luts"]
    code, out, _ = run("--estimate", "--layers", "conv1", "--fps", "500000", "--json", "-")
    found = json.loads(out)
    assert code == 0 and found["clocks"] <= 200 and found["images_per_second"] >= 500_000
    assert found["layers"]["conv1"]["built"] or found["layers"]["conv1"]["architecture"] == "unit"


def test_the_curve_of_the_command_is_a_picture_a_table_and_json(tmp_path: Path) -> None:
    picture = tmp_path / "curve.svg"
    words = ["--curve", str(picture), "--layers", "dense2", "--device", "ice40-hx1k"]
    code, out, _ = run(*words, "--json", "-")
    rates = json.loads(out)["rates"]
    assert code == 0 and rates["limit"]["device"] == "ice40-hx1k" and not rates["planned"]
    luts = [point["luts"] for point in rates["exact"]]
    assert luts == sorted(luts, reverse=True) and len(luts) > 3
    text = picture.read_text()
    assert text.count("<circle") == len(luts) + 1 and "80 % of ice40-hx1k" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing says where to write; name a folder with -o, or see --estimate"),
        (
            ["--estimate", "--fps", "1000", "--clocks", "9"],
            "--fps and --clocks both name a rate; give one of them",
        ),
        (
            ["--estimate", "--fps", "1e9", "--clock", "100"],
            "--fps 1e+09 is more than one image a clock at --clock 100; ask for fewer",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(arguments: list[str], said: str) -> None:
    assert run(*arguments)[::2] == (2, f"crshare: {said}\n")


def test_random_networks_have_choices() -> None:
    for seed in range(6):
        chosen = Chooser(random_hardware_network(seed), None, Options()).curve()
        assert chosen and all(choice.resources.luts > 0 for choice in chosen)
