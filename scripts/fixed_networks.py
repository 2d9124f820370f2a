"""Networks with shortcuts in fixed point as hardware: LUTs, DSPs, block RAM and clocks by layer.

    python scripts/fixed_networks.py                                       the rows below, estimates
    python scripts/fixed_networks.py blendnet20 --clocks 76000 --skip dsp  one of them
    python scripts/fixed_networks.py blendnet20 --queues                   and what queues take
    python scripts/fixed_networks.py blend-small --simulate 100            all answers by Verilator
    python scripts/fixed_networks.py FILE.npz                              what export wrote
    python scripts/fixed_networks.py FILE.npz --plan plan.json             and under a plan

Weights of rows are drawn, not trained: their shapes and bits are those of `crshare train` and
`crshare export --fixed-point 4.4`, 8 bits of factors, 4 fraction bits of skip weights. --simulate
sends random images through the design between its AXI4-Streams, with and without stalls, compares
every answer with the executor's and ends with 1 where one differs.
"""

import argparse
import sys
from dataclasses import astuple, dataclass, replace
from enum import Enum
from math import prod
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from crshare.hardware.architecture import Resources
from crshare.hardware.around import queue_cost
from crshare.hardware.beats import axi_bench
from crshare.hardware.choice import Budget, Choice, cheapest, summed
from crshare.hardware.choosing import Chooser, Chosen
from crshare.hardware.goal import Goal
from crshare.hardware.lowering import lower
from crshare.hardware.number_costs import queue_estimate, tree_of
from crshare.hardware.options import ADDERS, SKIPS, Options
from crshare.hardware.parts import part_of
from crshare.hardware.shown import choice_rows
from crshare.hardware.take_home import Home, axi_top
from crshare.limits import LUTS
from crshare.model.read import fingerprint, read_network
from crshare.network.graph import (
    INPUT,
    Add,
    Clamp,
    Conv,
    Curve,
    Input,
    Layer,
    MaxPool,
    Multiply,
    Network,
    Op,
    Quantise,
    RealConv,
    Scale,
    Sign,
    SumPool,
)
from crshare.plan.file import read_plan
from crshare.plan.plan import SharingPlan
from hwgen import STALLS, Queue, files
from hwgen.simulate import compiled
from hwgen.targets import XILINX
from hwgen.testbench import passed

LIMIT_S = 7200.0
CLOCKS = (76_000, 19_000)  # 0.38 ms at 200 MHz, and a quarter of that
FACTOR_BITS, SKIP_FRACTION = 8, 4
HANDED_ON = Quantise(2.0**-4, -8.0, 8 - 2.0**-4, "up")  # 4.4 bits
SHARE = Quantise(2.0**-7, -1.0, 1 - 2.0**-7, "up")  # 1.7 bits
RELU = Clamp(0.0, float("inf"))


class Kind(Enum):
    """What stands beside a binary convolution. BLEND: a real 1x1 convolution in each skip path.
    BIREAL: the value itself, and where the map is halved its average and a real 1x1 convolution (Z.
    Liu et al., 2018). GATED: as BIREAL, and the sums times what a small network of the means of
    their inputs says of each channel (B. Martinez et al., "Real-to-Binary", 2020). QUICKNET: as
    BIREAL, the greatest of 3x3, a blur and a real 1x1 convolution between stages (T. Bannink et
    al., "Larq Compute Engine", 2021).
    """

    BLEND = "blend"
    BIREAL = "bireal"
    GATED = "gated"
    QUICKNET = "quicknet"


@dataclass(frozen=True)
class Shape:
    """widths: channels of the stages; all but the first halve the map. modules: of each stage."""

    image: tuple[int, int, int]
    widths: tuple[int, ...]
    modules: int
    kind: Kind = Kind.BLEND


ROWS = {
    "blendnet20": Shape((32, 32, 3), (16, 32, 64), 6),
    "blend-small": Shape((8, 8, 1), (8, 16), 2),
    "bireal-small": Shape((8, 8, 1), (8, 16), 2, Kind.BIREAL),
    "gated-small": Shape((8, 8, 1), (8, 16), 2, Kind.GATED),
    "quicknet-small": Shape((8, 8, 1), (8, 16), 2, Kind.QUICKNET),
}


