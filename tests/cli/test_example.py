"""Commands without a model take the example that comes with crshare, and say so."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from crshare.cli import main
from tests.conftest import ROOT

SAID = "No model given: using the example network digits_bnn.h5."


@pytest.mark.parametrize(
    "arguments", [["inspect"], ["analyze", "--quick"], ["generate", "--estimate"]]
)
def test_without_a_model_the_example_is_taken(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(SAID)


def test_json_on_stdout_has_nothing_before_it() -> None:
    done = CliRunner().invoke(main, ["inspect", "--json", "-"])
    assert json.loads(done.stdout)["file"] == "digits_bnn.h5"


def test_a_plan_of_the_example_needs_no_model_to_be_generated(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["generate", "--layers", "conv1", "-o", str(tmp_path / "rtl")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "rtl" / "files.f").exists()


def run(*arguments: str) -> str:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


@pytest.mark.slow
def test_a_plan_of_the_example_is_measured_applied_and_drawn_without_a_model(
    tmp_path: Path,
) -> None:
    run("optimize", "--max-acc-loss", "0", "-o", str(tmp_path))
    plan = ("--plan", str(tmp_path / "plan.json"))
    said = run("evaluate", *plan)
    assert said.startswith(SAID)
    assert "test digits of scikit-learn (697 images): 99.14 % before, 99.14 % after" in said
    assert run("apply", *plan, "-o", str(tmp_path / "new.h5")).startswith(SAID)
    run("report", str(tmp_path), "--channel", "conv2:5")
    assert "channel 5" in (tmp_path / "report.html").read_text("utf-8")
    own = tmp_path / "own.h5"
    own.write_bytes((ROOT / "data" / "digits_bnn.h5").read_bytes())
    done = CliRunner().invoke(main, ["evaluate", str(own), *plan])
    assert done.exit_code == 2 and "name some with --data" in done.output
