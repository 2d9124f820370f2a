"""Networks at given clocks an image: LUTs, registers and block RAM of the architectures chosen.

    python scripts/choice_table.py                       estimates
    python scripts/choice_table.py digits-128 --synth    and what yosys maps them to, layer by layer

What yosys has mapped is kept by stage in --keep: a run that was stopped goes on, and equal stages
are mapped once.
Networks lie in ../shared/models and data/. FINN's figures are those of its paper (FPGA 2017,
Vivado, block RAM of 36 kbit). Block RAM here is counted in blocks of 18 kbit.
"""

import argparse
import json
import re
from dataclasses import asdict, astuple, dataclass, replace
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

import crshare
from crshare.hardware.architecture import Resources
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
YOSYS_S = 7200.0
KEEP = Path("crshare-out") / "choice_table"


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


@dataclass(frozen=True)
class Mapped:
    """What yosys makes of a stage: LUT sites, registers and blocks of 18 kbit."""

    luts: int
    registers: int
    block_rams: int

    def __add__(self, other: "Mapped") -> "Mapped":
        mine, others = astuple(self), astuple(other)
        return Mapped(*(one + another for one, another in zip(mine, others, strict=True)))


NOTHING = Mapped(0, 0, 0)
By = dict[str, Mapped | None]  # stages by name; None where yosys does not end in time


def mapped_stages(lowered: Lowered, keep: Path) -> By:
    """Every stage by itself, as the only module."""
    texts = files(lowered.design)
    texts = {name: text for name, text in texts.items() if Path(name).stem not in PRIMITIVES}
    found = By()
    for stage, module in zip(lowered.design.stages, lowered.design.modules, strict=False):
        started = perf_counter()
        found[stage.name] = one = _kept(module, _needed(module, texts), keep)
        print(f"  {stage.name}: {one} in {perf_counter() - started:.0f} s", flush=True)
    return found


def _needed(module: str, texts: dict[str, str]) -> dict[str, str]:
    """The files of a module and of what it names."""
    found, waiting = dict[str, str](), [module]
    while waiting:
        file = f"{waiting.pop()}.v"
        if file in texts and file not in found:
            found[file] = texts[file]
            waiting += sorted(set(re.findall(r"\w+", texts[file])))
    return found


def _kept(module: str, texts: dict[str, str], keep: Path) -> Mapped | None:
    """What a stage of this text was mapped to before, whatever it was called, or is now."""
    plain = json.dumps(sorted(texts.values())).replace(module, "stage")
    file = keep / f"{sha256(plain.encode()).hexdigest()[:32]}.json"
    if not file.exists():
        found = _synthesised(module, texts)
        if found is None:
            return None
        keep.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(found)), encoding="utf-8")
    return Mapped(**json.loads(file.read_text(encoding="utf-8")))


def _synthesised(module: str, texts: dict[str, str]) -> Mapped | None:
    try:
        area = synthesise("xilinx", Sources(module, texts), YOSYS_S)
    except ToolError as error:
        print(f"  {module}: {error}", flush=True)
        return None
    blocks = area.cells.get("RAMB18E1", 0) + 2 * area.cells.get("RAMB36E1", 0)
    return Mapped(area.sites, area.registers, blocks)


def show(name: str, row: Row, keep: Path | None) -> None:
    network = crshare.load(row.model).network
    if row.wide:
        network = widened(network, beat_for(network, row.clocks))
    chosen = chosen_for(row, network)
    options = replace(Options(target=XILINX), architectures=chosen.architectures)
    by = mapped_stages(lower(network, None, options), keep) if keep else None
    columns = ("architecture", "clocks", "LUTs", "registers", "block RAM")
    found = ("LUTs by yosys", "registers", "block RAM") if by else ()
    table = Table("layer", *columns, *found, title=f"{name}: FINN {row.finn}")
    layers = dict(chosen.choice.layers)
    for layer, one in layers.items():
        figures = _text(one.clocks, *_taken(one.resources))
        table.add_row(layer, told(one.architecture), *figures, *_said(by, [layer]))
    others = [stage for stage in by or {} if stage not in layers]
    figures = _text(*_taken(chosen.choice.around.resources))
    table.add_row("pools, streams, decision", "", "", *figures, *_said(by, others))
    figures = _text(chosen.choice.clocks, *_taken(chosen.choice.resources))
    table.add_row("all", "", *figures, *_said(by, list(by or {})))
    Console(width=130).print(table)


def _taken(resources: Resources) -> tuple[int, int, int]:
    return resources.luts, resources.registers, resources.block_rams


def _text(*figures: int) -> list[str]:
    return [f"{figure:,}" for figure in figures]


def _said(by: By | None, stages: list[str]) -> list[str]:
    """What yosys makes of these stages together."""
    if by is None:
        return []
    found = [by[stage] for stage in stages]
    if None in found:
        return ["too long", "", ""]
    return _text(*astuple(sum(filter(None, found), NOTHING)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all")
    parser.add_argument("--synth", action="store_true", help="map every stage with yosys as well")
    parser.add_argument("--keep", type=Path, default=KEEP, help=f"of what is mapped; {KEEP}")
    arguments = parser.parse_args()
    for name in arguments.rows or ROWS:
        if name not in ROWS:
            parser.error(f"{name} is none of {', '.join(ROWS)}")
        if ROWS[name].model.exists():
            show(name, ROWS[name], arguments.keep if arguments.synth else None)
        else:
            print(f"{name}: {ROWS[name].model} is not there")


if __name__ == "__main__":
    main()
