"""report.json as a value: what was written is read, earlier ones too; spoiled ones are told."""

import json
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from crshare.errors import CrshareError
from crshare.report.page.document import read_document
from crshare.report.page.html import render
from crshare.report.schema import PlanReport
from crshare.typed_json import read_json, write_json
from scripts.write_schemas import KINDS
from tests.cli.test_cli import crshare
from tests.hostile.spoil import spoil_json

N_SPOILED = 300
COMMANDS = {"analyze": (), "evaluate": ("--plan", "--data"), "apply": ("--plan", "-o")}


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
    values = {"--plan": optimized / "plan.json", "--data": images, "-o": tmp_path / "new.h5"}
    options = [word for name in COMMANDS[command] for word in (name, values[name])]
    done = crshare(command, model, *options, "--json", "-")
    assert done.exit_code == 0, done.output
    assert write_json(read_json(done.stdout.encode(), KINDS[command])) == done.stdout


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
