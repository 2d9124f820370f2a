"""Integer programs through highspy: the only file that knows it.

HiGHS has no limit that is the same on every machine and holds in the root node, where it spends
most: how often it looks at its limits is counted for that. It runs in a thread, since Ctrl-C
inside a callback would be taken for an error of HiGHS.
"""

from threading import Thread
from typing import Any

import numpy as np

from solver.arrays import Floats
from solver.engines.ilp import Ending, Ilp, IlpAnswer, Stop, work_of
from solver.errors import BackendUnavailableError, EngineFaultError


class Highs:
    """HiGHS, in this process."""

    name = "highs"

    def optimise(self, ilp: Ilp, start: Floats | None, stop: Stop) -> IlpAnswer:
        """Raise BackendUnavailableError without highspy."""
        try:
            import highspy
        except ImportError as error:
            raise BackendUnavailableError(
                "highs: highspy is not installed; try pip install highspy"
            ) from error
        solver = _silent(highspy)
        for name, value in _options(stop).items():
            solver.setOptionValue(name, value)
        solver.passModel(_model(highspy, ilp))
        if start is not None:
            columns = np.arange(ilp.n_columns, dtype=np.int32)
            solver.setSolution(ilp.n_columns, columns, start)
        watch = _Watch(stop.passes(ilp))
        solver.setCallback(watch.look, None)
        solver.startCallback(highspy.cb.HighsCallbackType.kCallbackMipInterrupt)
        _run(solver, watch)
        return _answer(highspy, solver, work_of(ilp, watch.looks))


class _Watch:
    """Counts the looks at the limits, of which there are many for a node, and ends them."""

    def __init__(self, most: int) -> None:
        self.looks, self.most = 0, most

    def look(self, kind: Any, message: str, state: Any, wish: Any, data: Any) -> None:
        self.looks += 1
        if self.looks > self.most:
            wish.user_interrupt = True


def _run(solver: Any, watch: _Watch) -> None:
    thread = Thread(target=solver.run, daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:
        watch.most = 0
        thread.join()
        raise


def _silent(highspy: Any) -> Any:
    """A solver that prints nothing, not even the banner that its first call prints."""

    class Silent(highspy.Highs):  # type: ignore[misc]
        def enableCallbacks(self) -> None:  # noqa: N802 (the constructor's first call)
            self.setOptionValue("output_flag", False)

    return Silent()


def _options(stop: Stop) -> dict[str, Any]:
    return {
        "time_limit": max(stop.time_s, 0.0),
        "threads": 1,
        "random_seed": 0,
        "mip_rel_gap": 0.0,
        "mip_abs_gap": stop.gap,
    }


def _model(highspy: Any, ilp: Ilp) -> Any:
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = ilp.n_columns, ilp.n_rows
    lp.col_cost_ = ilp.objective.astype(float)
    lp.col_lower_, lp.col_upper_ = np.zeros(ilp.n_columns), np.ones(ilp.n_columns)
    lp.row_lower_ = np.where(np.isinf(ilp.lower), -highspy.kHighsInf, ilp.lower)
    lp.row_upper_ = np.where(np.isinf(ilp.upper), highspy.kHighsInf, ilp.upper)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = ilp.starts.astype(np.int32)
    lp.a_matrix_.index_ = ilp.columns.astype(np.int32)
    lp.a_matrix_.value_ = ilp.values.astype(float)
    kinds = highspy.HighsVarType
    lp.integrality_ = [kinds.kInteger if i else kinds.kContinuous for i in ilp.integer.tolist()]
    return lp


def _answer(highspy: Any, solver: Any, work: float) -> IlpAnswer:
    status, statuses = solver.getModelStatus(), highspy.HighsModelStatus
    endings = {
        statuses.kOptimal: Ending.DONE,
        statuses.kTimeLimit: Ending.OUT_OF_TIME,
        statuses.kInterrupt: Ending.OUT_OF_WORK,
    }
    if status not in endings:
        raise EngineFaultError(f"highs: it ended with {solver.modelStatusToString(status)!r}")
    info = solver.getInfo()
    feasible = highspy.SolutionStatus.kSolutionStatusFeasible
    found = info.primal_solution_status == feasible
    values = np.array(solver.getSolution().col_value) if found else None
    return IlpAnswer(values, float(info.mip_dual_bound), endings[status], work)
