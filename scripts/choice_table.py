"""Networks at given clocks an image: LUTs, registers and block RAM of the architectures chosen.

    python scripts/choice_table.py                       estimates
    python scripts/choice_table.py digits-128 --synth    and LUT sites by yosys, layer by layer

Networks lie in ../shared/models and data/. FINN's figures are those of its paper (FPGA 2017,
Vivado, block RAM of 36 kbit). Block RAM here is counted in blocks of 18 kbit.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

import crshare
from crshare.hardware.choosing import Chooser, Chosen, Goal
from crshare.hardware.lowering import Lowered, lower
from crshare.hardware.options import Options
from crshare.hardware.shown import told
from crshare.hardware.wide_input import beat_for, widened
from crshare.network.graph import Network
from hwgen import files
from hwgen.errors import ToolError
from hwgen.identifiers import PRIMITIVES
from hwgen.sources import Sources
from hwgen.synthesis import synthesise
from hwgen.targets import XILINX

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "models"
YOSYS_S = 1800.0


@dataclass(frozen=True)
class Row:
    """A network at so many clocks an image, and what FINN takes. wide: flattens its input."""

    model: Path
    clocks: int
    finn: str = "-"
    chip: str | None = None
    utilisation: float = 0.8
    wide: bool = False


ROWS = {
    "cnv-1100": Row(SHARED / "cnv_w1a1_cifar10.h5", 1100),
    "cnv-9130": Row(SHARED / "cnv_w1a1_cifar10.h5", 9130, "46,253 LUTs, 186 BRAM", "xc7z020", 0.7),
    "lfc-128": Row(
        SHARED / "lfc_w1a1_mnist.h5", 128, "82,988 LUTs, 396 BRAM", "xc7z045", 0.7, wide=True
    ),
    "sfc-16": Row(ROOT / "data" / "sfc-mnist.h5", 16, "91,131 LUTs, 4.5 BRAM", wide=True),
    "digits-128": Row(ROOT / "data" / "digits_bnn.h5", 128, chip="xc7a35t"),
}


def chosen_for(row: Row, network: Network) -> Chosen:
    chooser = Chooser(network, None, Options(target=XILINX))
    goal = Goal(row.clocks, row.chip, row.utilisation)
    return chooser.choose(goal, lambda what, _: print(f"  {what}", flush=True))


def sites(lowered: Lowered) -> dict[str, int | None]:
    """LUT sites of every stage by itself; None where yosys does not end in time."""
    texts = files(lowered.design)
    texts = {name: text for name, text in texts.items() if Path(name).stem not in PRIMITIVES}
    found = dict[str, int | None]()
    for stage, module in zip(lowered.design.stages, lowered.design.modules, strict=False):
        try:
            found[stage.name] = synthesise("xilinx", Sources(module, texts), YOSYS_S).sites
        except ToolError as error:
            print(f"  {stage.name}: {error}", flush=True)
            found[stage.name] = None
        print(f"  {stage.name}: {found[stage.name]} sites", flush=True)
    return found


def show(name: str, row: Row, *, synth: bool) -> None:
    network = crshare.load(row.model).network
    if row.wide:
        network = widened(network, beat_for(network, row.clocks))
    chosen = chosen_for(row, network)
    options = replace(Options(target=XILINX), architectures=chosen.architectures)
    mapped = sites(lower(network, None, options)) if synth else {}
    columns = ("architecture", "clocks", "LUTs", "registers", "block RAM", "sites by yosys")
    table = Table("layer", *columns, title=f"{name}: FINN {row.finn}")
    layers = dict(chosen.choice.layers)
    for layer, one in layers.items():
        taken = one.resources
        table.add_row(layer, told(one.architecture), *_text(one.clocks, taken.luts, taken.registers,
                      taken.block_rams), _site(mapped, layer))  # fmt: skip
    around = chosen.choice.frame.resources
    rest = [mapped[stage] for stage in mapped if stage not in layers]
    others = f"{sum(filter(None, rest)):,}" if rest else ""
    figures = _text(around.luts, around.registers, around.block_rams)
    table.add_row("pools, streams, decision", "", "", *figures, others)
    whole = chosen.choice.resources
    total = (
        "" if not mapped or None in mapped.values() else f"{sum(filter(None, mapped.values())):,}"
    )
    figures = _text(chosen.choice.clocks, whole.luts, whole.registers, whole.block_rams)
    table.add_row("all", "", *figures, total)
    Console(width=110).print(table)


def _text(*figures: int) -> list[str]:
    return [f"{figure:,}" for figure in figures]


def _site(mapped: dict[str, int | None], layer: str) -> str:
    found = mapped.get(layer)
    return ("too long" if layer in mapped else "") if found is None else f"{found:,}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all")
    parser.add_argument("--synth", action="store_true", help="map every stage with yosys as well")
    arguments = parser.parse_args()
    for name in arguments.rows or ROWS:
        if name not in ROWS:
            parser.error(f"{name} is none of {', '.join(ROWS)}")
        if ROWS[name].model.exists():
            show(name, ROWS[name], synth=arguments.synth)
        else:
            print(f"{name}: {ROWS[name].model} is not there")


if __name__ == "__main__":
    main()
