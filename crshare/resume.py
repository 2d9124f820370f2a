"""Steps of a search kept in a folder, so that a search that was killed goes on where it was.

A step's name holds all that it depends on: the job, the price, the method, and crshare itself.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from crshare.accuracy import Accuracy
from crshare.files import write_text
from crshare.judge import Job
from crshare.plan_file import read_plan, write_plan
from crshare.search import Judge, Judged
from crshare.trial import Method, SolverTally

Json = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Kept:
    """A judge that looks into `folder` before it asks `judge`, and keeps there what it is told."""

    job: Job
    judge: Judge
    folder: Path

    def __call__(self, prices: Sequence[float], method: Method) -> list[Judged]:
        known = {price: self._load(price, method) for price in prices}
        missing = [price for price, judged in known.items() if judged is None]
        for judged in self.judge(missing, method) if missing else []:
            self._save(judged, method)
            known[judged.price] = judged
        return [judged for judged in known.values() if judged is not None]

    def _name(self, price: float, method: Method) -> str:
        parts = [self.job.key, price.hex(), repr(method), _sources()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def _save(self, judged: Judged, method: Method) -> None:
        """The plan first: a step counts once its second file is there."""
        name = self._name(judged.price, method)
        write_plan(judged.plan, self.job.choosing.name, self.folder / f"{name}.plan.json")
        document = {
            "price": judged.price,
            "slice_operations": judged.slice_operations,
            "accuracy": asdict(judged.accuracy),
            "tally": _tally_json(judged.tally),
        }
        write_text(self.folder / f"{name}.json", json.dumps(document, indent=1) + "\n")

    def _load(self, price: float, method: Method) -> Judged | None:
        name = self._name(price, method)
        found = self.folder / f"{name}.json"
        if not found.exists():
            return None
        document: Json = json.loads(found.read_text("utf-8"))
        plan = self.folder / f"{name}.plan.json"
        return Judged(
            price,
            read_plan(plan, self.job.network, self.job.fingerprint),
            document["slice_operations"],
            Accuracy(**document["accuracy"]),
            _tally(document["tally"]),
        )


def _tally_json(tally: SolverTally) -> Json:
    values = {field.name: getattr(tally, field.name) for field in fields(tally)}
    return values | {"backends": dict(tally.backends), "refusals": dict(tally.refusals)}


def _tally(values: Json) -> SolverTally:
    counters = {name: Counter[str](values[name]) for name in ("backends", "refusals")}
    return SolverTally(**(values | counters))


def forget(folder: Path) -> None:
    """Once a result is written, the steps to it are not needed any more."""
    shutil.rmtree(folder, ignore_errors=True)


@cache
def _sources() -> str:
    """A hash of crshare's and the solver's modules: another version makes other plans."""
    digest = hashlib.sha256()
    for package in ("crshare", "solver"):
        for module in sorted(files(package).iterdir(), key=lambda file: file.name):
            if module.name.endswith(".py"):
                digest.update(module.read_bytes())
    return digest.hexdigest()
