"""crshare as a Python package: the same jobs as the commands, with results as values."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import crshare
from crshare import api
from crshare.accuracy import Accuracy
from crshare.errors import (
    ArgumentError,
    CrshareError,
    DataError,
    HardwareError,
    ModelFormatError,
    PlanError,
)
from crshare.evaluation.outcome import Request
from crshare.hardware.choosing import Chosen
from crshare.images.image_set import ImageSet
from crshare.plan.file import dumps
from crshare.plan.plan import planned_network
from crshare.planning.layerwise import Method
from crshare.report.terminal_accuracy import excess_lines
from crshare.report.written import plan_report

PACKAGE = Path(crshare.__file__).parent


def test_the_package_offers_the_functions_of_its_api() -> None:
    for name in crshare.__all__:
        function = getattr(crshare, name)
        assert function is getattr(api, name)
        assert function.__doc__
        assert name in dir(crshare)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = crshare.nonsense  # type: ignore[attr-defined]


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert sorted(alias.name for node in imports for alias in node.names) == crshare.__all__


def test_a_function_stays_one_after_its_module_was_imported() -> None:
    """A module of the same name would take the function's place."""
    modules = {path.stem for path in PACKAGE.iterdir()}
    assert not modules & set(crshare.__all__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, crshare; print(*sorted(m for m in sys.modules if m.startswith('crshare.')))"
    heavy = "print(*sorted({'numpy', 'numba', 'h5py', 'rich', 'click'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {heavy}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def noting(told: dict[str, float]) -> Callable[[str, float], None]:
    """Keeps how far a job was when a stage was first told."""

    def note(what: str, done: float) -> None:
        told.setdefault(what, done)

    return note


@pytest.mark.slow
def test_the_whole_road_from_model_to_checked_plan(
    model: Path, images: Path, optimized: Path, tmp_path: Path
) -> None:
    loaded = crshare.load(str(model))
    pictures = crshare.load_images(loaded, images)
    analysis = crshare.analyze(loaded)
    assert [layer.layer for layer in analysis.layers] == ["conv1", "conv2", "conv3", "dense"]
    stages: dict[str, float] = {}
    outcome = crshare.optimize(
        loaded,
        max_loss_points=60,
        choosing=pictures,
        reporting=pictures,
        solver="lagrangian",
        on_progress=noting(stages),
    )
    assert "looking at the original network" in stages
    assert list(stages.values()) == sorted(stages.values()), "a bar that goes back"
    plan = outcome.found.plan
    assert dumps(plan, model.name, outcome.images) == (optimized / "plan.json").read_text()
    crshare.save_plan(plan, loaded, tmp_path / "plan.json")
    again = crshare.load_plan(loaded, tmp_path / "plan.json")
    assert dumps(again, model.name) == dumps(plan, model.name)
    evaluation = crshare.evaluate(loaded, again, pictures)
    assert evaluation.accuracy == outcome.accuracy
    assert " left" not in (optimized / "times.json").read_text()
    report = json.loads((optimized / "report.json").read_text())
    assert evaluation.accuracy.loss_points == report["accuracy"]["loss_points"]


def test_one_set_of_images_is_split_and_none_gives_an_exact_plan(model: Path, images: Path) -> None:
    loaded = crshare.load(model)
    pictures = crshare.load_images(loaded, images)
    halves = crshare.optimize(loaded, max_loss_points=0, reporting=pictures)
    assert halves.accuracy is not None
    assert halves.accuracy.n_images == 30
    told: dict[str, float] = {}
    without = crshare.optimize(loaded, max_loss_points=5, on_progress=noting(told))
    assert told["counting adders of conv1 (1 of 4)"] < 0.1 and list(told.values()) == sorted(
        told.values()
    )
    assert without.exact
    assert without.accuracy is None


@pytest.mark.slow
def test_fewer_additions_by_corrected_slices_change_no_output(model: Path, images: Path) -> None:
    loaded = crshare.load(model)
    pictures = crshare.load_images(loaded, images)
    for points in (0, 60):
        plain, corrected = (
            crshare.optimize(
                loaded, max_loss_points=points, choosing=pictures, reporting=pictures,
                solver="lagrangian", minimise=measure,
            )
            for measure in ("slice_operations", "additions")
        )  # fmt: skip
        additions = [
            sum(layer.after.additions for layer in outcome.counts) for outcome in (plain, corrected)
        ]
        assert additions[1] < additions[0] or points
        assert additions[1] <= additions[0]
        assert any(layer.origins.corrected for layer in corrected.counts) or points
        assert corrected.accuracy == plain.accuracy
        assert corrected.found.plan.thresholds.keys() == plain.found.plan.thresholds.keys()
        for layer, conv in planned_network(loaded.network, plain.found.plan).convs():
            other = planned_network(loaded.network, corrected.found.plan).conv(layer.name)
            assert np.array_equal(conv.kernel, other.kernel)
    with pytest.raises(PlanError, match="minimise 'latency': no such measure"):
        crshare.optimize(loaded, max_loss_points=0, minimise="latency")
    with pytest.raises(PlanError, match="thresholds 'luck': nothing to follow"):
        crshare.optimize(loaded, max_loss_points=0, thresholds="luck")


def test_errors_are_sentences(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=r"none\.h5"):
        crshare.load(tmp_path / "none.h5")
    loaded = crshare.load(model)
    with pytest.raises(DataError, match=r"none\.npz: no such file"):
        crshare.load_images(loaded, tmp_path / "none.npz")
    with pytest.raises(PlanError, match=r"plan\.json: no such file"):
        crshare.load_plan(loaded, tmp_path / "plan.json")
    assert issubclass(PlanError, CrshareError)


def test_generated_hardware_is_a_folder_with_a_report(model: Path, tmp_path: Path) -> None:
    loaded = crshare.load(model)
    made = crshare.generate(loaded, tmp_path / "rtl", layers=("conv1", "conv2"))
    assert [layer.layer for layer in made.lowered.layers] == ["conv1", "conv2"]
    report = json.loads((tmp_path / "rtl" / "report.json").read_text())
    assert set(report["cells"]) == {"conv1", "conv2"}
    assert made.n_files == len(list((tmp_path / "rtl").iterdir()))


def test_architectures_are_chosen_and_built(model: Path, images: Path, tmp_path: Path) -> None:
    loaded = crshare.load(model)
    chosen = crshare.choose(loaded, clocks=600, layers=("conv1", "conv2"))
    assert isinstance(chosen, Chosen) and chosen.choice.clocks <= 600
    rate, head, *rows = repr(chosen).splitlines()
    assert rate.startswith(f"{chosen.choice.clocks} clocks an image, by ")
    assert head.split()[2:] == ["clocks", "luts", "registers", "block_rams", "dsps"]
    assert [row.split()[0] for row in rows] == ["conv1", "conv2", "pools,", "all"]
    made = crshare.generate(
        loaded,
        tmp_path / "rtl",
        layers=("conv1", "conv2"),
        options=chosen.options,
        beat=chosen.beat,
    )
    clocks = {layer.layer: layer.clocks for layer in made.lowered.layers}
    assert clocks == {layer: priced.clocks for layer, priced in chosen.choice.layers}
    assert f"{chosen.choice.resources.luts:,}" in rows[-1]


def test_what_no_choice_is_made_for_is_refused(model: Path) -> None:
    loaded = crshare.load(model)
    with pytest.raises(HardwareError) as error:
        crshare.choose(loaded)
    assert str(error.value) == "nothing says what is wanted; name clocks, fps or a device"
    with pytest.raises(ArgumentError, match="^utilisation 2: expected a number from 0.01 to 1$"):
        crshare.choose(loaded, device="xc7a35t", utilisation=2)


@pytest.mark.needs_package("sklearn")
def test_the_example_comes_along() -> None:
    loaded = crshare.load()
    calibration, test = crshare.demo_images()
    assert loaded.path.name == "digits_bnn.h5"
    assert len(calibration) == 300
    assert len(test) == 697


def test_a_loss_above_the_budget_is_explained(model: Path, images: Path) -> None:
    loaded = crshare.load(model)
    outcome = crshare.optimize(
        loaded, max_loss_points=0, reporting=crshare.load_images(loaded, images)
    )
    near, far = (Accuracy(100, 90, 90 - n, lost=n + 1, won=1) for n in (2, 40))

    def said(points: float, accuracy: Accuracy, *, confident: bool) -> str:
        beyond = replace(outcome, accuracy=accuracy, exact=False)
        request = Request(points, Method(), confident=confident)
        return " ".join(line.plain for line in excess_lines(plan_report(beyond, request)))

    assert said(1.0, near, confident=False).startswith(
        "That is above the 1 point allowed. With --on-average the budget is kept in the middle"
    )
    assert said(1.5, near, confident=True) == (
        "That is above the 1.5 points allowed. That may be chance: the budget is promised, with "
        "95 % confidence, for new images like the calibration images, and the interval of these "
        "test images begins within it."
    )
    assert "these test images are unlike them, or this is the one search in twenty" in said(
        1.0, far, confident=True
    )
    assert said(2.0, near, confident=True) == said(2.0, near, confident=False) == ""
    zero = Request(0.0, Method())
    assert excess_lines(plan_report(replace(outcome, accuracy=None), zero)) == []
    assert excess_lines(plan_report(outcome, zero)) == []


def test_arrays_from_python_are_checked_as_those_of_a_file(
    model: Path, images: Path, tmp_path: Path
) -> None:
    loaded, pictures = crshare.load(model), crshare.load_images(crshare.load(model), images)
    same = crshare.image_set(loaded, pictures.images * 1.0, pictures.labels[:, None], name="mine")
    assert np.array_equal(same.images, pictures.images)
    with pytest.raises(DataError, match=r"^given images: images are float64 from 0 to 1; "):
        crshare.image_set(loaded, pictures.images / 255, pictures.labels)


def test_a_set_for_another_model_is_refused_where_it_is_used(model: Path, tmp_path: Path) -> None:
    loaded = crshare.load(model)
    plan = crshare.optimize(loaded, max_loss_points=0).found.plan
    pixels, labels = np.zeros((4, 8, 8, 1), np.int64), np.arange(4)
    for wrong, words in (
        (ImageSet("mine", pixels - 1, labels), "pixels run from -1 to -1; expected 0 to 255"),
        (ImageSet("mine", pixels[:, :7], labels), "this model expects \\[n, 8, 8, 1\\]"),
        (ImageSet("mine", pixels, labels + 9), "label 12, but the model has 10 classes"),
    ):
        for use in (
            lambda given: crshare.optimize(loaded, max_loss_points=1, choosing=given),
            lambda given: crshare.optimize(loaded, max_loss_points=1, reporting=given),
            lambda given: crshare.evaluate(loaded, plan, given),
            lambda given: crshare.generate(loaded, tmp_path / "rtl", check=given),
        ):
            with pytest.raises(DataError, match=f"^mine: .*{words}"):
                use(wrong)
