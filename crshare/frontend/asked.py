"""What the sandbox makes of a file, and the one way in which asking it fails."""

from collections.abc import Callable
from typing import Any

from crshare.errors import ModelFormatError
from crshare.sandbox.call import Limits, call
from crshare.sandbox.process import NO_ANSWER, SandboxError

BUSY = 60  # times as long on a busy machine


def asked(
    function: str,
    payload: dict[str, object],
    sound: Callable[[Any], bool],
    *,
    size: int,
    seconds: int,
    what: str,
    advice: str,
    always: bool = False,
) -> Any:
    """The answer of a function of the sandbox to bytes of a file; each failure is one sentence.

    sound: whether an answer is one. size: bytes that are read. seconds: of a processor. what: the
    file should be. always: whether the advice follows what the function itself refuses, too.
    ModelFormatError without the file's name.
    """
    limits = Limits(2**30 + 8 * size, processor_s=seconds, wall_s=BUSY * seconds)
    try:
        answer = call(function, payload, limits)
        if not sound(answer):
            raise SandboxError(NO_ANSWER)
        return answer
    except SandboxError as error:
        raise ModelFormatError(f"is no readable {what} ({error}); {advice}") from error
    except ModelFormatError as error:
        if always:
            raise ModelFormatError(f"{error}; {advice}") from error
        raise


def is_content(answer: Any) -> bool:
    """Whether an answer is the bytes of a file."""
    return isinstance(answer, bytes)
