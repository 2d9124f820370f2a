"""Why solvers did not solve a plan's problems, each reason once."""

from crshare.report.schema import Solved

ABSENT = " is not installed"


def refusal_sentences(solved: Solved) -> list[str]:
    """A sentence for each solver that refused: that it is not installed, or its first reason."""
    reasons: dict[str, list[str]] = {}
    for reason in solved.refusals:
        reasons.setdefault(reason.partition(":")[0], []).append(reason)
    return [_sentence(name, said, solved) for name, said in reasons.items()]


def _sentence(name: str, reasons: list[str], solved: Solved) -> str:
    if all(ABSENT in reason for reason in reasons):
        return f"{name} is not installed; {' and '.join(solved.problems)} solved the problems."
    n = sum(solved.refusals[reason] for reason in reasons)
    problems = "problem" if n == 1 else "problems"
    return f"{name} refused {n:,} {problems}, so the next solver was asked: {reasons[0]}"
