"""Commands without a model take the example that comes with crshare, and say so."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from crshare.cli import main

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
