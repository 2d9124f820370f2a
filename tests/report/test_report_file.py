"""report.json as a value: what was written is read, earlier ones too; spoiled ones are told."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from crshare.errors import CrshareError
from crshare.report.page.document import document_of, read_document
from crshare.report.page.html import render
from crshare.report.schema import PlanReport
from crshare.report.terminal import plan_tables
from crshare.screen import Screen
from crshare.strict_json import JsonError
from crshare.typed_json import read_json, write_json
from scripts.write_schemas import KINDS
from tests.cli.test_cli import crshare
from tests.hostile.names import NAMES
from tests.hostile.spoil import spoil_json

N_SPOILED, N_CHANGED = 300, 50
COMMANDS = {
    "inspect": (),
    "export": ("-o",),
    "analyze": (),
    "evaluate": ("--plan", "--data"),
    "apply": ("--plan", "-o"),
}


@pytest.mark.slow
def test_a_report_is_read_as_it_was_written(optimized: Path) -> None:
    text = (optimized / "report.json").read_text("utf-8")
    assert write_json(read_json(text.encode(), PlanReport)) == text


def test_a_report_of_an_earlier_version_is_read(optimized: Path, tmp_path: Path) -> None:
    """It held seconds that no plan depends on, without a limit written as no JSON has it."""
    text = (optimized / "report.json").read_text("utf-8")
    report = json.loads(text)
    report["request"]["method"]["plan_s"] = float("inf")
    (tmp_path / "report.json").write_text(json.dumps(report, indent=1))
    assert read_document(tmp_path).report == read_json(text.encode(), PlanReport)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_commands_write_is_of_their_schema(
    command: str, model: Path, images: Path, optimized: Path, tmp_path: Path
) -> None:
    target = tmp_path / ("new.npz" if command == "export" else "new.h5")
    values = {"--plan": optimized / "plan.json", "--data": images, "-o": target}
    options = [word for name in COMMANDS[command] for word in (name, values[name])]
    done = crshare(command, model, *options, "--json", "-")
    assert done.exit_code == 0, done.output
    assert write_json(read_json(done.stdout.encode(), KINDS[command])) == done.stdout


def test_what_report_and_generate_write_is_of_their_schema(
    model: Path, optimized: Path, tmp_path: Path
) -> None:
    page = crshare("report", optimized, "-o", tmp_path / "page.html", "--json", "-")
    rtl = crshare("generate", model, "--layers", "conv2", "-o", tmp_path / "rtl", "--json", "-")
    for done, kind in ((page, "page"), (rtl, "generate")):
        assert done.exit_code == 0, done.output
        read_json(done.stdout.encode(), KINDS[kind], whole=kind == "page")
    written = (tmp_path / "rtl" / "report.json").read_bytes()
    read_json(written, KINDS["generate"], whole=False)


NUMBERS = {
    bool: (False, True),
    int: (0, 1, 2, 7, 255, 10**6, 2**31 - 1, 2**53, 2**60),
    float: (0.0, 0.5, 1.0, -1.0, 1e-300, 5e-324, 1e15, -1e15),
}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each value inside, as what holds it and its key there."""
    keys = range(len(value)) if isinstance(value, list) else value
    for key in keys if isinstance(value, list | dict) else ():
        yield value, key
        yield from places(value[key])


def change(rng: random.Random, holder: Any, key: Any) -> None:
    """Another value of the same type; a list loses an item or has one twice."""
    old = holder[key]
    if isinstance(old, list):
        if old and rng.random() < 0.5:
            old.append(rng.choice(old))
        elif old:
            old.remove(rng.choice(old))
    elif isinstance(old, str):
        holder[key] = rng.choice((rng.choice(NAMES), "+-+", old[1:]))
    elif type(old) in NUMBERS:
        holder[key] = rng.choice(NUMBERS[type(old)])


@pytest.mark.slow
def test_whatever_figures_a_report_holds_they_are_shown(optimized: Path) -> None:
    """Every value may be another of its type: what no type refuses, page and terminal can show."""
    text = (optimized / "report.json").read_text("utf-8")
    n_shown = 0
    for seed in range(N_CHANGED):
        rng, report = random.Random(seed), json.loads(text)
        for _ in range(rng.choice((1, 2, 8))):
            change(rng, *rng.choice(list(places(report))))
        try:
            value = read_json(json.dumps(report).encode(), PlanReport)
        except JsonError:
            continue
        page = render(document_of(value))
        assert all(line.isprintable() for line in page.split("\n"))
        Screen(file=StringIO()).print(plan_tables(value))
        n_shown += 1
    assert n_shown > N_CHANGED / 5


@pytest.mark.slow
def test_spoiled_reports_make_a_page_or_a_sentence(optimized: Path, tmp_path: Path) -> None:
    ended: Counter[str] = Counter()
    for seed in range(N_SPOILED):
        folder = shutil.copytree(optimized, tmp_path / str(seed))
        path = folder / ("times.json" if seed % 10 == 0 else "report.json")
        path.write_bytes(spoil_json(random.Random(seed), path.read_bytes()))
        try:
            page = render(read_document(folder))
        except CrshareError as error:
            ended["refused"] += 1
            assert str(error).startswith(f"{path}: ")
        else:
            ended["drawn"] += 1
            assert all(line.isprintable() for line in page.split("\n"))
    assert min(ended["refused"], ended["drawn"]) > N_SPOILED / 20
