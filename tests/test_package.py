"""What is delivered: a version with its notes, and every file that the packages read."""

import configparser
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import crshare

pytestmark = pytest.mark.slow

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


def test_the_newest_notes_are_of_this_version() -> None:
    """`## X.Y.Z, unreleased` or `## X.Y.Z, YYYY-MM-DD`, newest first, each once."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    dated = [re.fullmatch(r"(\d+\.\d+\.\d+), (unreleased|\d{4}-\d\d-\d\d)", h) for h in headings]
    assert all(dated), headings
    versions = [tuple(map(int, found[1].split("."))) for found in dated if found]
    assert versions == sorted(set(versions), reverse=True)
    assert headings[0].startswith(f"{crshare.__version__}, ")
    assert not any("unreleased" in heading for heading in headings[1:])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the sdist by their kinds, built from a copy that git is not asked about."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    for name in (*PACKAGES, "data"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    found = {}
    for kind in ("sdist", "wheel"):
        code = f"from setuptools.build_meta import *; print(build_{kind}({str(folder)!r}))"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=source, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found[kind] = folder / done.stdout.splitlines()[-1]
    return found


def test_wheel_and_sdist_are_named_by_the_version(built: dict[str, Path]) -> None:
    assert built["wheel"].name.startswith(f"crshare-{crshare.__version__}-")
    assert built["sdist"].name == f"crshare-{crshare.__version__}.tar.gz"


def inside(package: str) -> set[str]:
    """The files of a package that an install must have, relative to the checkout."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_and_sdist_hold_every_file_of_the_packages(
    built: dict[str, Path], package: str
) -> None:
    wheel = set(zipfile.ZipFile(built["wheel"]).namelist())
    with tarfile.open(built["sdist"]) as archive:
        sdist = {name.partition("/")[2] for name in archive.getnames()}
    for held in (wheel, sdist):
        mine = {name for name in held if name.startswith(f"{package}/") and Path(name).suffix}
        assert mine == inside(package)


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_an_install_runs_and_finds_its_model(
    built: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    where = ["--prefix", str(tmp_path), str(built[kind])]
    subprocess.run([sys.executable, *install, "--ignore-installed", *where], check=True)
    (packages,) = tmp_path.glob("lib/python*/site-packages")
    code = (
        "import crshare, sys; from crshare.images.digits import demo_model; "
        "print(crshare.__file__, demo_model().resolve(), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env={"PYTHONPATH": str(packages)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    module, model = map(Path, done.stdout.splitlines())
    assert module.is_relative_to(packages)
    assert model == (tmp_path / "share" / "crshare" / "digits_bnn.h5").resolve()
