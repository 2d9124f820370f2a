"""Adder graphs of real layers and random matrices: ours, for each measure, against da4ml.

    python scripts/bench_adder_graph.py MODEL.h5 [--json FILE] [--only NAME ...]
        [--da4ml-python PYTHON] [--da4ml-limit-s 1200] [--da4ml-limit-gb 16]

MODEL.h5 is a Keras 2 file with the layers conv2 to conv6 (CNV); without it only random matrices
run. Every build runs in a process of its own, after a warm-up that loads the compiled loops;
seconds are those of the build with its check, MB the peak of that process. da4ml runs in its own
process too, with the interpreter given (it may need an environment of its own); its full adders are
counted from its own intervals by our rule. mn/log2(mn) is the additions that an m x n matrix
without structure needs in the limit (Lupanov, Pippenger): a yardstick, no bound.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from crshare.arrays import Array

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crshare.files import write_text
from solver.adder_graph import build, measure

SETTINGS: dict[str, dict[str, Any]] = {
    "separate": {"method": "separate"},
    "additions": {"measure": "additions"},
    "additions, quick": {"measure": "additions", "search_rounds": 10},
    "full_adders": {"measure": "full_adders"},
    "lut6": {"measure": "lut6"},
    "additions, shallow": {"measure": "additions", "max_depth": 0},  # the least depth plus two
}

DA4ML = """
import json, resource, sys, time
import numpy as np
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
from da4ml.cmvm import solve, QInterval

def span(q):
    lsb = round(np.log2(q.step))
    low, high = round(q.min / q.step), round(q.max / q.step)
    return lsb, lsb + max(high, -low - 1, 0).bit_length() + (low < 0)

def adders(op, ops):
    (a0, a1), (b0, b1) = span(ops[op.id0].qint), span(ops[op.id1].qint)
    b0, b1 = b0 + op.data, b1 + op.data
    first = b0 if op.opcode == 1 and b0 < a0 else max(a0, b0)
    return max(0, min(max(a1, b1), span(op.qint)[1]) - first)

