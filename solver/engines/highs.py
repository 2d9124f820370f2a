"""Integer programs through highspy: the only file that knows it."""

from typing import Any

import numpy as np

from solver.engines.ilp import WHOLE, Ilp, IlpAnswer
from solver.errors import BackendUnavailableError, EngineFaultError
from solver.facility.problem import FloatArray


class Highs:
    """HiGHS, in this process."""

    name = "highs"

    def optimise(
        self, ilp: Ilp, start: FloatArray | None, *, time_limit_s: float, gap: float = WHOLE
    ) -> IlpAnswer:
        """Raise BackendUnavailableError without highspy."""
        try:
            import highspy
        except ImportError as error:
            raise BackendUnavailableError(
                "highs: highspy is not installed; try pip install highspy"
            ) from error
        solver = _silent(highspy)
        for name, value in _options(time_limit_s, gap).items():
            solver.setOptionValue(name, value)
        solver.passModel(_model(highspy, ilp))
        if start is not None:
            columns = np.arange(ilp.n_columns, dtype=np.int32)
            solver.setSolution(ilp.n_columns, columns, start)
        solver.run()
        return _answer(highspy, solver)


def _silent(highspy: Any) -> Any:
    """A solver that prints nothing, not even the banner that its constructor prints."""

    class Silent(highspy.Highs):  # type: ignore[misc]
        def enableCallbacks(self) -> None:  # noqa: N802 (the hook that prints the banner)
            self.setOptionValue("output_flag", False)

    return Silent()


def _options(time_limit_s: float, gap: float) -> dict[str, Any]:
    return {
        "time_limit": max(time_limit_s, 0.0),
        "threads": 1,
        "random_seed": 0,
        "mip_rel_gap": 0.0,
        "mip_abs_gap": gap,
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


def _answer(highspy: Any, solver: Any) -> IlpAnswer:
    ending, endings = solver.getModelStatus(), highspy.HighsModelStatus
    if ending not in (endings.kOptimal, endings.kTimeLimit):
        raise EngineFaultError(f"highs: it ended with {solver.modelStatusToString(ending)!r}")
    info = solver.getInfo()
    feasible = highspy.SolutionStatus.kSolutionStatusFeasible
    found = info.primal_solution_status == feasible
    values = np.array(solver.getSolution().col_value) if found else None
    return IlpAnswer(values, float(info.mip_dual_bound), ending == endings.kOptimal)
