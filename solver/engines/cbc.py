"""Integer programs through PuLP and CBC: the only file that knows them.

PuLP writes the model to a file and reads the solution; CBC runs in a process of its own, which is
killed where it does not end soon after its time limit, or hangs. PuLP says "Optimal" for a solution
that the time limit stopped, and no bound at all: the ending is read from `sol_status`, the bound
from CBC's log.
"""

import importlib
import math
import re
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from solver.arrays import Floats
from solver.engines.boundary import readable
from solver.engines.ilp import Ending, Ilp, IlpAnswer, Stop, work_of
from solver.errors import BackendUnavailableError, EngineFaultError
from solver.process import run

_NODES = re.compile(r"^Enumerated nodes:\s*(\d+)", re.MULTILINE)
_BOUND = re.compile(r"^Lower bound:\s*([-+.\deE]+)", re.MULTILINE)
LEAST_LIMIT_S = 0.01
HUNG_S = 3600.0  # without a time limit, CBC is taken to hang after so long
GRACE_S = 5.0  # CBC looks at its clock now and then


class Cbc:
    """CBC: the one that the extra `cbc` brings, else a `cbc` on the PATH, else PuLP's own."""

    name = "cbc"

    def optimise(self, ilp: Ilp, start: Floats | None, stop: Stop) -> IlpAnswer:
        """Raise BackendUnavailableError without PuLP or without a CBC that runs."""
        try:
            import pulp
        except ImportError as error:
            raise BackendUnavailableError(
                "cbc: pulp is not installed; try pip install pulp"
            ) from error
        path = find_cbc(pulp)
        if stop.passes(ilp) < 1:
            raise BackendUnavailableError(
                f"cbc: a program of {len(ilp.columns):,} entries is more than its limit of "
                f"{stop.work:g} units of work allows; name another backend"
            )
        began = time.perf_counter()
        model = _model(pulp, ilp, start)
        # writing the model takes about as long as building it, and neither is CBC's to spend
        spent_s = 2 * (time.perf_counter() - began)
        with tempfile.TemporaryDirectory(prefix="crshare-cbc-") as folder:
            work = _Work(pulp, Path(folder), model, has_start=start is not None)
            work.run(path, replace(stop, time_s=stop.time_s - spent_s), stop.passes(ilp))
            return work.answer(ilp, stop.gap)


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """PuLP's model of a program, and its variables in the program's order."""

    problem: Any
    columns: list[Any]


class _Work:
    """One program in CBC's own files, all of them in one folder."""

    def __init__(self, pulp: Any, folder: Path, model: _Model, *, has_start: bool) -> None:
        self.pulp, self.model = pulp, model
        self.program, self.start = folder / "program.mps", folder / "start.mst"
        self.solution, self.log = folder / "solution.txt", folder / "cbc.log"
        self.format = pulp.COIN_CMD(msg=False)
        written = model.problem.writeMPS(str(self.program), rename=1)
        self.variables, self.names, self.rows = written[:3]
        self.given: list[str] = []
        if has_start:
            names = (self.variables, self.names, self.rows)
            self.format.writesol(str(self.start), model.problem, *names)
            self.given = ["-mips", str(self.start)]

    def run(self, path: str, stop: Stop, most_nodes: int) -> None:
        """Raise EngineFaultError where CBC hangs, crashes or writes no solution."""
        limits = ["-ratio", "0.0", "-allow", f"{stop.gap}", "-maxNodes", f"{most_nodes}"]
        limit_s = HUNG_S
        if math.isfinite(stop.time_s):
            limit_s = max(stop.time_s, LEAST_LIMIT_S) + GRACE_S
            limits += ["-sec", f"{limit_s - GRACE_S}", "-timeMode", "elapsed"]
        always = ["-randomCbcSeed", "1", "-threads", "1", "-solve", "-printingOptions", "all"]
        command = [path, str(self.program), *self.given, *limits, *always]
        status = run([*command, "-solution", str(self.solution)], self.log, limit_s)
        if status is None:
            raise EngineFaultError(
                f"cbc: it was killed, since it did not end within {limit_s:.4g} s"
            )
        if status != 0 or not self.solution.exists():
            raise EngineFaultError(f"cbc: {_ending(status)}; its last words: {readable(self.said)}")

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8", errors="replace")

    def answer(self, ilp: Ilp, gap: float) -> IlpAnswer:
        pulp = self.pulp
        names = (self.variables, self.names, self.rows)
        read = self.format.readsol_MPS(str(self.solution), self.model.problem, *names)
        status, by_name, ending = read[0], read[1], read[-1]
        if status not in (pulp.LpStatusOptimal, pulp.LpStatusNotSolved):
            raise EngineFaultError(f"cbc: it ended with {pulp.LpStatus[status]!r}")
        found = ending in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible)
        self.model.problem.assignVarsVals(by_name)
        values = [column.value() or 0.0 for column in self.model.columns] if found else None
        done = ending == pulp.LpSolutionOptimal
        said = self.said
        bound = logged_bound(said)
        if done:
            cost = float(self.model.problem.objective.value())
            bound = max(bound, cost - (0.0 if np.isinf(bound) else gap))
        return IlpAnswer(
            None if values is None else np.array(values),
            bound,
            Ending.DONE if done else self._limit(),
            work_of(ilp, 1 + logged_nodes(said)),
        )

    def _limit(self) -> Ending:
        with self.solution.open("rb") as lines:
            return Ending.OUT_OF_TIME if b" on time" in lines.readline() else Ending.OUT_OF_WORK