class Drawn:
    """The layers so far of a network with drawn weights in fixed point."""

    def __init__(self, shape: Shape, seed: int) -> None:
        self.rng, self.shape, self.layers = np.random.default_rng(seed), shape, list[Layer]()
        self.input = Input(shape.image, 2, -255)

    @property
    def network(self) -> Network:
        return Network(self.input, tuple(self.layers))

    def add(self, name: str, op: Op, *sources: str) -> str:
        self.layers.append(Layer(name, op, sources[0], sources[1:]))
        return name

    def channels(self, name: str) -> int:
        return self.network.signals[name].shape[2]

    def norm(self, name: str, source: str, size: float) -> str:
        """A scale of FACTOR_BITS bits, about `size`, and offsets."""
        n, shift = self.channels(source), int(np.ceil(-np.log2(size))) + FACTOR_BITS - 2
        factors = self.rng.integers(1 << FACTOR_BITS - 3, 1 << FACTOR_BITS - 1, n)
        signs = self.rng.choice([-1, 1], n)
        offsets = self.rng.integers(-256, 256, n) / 2.0 ** max(8, shift)
        return self.add(name, Scale(np.ldexp(signs * factors, -shift), offsets), source)

    def real(self, name: str, source: str, kernel: int, filters: int, stride: int) -> str:
        shape = kernel, kernel, self.channels(source), filters
        weights = self.rng.normal(size=shape) / np.sqrt(prod(shape[:3]))
        kept = np.rint(np.ldexp(weights, SKIP_FRACTION)) / 2.0**SKIP_FRACTION
        op = RealConv(
            kept.astype(np.float32), np.zeros(filters, np.float32), (stride, stride), same=True
        )
        return self.add(name, op, source)

    def module(self, name: str, source: str, filters: int, stride: int) -> str:
        """A binary convolution of signs beside a skip path, their sum, and what is handed on."""
        bits, channels = self.add(f"{name}_sign", Sign(), source), self.channels(source)
        weights = self.rng.choice(np.array([-1, 1], np.int8), (3, 3, channels, filters))
        main = self.add(f"{name}_main", Conv(weights, (stride, stride), 1), bits)
        main = self.norm(f"{name}_norm", main, 1 / np.sqrt(9 * channels))
        if self.shape.kind is Kind.GATED:
            main = self.gated(name, main, source)
        skip = source
        if self.shape.kind is Kind.BLEND:
            skip = self.real(f"{name}_skip", skip, 1, filters, stride)
            skip = self.norm(f"{name}_skip_norm", skip, 0.5)
        elif stride > 1:
            skip = self.add(f"{name}_pool", SumPool((2, 2), (2, 2)), skip)
            skip = self.real(f"{name}_skip", skip, 1, filters, 1)
            skip = self.norm(f"{name}_skip_norm", skip, 0.25)
        return self.add(f"{name}_fixed", HANDED_ON, self.add(name, Add(), main, skip))

    def gated(self, name: str, main: str, source: str) -> str:
        """Sums times the sigmoid of two dense layers of the means of the map before them."""
        rows, columns, channels = self.network.signals[source].shape
        at = self.add(f"{name}_means", SumPool((rows, columns), (1, 1)), source)
        at = self.norm(f"{name}_mean_norm", at, 1 / (rows * columns))
        at = self.add(f"{name}_mean_fixed", HANDED_ON, at)
        at = self.real(f"{name}_squeeze", at, 1, max(1, channels // 4), 1)
        at = self.add(f"{name}_squeezed", HANDED_ON, self.add(f"{name}_relu", RELU, at))
        at = self.real(f"{name}_excite", at, 1, self.channels(main), 1)
        at = self.add(f"{name}_excited", HANDED_ON, at)
        gate = self.add(f"{name}_gate", SHARE, self.add(f"{name}_curve", Curve("sigmoid"), at))
        few = self.add(f"{name}_main_fixed", HANDED_ON, main)
        return self.add(f"{name}_gated", Multiply(), few, gate)

    def blurred(self, name: str, source: str, filters: int) -> str:
        """The greatest of 3x3, every second of their blur by 1-2-1, real 1x1 weights."""
        channels = self.channels(source)
        at = self.add(f"{name}_greatest", MaxPool((3, 3), (1, 1), True), source)
        line = np.array([1, 2, 1]) / 4
        kernel = np.outer(line, line)[..., None, None] * np.eye(channels)
        op = RealConv(kernel.astype(np.float32), np.zeros(channels, np.float32), (2, 2), same=True)
        at = self.add(f"{name}_blurred", HANDED_ON, self.add(f"{name}_blur", op, at))
        at = self.norm(f"{name}_norm", self.real(name, at, 1, filters, 1), 0.5)
        return self.add(f"{name}_fixed", HANDED_ON, at)


def drawn(shape: Shape, seed: int = 0) -> Network:
    build = Drawn(shape, seed)
    at = build.real("conv1", INPUT, 3, shape.widths[0], 1)
    at = build.add("conv1_fixed", HANDED_ON, build.norm("conv1_norm", at, 1 / 64))
    for stage, width in enumerate(shape.widths, 1):
        if stage > 1 and shape.kind is Kind.QUICKNET:
            at = build.blurred(f"between{stage}", at, width)
        for place in range(1, shape.modules + 1):
            halves = stage > 1 and place == 1 and shape.kind is not Kind.QUICKNET
            stride = 2 if halves else 1
            at = build.module(f"blend{stage}_{place}", at, width, stride)
    at = build.add("average", SumPool(build.network.signals[at].shape[:2], (1, 1)), at)
    build.real("dense", at, 1, 10, 1)
    return build.network


def estimated(choice: Choice) -> list[tuple[str, ...]]:
    """A row for each layer, graphs by estimate."""
    return [
        (name, told, *(f"{n:,}" for n in (pace, *astuple(taken))))
        for name, told, pace, taken in choice_rows(choice)
    ]


def table_of(rows: list[tuple[str, ...]]) -> Table:
    names = "layer", "architecture", "clocks", "LUTs", "registers", "blocks of 18 kbit", "DSPs"
    table = Table(*names)
    for row in rows:
        table.add_row(*row)
    return table


def queues_of(network: Network, plan: SharingPlan | None, choice: Choice, skip: str) -> Resources:
    """Of all queues, the design of this choice being built."""
    architectures = {layer: priced.architecture for layer, priced in choice.layers}
    options = Options(XILINX, skip=skip, architectures=architectures, max_luts=int(LUTS.high))
    stages = lower(network, plan, options, name="network").design.stages
    return summed([queue_cost(stage) for stage in stages if isinstance(stage, Queue)])


def estimated_queues(network: Network) -> Resources:
    """What the estimate has for them: a row of a map, or a whole one, before each join."""
    part = part_of(network, None)
    return summed([queue_estimate(part, layer, tree_of(part, layer)) for layer in part.roots()])


def chosen_for(network: Network, clocks: int, skip: str, plan: SharingPlan | None = None) -> Chosen:
    chooser = Chooser(network, plan, Options(XILINX, skip=skip))
    return chooser.choose(Goal(clocks), lambda what, _: print(f"  {what}", flush=True))


def simulated(
    network: Network,
    chosen: Chosen,
    n: int,
    skip: str,
    simulator: str = "verilator",
    plan: SharingPlan | None = None,
) -> bool:
    """Whether all answers are the executor's, with and without stalls, and come in time."""
    options = replace(Options(XILINX, skip=skip), architectures=chosen.architectures)
    lowered = lower(network, plan, options, name="network")
    top = axi_top(lowered, Home(clocks=chosen.choice.clocks))
    images = np.random.default_rng(1).integers(0, 256, (n, *network.input.shape))
    texts = files(lowered.design) | top.files() | axi_bench(lowered, top, images)
    with compiled(simulator, texts, LIMIT_S) as run:
        said = [run(arguments) for arguments in ([], [STALLS])]
    found, promised = passed(said[0]), chosen.choice.clocks
    between = found.between if found else float("nan")
    print(f"  {'; '.join(said)}", flush=True)
    print(f"  promised {promised:,} clocks an image, measured {between:,.1f}", flush=True)
    return all(passed(one) is not None for one in said) and between <= promised + 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}, or FILE.npz")
    parser.add_argument("--clocks", type=int, action="append", metavar="N", help="an image")
    parser.add_argument("--skip", choices=SKIPS, help=f"all, {ADDERS} first")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="of a FILE.npz")
    parser.add_argument("--queues", action="store_true", help="build the design and count them")
    parser.add_argument("--simulate", type=int, metavar="N", help="images through Verilator")
    asked, equal = parser.parse_args(), True
    for name in asked.rows or list(ROWS):
        if name not in ROWS and not name.endswith(".npz"):
            parser.error(f"{name} is none of {', '.join(ROWS)}, and no .npz")
        network, plan = drawn(ROWS[name]) if name in ROWS else read_network(Path(name)), None
        if asked.plan:
            plan = read_plan(asked.plan, network, fingerprint(network))
        for skip in [asked.skip] if asked.skip else SKIPS:
            chooser = Chooser(network, plan, Options(XILINX, skip=skip))
            question = chooser.question(Budget(), {})
            for clocks in asked.clocks or CLOCKS:
                print(f"{name} at {clocks:,} clocks an image, --skip {skip}", flush=True)
                choice = cheapest(question, clocks)
                Console(width=110).print(table_of(estimated(choice) if choice else []))
                if asked.queues and choice:
                    taken = queues_of(network, plan, choice, skip)
                    figures = f"{taken.luts:,} LUTs, {taken.registers:,} registers"
                    print(f"  queues, as built: {figures}, {taken.block_rams:,} blocks of 18 kbit")
                    every, guessed = choice.resources, estimated_queues(network)
                    luts = every.luts - guessed.luts + taken.luts
                    blocks = every.block_rams - guessed.block_rams + taken.block_rams
                    print(f"  all, with these: {luts:,} LUTs, {blocks:,} blocks of 18 kbit")
                if asked.simulate:
                    chosen = chosen_for(network, clocks, skip, plan)
                    equal &= simulated(network, chosen, asked.simulate, skip, plan=plan)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
