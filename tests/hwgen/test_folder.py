"""A folder of generated hardware from a stranger: read as text, and nothing in it is run."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.errors import HardwareError
from crshare.hardware.folder import read_folder
from hwgen.sources import foreign_word
from tests.hwgen.test_synthesis import folder_of, slice_network

MUTATIONS = 2_000
COMMANDS = [
    "dut; exec -- touch RAN",
    "dut\nexec -- touch RAN",
    "dut -json ../x",
    "-x",
    "",
    "é",
    "wire",
]
Facts = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders: of streams, and of a datapath alone."""
    base = tmp_path_factory.mktemp("made")
    folder_of(base / "streams", slice_network(1), alone=False)
    folder_of(base / "alone", slice_network(1))
    return base


@pytest.fixture
def base(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edited(folder: Path, edit: Callable[[Facts], object]) -> Path:
    path = folder / "report.json"
    facts = json.loads(path.read_text())
    edit(facts)
    path.write_text(json.dumps(facts))
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(HardwareError) as error:
        read_folder(folder)
    assert str(error.value).isprintable()
    return str(error.value)


def test_what_was_written_is_read(base: Path) -> None:
    streams, alone = read_folder(base / "streams"), read_folder(base / "alone")
    assert streams.sources.top == "dut" and streams.modules == {"conv": "conv"}
    assert streams.stages()["conv"].top == "conv" and streams.ports is None
    assert alone.ports is not None and alone.ports.lanes == 9
    with pytest.raises(HardwareError, match="alone: holds one datapath alone; it has no stages"):
        alone.stages()


@pytest.mark.parametrize("top", COMMANDS)
@pytest.mark.parametrize(
    "options", [[], ["--prove"], ["--target", "ice40", "--place"], ["--by-layer"]]
)
def test_no_name_of_a_report_becomes_a_command(base: Path, top: str, options: list[str]) -> None:
    name = "alone" if options == ["--prove"] else "streams"

    def edit(facts: Facts) -> None:
        facts["top"] = top
        facts["modules"] = {"conv": top}

    folder = str(edited(base / name, edit))
    done = CliRunner().invoke(main, ["synth", folder, "--against", folder, *options])
    assert done.exit_code == 2
    assert "is no name of a module; make the folder anew with `crshare generate`" in done.stderr
    assert not list(base.rglob("RAN"))


@pytest.mark.parametrize(
    "name", ["../a.v", "/etc/passwd", "a.v;exec", "-v", "a.sv", "é.v", "script.ys"]
)
def test_only_plain_names_of_verilog_files_are_read(base: Path, name: str) -> None:
    (base / "streams" / "files.f").write_text(f"{name}\n")
    assert "is no name of a Verilog file; make" in refusal(base / "streams")


def test_a_folder_of_any_name_is_read(base: Path) -> None:
    folder = base / '"; exec -- touch RAN; "'
    shutil.copytree(base / "streams", folder)
    assert read_folder(folder).sources == read_folder(base / "streams").sources


def test_links_and_pipes_are_not_read(base: Path) -> None:
    verilog = base / "streams" / "conv.v"
    verilog.rename(base / "conv.v")
    verilog.symlink_to(base / "conv.v")
    assert refusal(base / "streams").startswith(f"{verilog}: is a symbolic link; make the folder")
    verilog.unlink()
    assert refusal(base / "streams").startswith(f"{verilog}: no such file; make the folder anew")


@pytest.mark.parametrize(
    "text",
    [
        'initial $system("id");',
        'initial $readmemh("/dev/zero", x);',
        "initial $ fopen;",
        '`include "/dev/zero"',
        "`define wire reg",
        'import "DPI-C" function int system(string x);',
        "wire \\escaped ;",
        "// comment\r`include x",
        "// comment\x0b$finish",
        "/* comment */ $finish",
        "/* open $finish",
        "wire é;",
        "\x00",
    ],
)
def test_verilog_that_does_more_than_describe_is_refused(base: Path, text: str) -> None:
    path = base / "streams" / "conv.v"
    path.write_text(f"{path.read_text()}\n{text}\n")
    assert refusal(base / "streams").startswith(f"{path}: holds ")


def test_what_comments_hold_is_not_looked_at() -> None:
    text = '// $system("é") `x\nwire a = $signed(b); /* "\n\\ $x */ // end'
    assert foreign_word(text) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [("lanes", 0), ("lanes", 2**40), ("lanes", "9"), ("out_width", -1), ("n_classes", 1.5)]
    + [("lane", value) for value in (None, {}, {"low": 1, "high": 0}, {"low": 0, "high": 2**70})],
)
def test_ports_that_cannot_be_are_refused(base: Path, key: str, value: object) -> None:
    folder = edited(base / "alone", lambda facts: facts["ports"].update({key: value}))
    assert refusal(folder) == (
        f"{folder}: its report names ports that no datapath has; make the folder anew with "
        "`crshare generate`"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["streams", "alone"])
def test_a_mutated_report_is_read_or_refused_in_one_sentence(base: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    path = base / name / "report.json"
    whole, refused = path.read_bytes(), 0
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(rng, whole))
        try:
            folder = read_folder(base / name)
            assert folder.sources.top.isidentifier()
            assert all(module.isidentifier() for module in folder.modules.values())
        except HardwareError as error:
            refused += 1
            assert "\n" not in str(error) and str(error).endswith("`crshare generate`")
    assert 0 < refused < MUTATIONS


def mutated(rng: np.random.Generator, whole: bytes) -> bytes:
    """A value exchanged, some bytes changed, or an end cut off."""
    if rng.random() < 0.5:
        facts = json.loads(whole)
        values: list[object] = [None, True, 5, -1, 2**80, 1e300, "x", "a b"]
        values += [[], {}, [[]], {"low": 0}]
        part = facts
        while True:
            key = list(part)[rng.integers(len(part))]
            if rng.random() < 0.5 or not isinstance(part[key], dict) or not part[key]:
                part[key] = values[rng.integers(len(values))]
                return json.dumps(facts).encode()
            part = part[key]
    text = bytearray(whole)
    for _ in range(rng.integers(1, 4)):
        text[rng.integers(len(text))] = rng.integers(256)
    return bytes(text[: rng.integers(len(text))] if rng.random() < 0.2 else text)
