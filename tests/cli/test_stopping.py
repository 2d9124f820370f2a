"""Ctrl-C and SIGTERM end a command soon, with all that it started, and keep what was found."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crshare.api import load, load_images, optimize

pytestmark = pytest.mark.slow

SOON_S = 6.0  # three seconds on a machine that has nothing else to do
SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}

# Code that a signal meets in stoppable(); it tells when it is there.
BUSY = {
    "python": "while True: pass",
    "native code": "import hashlib; hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)",
    "a clean-up that hangs": """
try: time.sleep(600)
finally: time.sleep(600)""",
    "a reader that takes all exceptions": """
while True:
    try: time.sleep(600)
    except BaseException: pass""",
    "a destructor": """
class Held:
    def __del__(self): time.sleep(600)
held = Held()
del held""",
    "a program in a session of its own": """
subprocess.run(["sleep", "600"], start_new_session=True)""",
    "programs of programs": """
subprocess.run(["sh", "-c", "sleep 600 & sleep 600"])""",
}
PROGRAM = """
import subprocess, sys, threading, time
from crshare.cli.stopping import ADVICE, stoppable
def tell(): time.sleep(0.2); print("there", flush=True)
with stoppable({ADVICE: "go on"}):
    threading.Thread(target=tell).start()
"""


def started(code: list[str], **options: object) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        [sys.executable, *code],
        start_new_session=True,
        **(pipes | options),  # type: ignore
    )


def children_of(process: int) -> set[str]:
    """All below a process, by /proc."""
    found, parents = {str(process)}, {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[status.parent.name] = status.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
    for _ in parents:
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {str(process)}


def is_running(process: str) -> bool:
    try:
        return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ending(process: subprocess.Popen[str], number: int, *, group: bool) -> str:
    """Send a signal as `kill` does, or as a terminal does: what the process says on stderr."""
    below = children_of(process.pid)
    began = time.monotonic()
    (os.killpg if group else os.kill)(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < SOON_S
    assert process.returncode == 128 + number
    until = time.monotonic() + 2
    while any(is_running(child) for child in below):
        assert time.monotonic() < until
        time.sleep(0.05)
    return said


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("what", BUSY)
def test_a_signal_ends_whatever_is_going_on(what: str, number: signal.Signals) -> None:
    indented = "\n    ".join(BUSY[what].splitlines())
    with started(["-c", f"{PROGRAM}    {indented}"]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        said = ending(process, number, group=False)
    assert said == f"crshare: {SIGNALS[number]}; go on\n"


def command(model: Path, images: Path, folder: Path, *options: str) -> list[str]:
    return [
        "-m", "crshare", "optimize", str(model), "--max-acc-loss", "20", "--data", str(images),
        "--calib", str(images), "-o", str(folder), *options,
    ]  # fmt: skip


@pytest.mark.parametrize("pause", [0.05, 0.1, 0.2, 0.4, 0.8])
def test_a_command_that_has_hardly_begun_ends_without_a_traceback(
    model: Path, pause: float, tmp_path: Path
) -> None:
    """Silent while Python starts, and with the line from then on."""
    with started(["-X", "importtime", "-m", "crshare", "inspect", str(model)]) as process:
        assert process.stderr is not None
        while "crshare\n" not in process.stderr.readline():
            pass
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    lines = [line for line in said.splitlines() if not line.startswith("import time:")]
    assert lines in ([], ["crshare: interrupted; run the same command again to start over"])
    assert process.returncode in (-signal.SIGINT, 130, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("number", "group", "options"),
    [
        (signal.SIGINT, False, ("--solver", "highs")),
        (signal.SIGINT, True, ("--solver", "cbc", "--workers", "2")),
        (signal.SIGTERM, False, ("--solver", "cbc", "--workers", "2")),
    ],
)
def test_a_search_that_was_stopped_goes_on(
    model: Path,
    images: Path,
    tmp_path: Path,
    number: signal.Signals,
    group: bool,
    options: tuple[str, ...],
) -> None:
    steps = tmp_path / "out" / "steps"
    with started(command(model, images, tmp_path / "out", *options)) as process:
        while not list(steps.glob("*.json")):
            assert process.poll() is None
            time.sleep(0.01)
        said = ending(process, number, group=group)
    assert said == (
        f"crshare: {SIGNALS[number]}; what the search has found so far is kept in {steps}; run "
        "the same command again to go on\n"
    )
    kept = sorted(path.name for path in steps.iterdir() if not path.name.startswith("."))
    assert kept and not (tmp_path / "out" / "plan.json").exists()


def test_steps_of_the_library_are_kept_where_it_is_told(
    model: Path, images: Path, tmp_path: Path
) -> None:
    network = load(model)
    chosen = load_images(network, images)
    found = optimize(
        network, max_loss_points=20, choosing=chosen, reporting=chosen, steps=tmp_path,
        solver="lagrangian",
    ).found  # fmt: skip
    assert len(list(tmp_path.glob("*.plan.json"))) == len(found.tried)
