"""The one error of this package: what was asked cannot be, told so that it can be mended."""


class AdderGraphError(ValueError):
    """A matrix, an option, a text or a graph breaks the rules of adder graphs."""
