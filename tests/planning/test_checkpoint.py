"""Kept candidates: taken where they fit what is asked, and else evaluated again."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import crshare
import solver
from crshare.plan.file import dumps
from crshare.planning.candidates import Job, prepared
from crshare.planning.checkpoint import KeptCandidates, forget, hash_of_sources
from crshare.planning.layerwise import Method, exact_plan
from crshare.planning.search import Budget, Candidate, Found, Search
from tests.jobs import tiny_job

METHOD = Method("lagrangian")
MULTIPLIERS = (1e-4, 1.0)


@pytest.fixture(scope="module")
def job() -> Job:
    return tiny_job(0)


class Asked:
    """Evaluates a job's candidates, and notes what it was asked."""

    def __init__(self, job: Job) -> None:
        self.job, self.multipliers = job, list[float]()

    def __call__(self, multipliers: Sequence[float], method: Method) -> Iterator[Candidate]:
        self.multipliers += multipliers
        return (evaluated(self.job, multiplier, method) for multiplier in multipliers)


@cache
def evaluated(job: Job, multiplier: float, method: Method) -> Candidate:
    return prepared(job).evaluate(multiplier, method)


class KilledError(Exception):
    pass


class Dying:
    """Evaluates some plans, then dies as a killed process would."""

    def __init__(self, evaluate: Asked, n: int) -> None:
        self.evaluate, self.left = evaluate, n

    def __call__(self, multipliers: Sequence[float], method: Method) -> Iterator[Candidate]:
        for candidate in self.evaluate(multipliers, method):
            if self.left == 0:
                raise KilledError
            self.left -= 1
            yield candidate


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 4])
def test_a_killed_search_goes_on_where_it_was(job: Job, tmp_path: Path, at_once: int) -> None:
    def run(folder: Path, evaluate: Asked | Dying) -> Found:
        exact = exact_plan(job.network, job.fingerprint)
        kept = KeptCandidates(job, evaluate, folder)
        return Search(exact, kept, Budget(20.0, 1000), at_once=at_once).run(METHOD)

    first, second = Asked(job), Asked(job)
    whole = run(tmp_path / "whole", first)
    n_plans = len(first.multipliers)
    with pytest.raises(KilledError):
        run(tmp_path / "killed", Dying(Asked(job), n_plans // 2))
    resumed = run(tmp_path / "killed", second)
    assert len(second.multipliers) == n_plans - n_plans // 2
    assert dumps(resumed.plan, "m") == dumps(whole.plan, "m")
    assert resumed.tried == whole.tried
    assert resumed.tally == whole.tally
    forget(tmp_path / "killed")
    assert not (tmp_path / "killed").exists()


def test_candidates_of_other_images_or_methods_are_not_taken(job: Job, tmp_path: Path) -> None:
    asked = []
    for other in (job, tiny_job(1)):
        for method in (METHOD, replace(METHOD, seed=1)):
            for _ in range(2):
                evaluate = Asked(other)
                list(KeptCandidates(other, evaluate, tmp_path)([1e-4], method))
                asked.append(len(evaluate.multipliers))
    assert asked == [1, 0] * 4


@pytest.fixture(scope="module")
def kept(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steps")
    list(KeptCandidates(job, Asked(job), folder)(MULTIPLIERS, METHOD))
    assert len(list(folder.iterdir())) == 2 * len(MULTIPLIERS)
    return folder


def taken_up(job: Job, folder: Path) -> tuple[list[float], list[str]]:
    """The multipliers that had to be planned again, and the plans in the order of multipliers."""
    evaluate = Asked(job)
    found = {
        candidate.multiplier: candidate
        for candidate in KeptCandidates(job, evaluate, folder)(MULTIPLIERS, METHOD)
    }
    plans = [dumps(found[m].plan, "m") + repr(found[m].accuracy) for m in MULTIPLIERS]
    return evaluate.multipliers, plans


def cut(text: bytes, rng: np.random.Generator) -> bytes:
    return text[: rng.integers(len(text))]


def changed(text: bytes, rng: np.random.Generator) -> bytes:
    at = rng.integers(len(text) - 1)
    return text[:at] + bytes([text[at] ^ 1 << int(rng.integers(8))]) + text[at + 1 :]


def with_other_digit(text: bytes, rng: np.random.Generator) -> bytes:
    places = [at for at, byte in enumerate(text) if chr(byte).isdigit()]
    at = rng.choice(places)
    return text[:at] + str((int(chr(text[at])) + 1) % 10).encode() + text[at + 1 :]


def of_another_shape(text: bytes, rng: np.random.Generator) -> bytes:
    others = [b"", b"[]", b"null", b"{}", b"[" * 10**5, b"\xff\x00", b'{"sha256": 1}', text * 2]
    return others[rng.integers(len(others))]


SPOILED = (cut, changed, with_other_digit, of_another_shape)


@pytest.mark.slow
@pytest.mark.parametrize("spoil", SPOILED)
def test_a_spoiled_step_is_told_and_worked_out_again(
    job: Job,
    kept: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[bytes, np.random.Generator], bytes],
) -> None:
    none_again, whole = taken_up(job, kept)
    assert none_again == []
    rng = np.random.default_rng(0)
    for number in range(25):
        folder = tmp_path / str(number)
        shutil.copytree(kept, folder)
        path = sorted(folder.iterdir())[number % 4]
        path.write_bytes(spoil(path.read_bytes(), rng))
        step = path.with_name(path.name.replace(".plan", ""))
        caplog.clear()
        again, plans = taken_up(job, folder)
        assert plans == whole
        assert len(again) == 1
        (message,) = caplog.messages
        assert message.startswith(f"crshare: {step}: is spoiled (")
        assert message.endswith("); it is worked out again") and "\n" not in message
        assert taken_up(job, folder) == ([], whole)


def test_a_plan_that_is_gone_or_no_file_is_worked_out_again(
    job: Job, kept: Path, tmp_path: Path
) -> None:
    _, whole = taken_up(job, kept)
    shutil.copytree(kept, tmp_path / "steps")
    for plan in (tmp_path / "steps").glob("*.plan.json"):
        plan.unlink()
    again, plans = taken_up(job, tmp_path / "steps")
    assert (sorted(again), plans) == (sorted(MULTIPLIERS), whole)


def test_a_step_under_the_name_of_another_is_worked_out_again(
    job: Job, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for multipliers in ((1e-4,), (1.0,)):
        list(KeptCandidates(job, Asked(job), tmp_path / str(multipliers[0]))(multipliers, METHOD))
    names = [
        sorted((tmp_path / str(multiplier)).iterdir(), key=lambda path: len(path.name))
        for multiplier in MULTIPLIERS
    ]  # the step, then its plan
    for ours, theirs in zip(*names, strict=True):
        shutil.copy(theirs, ours)
    evaluate = Asked(job)
    list(KeptCandidates(job, evaluate, tmp_path / str(MULTIPLIERS[0]))([MULTIPLIERS[0]], METHOD))
    assert evaluate.multipliers == [MULTIPLIERS[0]]
    assert "made for another search" in caplog.text


def test_a_step_whose_figures_are_not_those_of_its_plan_is_worked_out_again(
    job: Job, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where its checksum says that nothing is wrong with it."""
    monkeypatch.setattr("crshare.planning.checkpoint._checksum", lambda document, plan: "right")
    for name, value in (("cost", 1), ("n_images", 7), ("copies", 3)):
        folder = tmp_path / name
        list(KeptCandidates(job, Asked(job), folder)(MULTIPLIERS, METHOD))
        for step in folder.glob("*.json"):
            document = json.loads(step.read_text())
            holder = document if name in document else document.get("accuracy", {})
            if name in holder:
                holder[name] = value
                step.write_text(json.dumps(document))
        again, _ = taken_up(job, folder)
        assert sorted(again) == sorted(MULTIPLIERS)


@pytest.mark.slow
def test_the_key_holds_every_module_of_crshare_and_the_solver(tmp_path: Path) -> None:
    folders = [Path(package.__path__[0]) for package in (crshare, solver)]
    copies = [tmp_path / folder.name for folder in folders]
    for folder, copy in zip(folders, copies, strict=True):
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = hash_of_sources(folders)
    assert hash_of_sources(copies) == before
    modules = [module for copy in copies for module in copy.rglob("*.py")]
    assert any(module.parent.name == "kernels" for module in modules)
    for home in sorted({module.parent for module in modules}):
        inside = sorted(home.glob("*.py"))
        for module, folders in zip(inside, [copies, *[[home]] * len(inside)], strict=False):
            known, content = hash_of_sources(folders), module.read_bytes()
            module.write_bytes(content + b"#")
            assert hash_of_sources(folders) != known, module
            module.write_bytes(content)
    assert hash_of_sources(copies) == before
    moved = modules[0].with_name("moved_there.py")
    modules[0].rename(moved)
    assert hash_of_sources(copies) != before
