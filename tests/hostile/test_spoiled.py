"""A short run of scripts/fuzz_commands.py: spoiled files of each kind, on a terminal and off it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.served import ROOT

pytestmark = pytest.mark.slow

KINDS = ("report", "plan", "npz", "keras", "h5")
N_FILES = 30


def test_spoiled_files_end_in_a_result_or_a_sentence(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    command = [sys.executable, "scripts/fuzz_commands.py", str(N_FILES), "--results", str(results)]
    done = subprocess.run(
        [*command, "--kinds", *KINDS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = [json.loads(line) for line in results.read_text().splitlines()]
    assert len(found) == N_FILES * len(KINDS)
    for kind in KINDS:
        codes = [one["code"] for one in found if one["kind"] == kind]
        assert codes.count(0) >= 1
        assert codes.count(2) >= N_FILES // 2
