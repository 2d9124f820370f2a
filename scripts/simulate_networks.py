"""Whole networks through Verilator, against the executor: with and without stalls.

    python scripts/simulate_networks.py                  all
    python scripts/simulate_networks.py digits-128       one; --images N for fewer images
    python scripts/simulate_networks.py --model NET.onnx --rescale 1/256,0 --clocks 9130 \\
        --data d.npz --images 3                           any model file and images

Each is a design of `scripts/choice_table.py` between its AXI4-Streams, in Verilog for Xilinx
devices. Promised are the clocks from one image to the next that the choice tells, measured are
those between two answers. Processor seconds are those of Verilator and the C++ compiler; memory is
that of the largest process. Ends with 1 where answers differ, or where an image takes longer than
promised.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from choice_table import ROOT, ROWS, Row, chosen_for
from rich.console import Console
from rich.table import Table

import crshare
from crshare.arrays import Array
from crshare.cli.arguments import rescaling
from crshare.hardware.beats import axi_bench
from crshare.hardware.lowering import lower
from crshare.hardware.options import Options
from crshare.hardware.steps import for_hardware
from crshare.hardware.take_home import Home, axi_top
from crshare.hardware.wide_input import in_beats
from crshare.images.digits import digits
from crshare.images.image_set import load_images
from crshare.network.graph import Network
from hwgen import STALLS, files
from hwgen.simulate import compiled
from hwgen.targets import XILINX
from hwgen.testbench import passed

DATA = ROOT.parent / "shared" / "data"
LIMIT_S = 7200.0
OWN = 20  # images through a model of one's own, at most
SLACK = 1  # clocks an image, of the first answers, which may come early


@dataclass(frozen=True)
class Run:
    """How many images of a file go through a design; of the digits where there is no file.
    rescale: what the model expects of them, as `--rescale` says."""

    n: int
    images: Path | None = None
    rescale: str | None = None


RUNS = {
    "digits-128": Run(1000),
    "sfc-16": Run(100, DATA / "mnist_test.npz"),
    "lfc-128": Run(100, DATA / "mnist_test.npz"),
    "cnv-9130": Run(20, DATA / "cifar10_test.npz"),
    "cnv-1100": Run(20, DATA / "cifar10_test.npz"),
}


@dataclass(frozen=True)
class Measured:
    """said: by the testbench, without and with stalls. seconds: of processors, while building.
    memory: bytes of the largest process. promised, measured: clocks an image."""

    promised: int
    measured: float
    n: int
    said: tuple[str, ...]
    wall_s: float
    processor_s: float
    memory: int

    @property
    def equal(self) -> bool:
        return all(passed(said) is not None for said in self.said)

    @property
    def in_time(self) -> bool:
        return self.measured <= self.promised + SLACK


def pixels(run: Run, network: Network) -> Array:
    """The first images, as the network takes them."""
    if run.images is not None:
        found: Array = load_images(run.images, network).images[: run.n].astype(np.int64)
        return found
    parts = digits()
    every = [part.images for part in (parts.test, parts.calibration, parts.training)]
    shape = network.input.shape
    joined: Array = np.concatenate(every)[: run.n].reshape(-1, *shape).astype(np.int64)
    return joined


def measure(row: Row, run: Run, simulator: str = "verilator") -> Measured:
    """Choose, build and simulate one design, in a process of its own: its children are counted."""
    rescale = rescaling(run.rescale) if run.rescale else None
    network = crshare.load(row.model, rescale=rescale).network
    network = in_beats(for_hardware(network, None), None if row.wide else 1, row.clocks)
    chosen = chosen_for(row, network)
    options = replace(Options(target=XILINX), architectures=chosen.architectures)
    lowered = lower(network, None, options, name="network")
    top = axi_top(lowered, Home(clocks=chosen.choice.clocks))
    images = pixels(run, network)
    texts = files(lowered.design) | top.files() | axi_bench(lowered, top, images)
    begun, spent = time.monotonic(), _children_s()
    with compiled(simulator, texts, LIMIT_S) as simulated:
        built, used = time.monotonic() - begun, _children_s() - spent
        said = tuple(simulated(arguments) for arguments in ([], [STALLS]))
    found = passed(said[0])
    between = found.between if found else float("nan")
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return Measured(chosen.choice.clocks, between, len(images), said, built, used, memory)


def _children_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def table_of(found: dict[str, tuple[Row, Measured]]) -> Table:
    columns = "asked", "promised", "measured", "images", "equal", "build", "processor", "memory"
    table = Table("network", *columns, title="Clocks an image, and Verilator's build")
    for name, (row, one) in found.items():
        table.add_row(
            name,
            f"{row.clocks:,}",
            f"{one.promised:,}",
            f"{one.measured:,.1f}",
            f"{one.n:,}",
            "yes" if one.equal else "no",
            f"{one.wall_s:.0f} s",
            f"{one.processor_s:.0f} s",
            f"{one.memory / 1e9:.2f} GB",
        )
    return table


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(RUNS)}; all")
    parser.add_argument("--images", type=int, metavar="N", help="fewer images than the row's")
    own = parser.add_argument_group("a model of your own")
    own.add_argument("--model", type=Path, metavar="FILE")
    own.add_argument("--data", type=Path, metavar="FILE", help=".npz of images")
    own.add_argument("--clocks", type=int, metavar="N", help="clocks an image")
    own.add_argument("--rescale", metavar="SCALE,OFFSET", help="as of crshare")
    arguments = parser.parse_args()
    wanted = asked(parser, arguments)
    found = dict[str, tuple[Row, Measured]]()
    for name, (row, run) in wanted.items():
        run = replace(run, n=min(run.n, arguments.images or run.n))
        if not all(path.exists() for path in (row.model, run.images or ROOT)):
            print(f"{name}: {row.model} or {run.images} is not there")
            continue
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found[name] = row, pool.apply(measure, (row, run))
        print(f"{name}: {'; '.join(found[name][1].said)}", flush=True)
    Console(width=110).print(table_of(found))
    return 0 if all(one.equal and one.in_time for _, one in found.values()) else 1


def asked(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> dict[str, tuple[Row, Run]]:
    """What is to be simulated, by name."""
    given = arguments.model, arguments.data, arguments.clocks
    if all(given):
        row = Row(arguments.model, arguments.clocks, wide=True)
        return {arguments.model.stem: (row, Run(OWN, arguments.data, arguments.rescale))}
    if any(given):
        parser.error("--model, --data and --clocks go together")
    names = arguments.rows or list(RUNS)
    if unknown := [name for name in names if name not in RUNS]:
        parser.error(f"{unknown[0]} is none of {', '.join(RUNS)}")
    return {name: (ROWS[name], RUNS[name]) for name in names}


if __name__ == "__main__":
    sys.exit(main())
