"""Generated hardware as files, and its proof: the executor's own beats through a simulator."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crshare.arrays import Array
from crshare.errors import HardwareError
from crshare.hardware.beats import axi_bench, bench, vectors
from crshare.hardware.lowering import Lowered, Options, lower
from crshare.hardware.manifest import listed, replace_files
from crshare.hardware.take_home import Home, axi_files, axi_top, scripts
from crshare.hardware.timing import latency
from crshare.network.graph import Network
from crshare.plan.plan import SharingPlan
from hwgen import (
    STALLS,
    Compute,
    MatrixVector,
    Pointwise,
    Tally,
    available,
    combinational,
    files,
    simulate,
    tally,
    verdict,
)
from hwgen.equivalence import Ports
from hwgen.identifiers import PRIMITIVES
from hwgen.verilog import primitives

Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a simulator said, and whether every beat was right."""

    simulator: str
    stalls: bool
    said: str
    passed: bool


@dataclass(frozen=True, eq=False)
class Generated:
    """A design that was written, and what simulators said of it (nothing where none was asked)."""

    lowered: Lowered
    verdicts: tuple[Verdict, ...]
    n_files: int


@dataclass(frozen=True, eq=False)
class Wish:
    """What is to be generated. only: first and last layer with weights, None for all.
    check: images that go through simulators, integers [n, h, w, c]; those named, or all installed.
    bench: images of a testbench that is written, too.
    """

    options: Options
    only: tuple[str, str] | None = None
    combinational: bool = False
    check: Array | None = None
    simulators: tuple[str, ...] = ()
    home: Home = Home()
    bench: Array | None = None


def generate_rtl(
    network: Network,
    plan: SharingPlan | None,
    wish: Wish,
    folder: Path,
    on_progress: Report,
    *,
    name: str,
) -> Generated:
    """Lower, verify where asked, and write all files or none."""
    listed(folder)  # what must be left alone is refused before the work is done
    simulators = simulators_or_refuse(wish.simulators) if wish.check is not None else []
    lowered = lower(network, plan, wish.options, on_progress, name=name, only=wish.only)
    contents = rtl_files(lowered, combinational_only=wish.combinational, home=wish.home)
    if wish.bench is not None:
        contents |= axi_bench(lowered, axi_top(lowered, wish.home), wish.bench)
    verdicts = [] if wish.check is None else verify(lowered, wish.check, simulators, on_progress)
    return Generated(lowered, tuple(verdicts), replace_files(folder, contents))


def rtl_files(
    lowered: Lowered, *, combinational_only: bool = False, home: Home | None = None
) -> dict[str, str]:
    """Every file of the design by name: Verilog, the list of its files, and report.json.

    home: where the design goes, with a top between AXI4-Streams, scripts and constraints.

    Models of a device's primitives have a list of their own, primitives.f: what maps the design to
    that device must not read them, simulators and proofs must.
    combinational_only: the datapath of a single layer, without streams and registers.
    """
    found = _combinational(lowered) if combinational_only else files(lowered.design)
    goes = None if combinational_only else home
    found |= axi_files(lowered, goes) if goes else {}
    models = [f"{name}.v" for name in PRIMITIVES if f"{name}.v" in found]
    names = sorted(found.keys() - set(models))
    found["files.f"] = "".join(f"{name}\n" for name in names)
    if models:
        found["primitives.f"] = "".join(f"{name}\n" for name in models)
    facts = report(lowered)
    if goes:
        found |= scripts(lowered, goes, names)
        facts["axi_top"] = axi_top(lowered, goes).name
    if combinational_only:
        facts["top"] = next(Path(name).stem for name in names if name.endswith("_datapath.v"))
        facts["ports"] = asdict(_ports(_only_stage(lowered)))
    found["report.json"] = json.dumps(facts, indent=1) + "\n"
    return found


def _combinational(lowered: Lowered) -> dict[str, str]:
    stage = _only_stage(lowered)
    name = f"{modules(lowered)[stage.name]}_datapath"
    text = combinational(name, stage.netlist, stage.head_width)
    made = {f"{name}.v": text, "popcount6.v": files(lowered.design)["popcount6.v"]}
    return made | primitives(made)


