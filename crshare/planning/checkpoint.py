"""Candidates of a search kept in a folder, so that a search that was stopped goes on from there.

A kept candidate is two files: a record, and the plan. The record holds all that the candidate
depends on (the job, the multiplier, the method, and the sources of crshare), what was measured, and
a checksum of both files. A candidate that was damaged, or made for another search, is recognised by
it and evaluated again.
"""

import hashlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
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
from crshare.planning.search import Candidate, Evaluator
from crshare.printable import printable
from crshare.strict_json import parse_json

Json = dict[str, Any]
MAX_BYTES = 2**30
PACKAGES = "crshare", "solver"

_log = logging.getLogger(__name__)


class KeptCandidateError(CrshareError):
    """A kept candidate is spoiled, or was made for another search."""


@dataclass(frozen=True, eq=False)
class KeptCandidates:
    """An evaluator that reads candidates from `folder`, and keeps there those that it makes."""

    job: Job
    evaluate: Evaluator
    folder: Path

    def __call__(self, multipliers: Sequence[float], method: Method) -> Iterator[Candidate]:
        known = {multiplier: self._load(multiplier, method) for multiplier in multipliers}
        yield from (candidate for candidate in known.values() if candidate is not None)
        missing = [multiplier for multiplier, candidate in known.items() if candidate is None]
        for candidate in self.evaluate(missing, method) if missing else ():
            self._save(candidate, method)
            yield candidate

    def _asked(self, multiplier: float, method: Method) -> Json:
        """All that a candidate depends on."""
        return {
            "job": self.job.key,
            "price": multiplier,
            "method": repr(method),
            "sources": own_sources(),
        }

    def _paths(self, asked: Json) -> tuple[Path, Path]:
        name = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
        return self.folder / f"{name}.json", self.folder / f"{name}.plan.json"

    def _save(self, candidate: Candidate, method: Method) -> None:
        """The plan first: a candidate counts once its record is there."""
        asked = self._asked(candidate.multiplier, method)
        record, plan = self._paths(asked)
        text = dumps(candidate.plan, self.job.calibration.name)
        found = {
            "cost": candidate.cost,
            "accuracy": asdict(candidate.accuracy),
            "tally": _tally_json(candidate.tally),
        }
        document = asked | found
        document["sha256"] = _checksum(document, text.encode())
        write_text(plan, text)
        write_text(record, json.dumps(document, indent=1) + "\n")

    def _load(self, multiplier: float, method: Method) -> Candidate | None:
        """The candidate kept for this multiplier, if there is one and nothing is wrong with it."""
        asked = self._asked(multiplier, method)
        record, plan = self._paths(asked)
        if not record.exists():
            return None
        try:
            return self._read(asked, record, plan, method)
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is done again)
            told = f"crshare: {record}: is spoiled ({_told(error)}); it is worked out again"
            _log.warning(printable(told))
            return None

    def _read(self, asked: Json, record: Path, plan: Path, method: Method) -> Candidate:
        document = parse_json(_content(record))
        checksum = document.pop("sha256")
        if {name: document[name] for name in asked} != asked:
            raise KeptCandidateError("it was made for another search")
        if _checksum(document, _content(plan)) != checksum:
            raise KeptCandidateError("its checksum differs")
        candidate = Candidate(
            asked["price"],
            read_plan(plan, self.job.network, self.job.fingerprint),
            document["cost"],
            self._accuracy(document["accuracy"]),
            _tally(document["tally"]),
        )
        self._compare(candidate, method)
        return candidate

    def _accuracy(self, told: Json) -> Accuracy:
        """What a record says of its images must be true of them."""
        accuracy = Accuracy(**told)
        for images in self.job.judges:
            if (accuracy.n_images, accuracy.copies) == (len(images.labels), images.copies):
                return replace(accuracy, images=images.name)
        raise KeptCandidateError("it was measured on other images")

    def _compare(self, candidate: Candidate, method: Method) -> None:
        """What a record says of its plan must be true of it."""
        if candidate.cost != plan_cost(method.objective, candidate.plan, self._tables):
            raise KeptCandidateError("its plan has another cost")

    @cached_property
    def _tables(self) -> Sequence[SliceTable]:
        return decompose(self.job.network)


def _content(path: Path) -> bytes:
    return read_file_bytes(path, KeptCandidateError, "it is needed to go on", MAX_BYTES)


def _checksum(document: Json, plan: bytes) -> str:
    text = json.dumps(document, sort_keys=True)
    return hashlib.sha256(text.encode() + b"\0" + plan).hexdigest()


def _told(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if isinstance(error, CrshareError) else "not a record"


def _tally_json(tally: SolverTally) -> Json:
    values = {field.name: getattr(tally, field.name) for field in fields(tally)}
    return values | {"backends": dict(tally.backends), "refusals": dict(tally.refusals)}


def _tally(values: Json) -> SolverTally:
    counters = {name: Counter[str](values[name]) for name in ("backends", "refusals")}
    return SolverTally(**(values | counters))


def forget(folder: Path) -> None:
    """Once a result is written, the candidates are not needed any more."""
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
