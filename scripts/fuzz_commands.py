"""Spoiled files through the commands that read them: a result, or one sentence and exit code 2.

    python scripts/fuzz_commands.py 300                        of each kind of file
    python scripts/fuzz_commands.py 20000 --results runs.jsonl --workers 2

Kinds: report (report.json and times.json), plan, npz, keras, h5. Every second command runs on a
terminal. A command may write what it is asked for and nothing else, shows no control character of a
file's, runs nothing, and takes no more than 20 s of a processor and 2 GB (its sandbox has limits of
its own). Each file is made from its kind and number alone; with --results a run that was stopped
goes on where it was, and `1 --seed N --kinds KIND` is one file.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.fuzz_reader import spoil as spoil_model  # noqa: E402
from tests.hostile.models import write_images, write_named  # noqa: E402
from tests.hostile.served import Asked, Server  # noqa: E402
from tests.hostile.spoil import spoil_fields, spoil_json, spoil_npz  # noqa: E402
from tests.hostile.watch import Watched, watched  # noqa: E402

LIMIT_S, LIMIT_BYTES = 20.0, 2**31
WAIT_S = 200.0  # for one that hangs
LAYERS = ("conv1", "norm1", "conv2", "norm2")
Words = list[str]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file."""

    kind: str
    seed: int
    terminal: bool
    words: Words
    code: int
    faults: list[str]
    processor_s: float
    clock_s: float
    n_bytes: int


def report(rng: random.Random, work: Path, seed: int) -> Words:
    shutil.copytree(work / "plan", work / "case")
    name = "times.json" if rng.random() < 0.1 else "report.json"
    _spoil(rng, work / "case" / name, spoil_json)
    channel = ["--channel", "conv1:0", "--model", "m.h5"] if rng.random() < 0.05 else []
    return ["report", "case", "-o", "out", *channel]


def plan(rng: random.Random, work: Path, seed: int) -> Words:
    shutil.copy(work / "plan" / "plan.json", work / "case")
    _spoil(rng, work / "case", spoil_json)
    words = rng.choice((
        *(["evaluate", "--data", "d.npz"],) * 6, *(["apply", "-o", "out"],) * 3,
        ["generate", "--layers", "conv2", "--combinational", "-o", "out"],
    ))  # fmt: skip
    return [words[0], "m.h5", "--plan", "case", *words[1:]]


def npz(rng: random.Random, work: Path, seed: int) -> Words:
    shutil.copy(work / "d.npz", work / "case.npz")
    _spoil(rng, work / "case.npz", spoil_npz)
    if rng.random() < 0.05:
        return ["optimize", "m.h5", "--max-acc-loss", "0", "--data", "case.npz", "-o", "out"]
    return ["evaluate", "m.h5", "--plan", "plan/plan.json", "--data", "case.npz"]


def keras(rng: random.Random, work: Path, seed: int) -> Words:
    if rng.random() < 0.3:
        shutil.copy(work / "m.keras", work / "case.keras")
        _spoil(rng, work / "case.keras", spoil_fields)
        return _reading(rng, "case.keras")
    return _model(rng, work, seed, "m.keras")


def h5(rng: random.Random, work: Path, seed: int) -> Words:
    return _model(rng, work, seed, "m.h5")


KINDS: dict[str, Callable[[random.Random, Path, int], Words]] = {
    function.__name__: function for function in (report, plan, npz, keras, h5)
}


def _spoil(rng: random.Random, path: Path, way: Callable[[random.Random, bytes], bytes]) -> None:
    path.write_bytes(way(rng, path.read_bytes()))


def _model(rng: random.Random, work: Path, seed: int, name: str) -> Words:
    (work / "case").mkdir()
    spoil_model(seed, [work / name], work / "case")
    return _reading(rng, f"case/{name}")


def _reading(rng: random.Random, name: str) -> Words:
    words = rng.choice((
        *(["inspect"],) * 5, ["analyze"], *(["apply", "--plan", "plan/plan.json", "-o", "out"],) * 4
    ))  # fmt: skip
    return [words[0], name, *words[1:]]


@contextmanager
def prepared() -> Iterator[Watched]:
    """A folder with whole files of each kind, and a server that has loaded all that is needed."""
    with tempfile.TemporaryDirectory(prefix="crshare-fuzz-") as name, Server() as server:
        place = watched(Path(name) / "all", server)
        work = place.work
        for model in ("m.h5", "m.keras"):
            write_named(work / model, LAYERS)
        write_images(work / "d.npz")
        for words in (
            ["optimize", "m.h5", "--max-acc-loss", "60", "--data", "d.npz", "-o", "plan"],
            ["evaluate", "m.h5", "--plan", "plan/plan.json", "--data", "d.npz"],
        ):
            server.run(Asked(words, str(work), here=True))
        yield place


