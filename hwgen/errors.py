"""The errors of hardware generation that are the user's to mend."""


class HwgenError(Exception):
    """Base of every error that is the user's to mend."""


class NetlistError(HwgenError):
    """A netlist breaks its own law."""


class ToolError(HwgenError):
    """A simulator or synthesis tool is missing, or did not do its work."""


class TimeLimitError(ToolError):
    """A foreign program did not end within its time."""
