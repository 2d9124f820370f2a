"""Placing and routing: does a design fit on a device, and how fast is its clock?"""

import re
from dataclasses import dataclass
from pathlib import Path

from hwgen.devices import DEVICES, Placer
from hwgen.errors import ToolError
from hwgen.sources import Sources
from hwgen.synthesis import read, run_yosys
from hwgen.tools import ended, needed, workspace

CLOCK = re.compile(r"Max frequency for clock\s+'[^']*': (\d{1,6}(?:\.\d{1,9})?) MHz")
PORT = re.compile(r"^ *(input|output) +wire +(?:\[(\d{1,7}):0\] +)?(\w+),?$", re.M | re.A)
FIRST_START_S = 900.0  # in which a program of a package compiles itself, once


@dataclass(frozen=True, slots=True)
class Placed:
    """A design on the device: its highest clock in MHz, and logic cells of those there are."""

    target: str
    device: str
    megahertz: float
    logic_cells: int
    of_cells: int


def placer_of(target: str) -> Placer:
    """What places on a target; ToolError where nothing does."""
    placer = DEVICES[target].placer
    if placer is None:
        able = [name for name, one in DEVICES.items() if one.placer is not None]
        raise ToolError(f"nothing here places on {target}; choose --target {' or '.join(able)}")
    return placer


def place(target: str, sources: Sources, time_limit_s: float) -> Placed:
    """Map, place and route the top on a device with free pins; ToolError if it does not fit.

    The wide streams of a design need more pins than the package has, so the top is wrapped in shift
    registers that stand for them; their cells are counted too.
    """
    placer, top = placer_of(target), sources.top
    program = needed(placer.program, package=placer.package)
    command = [program, *placer.options, "--seed", "1", "--json", "design.json"]
    files = {**sources.files, "all-pins.v": _wrapper(sources)}
    with workspace(files) as folder:
        script = [read(files), f"{DEVICES[target].command} -top pins -json design.json"]
        run_yosys(script, folder, time_limit_s, top)
        if Path(program).name == placer.package:
            ended([program, "--version"], folder, FIRST_START_S, " when it was first started")
        done = ended(command, folder, time_limit_s, f" on {top}; raise --time-limit")
    name = Path(program).name
    if done.code:
        raise ToolError(
            f"{name} cannot place {top} on {target}, {placer.device.upper()}: "
            f"{done.reason.removeprefix('ERROR: ')}; choose fewer --layers"
        )
    clocks, cells = CLOCK.findall(done.err + done.out), _cells(placer, done.err + done.out)
    if not clocks or cells is None:
        raise ToolError(f"{name} named no clock and cells for {top}; is the design empty?")
    return Placed(target, placer.device, float(clocks[-1]), *cells)


def _cells(placer: Placer, said: str) -> tuple[int, int] | None:
    """Logic cells of those there are, as the placer counted them last."""
    found = re.findall(rf"\b{placer.logic_cell}:\s*(\d{{1,9}})\s*/\s*(\d{{1,9}})\b", said)
    taken, there = map(int, found[-1]) if found else (1, 0)
    return (taken, there) if taken <= there else None


def _wrapper(sources: Sources) -> str:
    """A module `pins` that shifts bits into every input of the top and out of every output."""
    top = sources.top
    header = next(filter(None, (_header(text, top) for text in sources.files.values())), "")
    ports = [(way, int(high or 0) + 1, name) for way, high, name in PORT.findall(header)]
    ins = [(n, name) for way, n, name in ports if way == "input" and name != "aclk"]
    outs = [(n, name) for way, n, name in ports if way == "output"]
    if not ins or not outs:
        raise ToolError(f"{top} has no inputs and outputs to be placed; write it with streams")
    n_in, n_out = sum(n for n, _ in ins), sum(n for n, _ in outs)
    given, taken = _slices("given", ins), _slices("made", outs)
    links = ", ".join(f".{name}({part})" for name, part in [*given, *taken])
    return (
        "module pins(input wire aclk, input wire in, input wire hold, output wire out);\n"
        f"  reg [{n_in}:0] given; reg [{n_out}:0] kept; wire [{n_out - 1}:0] made;\n"
        f"  {top} dut(.aclk(aclk), {links});\n"
        "  always @(posedge aclk) begin\n"
        f"    given <= {{given[{n_in - 1}:0], in}};\n"
        f"    kept <= hold ? {{kept[{n_out - 1}:0], in}} : {{1'b0, made}};\n"
        "  end\n"
        f"  assign out = kept[{n_out}];\n"
        "endmodule\n"
    )


def _header(text: str, top: str) -> str | None:
    """From the name of a module to the end of its ports, where the text holds it."""
    found = re.search(rf"^module {top}\b.*?\);", text, re.MULTILINE | re.DOTALL)
    return None if found is None else found[0]


def _slices(vector: str, ports: list[tuple[int, str]]) -> list[tuple[str, str]]:
    found, first = list[tuple[str, str]](), 0
    for size, name in ports:
        found.append((name, f"{vector}[{first + size - 1}:{first}]"))
        first += size
    return found
