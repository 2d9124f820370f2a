"""What an install that is no checkout has: every file that the packages read at run time."""

import configparser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("crshare", "solver", "hwgen")


def declared(package: str) -> set[Path]:
    """The files that setup.cfg installs beside a package's modules."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = config["options.package_data"][package].replace("\n", ",").split(",")
    return {path for pattern in patterns for path in (ROOT / package).glob(pattern.strip())}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_is_installed(package: str) -> None:
    there = {
        path
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }
    assert there == declared(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_of_modules_is_a_package(package: str) -> None:
    """Folders without __init__.py would be left out of an install."""
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    assert all((folder / "__init__.py").is_file() for folder in folders)
