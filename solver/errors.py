"""What can go wrong in `solver`: one kind for each thing a caller can do."""


class SolverError(Exception):
    """Base of every error that `solver` raises on purpose."""


class ProblemError(SolverError):
    """A problem contradicts itself or has no answer."""


class BackendUnavailableError(SolverError):
    """A backend cannot run here, or not on a problem of this size; the message says what to do."""


class EngineFaultError(BackendUnavailableError):
    """A solver crashed, hung or answered what cannot be; the message names it, and it is not to be
    relied on here."""


class AnswerError(SolverError):
    """An answer does not fit its problem: a solver's fault or ours, never the caller's."""
