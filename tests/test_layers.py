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

# The folders of each package from the ground up: a module imports from its own folder and from
# those before it. Modules beside the folders are the ground, but for those that are named here.
ORDER = {
    "crshare": (
        "sandbox network thresholds frontend model images executor plan planning evaluation "
        "hardware report train jobs table_api fixed_api api cli __main__"
    ),
    "solver": "facility engines bit_heap adder_graph",
    "hwgen": "",
}

# Foreign libraries, and the only modules and folders that may know them. Nothing of crshare knows
# TensorFlow on the way from a model file to a plan.
ONLY_IN = {
    "h5py": ["crshare.frontend.hdf5"],
    "onnx": ["crshare.frontend.onnx.protobuf", "crshare.evaluation.onnx_runner"],
    "onnxruntime": ["crshare.evaluation.onnx_runner"],
    "sklearn": ["crshare.images.digits"],
    "distributed": ["crshare.planning.cluster"],
    "gurobipy": ["solver.engines.gurobi"],
    "highspy": ["solver.engines.highs"],
    "pandas": ["crshare.frame"],
    "matplotlib": ["crshare.report.paper_figures"],
    "numba": [
        "crshare.compiled",
        "crshare.executor.kernels",
        "solver.compiled",
    ],
    "pulp": ["solver.engines.cbc"],
    "click": ["crshare.cli"],
    "tensorflow": ["crshare.train"],
    "tf_keras": ["crshare.train"],
    "larq": ["crshare.train"],
    "qkeras": ["crshare.train"],
    "keras": ["crshare.train"],
}
# Debt in the open, to fall only: imports for type checking that close a circle.
KNOWN_CIRCLES: set[tuple[str, str]] = set()
HEAVY = [
    "hwgen",
    "tensorflow",
    "gurobipy",
    "pulp",
    "highspy",
    "numba",
    "numpy",
    "h5py",
    "onnx",
    "onnxruntime",
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


def ours(module: str) -> frozenset[str]:
    """What a module imports of its own package, the package itself left out."""
    package = module.split(".")[0]
    return frozenset(
        name for name in imported(module) if name in MODULES and name.startswith(package + ".")
    )


def floor_of(module: str) -> int:
    """How high a module stands: 0 for the ground, and the place of its folder above it."""
    package, name = module.split(".")[:2]
    floors = ORDER[package].split()
    return floors.index(name) + 1 if name in floors else 0


@pytest.mark.parametrize("module", MODULES)
def test_packages_import_only_what_they_may(module: str) -> None:
    packages = {name.split(".")[0] for name in imported(module)} & MAY_IMPORT.keys()
    forbidden = packages - MAY_IMPORT[module.split(".")[0]]
    assert not forbidden, f"{module} imports {sorted(forbidden)}"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module: str) -> None:
    if module == "crshare":
        assert imported(module) == {"importlib"}, "crshare/__init__.py imports nothing of ours"
    elif module in MAY_IMPORT:
        return  # a package's face names what is offered from every floor
    else:
        climbs = [name for name in sorted(ours(module)) if floor_of(name) > floor_of(module)]
        assert not climbs, f"{module} imports {climbs}, which stand above it"


@pytest.mark.parametrize("package", ORDER)
def test_every_folder_has_a_floor(package: str) -> None:
    folders = {path.name for path in (ROOT / package).iterdir() if (path / "__init__.py").exists()}
    assert folders <= set(ORDER[package].split())


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
    strangers = [user for user in users if not _stands_in(user, ONLY_IN[library])]
    assert not strangers, f"{library} belongs to {ONLY_IN[library]}, not to {strangers}"


def _stands_in(module: str, places: list[str]) -> bool:
    return any(f"{module}.".startswith(f"{place}.") for place in places)


def test_the_command_line_starts_without_heavy_imports() -> None:
    code = f"import sys, crshare, crshare.cli; print(*(set({HEAVY}) & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
