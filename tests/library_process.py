"""TensorFlow with Keras 2, Larq and Keras 3 in a process of its own, which tests share.

So it is started once, and its memory, its threads and its warnings stay away from the tests.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

# As many processes of tests run as there are cores.
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

InLibrary = Callable[..., Any]


@pytest.fixture(scope="session")
def in_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InLibrary]:
    """Calls what a module names, there: `in_library("tests.keras_run", "build", ...)`.

    What it returns or raises comes back; what it says on stderr is kept in a file.
    """
    said = tmp_path_factory.mktemp("library") / "stderr"
    with ProcessPoolExecutor(1, get_context("spawn"), begin, (said,)) as process:
        yield lambda module, name, *given: process.submit(call, module, name, *given).result()


@pytest.fixture
def beside(
    in_library: InLibrary, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What crshare runs in a library runs there, not in the sandbox, which starts it anew.

    Keras 3 in the sandbox is tested by train/test_running.py, Larq by the README.
    """
    folder = tmp_path_factory.mktemp("beside")

    def called(asked: dict[str, Any], seconds: int) -> Any:
        given = asked | {"folder": str(folder)}
        return in_library("crshare.train.library_model", "outputs", given)

    monkeypatch.setattr("crshare.train.running._called", called)


def begin(said: Path) -> None:
    """TensorFlow's settings, which it reads when it is first imported."""
    os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"} | ONE_THREAD
    with said.open("wb") as file:
        os.dup2(file.fileno(), 2)


def call(module: str, name: str, *given: Any) -> Any:
    return getattr(import_module(module), name)(*given)


def printed(module: str, name: str, *given: Any) -> tuple[Any, str]:
    """What it returns, and what it prints."""
    with redirect_stdout(StringIO()) as said:
        return call(module, name, *given), said.getvalue()
