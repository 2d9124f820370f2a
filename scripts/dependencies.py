"""Licences and versions of all that crshare may install, from what is installed here.

    python scripts/dependencies.py            writes docs/dependencies.md and constraints.txt
    python scripts/dependencies.py --check    compares the packages named with setup.cfg, and that
                                              each has its licence and its version

The packages are those that setup.cfg names, and what they ask for in turn, by the extra that brings
them first. Versions in constraints.txt are those of the environment that runs the script (the extra
`all`), so it needs one in which everything is installed.
"""

import argparse
import re
import sys
from configparser import ConfigParser
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE, PINNED = ROOT / "docs" / "dependencies.md", ROOT / "constraints.txt"
NAME = re.compile(r"^([A-Za-z0-9._-]+)(\[[^\]]*\])?")
MIXED = ("all", "test")  # extras that gather others come last
ABSENT = "not installed where this list was made"
HEAD = """# Dependencies and their licences

What `pip install crshare` brings, and what each extra adds, with what these packages ask for in
turn. Licences are as the packages state them. `constraints.txt` has the versions that tests run
with: `pip install -c constraints.txt ".[all]"`.

Made by `python scripts/dependencies.py`. For a bill of materials of an installation of yours any
SBOM tool that reads installed packages will do (`pip list --format json` names them).

| package | licence | comes with |
|---|---|---|
"""
FOOT = """
yosys (ISC), Verilator (LGPL-3.0 or Artistic-2.0), Icarus Verilog (GPL-2.0) and nextpnr (ISC) are
programs that `generate` and `synth` start where they are installed; crshare does not contain them.
"""


@dataclass(frozen=True, slots=True)
class Package:
    """A package as it is installed. brought: the base install, or the extra that brings it."""

    name: str
    version: str
    licence: str
    brought: str


def requirements() -> dict[str, list[str]]:
    """What setup.cfg names, by `crshare` or the extra, those that gather others last."""
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", "utf-8")
    extras = dict(config["options.extras_require"])
    order = [*(name for name in extras if name not in MIXED), "test"]
    found = {"crshare": _lines(config["options"]["install_requires"])}
    return found | {name: _lines(extras[name]) for name in order}


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and not line.startswith("%")]


def packages() -> list[Package]:
    """All of them that are installed, each once."""
    found: dict[str, Package] = {}
    for brought, lines in requirements().items():
        for line in lines:
            _add(line, brought, found, outright="python_version" not in line)
    return sorted(found.values(), key=lambda package: package.name)


def _add(line: str, brought: str, found: dict[str, Package], *, outright: bool = False) -> None:
    """outright: named by setup.cfg, for this Python."""
    match = NAME.match(line)
    name = match[1].lower().replace("_", "-") if match else ""
    wanted = set((match[2] or "[]")[1:-1].split(",")) - {""} if match else set()
    if name in found and not wanted:
        return
    try:
        facts = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        if outright:
            found[name] = Package(name, "", ABSENT, brought)
        return
    found.setdefault(name, Package(name, facts.version, _licence(facts), brought))
    for inner in facts.requires or ():
        condition = inner.partition(";")[2]
        if "extra" not in condition or any(f'"{one}"' in condition for one in wanted):
            _add(inner.partition(";")[0].strip(), brought, found)


def _licence(facts: metadata.Distribution) -> str:
    """Its expression, its classifiers, or the first line of what it says."""
    about = facts.metadata
    stated = _field(about, "License-Expression")
    classes = [
        value.split(" :: ")[-1]
        for value in about.get_all("Classifier") or []
        if value.startswith("License :: ") and value.count(" :: ") > 1
    ]
    said = stated or ", ".join(classes) or _field(about, "License") or "not stated"
    return said.strip().split("\n")[0][:60].replace("|", "/")


def _field(about: metadata.PackageMetadata, name: str) -> str:
    return str(next(iter(about.get_all(name) or [""])))


def page(found: list[Package]) -> str:
    rows = (f"| {one.name} | {one.licence} | {one.brought} |\n" for one in found)
    return HEAD + "".join(rows) + FOOT


def constraints(found: list[Package]) -> str:
    version = ".".join(map(str, sys.version_info[:2]))
    head = f"# Versions that tests run with, on Python {version}: scripts/dependencies.py.\n"
    return head + "".join(f"{one.name}=={one.version}\n" for one in found if one.version)


def missing() -> list[str]:
    """Packages of setup.cfg that the page leaves out or tells nothing of, or not pinned."""
    listed = PAGE.read_text("utf-8")
    pinned = {line.partition("==")[0] for line in PINNED.read_text("utf-8").splitlines()}
    names = {
        match[1].lower().replace("_", "-")
        for lines in requirements().values()
        for line in lines
        if (match := NAME.match(line)) and "python_version" not in line
    }
    return sorted(
        name
        for name in names
        if f"| {name} |" not in listed or f"| {name} | {ABSENT} |" in listed or name not in pinned
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if parser.parse_args().check:
        for name in missing():
            print(f"{name} is in setup.cfg, not listed or not pinned; run scripts/dependencies.py")
        return int(bool(missing()))
    found = packages()
    PAGE.write_text(page(found), "utf-8")
    PINNED.write_text(constraints(found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