def _ending(status: int) -> str:
    if status < 0:
        return f"it was ended by signal {-status}"
    return f"it ended with status {status}" if status else "it wrote no solution"


def find_cbc(pulp: Any) -> str:
    """Path of a CBC to run; raise BackendUnavailableError if there is none."""
    bundled = str(pulp.PULP_CBC_CMD.pulp_cbc_path)
    for path in (_cbcbox_path(), "cbc", bundled):
        found = shutil.which(path) if path else None
        if found:
            return found
    raise BackendUnavailableError(
        'cbc: there is no CBC to run; try pip install "crshare[cbc]", or put a cbc on the PATH'
    )


def _cbcbox_path() -> str | None:
    try:
        return str(importlib.import_module("cbcbox").cbc_bin_path())
    except ImportError:
        return None


def _model(pulp: Any, ilp: Ilp, start: Floats | None) -> _Model:
    model = pulp.LpProblem("ilp", pulp.LpMinimize)
    kinds = [pulp.LpInteger if integer else pulp.LpContinuous for integer in ilp.integer.tolist()]
    x = [model.add_variable(f"x{i}", 0, 1, kind) for i, kind in enumerate(kinds)]
    model.setObjective(pulp.LpAffineExpression(zip(x, ilp.objective.tolist(), strict=True)))
    columns, values, starts = ilp.columns.tolist(), ilp.values.tolist(), ilp.starts.tolist()
    for row, (lower, upper) in enumerate(zip(ilp.lower.tolist(), ilp.upper.tolist(), strict=True)):
        entries = range(starts[row], starts[row + 1])
        expression = pulp.LpAffineExpression([(x[columns[k]], values[k]) for k in entries])
        for sense, side in _sides(pulp, lower, upper):
            model.addConstraint(pulp.LpConstraint(expression, sense, rhs=side))
    if start is not None:
        for variable, value in zip(x, start.tolist(), strict=True):
            variable.setInitialValue(value)
    return _Model(model, x)


def _sides(pulp: Any, lower: float, upper: float) -> list[tuple[int, float]]:
    if lower == upper:
        return [(pulp.LpConstraintEQ, lower)]
    sides = [(pulp.LpConstraintGE, lower), (pulp.LpConstraintLE, upper)]
    return [(sense, side) for sense, side in sides if np.isfinite(side)]


def logged_nodes(log: str) -> int:
    found = _NODES.search(log)
    return int(found.group(1)) if found else 0


def logged_bound(log: str) -> float:
    """The bound in CBC's log, less what the digits it leaves out may hide; -inf without one.

    A log that proves the very optimum has no bound of its own.
    """
    printed = _BOUND.search(log)
    if printed is None:
        return -np.inf
    bound = Decimal(printed.group(1))
    exponent = bound.as_tuple().exponent
    return float(bound) - 10.0**exponent if isinstance(exponent, int) else -np.inf
