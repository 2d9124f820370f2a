"""The names that solver offers, and those that its callers choose from."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import solver
from solver import BACKENDS
from solver.choices import SOLVERS
from solver.engines.backends import ENGINES


def test_every_name_is_there_as_type_checkers_are_told() -> None:
    tree = ast.parse(Path(solver.__file__).with_suffix(".pyi").read_text("utf-8"))
    told = {
        alias.name: str(node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {name: f"solver.{place}" for name, place in solver.PLACE.items()} == told
    assert all(hasattr(solver, name) for name in solver.PLACE)


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(AttributeError, match="^module 'solver' has no attribute 'solved'$"):
        solver.solved  # type: ignore[attr-defined]  # noqa: B018


def test_the_solvers_to_choose_from_are_those_that_there_are() -> None:
    assert tuple(BACKENDS) == SOLVERS
    assert all(engine.name == name for name, engine in ENGINES.items())


def test_choices_are_told_without_importing_what_they_name() -> None:
    code = "import sys, solver.choices; print([name for name in sys.modules if 'solver' in name])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "['solver', 'solver.choices']\n"
