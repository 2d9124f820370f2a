"""Whatever happens in the sandbox, the caller has a value or one sentence, and its files."""

import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.sandbox import process
from crshare.sandbox.call import Limits, call
from crshare.sandbox.process import SandboxError
from crshare.sandbox.wire import decode

HERE = "tests.sandbox.misdeeds"
BRIEF = Limits(memory_bytes=2**28, processor_s=1, wall_s=200)
ENDINGS = {
    "segfault": "its reader ended by SIGSEGV",
    "abort": "its reader ended by SIGABRT",
    "kill": "its reader ended by SIGKILL",
    "exit": "its reader ended without an answer",
    "quiet exit": "its reader gave no sensible answer",
    "system exit": "the end",
    "memory": "it takes more than 268,435,456 bytes of memory",
    "recursion": "maximum recursion depth exceeded",
    "error of lines": "a b",
    "object": "object does not cross the sandbox",
}
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -(10**30), 1.5, float("inf"), "", "\ud800 \u202e", b"", b"\0\xff"),
    *([], [1, [2, "x"]], {}, {"array": [0], "dict": {"bytes": None}}, {1: "a", "1": "b"}),
)
STRANGE = (
    *(b'{"array": [0, "|O", [1]]}', b'{"array": [0, "<f8", [9]]}', b'{"array": [-9, "<f8", [0]]}'),
    *(b'{"bytes": [0, 9]}', b'{"bytes": [-1, 1]}', b"[", b"\xff"),
)
ARRAYS: list[Any] = [
    np.zeros((0, 3)),
    np.array(2.5, np.float32),
    np.arange(24, dtype=">i2").reshape(2, 3, 4)[:, ::2],
    np.array([True, False]),
]


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert call(f"{HERE}:echo", value) == value


def test_arrays_come_back_with_their_kinds_and_shapes() -> None:
    answer: Any = call(f"{HERE}:echo", ARRAYS)
    for sent, back in zip(ARRAYS, answer, strict=True):
        assert back.dtype == sent.dtype and back.shape == sent.shape
        assert np.array_equal(back, sent)


@pytest.mark.parametrize("tree", STRANGE)
def test_what_is_no_value_of_the_wall_is_refused(tree: bytes) -> None:
    text = tree.ljust(40)
    with pytest.raises(ValueError, match=r"."):
        decode(len(text).to_bytes(8, "little") + text)


@pytest.mark.parametrize(("misdeed", "sentence"), ENDINGS.items())
def test_each_end_is_one_sentence(misdeed: str, sentence: str) -> None:
    with pytest.raises(SandboxError) as error:
        call(f"{HERE}:misbehave", misdeed, BRIEF)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_an_endless_loop_ends_by_the_processor_it_takes() -> None:
    with pytest.raises(SandboxError, match=r"^it takes more than 1 s of a processor$"):
        call(f"{HERE}:spin", None, BRIEF)


def test_what_sleeps_ends_with_all_that_it_started() -> None:
    with pytest.raises(SandboxError, match=r"^it takes more than 1 s$"):
        call(f"{HERE}:fork_and_wait", None, Limits(opens_files=True, wall_s=1))


def test_a_refusal_keeps_its_class_and_sentence() -> None:
    with pytest.raises(ModelFormatError, match=r"^layer c\\n1 has no kernel; train it again$"):
        call(f"{HERE}:refuse", None)


@pytest.mark.parametrize("function", ["crshare.no_such_module:f", f"{HERE}:no_such_function"])
def test_what_does_not_exist_is_told(function: str) -> None:
    with pytest.raises(SandboxError, match="no_such"):
        call(function, None)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Landlock")
@pytest.mark.parametrize(
    ("misdeed", "opens_files"), [("read", False), ("read", True), ("run", False)]
)
def test_files_of_the_user_are_shut(misdeed: str, opens_files: bool) -> None:
    with pytest.raises(SandboxError, match="Permission denied"):
        call(f"{HERE}:misbehave", misdeed, Limits(opens_files=opens_files))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="needs seccomp")
@pytest.mark.parametrize(
    ("misdeed", "opens_files", "sentence"),
    [
        ("socket", False, "Operation not permitted"),
        ("socket", True, "Operation not permitted"),
        ("fork", False, "Operation not permitted"),
        ("thread", False, "can't start new thread"),
    ],
)
def test_no_network_and_no_process_is_begun(misdeed: str, opens_files: bool, sentence: str) -> None:
    with pytest.raises(SandboxError, match=sentence):
        call(f"{HERE}:misbehave", misdeed, Limits(opens_files=opens_files))


def test_only_the_folder_is_written_and_only_so_much(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    limits = Limits(folder=str(inside), written_bytes=100)
    call(f"{HERE}:write", str(inside / "a"), limits)
    assert (inside / "a").stat().st_size == 100
    with pytest.raises(SandboxError, match="File too large"):
        call(f"{HERE}:write", str(inside / "b"), Limits(folder=str(inside), written_bytes=99))
    for limited, name in ((limits, outside), (Limits(), inside / "a")):
        with pytest.raises(SandboxError, match="Permission denied"):
            call(f"{HERE}:write", str(name), limited)


def test_threads_of_the_caller_play_no_part() -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: call(f"{HERE}:echo", i), range(20)))
        workers = list(pool.map(lambda _: call(f"{HERE}:about", None), range(4)))
    stop.set()
    assert found == list(range(20))
    assert {n_threads for _, n_threads in workers} == {1}


def test_a_sandbox_that_somebody_ended_is_started_again() -> None:
    assert call(f"{HERE}:echo", 1) == 1
    os.close(process._server().handle)  # noqa: SLF001 - what a caller cannot do
    assert call(f"{HERE}:echo", 2) == 2


def test_a_descriptor_that_was_closed_and_given_away_is_not_taken_for_the_sandbox() -> None:
    assert call(f"{HERE}:echo", 1) == 1
    handle = process._server().handle  # noqa: SLF001 - what a caller cannot do
    other, end = socket.socketpair()
    with other, end:
        os.dup2(end.fileno(), handle)
        assert call(f"{HERE}:echo", 2, Limits(wall_s=20)) == 2
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.recv(1)
    os.close(handle)


def test_a_sandbox_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(SandboxError, match=r"^the sandbox cannot start: .*/no/such/python"):
        call(f"{HERE}:echo", None, fresh=True)


def test_a_fresh_interpreter_is_for_one_call() -> None:
    parents = [call(f"{HERE}:about", None, fresh=True)[0] for _ in range(2)]
    assert len(set(parents)) == 2


def test_nothing_outlives_a_caller_that_is_killed(tmp_path: Path) -> None:
    code = (
        "from crshare.sandbox.call import *\n"
        f"call('{HERE}:note_and_wait', {str(tmp_path)!r}, "
        f"Limits(folder={str(tmp_path)!r}, written_bytes=99))"
    )
    caller = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    noted = tmp_path / "worker"
    wait_until(lambda: noted.exists() and noted.read_text().isdecimal())
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    wait_until(lambda: not Path(f"/proc/{noted.read_text()}").exists())


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
