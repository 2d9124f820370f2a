"""The command line as a terminal and a script meet it: width, colour, JSON, codes, completion."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete, FishComplete, ZshComplete
from click.testing import CliRunner

from crshare.cli import COMMANDS, main

NAMES = [str(command.name) for command in COMMANDS]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, whose output is no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "crshare", *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def arguments_of(name: str, model: Path, images: Path, optimized: Path, out: Path) -> list[object]:
    plan = optimized / "plan.json"
    return {
        "analyze": ["analyze", model],
        "optimize": ["optimize", model, "--max-acc-loss", 0, "-o", out],
        "evaluate": ["evaluate", model, "--plan", plan, "--data", images],
        "apply": ["apply", model, "--plan", plan, "-o", out / "new.h5"],
        "report": ["report", optimized, "-o", out / "page.html"],
    }[name]


CASES = ("analyze", "optimize", "evaluate", "apply", "report")


@pytest.mark.slow
@pytest.mark.parametrize("width", ["60", "80", "140"])
@pytest.mark.parametrize("name", CASES)
def test_output_fits_the_terminal(
    name: str, width: str, model: Path, images: Path, optimized: Path, tmp_path: Path
) -> None:
    arguments = arguments_of(name, model, images, optimized, tmp_path)
    done = CliRunner(env={"COLUMNS": width}).invoke(main, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines())) <= int(width)
    assert "…" not in done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_every_command_offers_json(command: click.Command) -> None:
    assert any("--json" in parameter.opts for parameter in command.params)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_commands_write_json(
    name: str, model: Path, images: Path, optimized: Path, tmp_path: Path
) -> None:
    arguments = arguments_of(name, model, images, optimized, tmp_path)
    target = tmp_path / "figures.json"
    to_file = CliRunner().invoke(main, [str(a) for a in [*arguments, "--json", target]])
    assert to_file.exit_code == 0, to_file.output
    assert not to_file.stdout.startswith("{")
    to_stdout = CliRunner().invoke(main, [str(a) for a in [*arguments, "--json", "-"]])
    assert to_stdout.exit_code == 0, to_stdout.output
    document = json.loads(to_stdout.stdout)
    written = json.loads(target.read_text())
    assert {**document, "command": ""} == {**written, "command": ""}


@pytest.mark.slow
def test_where_nothing_is_a_terminal_there_is_no_bar_and_no_colour(model: Path) -> None:
    done = run("analyze", model)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(("variable", "coloured"), [("FORCE_COLOR", True), ("NO_COLOR", False)])
def test_colour_is_as_the_environment_says(model: Path, variable: str, coloured: bool) -> None:
    """A terminal is feigned, on which NO_COLOR leaves no colour (bold and dim are no colour)."""
    code = (
        "from rich.console import Console\n"
        "from crshare.cli.shared import console\n"
        "import sys; sys.stdout.isatty = lambda: True\n"
        "console().print('words', style='red')\n"
    )
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**clean, variable: "1", "TERM": "xterm-256color"},
    )  # fmt: skip
    assert ("\x1b[31m" in done.stdout) is coloured


def test_the_command_line_is_kept_in_the_report(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    arguments = ["optimize", model, "--max-acc-loss", 0.5, "--no-mirror", "-o", folder]
    assert CliRunner().invoke(main, [str(a) for a in arguments]).exit_code == 0
    command = json.loads((folder / "report.json").read_text())["command"]
    assert command == (
        f"crshare optimize {model} --max-acc-loss 0.5 --output '{folder}' --no-mirror"
    )


@pytest.mark.slow
def test_exit_codes_are_as_the_help_says(tmp_path: Path) -> None:
    assert "0  done" in run("--help").stdout
    assert run("--version").returncode == 0
    missing = run("analyze", tmp_path / "none.h5")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr.count("\n") == 1
    assert run("optimize").returncode == 2
    assert run("nonsense").returncode == 2


def test_a_system_that_cannot_fork_is_told_what_to_do() -> None:
    """Windows is feigned."""
    code = "import os, runpy; del os.fork; runpy.run_module('crshare', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "crshare: needs a system that forks processes, as Linux and macOS do; on Windows, install "
        "and run it inside of WSL\n"
    )


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete, FishComplete])
def test_shells_complete_commands_options_and_choices(shell: type[BashComplete]) -> None:
    complete = shell(main, {}, "crshare", "_CRSHARE_COMPLETE")
    assert "_CRSHARE_COMPLETE" in complete.source()

    def offered(words: list[str], start: str) -> set[str]:
        return {item.value for item in complete.get_completions(words, start)}

    assert offered([], "") >= set(NAMES)
    assert "--max-acc-loss" in offered(["optimize"], "--max")
    assert "highs" in offered(["optimize", "--solver"], "hi")
    (path,) = complete.get_completions(["analyze"], "mod")
    assert path.type == "file"


def test_every_command_and_option_has_a_help_text() -> None:
    for command in COMMANDS:
        assert command.help
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{command.name} {parameter.name}"
