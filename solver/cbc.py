"""Integer programs through PuLP and CBC: the only file that knows them.

PuLP writes the model to a file, CBC reads it in a process of its own. PuLP says "Optimal" for a
solution that the time limit stopped, and no bound at all: the ending is read from `sol_status`, the
bound from CBC's log.
"""

import importlib
import re
import shutil
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from .errors import BackendUnavailableError
from .ilp import WHOLE, Ilp, IlpAnswer
from .problem import FloatArray

_BOUND = re.compile(r"^Lower bound:\s*([-+.\deE]+)", re.MULTILINE)
LEAST_LIMIT_S = 0.01


class Cbc:
    """CBC: the one that pip install pulp[cbc] brings, else a `cbc` on the PATH, else PuLP's own."""

    name = "cbc"

    def optimise(
        self, ilp: Ilp, start: FloatArray | None, *, time_limit_s: float, gap: float = WHOLE
    ) -> IlpAnswer:
        """Raise BackendUnavailableError without PuLP or without a CBC that runs."""
        try:
            import pulp
        except ImportError as error:
            raise BackendUnavailableError(
                "cbc: pulp is not installed; try pip install pulp[cbc]"
            ) from error
        path = find_cbc(pulp)
        began = time.perf_counter()
        model, columns = _model(pulp, ilp, start)
        # writing the model takes about as long as building it, and neither is CBC's to spend
        spent_s = 2 * (time.perf_counter() - began)
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "cbc.log"
            solver = pulp.COIN_CMD(
                path=path,
                msg=False,
                threads=1,
                gapRel=0.0,
                gapAbs=gap,
                timeLimit=max(time_limit_s - spent_s, LEAST_LIMIT_S),
                warmStart=start is not None,
                logPath=str(log),
                options=["randomCbcSeed 1"],
            )
            solver.tmpDir = folder
            model.solve(solver)
            return _answer(pulp, model, columns, gap, log.read_text())


def find_cbc(pulp: Any) -> str:
    """Path of a CBC to run; raise BackendUnavailableError if there is none."""
    bundled = str(pulp.PULP_CBC_CMD.pulp_cbc_path)
    for path in (_cbcbox_path(), "cbc", bundled):
        found = shutil.which(path) if path else None
        if found:
            return found
    raise BackendUnavailableError(
        "cbc: there is no CBC to run; try pip install pulp[cbc], or put a cbc on the PATH"
    )


def _cbcbox_path() -> str | None:
    try:
        return str(importlib.import_module("cbcbox").cbc_bin_path())
    except ImportError:
        return None


def _model(pulp: Any, ilp: Ilp, start: FloatArray | None) -> tuple[Any, list[Any]]:
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
    return model, x


def _sides(pulp: Any, lower: float, upper: float) -> list[tuple[int, float]]:
    if lower == upper:
        return [(pulp.LpConstraintEQ, lower)]
    sides = [(pulp.LpConstraintGE, lower), (pulp.LpConstraintLE, upper)]
    return [(sense, side) for sense, side in sides if np.isfinite(side)]


def _answer(pulp: Any, model: Any, columns: list[Any], gap: float, log: str) -> IlpAnswer:
    found = model.sol_status in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible)
    values = np.array([column.value() or 0.0 for column in columns]) if found else None
    finished = model.sol_status == pulp.LpSolutionOptimal
    bound = logged_bound(log)
    if finished:
        bound = max(bound, float(model.objective.value()) - (0.0 if np.isinf(bound) else gap))
    return IlpAnswer(values, bound, finished)


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
