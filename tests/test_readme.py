"""The README's examples, run as a reader would run them, against the output that it shows.

A ```console block holds `$ command` lines, each followed by the output expected of it. A line
`...` stands for any lines, `...` within a line for any text. Every figure must be equal but
seconds. Blocks run in their order in one folder that has data/, scripts/ and, if there is one,
../shared; where that is missing, or a program or package, a block that needs it is skipped.
`make demo` runs as the command behind it; commands that set up a machine are not run.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
README = ROOT / "README.md"
DEMO = "crshare optimize --max-acc-loss 1 --on-average"
NOT_RUN = ("git ", "cd ", "pip ", "python -m pip ", "python -m venv ", "make test", ". ", "source ")
SECONDS = re.compile(r"\b\d+(?::\d\d)+\b|\b\d+(?:\.\d+)?(?= ?(?:ms|s|seconds|min|minutes)\b)")
TIME_LIMIT_S = 900
COLUMNS = "100"
TOOLS = {"generate": ("verilator", "iverilog"), "synth": ("yosys",)}


@dataclass(frozen=True, slots=True)
class Example:
    """A command and the output that the README shows for it."""

    command: str
    output: tuple[str, ...]


def blocks(text: str) -> list[tuple[Example, ...]]:
    found = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [examples(block) for block in found]


def examples(block: str) -> tuple[Example, ...]:
    """The commands of a block; a command goes on behind a backslash at the end of its line."""
    parts = re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)
    assert not parts[0].strip(), f"a console block opens with a command, not with {parts[0]!r}"
    split = (part.rstrip("\n").split("\n") for part in parts[1:])
    return tuple(Example(" ".join(lines[0].split()), tuple(lines[1:])) for lines in split)


def agree(expected: tuple[str, ...], output: str) -> bool:
    """Whether output is what the README shows, up to seconds and what `...` stands for."""
    pattern = "".join(
        r"(?:.*\n)*" if line.strip() == "..." else line_pattern(line) + r"[ ]*\n"
        for line in expected
    )
    lines = [line.rstrip() for line in output.strip("\n").split("\n")]
    written = "\n".join(lines) + "\n" if lines != [""] else ""
    return re.fullmatch(pattern, SECONDS.sub("0", written)) is not None


def line_pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in SECONDS.sub("0", line.rstrip()).split("..."))


def run(command: str, folder: Path) -> str:
    """Both outputs of a command, with the crshare of this interpreter first on the PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        ["sh", "-c", DEMO if command == "make demo" else command],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": COLUMNS, "NO_COLOR": "1", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    assert done.returncode in (0, 2), f"$ {command}\n{done.stdout}"
    return done.stdout


BLOCKS = blocks(README.read_text(encoding="utf-8")) if README.exists() else []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the checkout to the examples."""
    home = tmp_path_factory.mktemp("readme")
    checkout = home / "crshare"
    checkout.mkdir()
    for name in ("data", "scripts"):
        (checkout / name).symlink_to(ROOT / name)
    if SHARED.exists():
        (home / "shared").symlink_to(SHARED)
    return checkout


def test_the_readme_has_examples() -> None:
    if not README.exists():
        pytest.skip("needs README.md")
    assert any(example.command == "make demo" for block in BLOCKS for example in block)


@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=[b[0].command[:60] for b in BLOCKS])
def test_an_example_of_the_readme(number: int, folder: Path) -> None:
    block = BLOCKS[number]
    if not SHARED.exists() and any("../shared" in example.command for example in block):
        pytest.skip("needs ../shared")
    for part, tools in TOOLS.items():
        missing = [tool for tool in tools if shutil.which(tool) is None]
        if missing and any(part in example.command for example in block):
            pytest.skip(f"needs the program {missing[0]}")
    verifies = any("crshare verify" in example.command for example in block)
    if verifies and find_spec("larq") is None:
        pytest.skip("needs the package larq")
    for example in block:
        if not example.command.startswith(NOT_RUN):
            output = run(example.command, folder)
            assert agree(example.output, output), f"$ {example.command}\n{output}"


def test_a_block_is_read_as_its_commands() -> None:
    block = "$ crshare analyze \\\n    model.h5\none\n\ntwo\n$ crshare --help\n"
    assert examples(block) == (
        Example("crshare analyze model.h5", ("one", "", "two")),
        Example("crshare --help", ()),
    )


@pytest.mark.parametrize(
    ("shown", "output", "expected"),
    [
        (["loss 0.80 points"], "loss 0.80 points\n", True),
        (["loss 0.80 points"], "loss 0.81 points\n", False),
        (["conv2  18.3 s"], "conv2  2.0 s  \n", True),
        (["took 1:02"], "took 0:59\n", True),
        (["conv2  18 slices"], "conv2  17 slices\n", False),
        (["one", "...", "three"], "one\ntwo\ntwo\nthree\n", True),
        (["one", "...", "three"], "one\nthree\n", True),
        (["one", "...", "three"], "one\ntwo\n", False),
        (["written to ... now"], "written to /x/y now\n", True),
        (["one"], "one\ntwo\n", False),
        ([], "", True),
        ([], "one\n", False),
    ],
)
def test_figures_must_agree_and_seconds_need_not(
    shown: list[str], output: str, expected: bool
) -> None:
    assert agree(tuple(shown), output) is expected
