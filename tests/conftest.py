"""What all tests share: marks that skip by name what is missing, and the refusal of such skips.

    @pytest.mark.needs_shared("models/cnv_w1a1_cifar10.h5")   a file of ../shared
    @pytest.mark.needs_package("larq")                        an extra that is not installed
    @pytest.mark.needs_tool("verilator")                      a program on the PATH
    @pytest.mark.slow                                         left out by `make quick`

With --forbid-skips, as CI runs, a skipped test fails unless its reason is in MAY_SKIP.
"""

import os
import re
import shutil
import sys
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# As many processes of tests run as there are cores: of two threads of a product of matrices, one
# would wait for the other. Read when numpy is imported; that threads change no result is tested.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Tests import crshare and tests.* from this checkout, however pytest was started.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

pytest_plugins = ["tests.command_fixtures", "tests.library_process"]

# The same examples in every run, and no clock in a result.
settings.register_profile("crshare", derandomize=True, deadline=None)
settings.load_profile("crshare")

# qkeras cannot stand beside the other libraries: it wants an environment of its own.
MAY_SKIP = [
    r"this processor cannot run the .* kernels",
    r"this user may not make devices",
    r"needs the package qkeras",
]
if not SHARED.exists():
    MAY_SKIP.append(r"needs \S*( in)? ?\.\./shared")

MARKS = {
    "needs_shared": "files of ../shared, without which the test is skipped",
    "needs_package": "packages, without which the test is skipped",
    "needs_tool": "programs on the PATH, without which the test is skipped",
}
TENSORFLOW = {"tensorflow", "tf_keras", "keras", "larq", "qkeras"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--forbid-skips", action="store_true", help="fail where a test that must run was skipped"
    )


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{name}(*names): {meaning}")
    config.addinivalue_line("markers", "slow: left out by `make quick`")
    config.addinivalue_line("markers", "tensorflow: runs TensorFlow; each such test is slow")


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """What needs TensorFlow, or a library on it, has both other marks."""
    if TENSORFLOW & set(names_of(item, "needs_package")):
        item.add_marker(pytest.mark.tensorflow)
    if item.get_closest_marker("tensorflow"):
        item.add_marker(pytest.mark.slow)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first, so that two processes end at about the same time: those that
    run TensorFlow, those of this folder itself that are slow, others with slow tests."""
    tensorflow, slow = (
        {item.path for item in items if item.get_closest_marker(mark)}
        for mark in ("tensorflow", "slow")
    )
    whole = {path for path in slow if path.parent == ROOT / "tests"}
    items.sort(key=lambda item: [item.path not in paths for paths in (tensorflow, whole, slow)])


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """What tests write need not outlive a power cut. Commands in processes of their own do wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


def pytest_runtest_setup(item: pytest.Item) -> None:
    if missing := missing_need(item):
        pytest.skip(missing)


def missing_need(item: pytest.Item) -> str | None:
    """The first thing that a test's marks ask for and that is not here."""
    for name in names_of(item, "needs_shared"):
        if not (SHARED / name).exists():
            return f"needs ../shared/{name}"
    for name in names_of(item, "needs_package"):
        if find_spec(name) is None:
            return f'needs the package {name} (pip install "crshare[all]")'
    for name in names_of(item, "needs_tool"):
        if shutil.which(name) is None:
            return f"needs {name} on the PATH"
    return None


def names_of(item: pytest.Item, mark: str) -> list[str]:
    return [str(name) for found in item.iter_markers(mark) for name in found.args]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(item.config, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(collector.config, report)
    return report


def refuse_skip(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip that is not allowed by name into a failure."""
    if not (report.skipped and config.getoption("--forbid-skips")) or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not any(re.match(allowed, reason) for allowed in MAY_SKIP):
        report.outcome = "failed"
        report.longrepr = f"skipped where it must run: {reason}"