def run_one(place: Watched, kind: str, seed: int) -> Result:
    rng = random.Random(f"{kind} {seed}")
    terminal = seed % 2 == 1
    work = place.work
    for old in (*work.glob("case*"), work / "out"):
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    try:
        words = KINDS[kind](rng, work, seed)
    except Exception as error:  # noqa: BLE001 - spoiled past what can be edited, in h5py
        return Result(kind, seed, terminal, [f"not made: {error!r}"[:80]], 2, [], 0.0, 0.0, 0)
    ended, faults = place.observe(*words, outputs=[work / "out"], terminal=terminal, limit_s=WAIT_S)
    if ended.processor_s > LIMIT_S or ended.clock_s >= WAIT_S:
        faults.append(f"took {ended.processor_s:.1f} s of processors, {ended.clock_s:.0f} s in all")
    if ended.n_bytes > LIMIT_BYTES:
        faults.append(f"took {ended.n_bytes / 2**20:.0f} MB")
    if faults:
        faults.append(ended.said[-1500:])
    cost = ended.processor_s, ended.clock_s, ended.n_bytes
    return Result(kind, seed, terminal, words, ended.code, faults, *cost)


def run_all(wanted: Iterable[tuple[str, int]], n_workers: int) -> Iterator[Result]:
    """In any order; each worker has a folder and a server of its own."""
    with ExitStack() as stack, ThreadPoolExecutor(n_workers) as pool:
        places = Queue[Watched]()
        for _ in range(n_workers):
            places.put(stack.enter_context(prepared()))

        def run(one: tuple[str, int]) -> Result:
            place = places.get()
            try:
                return run_one(place, *one)
            finally:
                places.put(place)

        yield from pool.map(run, wanted)


HEAD = ("kind", "terminal", "files", "exit 0", "exit 2", "other", "tracebacks", "not a sentence",
        "raw", "changed", "worst s", "worst MB")  # fmt: skip
TOLD = ("a traceback", "no single sentence", "raw ", "changed ")


def table(results: list[Result]) -> str:
    """A row for each kind, without and with a terminal."""
    groups: dict[tuple[str, bool], list[Result]] = {}
    for one in results:
        groups.setdefault((one.kind, one.terminal), []).append(one)
    rows = [HEAD, *(row(*key, some) for key, some in sorted(groups.items()))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)


def row(kind: str, terminal: bool, some: list[Result]) -> tuple[str, ...]:
    codes = [one.code for one in some]
    faults = [" ".join(one.faults[:-1]) for one in some]
    counts = (
        *(len(some), codes.count(0), codes.count(2)),
        len(some) - codes.count(0) - codes.count(2),
        *(sum(word in told for told in faults) for word in TOLD),
    )
    worst = max(one.processor_s for one in some), max(one.n_bytes for one in some) / 2**20
    said = "yes" if terminal else "no"
    return kind, said, *map(str, counts), f"{worst[0]:.1f}", f"{worst[1]:.0f}"


def read_results(path: Path, wanted: Mapping[tuple[str, int], None]) -> list[Result]:
    """Those of an earlier run that are wanted again."""
    lines = path.read_text().splitlines() if path.exists() else []
    found = [Result(**json.loads(line)) for line in lines]
    return [one for one in found if (one.kind, one.seed) in wanted]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n", type=int, help="files of each kind")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seed", type=int, default=0, help="the first file's number")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--results", type=Path, help="a line of JSON for each file; read if there")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.n)
    wanted = {(kind, seed): None for seed in seeds for kind in options.kinds}
    results = read_results(options.results, wanted) if options.results else []
    known = {(one.kind, one.seed) for one in results}
    with ExitStack() as stack:
        log = stack.enter_context(options.results.open("a")) if options.results else None
        for one in run_all([one for one in wanted if one not in known], options.workers):
            results.append(one)
            if log:
                print(json.dumps(asdict(one)), file=log, flush=True)
            if one.faults:
                print(f"{one.kind} {one.seed}: {' '.join(one.words)}: {one.faults}", flush=True)
    print(table(results))
    return int(any(one.faults for one in results))


if __name__ == "__main__":
    sys.exit(main())
