"""Clocks of layers on an ECP5 after place and route, by adders between registers.

    python scripts/ecp5_clocks.py [--model MODEL.h5] [--layers conv1 conv2] [--pipeline 1 2 3]
        [--time-limit SECONDS] [--keep DIR]

Each layer is a whole stage: window, sums, thresholds and streams, on an LFE5U-85F of speed grade 6
by yosys and nextpnr-ecp5, seed 1, between shift registers that stand for its pins (they count).
What is placed is kept in DIR by a hash of the Verilog, so a run that was stopped goes on.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from hardware_rivals import Kept
from rich.console import Console
from rich.table import Table

from crshare.hardware.lowering import Options, lower
from crshare.model.read import read_network
from crshare.network.graph import Network
from hwgen import ToolError, files
from hwgen.devices import LFE5U_85F
from hwgen.placement import Placed, place
from hwgen.sources import Sources

MODEL = Path(__file__).resolve().parents[1] / "data" / "digits_bnn.h5"
HOUR_S = 3600.0


@dataclass(frozen=True)
class Row:
    """A stage as it was placed, or why it was not."""

    layer: str
    levels: int
    placed: Placed | None
    note: str = ""


def sources_of(network: Network, layer: str, options: Options) -> Sources:
    """A layer with its threshold, between its streams."""
    lowered = lower(network, None, options, name="clocked", only=(layer, layer))
    return Sources("clocked", files(lowered.design))


def rows(network: Network, args: argparse.Namespace) -> Iterator[Row]:
    kept = Kept(args.keep)
    for layer, levels in product(args.layers, args.pipeline):
        sources = sources_of(network, layer, Options(per_stage=levels))
        try:
            yield Row(layer, levels, placed(sources, args.time_limit, kept))
        except ToolError as error:
            yield Row(layer, levels, None, str(error))


def placed(sources: Sources, time_limit_s: float, kept: Kept) -> Placed:
    """What nextpnr makes of it; ToolError where it fails."""

    def made() -> str:
        return json.dumps(asdict(place("ecp5", sources, time_limit_s)))

    return Placed(**json.loads(kept.text([asdict(LFE5U_85F), dict(sources.files)], made)))


def show(found: list[Row]) -> Table:
    table = Table("layer", title="ECP5 after place and route", title_justify="left")
    for name in ("adders between\nregisters", "logic cells", "MHz"):
        table.add_column(name, justify="right")
    table.add_column("note")
    for row in found:
        one = row.placed
        figures = (f"{one.logic_cells:,}", f"{one.megahertz:.1f}") if one else ("", "")
        table.add_row(row.layer, str(row.levels), *figures, row.note)
    return table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--layers", nargs="+", default=["conv1", "conv2"])
    parser.add_argument("--pipeline", type=int, nargs="+", default=[1, 2, 3], metavar="LEVELS")
    parser.add_argument("--time-limit", type=float, default=HOUR_S)
    parser.add_argument("--keep", type=Path, default=Path("crshare-out") / "clocks")
    return parser.parse_args()


def main() -> None:
    args, console = arguments(), Console()
    found = list[Row]()
    for row in rows(read_network(args.model), args):
        found.append(row)
        console.print(f"{row.layer} {row.levels}: {row.placed or row.note}")
    console.print(show(found))


if __name__ == "__main__":
    main()
