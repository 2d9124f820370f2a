"""Verilog of other tools for the sums of one matrix, and a place to keep what took long.

Each tool runs in an interpreter of its own, reads the matrix from a file and writes Verilog whose
top is `dut`: combinational, from bits to whole signed sums. Its last line is its own estimate.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from crshare.arrays import Array
from crshare.files import write_text
from hwgen import ToolError
from hwgen.devices import DEVICES
from hwgen.sources import Sources
from hwgen.synthesis import Area, synthesise
from hwgen.tools import ended, needed, workspace

TOP = "dut"
DA4ML = """
import sys
import numpy as np
from da4ml.codegen.rtl import RTLModel
from da4ml.trace import FixedVariableArrayInput, comb_trace
kernel = np.load(sys.argv[1]).T.astype("f8")
given = FixedVariableArrayInput(len(kernel))
made = comb_trace(given, given.quantize(0, 1, 0) @ kernel)
RTLModel(made, "dut", sys.argv[2]).write()
print(*np.sum(made.out_kifs, axis=0))
print(f"its own cost {made.cost:,.0f}")
"""
ALKAID = """
import sys
import numpy as np
from alkaid.codegen.rtl import RTLModel
from alkaid.trace import FVArray, trace
kernel = np.load(sys.argv[1]).T.astype("f8")
one = np.ones(len(kernel), int)
packs, fuses = (word == "on" for word in sys.argv[3:])
bits = FVArray.from_kif(0 * one, one, 0 * one, solver_options={"binary_lut": packs})
model = RTLModel(trace(bits, bits @ kernel), sys.argv[2], "dut", ternary_fuse=fuses)
model.write()
print(*np.sum(model._comb.out_kifs, axis=0))
print(f"its own cost {model._comb.cost:,.0f}")
"""
N_CHECKED = 8  # vectors of bits
UNUSED = ("wrapper", "lookup_table")  # parts of what is written that the top has no use for


@dataclass(frozen=True, slots=True)
class Rival:
    """A tool: its name in the table, what an interpreter of it runs, and the words behind that."""

    name: str
    python: str
    script: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """Verilog of a tool, and what the tool says of its size."""

    files: Mapping[str, str]
    note: str


def rivals(da4ml_python: str, alkaid_python: str) -> list[Rival]:
    """da4ml, and alkaid with six bits packed into tables and with ternary adders, on and off."""
    switches = [(packs, fuses) for packs in ("off", "on") for fuses in ("off", "on")]
    return [
        Rival("da4ml", da4ml_python, DA4ML),
        *(
            Rival(
                f"alkaid, packing {packs}, ternary {fuses}", alkaid_python, ALKAID, (packs, fuses)
            )
            for packs, fuses in switches
        ),
    ]


@dataclass(frozen=True, slots=True)
class Kept:
    """Results by a hash of all that they are made from, in a folder if there is one."""

    folder: Path | None

    def text(self, parts: object, made: Callable[[], str]) -> str:
        if self.folder is None:
            return made()
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        path = self.folder / f"{digest}.json"
        if not path.exists():
            write_text(path, made())
        return path.read_text()


def written(rival: Rival, matrix: Array, time_limit_s: float, kept: Kept) -> Written:
    """What a tool writes for a matrix of sums by inputs; ToolError where it fails."""
    parts = [rival.script, rival.options, version(rival), matrix.tolist()]
    made = json.loads(
        kept.text(parts, lambda: json.dumps(asdict(_run(rival, matrix, time_limit_s))))
    )
    return Written(made["files"], made["note"])


def version(rival: Rival) -> str:
    """Of the tool that an interpreter has; ToolError where it has none."""
    package = rival.name.partition(",")[0]
    script = f"from importlib.metadata import version\nprint(version({package!r}))"
    with workspace({}) as folder:
        done = ended([needed(rival.python), "-c", script], folder, 100, "")
    if done.code:
        raise ToolError(f"{rival.python} has no {package}; name another interpreter")
    return done.out.strip()


def _run(rival: Rival, matrix: Array, time_limit_s: float) -> Written:
    with workspace({}) as folder:
        np.save(folder / "matrix.npy", matrix)
        words = ["-c", rival.script, "matrix.npy", str(folder / "out"), *rival.options]
        done = ended([needed(rival.python), *words], folder, time_limit_s, "")
        if done.code:
            raise ToolError(f"{rival.name} failed: {(done.err.splitlines() or ['no word'])[-1]}")
        paths = sorted((folder / "out").rglob("*.v"))
        files = {p.name: p.read_text() for p in paths if not any(n in p.name for n in UNUSED)}
        if not files:
            raise ToolError(f"{rival.name} wrote no Verilog")
        *_, widths, note = done.out.strip().splitlines()
        _check(rival, files, matrix, [*map(int, widths.split())])
        return Written(files, note)


def _check(rival: Rival, files: Mapping[str, str], matrix: Array, widths: list[int]) -> None:
    """ToolError where Icarus does not find the sums of the matrix, of some random bits.

    widths: of the outputs; where the port is wider, each of them is as wide as all others.
    """
    n_outputs, n_inputs = matrix.shape
    port = re.search(r"output\s+(?:reg|wire)?\s*\[(\d+):0\] model_out", files[f"{TOP}.v"])
    wide = int(port[1]) + 1 if port else 0
    if wide != sum(widths):
        widths = [wide // n_outputs] * n_outputs
    bits = np.random.default_rng(0).integers(0, 2, (N_CHECKED, n_inputs))
    words = (f"{n_inputs}'b{''.join(map(str, row[::-1]))}" for row in bits.tolist())
    shown = " ".join(f'x = {word}; #1 $display("%b", y);' for word in words)
    bench = (
        f"module bench; reg [{n_inputs - 1}:0] x; wire [{wide - 1}:0] y; "
        f"{TOP} it(.model_inp(x), .model_out(y)); initial begin {shown} end endmodule\n"
    )
    with workspace({**files, "bench.v": bench}) as folder:
        asked = ["-g2012", "-s", "bench", "-o", "bench.vvp", *files, "bench.v"]
        done = ended([needed("iverilog"), *asked], folder, 600, "")
        done = ended([needed("vvp"), "bench.vvp"], folder, 600, "") if not done.code else done
    found = [_numbers(line, widths) for line in done.out.split()]
    if found != (bits @ matrix.T).tolist():
        raise ToolError(f"the Verilog of {rival.name} does not give the sums of the matrix")


def _numbers(word: str, widths: list[int]) -> list[int | None]:
    """Signed numbers of a word of bits, the first in the lowest ones; None where any is unknown."""
    ends = [len(word) - sum(widths[:place]) for place in range(len(widths) + 1)]
    parts = (word[low:high] for high, low in pairwise(ends))
    return [
        None if set(part) - {"0", "1"} else int(part, 2) - int(part[0]) * 2 ** len(part)
        for part in parts
    ]


def bound(matrix: Array) -> int:
    """LUTs of two outputs that separate sums take at least.

    A sum of n bits has ceil(log2(n + 1)) of them left, and a LUT removes two bits at most.
    """
    removed = sum(n - n.bit_length() for n in map(int, np.count_nonzero(matrix, axis=1)))
    return (removed + 1) // 2


def area_of(target: str, files: Mapping[str, str], time_limit_s: float, kept: Kept) -> Area:
    """What yosys maps the top to; ToolError where it fails."""
    with workspace({}) as folder:
        yosys = ended([needed("yosys"), "-V"], folder, 100, "").out

    def mapped() -> str:
        return json.dumps(asdict(synthesise(target, Sources(TOP, files), time_limit_s)))

    parts = [yosys, DEVICES[target].command, dict(files)]
    return Area(**json.loads(kept.text(parts, mapped)))
