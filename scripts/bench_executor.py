"""The executor against other ways to run the same shapes: layer by layer and whole networks.

    python scripts/bench_executor.py [--lce-python PATH] [--tf-python PATH] [--torch-python PATH]
        [--model MODEL.h5 --data IMAGES.npz] [--json FILE]

Rivals are the Larq Compute Engine (with both of its kernels), TensorFlow in float32 and torch in
int8. Each runs in a process of its own, with the interpreter given (by default this one); one that
does not start is named as absent. All take turns within each round, so a ratio compares what was
timed side by side. The limit is a loop of xor, population count and addition of whole registers
that touches no memory. Seconds are medians over the rounds; a busy machine is named as such.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench_cases import CASES, Case
from bench_rivals import RIVALS
from rich.console import Console
from rich.table import Table

from crshare.files import write_text

HERE = Path(__file__).resolve().parent
BUSY = 0.3  # load of other work, in cores, from which the machine is called busy


@dataclass
class Rival:
    """A process that times one way to run the cases, and what it said."""

    name: str
    n_threads: int
    python: str
    seconds: dict[str, list[float]] = field(default_factory=dict)
    processor: dict[str, list[float]] = field(default_factory=dict)
    absent: str = ""
    process: Any = None

    @property
    def label(self) -> str:
        return f"{self.name} x{self.n_threads}"

    def start(self) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(HERE.parent),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "OMP_NUM_THREADS": str(self.n_threads),
        }
        if self.name.startswith("lce"):
            environment["TF_USE_LEGACY_KERAS"] = "1"  # larq works with tf_keras only
        self.process = subprocess.Popen(
            [self.python, str(HERE / "bench_rivals.py"), self.name, str(self.n_threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def turn(self, case: Case) -> None:
        """Time one case; a process that ends instead is absent from then on."""
        if self.absent:
            return
        try:
            print(case.name, file=self.process.stdin, flush=True)
            answer = json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            said = self.process.stderr.read().strip().splitlines()
            self.absent = said[-1] if said else "the process ended"
            return
        self.seconds.setdefault(case.name, []).append(answer["wall_s"])
        self.processor.setdefault(case.name, []).append(answer["processor_s"])

    def stop(self) -> None:
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


def measure(rivals: list[Rival], cases: list[Case], n_rounds: int) -> None:
    for rival in rivals:
        rival.start()
    for case in cases:
        for done in range(n_rounds + 1):
            for rival in rivals:
                rival.turn(case)
            if not done:
                forget(rivals, case)
    for rival in rivals:
        rival.stop()


def forget(rivals: list[Rival], case: Case) -> None:
    """The first round warms caches and the clock of the processor."""
    for rival in rivals:
        rival.seconds.pop(case.name, None)
        rival.processor.pop(case.name, None)


def figures(rivals: list[Rival], case: Case) -> list[dict[str, Any]]:
    """One row for each rival: medians, and how many times slower it is than ours."""
    base = {rival.n_threads: rival for rival in rivals if rival.name == "crshare"}
    rows = []
    for rival in rivals:
        times = rival.seconds.get(case.name)
        if not times:
            continue
        own = base[rival.n_threads].seconds[case.name]
        own_processor = base[rival.n_threads].processor[case.name]
        rows.append(
            {
                "case": case.name,
                "rival": rival.name,
                "threads": rival.n_threads,
                "seconds_per_image": median(times),
                "processor_seconds_per_image": median(rival.processor[case.name]),
                "giga_macs_per_second": case.macs / median(times) / 1e9,
                "times_slower": ratio(times, own),
                "times_processor": ratio(rival.processor[case.name], own_processor),
            }
        )
    return rows


def ratio(times: list[float], base: list[float]) -> float:
    """The median of the ratios within each round."""
    return median(a / b for a, b in zip(times, base, strict=True))


def scaling(rivals: list[Rival], case: Case) -> float | None:
    """How many times faster two threads of ours are than one."""
    found = {
        rival.n_threads: rival.seconds[case.name] for rival in rivals if rival.name == "crshare"
    }
    if 2 not in found or 1 not in found:
        return None
    return ratio(found[1], found[2])


def show(console: Console, rows: list[dict[str, Any]]) -> None:
    """A table for each case; on a busy machine the processor's seconds say more than the clock."""
    for case in dict.fromkeys(row["case"] for row in rows):
        table = Table("", title=f"{case} (us for an image; times ours)", title_justify="left")
        for heading in ("us", "G MAC/s", "times", "processor us", "times"):
            table.add_column(heading, justify="right")
        for row in rows:
            if row["case"] == case:
                table.add_row(
                    f"{row['rival']} x{row['threads']}",
                    f"{row['seconds_per_image'] * 1e6:,.0f}",
                    f"{row['giga_macs_per_second']:,.0f}",
                    f"{row['times_slower']:.2f}",
                    f"{row['processor_seconds_per_image'] * 1e6:,.0f}",
                    f"{row['times_processor']:.2f}",
                )
        console.print(table)


