"""Ctrl-C and SIGTERM: a command ends within seconds, whatever it is at, and says how to go on."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import click

from crshare.printable import printable
from crshare.process_tree import descendants, kill

SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}
GRACE_S = 1.0  # for files that are half-written to be removed; code that does not return is left
ADVICE = "advice"
CLEAR = "\x1b[?25h\r\x1b[2K"  # the cursor back, the line of a progress bar away


class Stopped(BaseException):
    """A signal came that ends the command. No KeyboardInterrupt: nobody but us catches it."""


def going_on(advice: str) -> None:
    """How to go on with the running command, once it was stopped: a clause without a full stop."""
    click.get_current_context().ensure_object(dict)[ADVICE] = advice


@contextmanager
def stoppable(told: Mapping[str, str]) -> Iterator[None]:
    """End the process on a signal: by an exception, or after GRACE_S without waiting for it.

    told: the object of the command's context, where `going_on` leaves its advice.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came, below = list[int](), list[int]()

    def stop(number: int, frame: object) -> None:
        came.append(number)
        below.extend(descendants())  # before one between goes, and leaves its own to nobody
        if len(came) > 1:
            _end(came[0], told, below)
        raise Stopped

    with _watched(told, below), _hushed(), _handled(stop):
        try:
            yield
        except Stopped:
            with suppress(Exception):
                sys.stdout.flush()
            _end(came[0], told, below)


@contextmanager
def _handled(stop: Any) -> Iterator[None]:
    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _hushed() -> Iterator[None]:
    """Where Python can but show what a signal raised, as in a destructor, the thread ends all."""
    show = sys.unraisablehook
    sys.unraisablehook = lambda lost: None if lost.exc_type is Stopped else show(lost)
    try:
        yield
    finally:
        sys.unraisablehook = show


@contextmanager
def _watched(told: Mapping[str, str], below: Sequence[int]) -> Iterator[None]:
    """A thread that hears of signals even while native code keeps this one from handling them."""
    heard, ringing = os.pipe()
    os.set_blocking(ringing, False)
    before = signal.set_wakeup_fd(ringing, warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(heard, told, below), daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(ringing)
        watch.join()


def _watch(heard: int, told: Mapping[str, str], below: Sequence[int]) -> None:
    with os.fdopen(heard, "rb", buffering=0) as numbers:
        while number := numbers.read(1):
            if number[0] in SIGNALS:
                time.sleep(GRACE_S)
                _end(number[0], told, below)


def _end(number: int, told: Mapping[str, str], below: Sequence[int]) -> NoReturn:
    """Leave nothing running, tell, and end without the clean-up that might wait for something."""
    kill([*below, *descendants()])
    advice = told.get(ADVICE, "run the same command again to start over")
    line = printable(f"crshare: {SIGNALS[signal.Signals(number)]}; {advice}") + "\n"
    with suppress(OSError):
        os.write(2, (CLEAR * os.isatty(2) + line).encode(errors="backslashreplace"))
    os._exit(128 + number)
