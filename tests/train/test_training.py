"""The tests of this folder that import TensorFlow, in a process of their own.

So its 500 MB, its threads and its warnings stay away from the other tests.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.library_process import ONE_THREAD

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
FILES = sorted(str(path) for path in HERE.glob("*.py") if not path.name.startswith("test_"))


@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
def test_in_a_process_of_their_own() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--forbid-skips", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *FILES],
        cwd=HERE.parents[1], env=os.environ | ONE_THREAD,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
