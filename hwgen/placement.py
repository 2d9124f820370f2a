"""Placing and routing on an iCE40: does a design fit, and how fast is its clock."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hwgen.errors import ToolError
from hwgen.tools import ended, needed

DEVICE, PACKAGE = "hx8k", "ct256"
CLOCK = re.compile(r"Max frequency for clock\s+'[^']*': ([\d.]+) MHz")
PORT = re.compile(r"^ *(input|output) +wire +(?:\[(\d+):0\] +)?(\w+),?$", re.MULTILINE)
CELLS = re.compile(r"ICESTORM_LC:\s*(\d+)\s*/\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Placed:
    """A design on the device: its highest clock in MHz, and logic cells of those there are."""

    device: str
    megahertz: float
    logic_cells: int
    of_cells: int


def place(sources: list[Path], top: str, time_limit_s: float) -> Placed:
    """Map, place and route `top` on an iCE40 HX8K with free pins; ToolError where it does not fit.

    The wide streams of a design need more pins than the package has, so `top` is wrapped in shift
    registers that stand for them; their cells are counted too.
    """
    for program in ("yosys", "nextpnr-ice40"):
        needed(program)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wrapped = folder / "pins.v"
        wrapped.write_text(_wrapper(sources, top), encoding="utf-8")
        names = " ".join(f'"{path.resolve()}"' for path in [*sources, wrapped])
        script = f"read_verilog {names}; synth_ice40 -flatten -top pins -json design.json"
        _run(["yosys", "-q", "-p", script], folder, time_limit_s, top)
        said = _run(
            [
                *("nextpnr-ice40", f"--{DEVICE}", "--package", PACKAGE, "--seed", "1"),
                *("--json", "design.json", "--pcf-allow-unconstrained"),
            ],
            folder,
            time_limit_s,
            top,
        )
    clocks, cells = CLOCK.findall(said), CELLS.findall(said)
    if not clocks or not cells:
        raise ToolError(f"nextpnr-ice40 named no clock for {top}; is the design empty?")
    return Placed(DEVICE, float(clocks[-1]), int(cells[-1][0]), int(cells[-1][1]))


def _wrapper(sources: list[Path], top: str) -> str:
    """A module `pins` that shifts bits into every input of `top` and out of every output."""
    text = next(
        found
        for path in sources
        if re.search(rf"^module {top}\b", found := path.read_text("utf-8"), re.MULTILINE)
    )
    header = text[text.index(f"module {top}") : text.index(");")]
    ports = [(way, int(high or 0) + 1, name) for way, high, name in PORT.findall(header)]
    ins = [(n, name) for way, n, name in ports if way == "input" and name != "aclk"]
    outs = [(n, name) for way, n, name in ports if way == "output"]
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


def _slices(vector: str, ports: list[tuple[int, str]]) -> list[tuple[str, str]]:
    found, first = list[tuple[str, str]](), 0
    for size, name in ports:
        found.append((name, f"{vector}[{first + size - 1}:{first}]"))
        first += size
    return found


def _run(command: list[str], folder: Path, time_limit_s: float, top: str) -> str:
    done = ended(command, folder, time_limit_s, f" on {top}; raise --time-limit")
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise ToolError(
            f"{command[0]} cannot place {top} on an iCE40 {DEVICE.upper()}: "
            f"{(errors or ['it said nothing'])[0].removeprefix('ERROR: ')}; choose fewer --layers"
        )
    return done.stderr + done.stdout
