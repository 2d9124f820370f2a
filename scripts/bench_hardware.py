"""LUT sites of one layer's sums after synthesis: separate, ours, da4ml's and alkaid's Verilog.

    python scripts/bench_hardware.py MODEL.h5 [--layer conv2] [--channels 8 32] [--target xilinx]
        [--only ROW ...] [--da4ml-python PYTHON] [--alkaid-python PYTHON] [--time-limit SECONDS]
        [--keep DIR] [--json FILE]

The sums of the first channels of a layer, all its filters, combinational, mapped by the same
command of yosys. Ours are adder graphs of two-operand adders, or of bit heaps as compressor trees
(`crshare generate --target xilinx`); separate sums are made both ways. They leave the sign and the
constant of a sum to the threshold behind it, where they cost nothing; the row with thresholds has
one in the middle of the range of each sum. The others write Verilog of their own solutions of the
same matrix, with signs. alkaid packs six inputs of a sum into a table or not, and fuses three
operands into one adder or not. The bound is that of separate sums: n bits take
(n - ceil(log2(n + 1))) / 2 LUTs of two outputs at least, since each removes at most two bits.

--only measures the rows whose names hold one of these texts. --keep DIR keeps Verilog of the other
tools and what yosys made of all, by a hash of all that goes in, so that a second run measures only
what has changed. Needs yosys, and interpreters that have da4ml and alkaid.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hardware_rivals import TOP, Kept, Rival, area_of, bound, rivals, written
from rich.console import Console
from rich.table import Table

from crshare.arrays import Array
from crshare.files import write_text
from crshare.hardware.layer_stage import netlist_of
from crshare.model.read import read_network
from crshare.network.slices import SliceTable, decompose
from crshare.plan.plan import exact_layer
from hwgen import Compare, Head, Linear, ToolError, combinational, files
from hwgen.cells import Range
from hwgen.design import Design, Entry
from hwgen.devices import DEVICES
from solver.adder_graph import AdderGraph, Slices, build

SETTINGS: dict[str, dict[str, Any]] = {
    "separate": {"method": "separate", "measure": "adder_luts"},
    "separate, heaps": {"method": "separate", "measure": "lut6"},
    "ours, adders": {"measure": "adder_luts"},
    "ours, heaps": {"measure": "lut6"},
    "ours, heaps and thresholds": {"measure": "lut6"},
    "ours, least full adders": {"measure": "full_adders"},
    "ours, least additions": {"measure": "additions"},
}


@dataclass(frozen=True)
class Row:
    """What one way of adding up came to; None where nothing was measured."""

    shape: str
    how: str
    sites: int | None = None
    luts: int | None = None
    carries: int | None = None
    levels: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Bench:
    """How all rows are measured, and which. only: texts of which a row's name holds one."""

    target: str
    time_limit_s: float
    kept: Kept
    only: tuple[str, ...]

    def wants(self, how: str) -> bool:
        return not self.only or any(text in how for text in self.only)

    def row(self, shape: str, how: str, sources: Mapping[str, str], note: str = "") -> Row:
        try:
            area = area_of(self.target, sources, self.time_limit_s, self.kept)
        except ToolError as error:
            return Row(shape, how, note=str(error))
        return Row(shape, how, area.sites, area.luts, area.carries, area.levels, note)


def graphs(table: SliceTable, n_channels: int) -> Iterator[tuple[str, Callable[[], AdderGraph]]]:
    """Our rows: what each is called, and what builds its graph."""
    weights = matrix_of(table, n_channels)
    for how, options in SETTINGS.items():
        yield how, partial(build, weights, **options)
    plan = exact_layer(table)
    slices = Slices(
        starts=np.array(table.starts[: n_channels + 1], np.int64),
        representatives=tuple(p.astype(np.int64) for p in plan.representatives[:n_channels]),
        use=plan.use[:n_channels].astype(np.int64),
        corrected=plan.corrected[:n_channels],
    )
    yield "repeated and inverse slices", partial(build, weights, method="slices", slices=slices)