kernel = np.ascontiguousarray(np.load(sys.argv[1]).T, dtype="f4")
bit = QInterval(0.0, 1.0, 1.0)
solve(np.ones((3, 3), dtype="f4"), qintervals=[bit] * 3)
begin, cpu = time.perf_counter(), time.process_time()
solution = solve(kernel, qintervals=[bit] * len(kernel))
seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
stages = [(op, s.ops) for s in solution.solutions for op in s.ops if op.opcode in (0, 1)]
print(json.dumps({
    "additions": len(stages), "full_adders": sum(adders(op, ops) for op, ops in stages),
    "seconds": seconds, "cpu_s": cpu,
    "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


@dataclass(frozen=True)
class Case:
    """A matrix by name: channels of a layer (None: all), or random; positions as the layer has."""

    name: str
    layer: str | None = None
    n_channels: int | None = None
    shape: tuple[int, int] = (0, 0)
    positions: int = 0

    def matrix(self, model: Path | None) -> Array:
        if self.layer is None:
            return np.random.default_rng(0).choice([-1, 1], self.shape)
        import h5py

        with h5py.File(model) as file:
            kernel = file[f"model_weights/{self.layer}/{self.layer}/kernel:0"][()] >= 0
        rows = kernel.transpose(3, 2, 0, 1)[:, : self.n_channels]
        return np.where(rows.reshape(len(rows), -1), 1, -1)


CASES = (
    Case("conv2, 8 channels", "conv2", 8),
    Case("conv2, 32 channels", "conv2", 32),
    Case("conv2", "conv2", positions=784),
    Case("conv3", "conv3", positions=144),
    Case("conv4", "conv4", positions=100),
    Case("conv5", "conv5", positions=9),
    Case("conv6", "conv6", positions=1),
    Case("random 32x32", shape=(32, 32)),
    Case("random 64x256", shape=(64, 256)),
    Case("random 64x576", shape=(64, 576)),
)


@dataclass(frozen=True)
class Line:
    """One measured build; None where nothing was measured."""

    case: str
    shape: str
    how: str
    additions: int | None = None
    full_adders: int | None = None
    lut6: int | None = None
    depth: int | None = None
    seconds: float | None = None
    cpu_s: float | None = None
    megabytes: float | None = None
    note: str = ""


def build_here(path: Path, setting: str) -> None:
    """In a process of its own: build, measure and print as JSON."""
    matrix = np.load(path)
    options = dict(SETTINGS[setting])
    if "max_depth" in options:
        options["max_depth"] = (matrix.shape[1] - 1).bit_length() + 2
    build(np.eye(3, dtype=int), **options | ({"max_depth": 9} if "max_depth" in options else {}))
    begin, cpu = time.perf_counter(), time.process_time()
    graph = build(matrix, **options)
    found = {"seconds": time.perf_counter() - begin, "cpu_s": time.process_time() - cpu}
    found["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(asdict(measure(graph)) | found))


def run(command: list[str], limit_s: float | None = None) -> tuple[dict[str, Any], str]:
    """A process's JSON answer, or why there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return {}, f"did not end in {limit_s:.0f} s"
    if done.returncode and "No module named 'da4ml'" in done.stderr:
        return {}, f"da4ml is not installed for {command[0]}"
    if "MemoryError" in done.stderr or "bad_alloc" in done.stderr or done.returncode == -9:
        return {}, "ran out of memory"
    if done.returncode:
        return {}, (done.stderr.strip().splitlines() or ["failed"])[-1]
    return json.loads(done.stdout.strip().splitlines()[-1]), ""


def lines(case: Case, args: argparse.Namespace, folder: Path) -> Iterator[Line]:
    matrix = case.matrix(args.model)
    path = folder / "matrix.npy"
    np.save(path, matrix)
    shape = f"{matrix.shape[0]}x{matrix.shape[1]}"
    n_entries = matrix.size
    yield Line(case.name, shape, "mn/log2(mn)", additions=round(n_entries / log2(n_entries)))
    for setting in SETTINGS:
        found, note = run([sys.executable, __file__, "--here", str(path), setting])
        yield Line(case.name, shape, setting, **found, note=note)
    if args.da4ml_limit_s > 0:
        limit = str(round(args.da4ml_limit_gb * 2**30))
        found, note = run([args.da4ml_python, "-c", DA4ML, str(path), limit], args.da4ml_limit_s)
        note = f"{note} ({args.da4ml_limit_gb:g} GiB)" if "memory" in note else note
        yield Line(case.name, shape, "da4ml", **found, note=note)


def table(measured: list[Line]) -> Table:
    columns = ("matrix", "shape", "how", "additions", "full adders", "LUT6 (est.)", "depth")
    shown = Table(*columns, "seconds", "CPU s", "MB", "note")
    for line in measured:
        cells = [
            "" if value is None else f"{value:,.2f}" if name in ("seconds", "cpu_s") else
            f"{value:,.0f}" if isinstance(value, float | int) else value
            for name, value in asdict(line).items()
        ]  # fmt: skip
        shown.add_row(*cells)
    return shown


def summary(measured: list[Line]) -> Iterator[str]:
    """Reductions over all whole layers that were run, weighted by output positions."""
    positions = {case.name: case.positions for case in CASES if case.positions}
    for goal in ("additions", "full_adders"):
        totals = {
            how: sum(
                positions.get(line.case, 0) * (getattr(line, goal) or 0)
                for line in measured
                if line.how == how
            )
            for how in ("separate", goal)
        }
        names = [line.case for line in measured if line.how == goal and line.case in positions]
        if totals["separate"]:
            saved = 1 - totals[goal] / totals["separate"]
            yield f"{', '.join(names)} by output positions: {saved:.2%} fewer {goal}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?", help="Keras 2 file of the CNV")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--only", nargs="+", help="names of the matrices to run")
    parser.add_argument("--da4ml-python", default=sys.executable)
    parser.add_argument("--da4ml-limit-s", type=float, default=1200.0, help="0: do not run da4ml")
    parser.add_argument("--da4ml-limit-gb", type=float, default=16.0, help="of memory, in GiB")
    parser.add_argument("--here", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if args.here:
        build_here(Path(args.here[0]), args.here[1])
        return
    from tempfile import TemporaryDirectory

    wanted = [c for c in CASES if (args.model or not c.layer) and c.name in (args.only or [c.name])]
    measured = list[Line]()
    console = Console(width=170)
    with TemporaryDirectory() as folder:
        for case in wanted:
            measured += lines(case, args, Path(folder))
            console.print(table(measured[-len(SETTINGS) - 2 :]))
    for sentence in summary(measured):
        console.print(sentence)
    if args.json:
        write_text(args.json, json.dumps([asdict(line) for line in measured], indent=1) + "\n")


if __name__ == "__main__":
    main()
