"""One run at a time in a folder of results."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.errors import OutputError
from crshare.folder_lock import LOCK, locked

HOLDS = """
import sys, time
from pathlib import Path
from crshare.folder_lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_another_process_has_the_folder_until_it_ends(
    tmp_path: Path, ending: signal.Signals
) -> None:
    folder = tmp_path / "out"
    command = [sys.executable, "-c", HOLDS, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        sentence = (
            f"{folder}: process {holder.pid} is writing its results there; wait for it, or choose "
            "another folder"
        )
        with pytest.raises(OutputError) as error, locked(folder):
            pass
        assert str(error.value) == sentence
        arguments = ["optimize", "--max-acc-loss", "1", "-o", str(folder)]
        done = CliRunner().invoke(main, arguments)
        assert (done.exit_code, done.stderr) == (2, f"crshare: {sentence}\n")
        holder.send_signal(ending)
        holder.wait(60)
    with locked(folder):
        assert (folder / LOCK).read_text() == str(os.getpid())


def test_a_folder_made_for_nothing_goes_and_results_stay(tmp_path: Path) -> None:
    with locked(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b" / LOCK).is_file()
    assert list((tmp_path / "a").iterdir()) == []
    for _ in range(2):
        with locked(tmp_path / "a"):
            (tmp_path / "a" / "result").write_text("text")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["result"]


def test_of_many_at_once_one_has_the_folder(tmp_path: Path) -> None:
    inside = 0

    def run(number: int) -> int:
        nonlocal inside
        try:
            with locked(tmp_path / "out"):
                inside += 1
                assert inside == 1
                inside -= 1
        except OutputError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(run, range(400))) > 0


def test_what_cannot_be_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / LOCK).symlink_to(tmp_path / "file")
    for folder in (tmp_path / "file", tmp_path):
        with (
            pytest.raises(OutputError, match=r"cannot be written \(.+\); choose another place$"),
            locked(folder),
        ):
            pass
    assert (tmp_path / "file").read_text() == "in the way"
