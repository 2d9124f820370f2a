"""Integer programs through gurobipy: the only file that knows it."""

from typing import Any

import numpy as np

from solver.arrays import Floats
from solver.engines.ilp import Ending, Ilp, IlpAnswer, Stop
from solver.errors import BackendUnavailableError, EngineFaultError


class Gurobi:
    """Gurobi; the licence inside the gurobipy wheel admits 2,000 variables and 2,000 rows."""

    name = "gurobi"

    def optimise(self, ilp: Ilp, start: Floats | None, stop: Stop) -> IlpAnswer:
        """Raise BackendUnavailableError without gurobipy, a licence, or one of this size."""
        try:
            import gurobipy
        except ImportError as error:
            raise BackendUnavailableError(
                'gurobi: gurobipy is not installed; try pip install "crshare[gurobi]"'
            ) from error
        try:
            return _optimise(gurobipy, ilp, start, _parameters(stop))
        except gurobipy.GurobiError as error:
            code = gurobipy.GRB.Error
            if error.errno == code.SIZE_LIMIT_EXCEEDED:
                raise BackendUnavailableError(_too_large(ilp)) from error
            if error.errno == code.NO_LICENSE:
                raise BackendUnavailableError(
                    f"gurobi: {error}; get a licence from gurobi.com or name another backend"
                ) from error
            raise


def _too_large(ilp: Ilp) -> str:
    return (
        f"gurobi: {ilp.n_columns} variables and {ilp.n_rows} rows exceed the size limit of this "
        "Gurobi licence (2,000 of each for the one in the gurobipy wheel); "
        "get a full licence or name another backend"
    )


def _optimise(gp: Any, ilp: Ilp, start: Floats | None, parameters: dict[str, float]) -> IlpAnswer:
    with gp.Env(params=parameters) as env, gp.Model(env=env) as model:
        kinds = np.where(ilp.integer, gp.GRB.BINARY, gp.GRB.CONTINUOUS)
        x = model.addMVar(ilp.n_columns, ub=1.0, obj=ilp.objective.astype(float), vtype=kinds)
        _add_rows(model, x, ilp)
        if start is not None:
            x.Start = start
        model.optimize()
        if model.Status == gp.GRB.INTERRUPTED:
            raise KeyboardInterrupt
        endings = {
            gp.GRB.OPTIMAL: Ending.DONE,
            gp.GRB.TIME_LIMIT: Ending.OUT_OF_TIME,
            gp.GRB.WORK_LIMIT: Ending.OUT_OF_WORK,
        }
        if model.Status not in endings:
            raise EngineFaultError(f"gurobi: it ended with status {model.Status}")
        values = np.array(x.X) if model.SolCount else None
        return IlpAnswer(values, float(model.ObjBound), endings[model.Status], float(model.Work))


def _parameters(stop: Stop) -> dict[str, float]:
    return {
        "OutputFlag": 0,
        "TimeLimit": max(stop.time_s, 0.0),
        "WorkLimit": stop.work,
        "Threads": 1,
        "Seed": 0,
        "MIPGap": 0.0,
        "MIPGapAbs": stop.gap,
    }


def _add_rows(model: Any, x: Any, ilp: Ilp) -> None:
    from scipy.sparse import csr_array

    shape = (ilp.n_rows, ilp.n_columns)
    matrix = csr_array((ilp.values.astype(float), ilp.columns, ilp.starts), shape=shape)
    for rows, sense, side in (
        (ilp.lower == ilp.upper, "=", ilp.lower),
        (np.isfinite(ilp.lower) & (ilp.lower < ilp.upper), ">", ilp.lower),
        (np.isfinite(ilp.upper) & (ilp.lower < ilp.upper), "<", ilp.upper),
    ):
        if rows.any():
            model.addMConstr(matrix[np.flatnonzero(rows)], x, sense, side[rows])
