"""Steps of a search kept in a folder, so that a search that was stopped goes on where it was.

A step is two files: what was found at a price, and its plan. The former holds all that the step
depends on (the job, the price, the method, and the sources of crshare) and a checksum of both, so
that one that was cut, changed or made for another search is known as such, and worked out again.
"""

import hashlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from crshare.accuracy import Accuracy
from crshare.errors import CrshareError
from crshare.files import read_file_bytes, write_text
from crshare.network.slices import SliceTable, decompose
from crshare.plan.file import dumps, read_plan
from crshare.planning.candidates import Job
from crshare.planning.layerwise import Method, SolverTally
from crshare.planning.objective import plan_cost
from crshare.planning.search import Judge, Judged
from crshare.printable import printable
from crshare.strict_json import parse_json

Json = dict[str, Any]
MAX_BYTES = 2**30
PACKAGES = "crshare", "solver"

_log = logging.getLogger(__name__)


class StepError(CrshareError):
    """A kept step is spoiled, or was made for another search."""


@dataclass(frozen=True, eq=False)
class Kept:
    """A judge that looks into `folder` before it asks `judge`, and keeps there what it is told."""

    job: Job
    judge: Judge
    folder: Path

    def __call__(self, prices: Sequence[float], method: Method) -> Iterator[Judged]:
        known = {price: self._load(price, method) for price in prices}
        yield from (judged for judged in known.values() if judged is not None)
        missing = [price for price, judged in known.items() if judged is None]
        for judged in self.judge(missing, method) if missing else ():
            self._save(judged, method)
            yield judged

    def _asked(self, price: float, method: Method) -> Json:
        """All that a step depends on."""
        return {
            "job": self.job.key,
            "price": price,
            "method": repr(method),
            "sources": own_sources(),
        }

    def _paths(self, asked: Json) -> tuple[Path, Path]:
        name = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
        return self.folder / f"{name}.json", self.folder / f"{name}.plan.json"

    def _save(self, judged: Judged, method: Method) -> None:
        """The plan first: a step counts once its other file is there."""
        asked = self._asked(judged.price, method)
        step, plan = self._paths(asked)
        text = dumps(judged.plan, self.job.choosing.name)
        found = {
            "cost": judged.cost,
            "accuracy": asdict(judged.accuracy),
            "tally": _tally_json(judged.tally),
        }
        document = asked | found
        document["sha256"] = _checksum(document, text.encode())
        write_text(plan, text)
        write_text(step, json.dumps(document, indent=1) + "\n")

    def _load(self, price: float, method: Method) -> Judged | None:
        """The step kept for this price, if there is one and nothing is wrong with it."""
        asked = self._asked(price, method)
        step, plan = self._paths(asked)
        if not step.exists():
            return None
        try:
            return self._read(asked, step, plan, method)
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is done again)
            told = f"crshare: {step}: is spoiled ({_told(error)}); it is worked out again"
            _log.warning(printable(told))
            return None

    def _read(self, asked: Json, step: Path, plan: Path, method: Method) -> Judged:
        document = parse_json(_content(step))
        checksum = document.pop("sha256")
        if {name: document[name] for name in asked} != asked:
            raise StepError("it was made for another search")
        if _checksum(document, _content(plan)) != checksum:
            raise StepError("its checksum differs")
        judged = Judged(
            asked["price"],
            read_plan(plan, self.job.network, self.job.fingerprint),
            document["cost"],
            Accuracy(**(document["accuracy"] | {"images": self.job.judging.name})),
            _tally(document["tally"]),
        )
        self._compare(judged, method)
        return judged

    def _compare(self, judged: Judged, method: Method) -> None:
        """What a step says of its images and its plan is what they are."""
        judging, accuracy = self.job.judging, judged.accuracy
        if (accuracy.n_images, accuracy.copies) != (len(judging.labels), judging.copies):
            raise StepError("it was judged on other images")
        if judged.cost != plan_cost(method.objective, judged.plan, self._tables):
            raise StepError("its plan has another cost")

    @cached_property
    def _tables(self) -> Sequence[SliceTable]:
        return decompose(self.job.network)


def _content(path: Path) -> bytes:
    return read_file_bytes(path, StepError, "it is needed to go on", MAX_BYTES)


def _checksum(document: Json, plan: bytes) -> str:
    text = json.dumps(document, sort_keys=True)
    return hashlib.sha256(text.encode() + b"\0" + plan).hexdigest()


def _told(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if isinstance(error, CrshareError) else "not a step"


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
def own_sources() -> str:
    """A hash of crshare's and the solver's sources: another version makes other plans."""
    return hash_of_sources([Path(str(files(package))) for package in PACKAGES])


def hash_of_sources(folders: Iterable[Path]) -> str:
    """A hash of every module below the folders, and of its place."""
    digest = hashlib.sha256()
    for folder in folders:
        for module in sorted(folder.rglob("*.py")):
            content = hashlib.sha256(module.read_bytes()).hexdigest()
            digest.update(f"{module.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()
