"""Plans of LUT networks: written and read again, bound to their network, applied and measured."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from crshare import api
from crshare.cli import main
from crshare.errors import ModelFormatError, PlanError
from crshare.evaluation.lut_outcome import apply_luts, evaluate_luts, optimize_luts
from crshare.executor.execute import compile_network
from crshare.frontend.lut_container import write_lut_network
from crshare.images.image_set import ImageSet
from crshare.model.read import Model, read_model
from crshare.network.graph import Conv, Input, Lut, Network
from crshare.network.lut_ops import class_sums, modulation
from crshare.network.lut_rewiring import n_tables
from crshare.plan.lut_plan import (
    is_lut_network,
    plan_between,
    planned_tables,
    read_lut_plan,
    shared_network,
    write_lut_plan,
)
from tests.lut_networks import chain
from tests.networks import conv_network


def network() -> Network:
    """Nodes: a xor b, its inverse, a wire, and two that nothing equals; then two classes."""
    first = Lut(
        np.array([[0, 1], [1, 0], [2, 2], [2, 3], [1, 3]], np.int32),
        np.array([0b0110, 0b1001, 0b1010, 0b1000, 0b0111], np.uint64),
    )
    second = Lut(
        np.array([[0, 1], [2, 3], [4, 3], [1, 3]], np.int32),
        np.array([0b1110, 0b0110, 0b1011, 0b0100], np.uint64),
    )
    return chain(Input((1, 1, 4), high=1), modulation(1, 4, high=1), first, second, class_sums(2))


def changed() -> Network:
    """The same with node 4 of the first layer a constant."""
    before = network()
    op = before.layer("layer1").op
    assert isinstance(op, Lut)
    tables = op.tables.copy()
    tables[4] = 0b1111
    return before.replace({"layer1": Lut(op.connections, tables)})


def images() -> ImageSet:
    pixels = np.array([[entry >> k & 1 for k in range(4)] for entry in range(16)])[:, None, None]
    return ImageSet("all of them", pixels, compile_network(network()).classify(pixels))


@pytest.fixture
def model(tmp_path: Path) -> Model:
    write_lut_network(network(), tmp_path / "small.npz")
    return read_model(tmp_path / "small.npz")


@pytest.fixture
def plan(model: Model, tmp_path: Path) -> Path:
    found = plan_between(model.network, changed(), "small.npz", model.weights_hash)
    write_lut_plan(found, tmp_path / "plan.json")
    return tmp_path / "plan.json"


def test_a_plan_is_read_as_it_was_written_and_fits_its_network(model: Model, plan: Path) -> None:
    found = read_lut_plan(plan, model.network, model.weights_hash)
    assert [(layer.name, len(layer.nodes)) for layer in found.layers] == [
        ("layer1", 1),
        ("layer2", 0),
    ]
    again, wanted = (
        planned_tables(model.network, found).layer("layer1").op,
        changed().layer("layer1").op,
    )
    assert isinstance(again, Lut) and isinstance(wanted, Lut)
    assert np.array_equal(again.tables, wanted.tables)
    pixels = images().images
    scores = [
        compile_network(one).scores(pixels)
        for one in (changed(), shared_network(model.network, found))
    ]
    assert np.array_equal(scores[0], scores[1])
    assert shared_network(model.network, found).signals["layer1"].shape[2] == 3


def _node(**values: Any) -> Callable[[dict[str, Any]], None]:
    def spoil(document: dict[str, Any]) -> None:
        document["layers"][0]["nodes"][0].update(values)

    return spoil


SPOILS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (_node(node=5), "layer layer1: node 5 does not fit; give a plan that `crshare optimize` wrote"),
    (_node(table="1f"), "layer layer1: node 4 does not fit"),
    (_node(connections=[1]), "layer layer1: node 4 does not fit"),
    (_node(connections=[1, 9]), "layer layer1: connects to place 9 of windows of 4 places"),
    (_node(table="xyz"), "is no plan of a LUT network, version 1 (Expected `str` matching regex"),
    (lambda d: d["layers"][0].update(name="odd"), "plans 'odd', no layer of tables"),
    (lambda d: d["model"].update(fingerprint="0" * 64), "this plan was made for another model (sm"),
    (lambda d: d.update(format="crshare-plan"), "is no plan of a LUT network, version 1"),
]


@pytest.mark.parametrize(("spoil", "sentence"), SPOILS, ids=[said[:50] for _, said in SPOILS])
def test_a_plan_that_does_not_fit_is_refused(
    spoil: Callable[[dict[str, Any]], None], sentence: str, model: Model, plan: Path
) -> None:
    document = json.loads(plan.read_text())
    spoil(document)
    plan.write_text(json.dumps(document))
    with pytest.raises(PlanError) as refused:
        read_lut_plan(plan, model.network, model.weights_hash)
    assert sentence in str(refused.value)


def test_a_plan_is_measured_and_applied(model: Model, plan: Path, tmp_path: Path) -> None:
    found = read_lut_plan(plan, model.network, model.weights_hash)
    result = evaluate_luts(model, found, images())
    assert result.measured.accuracy.n_right_before == 16
    pixels = images().images
    after = compile_network(changed()).scores(pixels)
    same = (after == compile_network(model.network).scores(pixels)).all(axis=1)
    assert result.measured.n_equal == same.sum() < 16
    apply_luts(model, found, tmp_path / "new.npz")
    assert np.array_equal(
        compile_network(read_model(tmp_path / "new.npz").network).scores(pixels), after
    )
    with pytest.raises(ModelFormatError, match="name a file that ends in .npz"):
        apply_luts(model, found, tmp_path / "new.h5")


def test_without_a_loss_to_spend_only_exact_sharing_is_planned(model: Model) -> None:
    found = optimize_luts(model, images(), images(), 0, lambda what, share: None)
    assert found.plan.n_changed == 0 and found.found is None
    assert (found.n_nodes, found.n_exact, found.n_planned) == (9, 6, 6)
    assert found.measured is not None
    assert found.measured.accuracy.loss_points == 0 and found.measured.n_equal == 16


def test_tables_are_planned_where_there_are_no_weights() -> None:
    assert is_lut_network(network())
    assert not is_lut_network(conv_network(Conv(np.ones((1, 1, 2, 2), np.int8)), (1, 1, 2)))


def crshare(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.slow
def test_the_commands_take_a_lut_network(model: Model, plan: Path, tmp_path: Path) -> None:
    data = tmp_path / "images.npz"
    np.savez(data, images=images().images, labels=images().labels)
    done = crshare(
        "analyze", model.path, "--html", tmp_path / "a.html", "--json", tmp_path / "a.json"
    )
    assert done.exit_code == 0, done.output
    assert "Tables: 9 as trained, 6 by exact sharing." in done.output
    assert "Plan" not in done.output
    page = (tmp_path / "a.html").read_text()
    assert "analysis of a LUT network" in page and "by the plan" not in page
    assert json.loads((tmp_path / "a.json").read_text())["layers"][0]["inverse"] == 1
    done = crshare("evaluate", model.path, "--plan", plan, "--data", data)
    assert done.exit_code == 0, done.output
    assert "100.00 % before" in done.output and "Plan" in done.output
    done = crshare("apply", model.path, "--plan", plan, "-o", tmp_path / "new.npz")
    assert done.exit_code == 0, done.output
    done = crshare(
        "optimize", model.path, "--max-acc-loss", 0, "--data", data, "-o", tmp_path / "o"
    )
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "o").iterdir())
    assert {"plan.json", "report.html", "report.json", "report.txt"} <= set(names)
    drawn = (tmp_path / "o" / "report.html").read_bytes()
    done = crshare("report", tmp_path / "o", "--json", "-")
    assert json.loads(done.output)["sections"] == ["Tables by layer", "How to reproduce"]
    assert (tmp_path / "o" / "report.html").read_bytes() == drawn
    done = crshare("report", tmp_path / "o", "--channel", "a:1")
    assert done.exit_code == 2 and "--channel: changes nothing for a LUT network" in done.output
    done = crshare("generate", model.path, "--estimate")
    assert done.exit_code == 2 and "no layer has weights" in done.output
    done = crshare("evaluate", model.path, "--plan", tmp_path / "o" / "plan.json", "--data", data)
    assert "16 with equal scores" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("optimize", "--max-acc-loss", 0, "--pareto"), "--pareto"),
        (("optimize", "--max-acc-loss", 0, "--no-mirror"), "--mirror/--no-mirror"),
        (("optimize", "--max-acc-loss", 0, "--minimise", "luts"), "--minimise"),
        (("evaluate", "--plan", "plan.json", "--data", "images.npz", "--by-layer"), "--by-layer"),
        (("analyze", "--quick"), "--quick"),
    ],
)
def test_options_that_say_nothing_of_tables_are_refused(
    command: tuple[object, ...], option: str, model: Model, plan: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("images.npz").touch()
    name, *rest = command
    done = crshare(name, model.path, *rest)
    assert done.exit_code == 2
    said = " ".join(done.output.split())
    assert f"{option}: changes nothing for a LUT network, whose tables are planned" in said
    assert not Path("crshare-out", "model", "plan.json").exists()


def test_python_has_functions_of_their_own_for_tables(model: Model, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="is a LUT network; use the functions whose names end in"):
        api.optimize(model, max_loss_points=0)
    with pytest.raises(PlanError, match="is no LUT network, whose tables this plans"):
        api.optimize_tables(api.load(), max_loss_points=0)
    outcome = api.optimize_tables(model, max_loss_points=0, choosing=images(), reporting=images())
    api.save_plan_tables(outcome.plan, tmp_path / "plan.json")
    plan = api.load_plan_tables(model, tmp_path / "plan.json")
    assert plan == outcome.plan
    assert api.evaluate_tables(model, plan, images()).measured.n_equal == 16
    api.apply_tables(model, plan, tmp_path / "new.npz")
    assert n_tables(api.load(tmp_path / "new.npz").network) == outcome.n_planned
