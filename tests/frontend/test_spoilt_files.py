"""Files on which HDF5's library dies or eats memory: one sentence, wherever they are read."""

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from crshare.errors import ModelFormatError
from crshare.model.read import read_network
from tests.keras_files import write_h5
from tests.small_model import SHAPE, small

ROOT = Path(__file__).parents[2]
CASE = ROOT.parent / "shared" / "cases" / "hostile" / "07_terminal_skips_guard"
FATAL = [f"SIGSEGV_{n}.h5" for n in (487, 1141, 1160, 1711, 1897)]
BESIDE = """
import sys, threading
from pathlib import Path
import tensorflow as tf
tf.reduce_sum(tf.random.normal((200, 200)) @ tf.ones((200, 200)))
threading.Thread(target=threading.Event().wait, daemon=True).start()
from crshare.errors import ModelFormatError
from crshare.model.read import read_network
for name in sys.argv[1:]:
    try:
        print(read_network(Path(name)).input)
    except ModelFormatError as error:
        print(error)
"""

pytestmark = pytest.mark.needs_shared("cases/hostile/07_terminal_skips_guard")


@pytest.mark.parametrize("name", FATAL)
def test_a_file_that_kills_its_reader_is_refused(name: str) -> None:
    with pytest.raises(ModelFormatError) as error:
        read_network(CASE / name)
    assert str(error.value) == (
        f"{CASE / name}: is no readable HDF5 file (its reader ended by SIGSEGV); save the whole "
        "model with model.save('NAME.h5')"
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", ["inspect", "analyze"])
def test_a_terminal_changes_nothing(command: str) -> None:
    code, shown = on_a_terminal(command, str(CASE / FATAL[0]))
    assert code == 2
    assert "its reader ended by SIGSEGV" in " ".join(shown.split())


def on_a_terminal(*arguments: str) -> tuple[int, str]:
    """The exit code, and what the command shows where all that it has is a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "crshare", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs) as run:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # how Linux tells that the other end is closed
            while piece := os.read(ours, 4096):
                shown += piece
    os.close(ours)
    return run.returncode, shown.decode()


@pytest.mark.needs_package("tensorflow")
def test_threads_and_tensorflow_beside_the_reader_change_nothing(tmp_path: Path) -> None:
    good = write_h5(tmp_path / "m.h5", small(), SHAPE)
    done = subprocess.run(
        [sys.executable, "-c", BESIDE, str(good), str(CASE / FATAL[0])],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read, refused = done.stdout.splitlines()
    assert read == str(read_network(good).input)
    assert "SIGSEGV" in refused
