"""Compiling ahead: all that counting adders takes, and an end with the search."""

import importlib
import multiprocessing
import pkgutil
import subprocess
import sys

import pytest
from numba.core.dispatcher import Dispatcher

import solver.adder_graph
from crshare.images.digits import demo_model
from crshare.jobs import count_plan
from crshare.model.read import read_model
from crshare.plan.warm_up import compiling_ahead, count_small_layers
from crshare.planning.layerwise import exact_plan


def compiled_for() -> set[tuple[str, str]]:
    """Every compiled loop of the adder graphs, with the types it was compiled for."""
    folder = solver.adder_graph.__path__
    modules = [
        importlib.import_module(f"solver.adder_graph.{module.name}")
        for module in pkgutil.iter_modules(folder)
    ]
    loops = [
        (name, loop)
        for module in modules
        for name, loop in vars(module).items()
        if isinstance(loop, Dispatcher)
    ]
    return {(name, str(types)) for name, loop in loops for types in loop.signatures}


def main() -> None:
    """Fail if the example network needs more than what was compiled ahead."""
    count_small_layers()
    ahead = compiled_for()
    model = read_model(demo_model())
    count_plan(model.network, exact_plan(model.network, model.weights_hash), lambda *_: None)
    assert ahead and compiled_for() == ahead, sorted(compiled_for() - ahead)


@pytest.mark.slow
def test_small_layers_compile_all_that_a_network_needs() -> None:
    """In a process that has compiled nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.plan.test_warm_up"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_what_is_not_done_at_the_end_is_left() -> None:
    before = set(multiprocessing.active_children())
    with compiling_ahead():
        assert len(set(multiprocessing.active_children()) - before) == 1
    assert set(multiprocessing.active_children()) <= before


if __name__ == "__main__":
    main()
