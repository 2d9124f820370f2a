"""A loaded server of commands, and folders in which they run under watch."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.models import write_images, write_named
from tests.hostile.served import Asked, Server
from tests.hostile.watch import Watched, watched

LAYERS = ("conv1", "norm1", "conv2", "norm2")


@pytest.fixture(scope="session")
def tame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model (.h5 and .keras) of no odd name, and images for it."""
    folder = tmp_path_factory.mktemp("tame")
    write_named(folder / "m.h5", LAYERS)
    write_named(folder / "m.keras", LAYERS)
    write_images(folder / "d.npz")
    return folder


@pytest.fixture(scope="session")
def server(tame: Path) -> Iterator[Server]:
    """Loaded and compiled by a first plan, which lies in `tame` as plan/."""
    with Server() as running:
        for words in (
            ["optimize", "m.h5", "--max-acc-loss", "60", "--data", "d.npz", "-o", "plan"],
            ["evaluate", "m.h5", "--plan", "plan/plan.json", "--data", "d.npz"],
        ):
            running.run(Asked(words, str(tame), here=True))
        yield running


@pytest.fixture
def place(tmp_path: Path, server: Server) -> Watched:
    return watched(tmp_path / "watched", server)
