"""The commands as a user meets them: files in, tables and files out, refusals as one sentence."""

import csv
import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner, Result

from crshare.cli import main
from crshare.model.read import read_model
from crshare.plan.file import read_plan
from crshare.plan.plan import planned_network
from crshare.strict_json import parse_json
from solver import EngineFaultError, Problem, Selection, solve

pytestmark = pytest.mark.slow


def crshare(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refusal(*arguments: object) -> str:
    result = crshare(*arguments)
    assert result.exit_code == 2, result.output
    return result.output.strip()


def test_analyze_prints_all_measures_and_writes_them(tmp_path: Path, model: Path) -> None:
    target = tmp_path / "analysis.json"
    result = crshare("analyze", model, "--json", target)
    assert result.exit_code == 0, result.output
    for words in ("Slice operations", "Additions", "Full adders", "Chance", "first layer"):
        assert words in result.output
    document = json.loads(target.read_text())
    conv2 = next(layer for layer in document["layers"] if layer["layer"] == "conv2")
    assert conv2["counts"]["before"]["slice_operations"] == 6 * 6 * 9 * 8 * 8
    assert conv2["share_up_to_inverse"] == conv2["n_up_to_inverse"] / (8 * 8)


def test_a_lossless_plan_leaves_every_score_as_it_is(
    tmp_path: Path, model: Path, images: Path
) -> None:
    result = crshare(
        "optimize", model, "--max-acc-loss", 0, "--data", images, "--calib", images, "-o", tmp_path
    )
    assert result.exit_code == 0, result.output
    assert "bit for bit equal on 60 of 60" in result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["lossless"]
    assert report["accuracy"]["loss_points"] == 0
    assert report["images_with_equal_scores"] == 60


def test_without_images_only_exact_sharing_is_planned(tmp_path: Path, model: Path) -> None:
    result = crshare("optimize", model, "--max-acc-loss", 5, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "only exact sharing is planned" in " ".join(result.output.split())
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["lossless"]
    assert report["accuracy"] is None


def test_a_plan_goes_through_evaluate_and_apply(tmp_path: Path, model: Path, images: Path) -> None:
    result = crshare(
        "optimize", model, "--max-acc-loss", 20, "--data", images, "--solver", "greedy",
        "--time-limit", 5, "-o", tmp_path,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "a random half of images.npz (seed 0)" in " ".join(result.output.split())
    plan, new = tmp_path / "plan.json", tmp_path / "new.h5"
    evaluated = crshare("evaluate", model, "--plan", plan, "--data", images)
    assert evaluated.exit_code == 0, evaluated.output
    assert "Followed slice by slice on 60 images" in evaluated.output
    applied = crshare("apply", model, "--plan", plan, "-o", new)
    assert applied.exit_code == 0, applied.output
    before = read_model(model)
    wanted = planned_network(before.network, read_plan(plan, before.network, before.weights_hash))
    kernels = [conv.kernel for _, conv in read_model(new).network.convs()]
    assert all(
        np.array_equal(kernel, conv.kernel)
        for kernel, (_, conv) in zip(kernels, wanted.convs(), strict=True)
    )


def test_two_runs_give_the_same_plan(
    tmp_path: Path, model: Path, images: Path, optimized: Path
) -> None:
    result = crshare(
        "optimize", model, "--max-acc-loss", 60, "--data", images, "--calib", images,
        "--solver", "lagrangian", "-o", tmp_path,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert (tmp_path / "plan.json").read_bytes() == (optimized / "plan.json").read_bytes()


def test_a_plan_for_another_model_is_refused(tmp_path: Path, model: Path, images: Path) -> None:
    crshare("optimize", model, "--max-acc-loss", 0, "-o", tmp_path)
    plan = tmp_path / "plan.json"
    document = json.loads(plan.read_text())
    document["model"]["fingerprint"] = "0" * 64
    plan.write_text(json.dumps(document))
    said = refusal("evaluate", model, "--plan", plan, "--data", images)
    assert said == (
        f"crshare: {plan}: this plan was made for another model (small.h5); its fingerprint "
        "of weights and thresholds differs; make a plan for this model with `crshare optimize`"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("analyze", "missing.h5"), "missing.h5"),
        (("analyze", __file__), "HDF5"),
        (("analyze", "MODEL", "--rescale", "1/0,x"), "--rescale 1/0,x: expected SCALE,OFFSET"),
        (
            ("optimize", "MODEL", "--max-acc-loss", 1, "--data", "none.npz"),
            "none.npz: no such file",
        ),
        (("optimize", "MODEL", "--max-acc-loss", 1, "--data", __file__), "cannot be read"),
        (
            ("evaluate", "MODEL", "--plan", "none.json", "--data", "x.npz"),
            "none.json: no such file",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_code_2(
    model: Path, arguments: tuple[object, ...], words: str
) -> None:
    said = refusal(*(model if argument == "MODEL" else argument for argument in arguments))
    assert words in said
    assert said.startswith("crshare: ")
    assert "\n" not in said


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, model: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = refusal("optimize", model, "--max-acc-loss", 0, "-o", tmp_path / "file")
    assert "cannot be written" in said
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.needs_package("gurobipy")
def test_gurobi_may_be_named(tmp_path: Path, model: Path, images: Path) -> None:
    result = crshare(
        "optimize", model, "--max-acc-loss", 30, "--data", images, "--calib", images,
        "--solver", "gurobi", "-o", tmp_path,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "solved: " in result.output
    assert "gurobi" in result.output


def test_a_named_solver_that_is_not_installed_is_refused_at_once(
    tmp_path: Path, model: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gurobipy", None)
    said = refusal(
        "optimize", model, "--max-acc-loss", 1, "--data", images, "--solver", "gurobi",
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert "--solver gurobi: gurobi" in said
    assert "pip install" in said
    assert not (tmp_path / "out").exists()


def test_a_named_solver_that_hangs_is_refused_within_the_time_limit(
    tmp_path: Path, model: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "cbc"
    program.write_text("#!/bin/sh\nsleep 300\n")
    program.chmod(0o700)
    monkeypatch.setattr("solver.engines.cbc.find_cbc", lambda pulp: str(program))
    said = refusal(
        "optimize", model, "--max-acc-loss", 1, "--data", images, "--solver", "cbc",
        "--time-limit", 1, "-o", tmp_path / "out",
    )  # fmt: skip
    assert "--solver cbc: cbc: it was killed, since it did not end within" in " ".join(said.split())


@pytest.mark.parametrize("missing", [("gurobipy",), ("gurobipy", "highspy"), ("pulp", "highspy")])
def test_auto_goes_on_without_a_solver_and_says_so(
    tmp_path: Path,
    model: Path,
    images: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: tuple[str, ...],
) -> None:
    for package in missing:
        monkeypatch.setitem(sys.modules, package, None)
    result = crshare(
        "optimize", model, "--max-acc-loss", 30, "--data", images, "--calib", images, "-o", tmp_path
    )
    assert result.exit_code == 0, result.output
    solver = json.loads((tmp_path / "report.json").read_text())["search"]["solver"]
    assert solver["problems"]
    if missing[0] == "gurobipy":
        assert "gurobi" not in solver["problems"]
        assert any("gurobipy is not installed" in refusal for refusal in solver["refusals"])
        assert "gurobi is not installed" in " ".join(result.output.split())


def test_a_named_solver_that_did_not_solve_the_plan_is_told_first(
    tmp_path: Path, model: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(problem: Problem, backend: str, **limits: Any) -> Selection:
        if backend == "cbc":
            raise EngineFaultError("cbc: it ended with status 3; its last words: no library")
        return solve(problem, backend, **limits)

    monkeypatch.setattr("crshare.planning.layerwise.solve", failing)
    result = crshare(
        "optimize", model, "--max-acc-loss", 30, "--data", images, "--calib", images,
        "--solver", "cbc", "-o", tmp_path,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    search = json.loads((tmp_path / "report.json").read_text())["search"]
    n = search["solver"]["problems"]["lagrangian"]
    assert search["solver_replaced"] == {
        "asked": "cbc",
        "solved": 0,
        "by": {"lagrangian": n},
        "why": "it ended with status 3; its last words: no library",
    }
    first = (
        f"The solver that was named, cbc, solved 0 of the {n:,} problems of this plan (lagrangian "
        f"{n:,}): it ended with status 3; its last words: no library."
    )
    for text in (result.output, (tmp_path / "report.txt").read_text()):
        assert " ".join(text.split()).startswith(first)


def test_without_a_time_limit_the_report_has_none(
    tmp_path: Path, model: Path, images: Path
) -> None:
    crshare("optimize", model, "--max-acc-loss", 30, "--data", images, "-o", tmp_path)
    report = parse_json((tmp_path / "report.json").read_bytes())
    assert report["request"]["time_limit_s"] is None
    assert report["search"]["solver_replaced"] is None
    assert report["search"]["stopped"] == "finished"


def test_the_whole_curve_is_printed_and_written(tmp_path: Path, model: Path, images: Path) -> None:
    result = crshare(
        "optimize", model, "--max-acc-loss", 20, "--data", images, "--calib", images,
        "--no-mirror", "--pareto", "--solver", "greedy", "-o", tmp_path,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Loss against slice operations" in result.output
    curve = json.loads((tmp_path / "pareto.json").read_text())
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["request"]["confident"]
    prices = [point["price"] for point in curve["points"]]
    assert prices == sorted({entry["price"] for entry in report["search"]["tried"]})
    assert len(prices) >= 8
    kept = {entry["price"] for entry in report["search"]["tried"] if entry["within"]}
    uppers = {p["price"]: p["loss"]["interval_points"][1] for p in curve["points"]}
    assert all(uppers[price] <= 20 for price in kept)
    promise = report["search"]["promise"]
    assert uppers.get(report["search"]["price"], 0.0) == promise["at_most_points"] <= 20
    assert "new images like them" in " ".join(result.output.split()) or not kept
    assert not (tmp_path / "steps").exists()
    plot = ElementTree.fromstring((tmp_path / "pareto.svg").read_text())
    hints = [title.text for title in plot.iter("{http://www.w3.org/2000/svg}title")]
    assert sum("points lost" in (hint or "") for hint in hints) >= len(prices)
    tested = [point for point in curve["points"] if point["test"]]
    assert tested and all(p["price"] == curve["kept"] or not p["beaten"] for p in tested)
    assert {p["price"] for p in curve["points"] if not p["beaten"]} <= {p["price"] for p in tested}
    rows = list(csv.DictReader((tmp_path / "pareto.csv").read_text().splitlines()))
    told = [row["test_points_lost"] for row in rows if row["test_points_lost"]]
    assert told == [str(point["test"]["loss_points"]) for point in tested]
    assert "The same on the test images" in result.output
    page = (tmp_path / "report.html").read_text()
    assert "Plans on the test images" in page
    assert crshare("report", tmp_path, "-o", tmp_path / "again.html").exit_code == 0
    assert (tmp_path / "again.html").read_text() == page
    ElementTree.fromstring((tmp_path / "pareto-test.svg").read_text())
