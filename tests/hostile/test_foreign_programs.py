"""Attacks through the programs that are run: by what a folder of hardware holds, and by programs
that fail or lie."""

import json
from pathlib import Path

import pytest

from tests.hostile.models import write_named
from tests.hostile.names import NAMES, PROGRAM
from tests.hostile.watch import Watched

pytestmark = pytest.mark.slow

RUNS = (
    f'\n`define X\nmodule pwn; initial $system("{PROGRAM}"); endmodule\nbind testbench pwn p();\n//'
)

ODD = tuple(name for name in NAMES if not name.isidentifier())[::4]


@pytest.mark.needs_tool("verilator")
def test_no_name_runs_in_verilator(place: Watched) -> None:
    model, rtl = write_named(place.work / f"{PROGRAM}.keras", [RUNS, "b"]), place.work / "rtl"
    words = "--verify", "--simulator", "verilator", "--images", 1, "-o", rtl
    place.run("generate", model, *words, outputs=[rtl], codes=(0,), limit_s=300)


@pytest.fixture
def rtl(place: Watched, tame: Path) -> Path:
    folder = place.work / "rtl"
    words = "--layers", "conv2", "--combinational", "-o", folder
    place.run("generate", tame / "m.h5", *words, outputs=[folder], codes=(0,))
    return folder


@pytest.mark.parametrize(
    "more", [(), ("--by-layer",), ("--target", "ice40", "--place"), ("--prove",)]
)
def test_no_report_runs_in_yosys(place: Watched, rtl: Path, more: tuple[str, ...]) -> None:
    report = json.loads((rtl / "report.json").read_text())
    forged = (
        report | {"top": f"{report['top']}; exec -- {PROGRAM}"},
        report | {"top": f"{report['top']}\n!{PROGRAM}\n"},
        report | {"layers": 5, "ports": f"; exec -- {PROGRAM}"},
        report | {"layers": [{"layer": f"x; exec -- {PROGRAM}"}], "ports": []},
    )
    for one in forged:
        (rtl / "report.json").write_text(json.dumps(one))
        against = ("--against", rtl) if "--prove" in more else ()
        place.run("synth", rtl, *against, *more, codes=(2,))


def test_names_in_reports_of_hardware(place: Watched, tame: Path) -> None:
    rtl = place.work / "rtl"
    place.run("generate", tame / "m.h5", "--layers", "conv2", "-o", rtl, outputs=[rtl])
    report, files = rtl / "report.json", rtl / "files.f"
    text, names = json.loads(report.read_text()), files.read_text()
    for number, name in enumerate(ODD):
        spoiled = {**text, "top": name} if number % 3 else text
        report.write_text(json.dumps(spoiled))
        files.write_bytes(names.encode() + b"" if number % 3 else _line(name))
        place.run("synth", rtl, terminal=number % 4 < 2, codes=(2,))


def _line(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass") + b"\n"


def test_no_file_outside_is_mapped(place: Watched, rtl: Path) -> None:
    for name in ("/etc/passwd", "../../user/top.v", f"x;{PROGRAM}", "$HOME", "-p", '"', "\xff"):
        (rtl / "files.f").write_text(f"{name}\n")
        place.run("synth", rtl, codes=(2,))


def foreign(place: Watched, name: str, script: str) -> None:
    """A program of that name, found before the real one."""
    program = place.root / "bin" / name
    program.write_text(script)
    program.chmod(0o755)


@pytest.mark.needs_tool("yosys")
@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/sh\necho 'error while loading shared libraries' >&2; exit 127\n",
        "#!/bin/sh\nprintf '\\377\\033[2J\\n' >&2; exit 1\n",
        "#!/bin/sh\nexit 0\n",
        "#!/nowhere\n",
        "no program",
        "#!/bin/sh\nsleep 300 & sleep 300\n",
        "#!/bin/sh\nkill -9 $$\n",
        "#!/bin/sh\nyes\n",
    ],
)
def test_a_yosys_that_fails(place: Watched, rtl: Path, script: str) -> None:
    foreign(place, "yosys", script)
    place.run("synth", rtl, "--time-limit", 1, limit_s=30)
    place.run("synth", rtl, "--against", rtl, "--prove", "--time-limit", 1, limit_s=30)


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("said", ["PASS 0 beats", "PASS", "", "PASS 999999999 beats", "\\377"])
def test_a_simulator_that_lies(place: Watched, tame: Path, said: str) -> None:
    foreign(place, "vvp", f"#!/bin/sh\nprintf '{said}\\n'\n")
    words = "--layers", "conv2", "--verify", "--simulator", "icarus", "--images", 1
    place.run("generate", tame / "m.h5", *words, "-o", place.work / "rtl", codes=(2,))
