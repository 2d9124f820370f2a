"""Compiles what many tests run: `python -m tests.compiled_code graphs|rest`, beside other checks.

Numba keeps it on disk. Without this each process of the tests that begins cold compiles it anew,
several at a time, and those that a test kills never keep it.
"""

import sys

import numpy as np

from crshare.hardware.lowering import Options, lower
from crshare.images.image_set import ImageSet
from crshare.network.graph import Flatten, Input, Lut
from crshare.network.lut_ops import class_sums, modulation
from crshare.plan.warm_up import count_small_layers
from crshare.planning.candidates import prepared
from crshare.planning.layerwise import Method
from crshare.planning.luts.search import search
from solver import BACKENDS, solve
from tests.jobs import tiny_job
from tests.lut_networks import chain
from tests.solver.solver_instances import hamming_problem


def quiet(what: str, share: float) -> None:
    """No progress."""


def rest() -> None:
    """Bounds of the solver, a step of a search, bit heaps, plans of tables."""
    for backend in set(BACKENDS) - {"gurobi"}:
        solve(hamming_problem(20, opening=9), backend)
    plan_tables()
    job = tiny_job(0)
    prepared(job).evaluate(1e-3, Method("highs"))
    lower(job.network, None, Options(target="xilinx"))


def plan_tables() -> None:
    """A plan of a small LUT network."""
    rng = np.random.default_rng(0)
    sizes, ops = (36, 20, 10), list[Lut]()
    for given, n in zip(sizes, sizes[1:], strict=False):
        connections = rng.integers(0, given, (n, 6)).astype(np.int32)
        ops.append(Lut(connections, rng.integers(0, 2**64, n, dtype=np.uint64)))
    network = chain(Input((6, 6, 1)), modulation(1, 1), Flatten(), *ops, class_sums(5, 1))
    images = rng.integers(0, 256, (40, 6, 6, 1)).astype(np.uint8)
    drawn = ImageSet("drawn", images, rng.integers(0, 5, 40))
    search(network, drawn, drawn, 50.0, quiet)


PARTS = {"graphs": count_small_layers, "rest": rest}

if __name__ == "__main__":
    PARTS[sys.argv[1]]()
