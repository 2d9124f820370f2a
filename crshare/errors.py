"""Errors that the user can correct: each says what, where, and what to do."""

from crshare.printable import visible

DAMAGED = "the file is damaged, or of a kind that crshare does not know"


class CrshareError(Exception):
    """Base of every error that is the user's to mend; the command line prints it and returns 2.

    Its text is one visible line, whatever names of a file it holds.
    """

    def __str__(self) -> str:
        return visible(super().__str__())


class ArgumentError(CrshareError):
    """A number or a path that a job was given is none that it can work with."""


class ModelFormatError(CrshareError):
    """A model file lacks what crshare needs, or holds what it cannot read."""


class NetworkError(CrshareError):
    """The layers of a network do not fit together."""


class PlanError(CrshareError):
    """A sharing plan is malformed, or belongs to another model."""


class DataError(CrshareError):
    """A file of images is missing, malformed, or does not fit the network."""


class OutputError(CrshareError):
    """A result cannot be written where the user asked for it."""


class HardwareError(CrshareError):
    """A network, or a part of it, has no hardware of the kind that was asked for."""
