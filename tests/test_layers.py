"""The architecture as tests: who may import whom, and what is imported late or not at all.

Imports are read from the parsed sources: those inside functions and those made for type checking
only count too.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {"solver": {"solver"}, "hwgen": {"hwgen"}, "crshare": {"crshare", "solver", "hwgen"}}

# The modules of crshare from the ground up: a module imports only from lines above its own. The
# modules of a folder stand in one place; among themselves they only must not form a circle.
ORDER = (
    "accuracy bits errors prices printable rationals strict_json surds",
    "files guard keras_config ops screen stream",
    "keras_graph network",
    "fitting images keras_h5 reference slices steps",
    "demo fold kernels linears plan quantizers segments shortcuts tail turns windows",
    "adjust calibrate corrected counts dialects execute plan_file similar stages",
    "ahead builder containers ground keras_layers lower measure teacher",
    "assemble hardware",
    "model supervised trial",
    "apply behind inspection portrait search",
    "comparison judge train",
    "resume",
    "pipeline",
    "hardware_tables report",
    "page report_json",
    "api cli",
    "__main__",
)
PLACE = {f"crshare.{name}": i for i, line in enumerate(ORDER) for name in line.split()}

# Foreign libraries, and the only modules that may know them. Nothing of crshare knows TensorFlow
# on the way from a model file to a plan.
ONLY_IN = {
    "h5py": ["crshare.keras_h5"],
    "sklearn": ["crshare.demo"],
    "distributed": ["crshare.judge"],
    "gurobipy": ["solver.gurobi"],
    "highspy": ["solver.highs"],
    "numba": ["crshare.kernels", "solver.kernels", "solver.adder_graph"],
    "pulp": ["solver.cbc"],
    "click": ["crshare.cli"],
    "tensorflow": ["crshare.train"],
    "tf_keras": ["crshare.train"],
    "larq": ["crshare.train"],
    "qkeras": ["crshare.train"],
    "keras": ["crshare.train"],
}
# Debt in the open, to fall only: imports for type checking that close a circle (1, 2026-11).
KNOWN_CIRCLES = {("solver.adder_graph.forms", "solver.adder_graph.graph")}
HEAVY = [
    "tensorflow",
    "gurobipy",
    "pulp",
    "highspy",
    "numba",
    "numpy",
    "h5py",
    "scipy",
    "sklearn",
    "rich",
]


def modules(package: str) -> dict[str, Path]:
    """Every module below a package by its full name."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


MODULES = {name: path for package in MAY_IMPORT for name, path in modules(package).items()}


@cache
def imported(module: str) -> frozenset[str]:
    """Full names of all that a module imports; of `from a import b` that is a.b or else a."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return frozenset(_imported(ast.parse(path.read_text(encoding="utf-8")), package))


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(source, names, level):
                whole = resolve_name("." * level + (source or ""), package)
                parts = (f"{whole}.{alias.name}" for alias in names)
                yield from (part if part in MODULES else whole for part in parts)


def place_of(module: str) -> int | None:
    """The line of ORDER where a module stands, by itself or by its folder."""
    return PLACE.get(".".join(module.split(".")[:2]))


def folder_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("module", MODULES)
def test_packages_import_only_what_they_may(module: str) -> None:
    ours = {name.split(".")[0] for name in imported(module)} & MAY_IMPORT.keys()
    forbidden = ours - MAY_IMPORT[module.split(".")[0]]
    assert not forbidden, f"{module} imports {sorted(forbidden)}"


@pytest.mark.parametrize("module", modules("crshare"))
def test_imports_of_crshare_go_down_only(module: str) -> None:
    if module == "crshare":
        assert imported(module) == {"importlib"}, "crshare/__init__.py imports nothing of ours"
        return
    place = place_of(module)
    assert place is not None, f"{module} has no place in ORDER of {Path(__file__).name}"
    for name in sorted(imported(module) & MODULES.keys() - {"crshare"}):
        if folder_of(name) != folder_of(module):
            below = place_of(name)
            if name.startswith("crshare.") and below is not None:
                assert below < place, f"{module} imports {name}, which stands no lower"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_import_circle(package: str) -> None:
    own = modules(package)
    graph = {module: set(imported(module) & own.keys() - {module}) for module in own}
    for module, source in KNOWN_CIRCLES:
        graph.get(module, set()).discard(source)
    TopologicalSorter(graph).prepare()  # CycleError names the circle


def test_the_known_circles_still_exist() -> None:
    paid = {(module, s) for module, s in KNOWN_CIRCLES if s not in imported(module)}
    assert not paid, f"take {sorted(paid)} out of KNOWN_CIRCLES"


@pytest.mark.parametrize("library", ONLY_IN)
def test_each_foreign_library_has_one_place(library: str) -> None:
    users = [
        module for module in MODULES if library in {name.split(".")[0] for name in imported(module)}
    ]
    strangers = [user for user in users if folder_of(user) not in ONLY_IN[library]]
    assert not strangers, f"{library} belongs to {ONLY_IN[library]}, not to {strangers}"


@pytest.mark.skipif("crshare.cli" not in MODULES, reason="needs crshare/cli.py")
def test_the_command_line_starts_without_heavy_imports() -> None:
    code = f"import sys, crshare, crshare.cli; print(*(set({HEAVY}) & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
