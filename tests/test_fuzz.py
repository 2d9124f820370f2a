"""A short run of the reader's fuzzer: whatever a file holds, a network or one sentence."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.keras_files import Dialect, model_config, numbered_weights, write_h5, write_keras
from tests.onnx_files import brevitas, write_onnx
from tests.small_model import SHAPE, small

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
N_FILES = 150


def test_spoilt_files_are_read_or_refused(tmp_path: Path) -> None:
    models = [
        write_h5(tmp_path / "a.h5", small(), SHAPE, Dialect.KERAS_3, functional=True),
        write_keras(tmp_path / "b.keras", small(), SHAPE, Dialect.TF_KERAS),
        tmp_path / "c.json",
        tmp_path / "d.onnx",
    ]
    write_onnx(models[3], brevitas())
    models[2].write_text(json.dumps(model_config(small(), SHAPE, functional=True)))
    (tmp_path / "c.weights.h5").write_bytes(numbered_weights(small(), Dialect.TF_KERAS))
    command = [sys.executable, str(ROOT / "scripts" / "fuzz_reader.py"), str(N_FILES)]
    done = subprocess.run(
        [*command, *map(str, models)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    line = done.stdout.splitlines()[0]
    counts = {name: int(n) for n, name in re.findall(r"(\d+) (read|refused|files|findings)", line)}
    assert counts["findings"] == 0
    assert counts["files"] == N_FILES
    assert counts["refused"] > N_FILES / 2
    assert counts["read"] > 5