def verilog_of(graph: AdderGraph, *, thresholds: bool = False) -> dict[str, str]:
    """The edges of all outputs as they are, from bits; or whether they reach their middle."""
    edges = [output.edge for output in graph.outputs()]
    heads: tuple[Head, ...] = tuple(Linear(edge, 1, 0) for edge in edges)
    if thresholds:
        middles = ((edge, int(graph.low[edge] + graph.high[edge] + 1) // 2) for edge in edges)
        heads = tuple(Compare(edge, True, (at,)) for edge, at in middles if edge is not None)
    netlist = netlist_of(graph, heads, 1)
    bit = Entry("entry", 1, Range(0, 1), Range(0, 1), 1, 0)
    popcount = files(Design("none", (bit,), 1, 1))["popcount6.v"]
    width = 1 if thresholds else netlist.score_range.width
    datapath = combinational(TOP, netlist, width)
    return {"dut.v": datapath, "popcount6.v": popcount}


def ours(table: SliceTable, n_channels: int, bench: Bench) -> Iterator[Row]:
    """Our rows, separate sums first."""
    shape = shape_of(matrix_of(table, n_channels))
    for how, built in graphs(table, n_channels):
        if bench.wants(how):
            sources = verilog_of(built(), thresholds="thresholds" in how)
            yield bench.row(shape, how, sources)


def theirs(weights: Array, tools: list[Rival], bench: Bench) -> Iterator[Row]:
    for rival in filter(lambda tool: bench.wants(tool.name), tools):
        try:
            made = written(rival, weights, bench.time_limit_s, bench.kept)
        except ToolError as error:
            yield Row(shape_of(weights), rival.name, note=str(error))
        else:
            yield bench.row(shape_of(weights), rival.name, made.files, made.note)


def matrix_of(table: SliceTable, n_channels: int) -> Array:
    """The weights of the first channels: sums by inputs."""
    return table.matrix[: table.starts[n_channels]].T.astype(np.int64)


def shape_of(weights: Array) -> str:
    return f"{weights.shape[1]}x{weights.shape[0]}"


def show(found: list[Row], target: str) -> Table:
    title = f"Sums of one layer after synthesis for {target}"
    table = Table("matrix", title=title, title_justify="left")
    table.add_column("how", no_wrap=True)
    for name in ("LUT\nsites", "carry\ncells", "LUT\nlevels", "over\nseparate"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("note")
    separate = {row.shape: row.sites for row in found if row.how == "separate"}
    for row in found:
        figures = ["" if n is None else f"{n:,}" for n in (row.sites, row.carries, row.levels)]
        base = separate.get(row.shape)
        over = f"{row.sites / base:.3f}" if row.sites is not None and base else ""
        table.add_row(row.shape, row.how, *figures, over, row.note)
    return table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--layer", default="conv2")
    parser.add_argument("--channels", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--only", nargs="+", default=(), metavar="ROW")
    parser.add_argument("--target", choices=DEVICES, default="xilinx")
    parser.add_argument("--da4ml-python", default=sys.executable)
    parser.add_argument("--alkaid-python", default=sys.executable)
    parser.add_argument("--time-limit", type=float, default=3600.0)
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def main() -> None:
    args, console = arguments(), Console()
    tables = {table.layer: table for table in decompose(read_network(args.model))}
    bench = Bench(args.target, args.time_limit, Kept(args.keep), tuple(args.only))
    tools, found = rivals(args.da4ml_python, args.alkaid_python), list[Row]()

    def rows(n_channels: int) -> Iterator[Row]:
        weights = matrix_of(tables[args.layer], n_channels)
        yield Row(shape_of(weights), "bound of separate sums", sites=bound(weights))
        yield from ours(tables[args.layer], n_channels, bench)
        yield from theirs(weights, tools, bench)

    for n_channels in args.channels:
        for row in rows(n_channels):
            found.append(row)
            console.print(f"{row.shape} {row.how}: {row.sites} LUT sites {row.note}", markup=False)
            if args.json:
                write_text(args.json, json.dumps([asdict(one) for one in found], indent=1) + "\n")
    console.print(show(found, args.target))


if __name__ == "__main__":
    main()
