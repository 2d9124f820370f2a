"""Options of a file and what commands say: the command line wins, and nothing is ignored."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from crshare.cli import main
from crshare.cli.settings import read_settings
from crshare.errors import ArgumentError

COMMANDS = main.commands


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A working directory of its own."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def crshare(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in arguments])


@pytest.mark.slow
def test_options_stand_in_a_file_and_the_command_line_wins(folder: Path, model: Path) -> None:
    (folder / "crshare.toml").write_text(
        '[optimize]\nmax-acc-loss = 0\nseed = 3\nmirror = false\noutput = "plan"\n'
    )
    assert crshare("optimize", model, "--seed", 4).exit_code == 0
    command = json.loads((folder / "plan" / "report.json").read_text())["command"]
    assert command == (
        f"crshare optimize {model} --max-acc-loss 0 --output plan --no-mirror --seed 4"
    )


def test_a_file_may_be_named(folder: Path, model: Path) -> None:
    (folder / "mine.toml").write_text("[analyze]\nquick = true\n")
    shown = crshare("--config", "mine.toml", "analyze", model).stdout
    assert "Slice operations for one image" in shown and "Totals" not in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[optimise]\n", "[optimise] is no command; a table is named as one of inspect, verify, "),
        ("[inspect]\nplan = 1\n", "inspect has no option 'plan'; it has "),
        ("optimize = 1\n", "optimize is a value; options stand in a table [optimize]"),
        ("[analyze]\nquick = 1\n", "analyze: quick is on or off; write true or false"),
        ("[optimize]\nseed = true\n", "optimize: seed takes a text or a number"),
        ("[optimize]\nseed = [1]\n", "optimize: seed takes a text or a number"),
        (
            "[optimize]\nconfidence = true\non-average = true\n",
            "optimize: on-average says anew what stands above it",
        ),
        ("[optimize", "is no TOML ("),
        ("a = " + "[" * 5000, "is no TOML ("),
    ],
)
def test_what_is_no_option_is_refused(folder: Path, text: str, said: str) -> None:
    path = folder / "x.toml"
    path.write_text(text)
    with pytest.raises(ArgumentError) as error:
        read_settings(path, COMMANDS)
    assert str(error.value).startswith(f"{path}: {said}")


def test_repeatable_options_take_lists(folder: Path) -> None:
    path = folder / "x.toml"
    path.write_text('[generate]\nsimulator = ["icarus"]\nsign-layer = "A"\nfold = 2\n')
    assert read_settings(path, COMMANDS) == {
        "generate": {"simulators": ["icarus"], "sign_layers": ["A"], "fold": "2"}
    }
    assert read_settings(None, COMMANDS) == {}


@pytest.mark.parametrize(
    ("line", "confident"),
    [("on-average = true", False), ("on-average = false", True), ("confidence = false", False)],
)
def test_a_switch_has_both_of_its_names(folder: Path, line: str, confident: bool) -> None:
    path = folder / "x.toml"
    path.write_text(f"[optimize]\n{line}\n")
    assert read_settings(path, COMMANDS) == {"optimize": {"confidence": confident}}


def test_a_missing_file_is_told(folder: Path) -> None:
    done = crshare("--config", "none.toml", "inspect")
    assert done.exit_code == 2
    assert done.stderr == "crshare: none.toml: no such file; name a TOML file with --config\n"


def test_a_quiet_command_says_nothing_and_writes_its_files(folder: Path, model: Path) -> None:
    done = crshare("inspect", model, "--quiet", "--json", "facts.json")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert json.loads((folder / "facts.json").read_text())["file"] == model.name
    assert json.loads(crshare("inspect", model, "-q", "--json", "-").stdout)


def test_a_log_tells_stages_on_stderr(model: Path) -> None:
    done = crshare("analyze", model, "--log-level", "info")
    lines = done.stderr.splitlines()
    assert [line.split(" ", 2)[2] for line in lines[:2]] == [
        "INFO counting adders of conv1 (1 of 4)",
        "INFO counting adders of conv2 (2 of 4)",
    ]
    assert crshare("analyze", model, "--log-level", "warning").stderr == ""


def test_every_command_may_be_quiet_and_logged() -> None:
    for command in COMMANDS.values():
        assert isinstance(command, click.Command)
        names = {word for parameter in command.params for word in parameter.opts}
        assert {"--quiet", "--log-level"} <= names
