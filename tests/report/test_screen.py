"""What people are shown of a file's text: plain characters, whatever the text and the stream."""

import ast
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from crshare.printable import NAME, printable
from crshare.report.responsive_table import Fitting, table_of
from crshare.screen import Screen, line
from tests.hostile.models import write_named
from tests.hostile.names import BIDI, CONTROLS, NAMES, SURROGATES

ROOT = Path(__file__).parents[2]
MARKUP = [name for name in NAMES if "[" in name and len(name) < 99]
FULL = Path("/dev/full")


def run(
    *arguments: object, stdout: int | IO[str] = subprocess.PIPE, **environment: str
) -> tuple[int, str]:
    """Exit code and stderr of a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "crshare", *map(str, arguments)], cwd=ROOT, check=False, text=True,
        stdout=stdout, stderr=subprocess.PIPE, env={**os.environ, **environment},
    )  # fmt: skip
    return done.returncode, done.stderr


@given(st.sampled_from(NAMES) | st.text(st.characters(exclude_categories=())))
def test_printable_text_is_one_line_of_plain_characters(name: str) -> None:
    shown = printable(f"layer {name}: refused", 200)
    assert shown.isprintable()
    assert len(shown) <= 200
    assert shown.startswith("layer ") and shown.endswith(": refused")
    shown.encode("utf-8")


def test_every_character_that_is_not_plain_is_an_escape() -> None:
    for one in (*CONTROLS, *BIDI, *SURROGATES):
        assert printable(one) == ascii(one)[1:-1].replace("\\'", "'")


@pytest.mark.parametrize("name", ["conv2d_1/kernel:0", "é", "畳み込み", "C:\\net\\m.h5", "a b", ""])
def test_plain_text_is_shown_as_it_is(name: str) -> None:
    assert printable(name) == name


def test_text_too_long_loses_its_middle() -> None:
    assert printable("begin" + "x" * 100 + "end", 11) == "begin…xxend"
    assert len(printable("\x1b" * 100, 30)) == 30


@pytest.mark.parametrize("name", MARKUP)
def test_a_screen_takes_no_text_for_markup(name: str) -> None:
    page = Screen(width=200, file=StringIO(), record=True, force_terminal=True, color_system=None)
    table = table_of(f"title {name}", "Layer")
    table.add_row(name)
    page.print(name, line(f"line {name}"), Fitting(table))
    shown = "".join(page.export_text().split())
    assert shown.count("".join(printable(name).split())) == 4
    assert "\x1b" not in page.file.getvalue()  # type: ignore[attr-defined]


def test_a_long_name_leaves_room_for_the_figures() -> None:
    table = table_of("Figures", "Layer")
    table.add_column("Count", justify="right", no_wrap=True)
    table.add_row("n" * 10_000, "123,456,789")
    page = Console(width=80, file=StringIO(), record=True)
    page.print(Fitting(table))
    shown = page.export_text()
    assert printable("n" * 10_000, NAME) in shown and "123,456,789" in shown


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_no_encoding_of_stdout_ends_a_command(tmp_path: Path, encoding: str) -> None:
    model = write_named(tmp_path / "m.keras", ("a\ud800b", "b\u202e[/x]"))
    assert run("inspect", model, PYTHONIOENCODING=encoding) == (0, "")


@pytest.mark.slow
def test_a_refusal_is_one_printable_line(tmp_path: Path) -> None:
    code, said = run("analyze", tmp_path / "one\n\x1b[2J\u202etwo\udc80.h5")
    assert code == 2
    assert "one\\n\\x1b[2J\\u202etwo\\udc80.h5: " in said
    assert said.count("\n") == 1
    code, said = run("inspect", "--one\n\x1b[2Jtwo")
    assert code == 2
    assert "\\x1b[2Jtwo" in said and "\x1b" not in said


@pytest.mark.slow
@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments", [["--help"], ["analyze", "MODEL"], ["inspect", "MODEL", "--json", "-"]]
)
def test_a_full_stdout_is_told(model: Path, arguments: list[str], unbuffered: str) -> None:
    words = [str(model) if word == "MODEL" else word for word in arguments]
    with FULL.open("w") as full:
        code, said = run(*words, stdout=full, PYTHONUNBUFFERED=unbuffered)
    assert (code, said) == (
        2,
        "crshare: stdout cannot be written (No space left on device); files that were asked for "
        "are complete\n",
    )


@pytest.mark.slow
@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_results_are_in_their_files_before_printing_fails(model: Path, tmp_path: Path) -> None:
    targets = {name: tmp_path / f"{name}.json" for name in ("inspect", "optimize")}
    with FULL.open("w") as full:
        for name, target in targets.items():
            more = ["--max-acc-loss", 0, "-o", tmp_path / "out"] if name == "optimize" else []
            assert run(name, model, *more, "--json", target, stdout=full)[0] == 2
    assert all(target.stat().st_size for target in targets.values())
    assert (tmp_path / "out" / "plan.json").exists()


def test_a_closed_stdout_is_told_before_any_work(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "crshare", "analyze", model, "--json", tmp_path / "a.json"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *map(str, command)],
        cwd=ROOT, check=False, text=True, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "crshare: stdout is closed; give it a place, if only > /dev/null\n"
    assert not (tmp_path / "a.json").exists()


@pytest.mark.slow
def test_a_reader_that_went_away_ends_a_command_in_silence(model: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        assert run("inspect", model, stdout=pipe) == (141, "")


@pytest.mark.slow
def test_nothing_prints_around_the_screen() -> None:
    """Consoles, tables and texts of rich are made where `printable` is, and nowhere else."""
    makers = {"Console", "Table", "Text", "Text.from_markup", "rich.print", "print"}
    allowed = {"crshare/screen.py"}
    for path in (ROOT / "crshare").rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        tree = ast.parse(path.read_text("utf-8"))
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert name in allowed or not calls & makers, f"{name} calls {calls & makers}"
