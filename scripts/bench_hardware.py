"""LUTs of one layer's sums after synthesis: separate, slices, our graphs, and da4ml's Verilog.

    python scripts/bench_hardware.py MODEL.h5 [--layer conv2] [--channels 8 32]
        [--da4ml-python PYTHON] [--time-limit SECONDS] [--json FILE]

The sums of the first channels of a layer, all its filters, combinational, mapped by yosys
(synth_xilinx). Ours leave the sign and the constant of a sum to the threshold behind it, where they
cost nothing; da4ml's Verilog is written by itself from its own solution of the same matrix, its
pipeline registers left out of the count of LUTs. Needs yosys; da4ml where it is to be compared (its
interpreter is named by --da4ml-python).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from crshare.arrays import Array
from crshare.files import write_text
from crshare.hardware.layer_stage import netlist_of
from crshare.model.read import read_network
from crshare.network.slices import SliceTable, decompose
from crshare.plan.plan import exact_layer
from hwgen import Linear, ToolError, combinational, files
from hwgen.cells import Range
from hwgen.design import Design, Entry
from hwgen.sources import Sources
from hwgen.synthesis import synthesise
from solver.adder_graph import AdderGraph, Slices, build

TOP = "dut"
DA4ML = """
import sys
from pathlib import Path
import numpy as np
from da4ml.cmvm import QInterval, solve
from da4ml.codegen.rtl import RTLModel
kernel = np.ascontiguousarray(np.load(sys.argv[1]).T, dtype="f4")
solution = solve(kernel, qintervals=[QInterval(0.0, 1.0, 1.0)] * len(kernel))
RTLModel(solution, "dut", sys.argv[2]).write()
"""
SETTINGS: dict[str, dict[str, Any]] = {
    "separate": {"method": "separate"},
    "ours, least LUTs": {"measure": "lut6"},
    "ours, least full adders": {"measure": "full_adders"},
    "ours, least additions": {"measure": "additions"},
}


@dataclass(frozen=True)
class Row:
    """What one way of adding up came to; None where nothing was measured."""

    shape: str
    how: str
    luts: int | None = None
    carries: int | None = None
    over_separate: float | None = None
    note: str = ""


def graphs(weights: Array, table: SliceTable, n_channels: int) -> Iterator[tuple[str, AdderGraph]]:
    for how, options in SETTINGS.items():
        yield how, build(weights, **options)
    plan = exact_layer(table)
    slices = Slices(
        starts=np.array(table.starts[: n_channels + 1], np.int64),
        representatives=tuple(p.astype(np.int64) for p in plan.representatives[:n_channels]),
        use=plan.use[:n_channels].astype(np.int64),
        corrected=plan.corrected[:n_channels],
    )
    yield "repeated and inverse slices", build(weights, method="slices", slices=slices)


def verilog_of(graph: AdderGraph) -> dict[str, str]:
    """The edges of all outputs, as they are, from bits."""
    heads = tuple(Linear(output.edge, 1, 0) for output in graph.outputs())
    netlist = netlist_of(graph, heads, 1)
    bit = Entry("entry", 1, Range(0, 1), Range(0, 1), 1, 0)
    popcount = files(Design("none", (bit,), 1, 1))["popcount6.v"]
    datapath = combinational(TOP, netlist, netlist.score_range.width)
    return {"dut.v": datapath, "popcount6.v": popcount}


def rows(table: SliceTable, n_channels: int, args: argparse.Namespace) -> Iterator[Row]:
    weights = table.matrix[: table.starts[n_channels]].T.astype(np.int64)
    shape = f"{weights.shape[1]}x{weights.shape[0]}"
    separate = None
    for how, graph in graphs(weights, table, n_channels):
        row = measured(shape, how, verilog_of(graph), args, separate)
        separate = row.luts if how == "separate" else separate
        yield row
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "matrix.npy", weights)
        command = [args.da4ml_python, "-c", DA4ML, str(folder / "matrix.npy"), str(folder / "out")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["failed"])[-1]
            yield Row(shape, "da4ml", note=said)
            return
        unused = ("wrapper", "lookup_table")
        paths = sorted(p for p in folder.rglob("*.v") if not any(n in p.name for n in unused))
        sources = {path.name: path.read_text() for path in paths}
        yield measured(shape, "da4ml", sources, args, separate)


def measured(
    shape: str, how: str, sources: dict[str, str], args: argparse.Namespace, separate: int | None
) -> Row:
    try:
        area = synthesise("xilinx", Sources(TOP, sources), args.time_limit)
    except ToolError as error:
        return Row(shape, how, note=str(error))
    ratio = area.luts / separate if separate else None
    return Row(shape, how, area.luts, area.carries, ratio)


def show(found: list[Row]) -> Table:
    table = Table("matrix", "how", title="Sums of one layer after synthesis", title_justify="left")
    for name in ("LUTs", "CARRY4", "over separate"):
        table.add_column(name, justify="right")
    table.add_column("note")
    for row in found:
        figures = ["" if n is None else f"{n:,}" for n in (row.luts, row.carries)]
        ratio = "" if row.over_separate is None else f"{row.over_separate:.3f}"
        table.add_row(row.shape, row.how, *figures, ratio, row.note)
    return table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--layer", default="conv2")
    parser.add_argument("--channels", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--da4ml-python", default=sys.executable)
    parser.add_argument("--time-limit", type=float, default=3600.0)
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def main() -> None:
    args, console = arguments(), Console()
    tables = {table.layer: table for table in decompose(read_network(args.model))}
    found: list[Row] = []
    for n_channels in args.channels:
        for row in rows(tables[args.layer], n_channels, args):
            found.append(row)
            console.print(f"{row.shape} {row.how}: {row.luts} LUTs {row.note}")
    console.print(show(found))
    if args.json:
        write_text(args.json, json.dumps([asdict(row) for row in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