def starts(model: Path, data: Path) -> list[dict[str, Any]]:
    """A run of a model over a file of images in a fresh process: nothing compiled, then again."""
    answers = []
    with tempfile.TemporaryDirectory() as cache:
        for kind in ("first start", "second start", "third start"):
            begun = time.perf_counter()
            found = subprocess.run(
                [sys.executable, str(HERE / "bench_rivals.py"), "start", str(model), str(data)],
                env={**os.environ, "PYTHONPATH": str(HERE.parent), "NUMBA_CACHE_DIR": cache},
                stdout=subprocess.PIPE,
                check=True,
            )
            whole = time.perf_counter() - begun
            answers.append({"start": kind, "whole_s": whole, **json.loads(found.stdout)})
    return answers


def show_starts(console: Console, answers: list[dict[str, Any]]) -> None:
    table = Table("", *(answer["start"] for answer in answers))
    for heading in answers[0]:
        if heading != "start":
            values = (f"{answer[heading]:,.2f}" for answer in answers)
            table.add_row(heading.replace("_", " "), *values)
    console.print(table)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for rival in ("lce", "tf", "torch"):
        parser.add_argument(f"--{rival}-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rivals", nargs="+", choices=list(RIVALS), default=list(RIVALS))
    parser.add_argument("--cases", nargs="+", default=[case.name for case in CASES])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--model", type=Path, help="a model file to run from nothing")
    parser.add_argument("--data", type=Path, help="its images and labels (.npz)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def interpreter(given: argparse.Namespace, rival: str) -> str:
    chosen: dict[str, str] = {
        "lce": given.lce_python,
        "lce-indirect": given.lce_python,
        "tensorflow": given.tf_python,
        "torch-int8": given.torch_python,
    }
    return chosen.get(rival, sys.executable)


def main() -> None:
    given, console = arguments(), Console()
    load = os.getloadavg()[0]
    names = dict.fromkeys(("crshare", *given.rivals))
    rivals = [
        Rival(name, n_threads, interpreter(given, name))
        for n_threads in given.threads
        for name in names
        if name != "limit" or n_threads == 1
    ]
    cases = [case for case in CASES if case.name in given.cases]
    measure(rivals, cases, given.rounds)
    rows = [row for case in cases for row in figures(rivals, case)]
    show(console, rows)
    speedups = {case.name: scaling(rivals, case) for case in cases}
    for name, speedup in speedups.items():
        if speedup is not None:
            console.print(f"{name}: two threads are {speedup:.2f} times as fast as one")
    for rival in rivals:
        if rival.absent:
            console.print(f"absent: {rival.label} ({rival.absent})")
    runs = starts(given.model, given.data) if given.model and given.data else []
    if runs:
        show_starts(console, runs)
    if load > BUSY:
        console.print(f"the machine was not idle: load {load:.1f} before the first timing")
    if given.json is not None:
        report = {
            "load_before": load,
            "rounds": given.rounds,
            "rows": rows,
            "scaling": speedups,
            "starts": runs,
        }
        write_text(given.json, json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