def _only_stage(lowered: Lowered) -> Compute:
    """The one layer with weights of a design that is to be written without streams."""
    stages = [stage for stage in lowered.design.stages if isinstance(stage, Compute | MatrixVector)]
    if len(stages) != 1:
        raise HardwareError(
            f"--combinational writes one layer, and {len(stages)} were chosen; name one with "
            "--layers NAME"
        )
    if isinstance(stages[0], MatrixVector) or stages[0].folding is not None:
        raise HardwareError(
            "--combinational writes all outputs of a layer at once, without a clock for turns; "
            "leave --fold and --folding out"
        )
    return stages[0]


def _ports(stage: Compute) -> Ports:
    return Ports(
        stage.netlist.n_values,
        stage.values,
        stage.netlist.n_classes,
        len(stage.netlist.heads) * stage.head_width,
    )


def tallies(lowered: Lowered) -> dict[str, Tally]:
    """Cells by layer, counted in the netlists that are emitted."""
    found = {}
    for stage in lowered.design.stages:
        match stage:
            case Compute() | Pointwise():
                found[stage.name] = tally(stage.netlist)
            case MatrixVector(lanes=lanes):
                each = [tally(lane) for lane in lanes] * (stage.n_lanes // len(lanes))
                found[stage.name] = sum(each, Tally())
            case _:
                pass
    return found


def modules(lowered: Lowered) -> dict[str, str]:
    """The module of each stage, by the name of its layer or what it is for."""
    design, found = lowered.design, dict[str, str]()
    for stage, module in zip(design.stages, design.modules, strict=False):
        found[module if stage.name in found else stage.name] = module
    return found


def report(lowered: Lowered) -> dict[str, Any]:
    """What is emitted, layer by layer."""
    return {
        "top": lowered.design.top,
        "target": lowered.target,
        "shares": lowered.shares,
        "modules": modules(lowered),
        "beats_in": lowered.design.beats_in,
        "beats_out": lowered.design.beats_out,
        "latency_clocks": latency(lowered.design),
        "layers": [asdict(layer) for layer in lowered.layers],
        "cells": {name: asdict(found) for name, found in tallies(lowered).items()},
    }


def verify(
    lowered: Lowered,
    images: Array,
    simulators: list[str],
    on_progress: Report,
    *,
    stalls: tuple[bool, ...] = (False, True),
    time_limit_s: float = 3600.0,
) -> list[Verdict]:
    """Run the design on the images in each simulator; HardwareError where one finds a fault."""
    beats, verdicts = vectors(lowered, images), list[Verdict]()
    for simulator in simulators:
        on_progress(f"{simulator}, compiling", 0.0)
        runs = [[STALLS] if stall else [] for stall in stalls]
        said = simulate(simulator, bench(lowered.design, beats), time_limit_s, runs)
        for stall, line in zip(stalls, said, strict=True):
            passed = verdict(line, len(beats.expected), simulator)
            verdicts.append(Verdict(simulator, stall, line, passed))
            if not passed:
                raise HardwareError(
                    f"{lowered.design.name}: {simulator} does not give the executor's answers "
                    f"({line}); this is a fault of crshare, please report it"
                )
            share = len(verdicts) / (len(simulators) * len(stalls))
            on_progress(f"{simulator}, with and without stalls", share)
    return verdicts


def simulators_or_refuse(wanted: Sequence[str] = ()) -> list[str]:
    """Those wanted, or all on the PATH; HardwareError where one that is wanted, or all, are not."""
    found = available()
    missing = [name for name in wanted if name not in found]
    if missing or not found:
        raise HardwareError(
            f"--verify needs {missing[0] if missing else 'a simulator'}, which is not on the PATH: "
            "install Verilator or Icarus Verilog (Debian: apt-get install verilator iverilog)"
        )
    return [name for name in found if not wanted or name in wanted]
