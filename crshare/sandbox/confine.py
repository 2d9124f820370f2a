"""A process takes its own rights away, for good: memory, time, files, the network.

The limits are the system's everywhere; Linux also shuts files (Landlock), sockets
and new processes (seccomp).
Where a kernel has neither, the limits alone remain.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import crshare

# Landlock's calls have the same numbers on every processor; rights are numbered bits.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF, PATH_BENEATH = 444, 445, 446, 1
RIGHTS_BY_VERSION = {1: 2**13 - 1, 2: 2**14 - 1, 3: 2**15 - 1, 5: 2**16 - 1}
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL = 1, 2, 4, 8, 2**14, 2**15
REMOVE, MAKE = 2**4 | 2**5, 2**7 | 2**8  # folders and regular files
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL
READ = EXECUTE | READ_FILE | READ_DIR
CHANGE = WRITE_FILE | READ_FILE | READ_DIR | TRUNCATE | REMOVE | MAKE
TCP, SCOPES = 3, 3  # bind and connect; abstract sockets and signals
SYSTEM = ("/usr", "/lib", "/lib64", "/proc", "/sys", "/dev/urandom", "/etc/ld.so.cache")

PDEATHSIG, SECCOMP, NO_NEW_PRIVS, FILTER = 1, 22, 38, 2  # of prctl
# Of each machine: its number in seccomp; its calls for new sockets (and io_uring, a way around);
# those for new processes and threads.
MACHINES = {
    "x86_64": (0xC000003E, (41, 425), (56, 57, 58, 435)),
    "aarch64": (0xC00000B7, (198, 425), (220, 435)),
}
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
FORBID, ALLOW = 0x00050001, 0x7FFF0000
SECOND_TABLE = 2**30  # where x86_64 has all calls a second time


def confine(limits: Mapping[str, Any]) -> None:
    """Live within `limits` (the fields of sandbox.Limits) from now on, as do all children."""
    _limit(limits)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        _call(libc.prctl, PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _call(libc.prctl, NO_NEW_PRIVS, 1, 0, 0, 0)
        _shut_files(libc.syscall, _open_places(limits))
        _shut_calls(libc.prctl, alone=not limits["opens_files"])


def _limit(limits: Mapping[str, Any]) -> None:
    for what, most in (
        (resource.RLIMIT_AS, _held_bytes() + limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["processor_s"]),
        (resource.RLIMIT_FSIZE, limits["written_bytes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(OSError, ValueError):  # a lower limit of the user's stays
            resource.setrlimit(what, (most, most + 1))  # the first tells why, the second ends


def _held_bytes() -> int:
    """What the process has already; nothing where the system does not tell."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 0


def _open_places(limits: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Paths that stay open, with what may be done below them."""
    packages = [path for path in sys.path if path.endswith("-packages")]
    root = Path(str(crshare.__file__)).parents[1]
    own = [str(root / name) for name in ("crshare", "solver", "hwgen")]
    for path in (*packages, *own, str(Path(os.__file__).parent)):
        yield path, READ  # modules are imported late in many places
    if limits["opens_files"]:
        for path in (*SYSTEM, sys.prefix):
            yield path, READ
        yield "/dev/null", READ_FILE | WRITE_FILE
    if limits["folder"] is not None:
        yield limits["folder"], CHANGE


def _shut_files(syscall: Any, places: Iterator[tuple[str, int]]) -> None:
    version = syscall(CREATE_RULESET, None, 0, 1)
    if version < 1:
        return
    handled = RIGHTS_BY_VERSION[max(known for known in RIGHTS_BY_VERSION if known <= version)]
    others = TCP if version >= 4 else 0, SCOPES if version >= 6 else 0
    attributes = struct.pack("=QQQ", handled, *others)
    ruleset = _call(syscall, CREATE_RULESET, attributes, len(attributes), 0)
    for path, allowed in places:
        with suppress(FileNotFoundError):
            below = os.open(path, os.O_PATH)
            allowed &= handled if Path(path).is_dir() else handled & OF_FILES
            rule = struct.pack("=Qi", allowed, below)
            _call(syscall, ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
            os.close(below)
    _call(syscall, RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _shut_calls(prctl: Any, *, alone: bool) -> None:
    """No new socket of any kind; alone: no process or thread either."""
    if platform.machine() not in MACHINES or struct.calcsize("P") < 8:
        return
    machine, sockets, processes = MACHINES[platform.machine()]
    forbid = (RETURN, 0, 0, FORBID)
    code = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, machine), forbid]
    code += [(LOAD, 0, 0, 0), (AT_LEAST, 0, 1, SECOND_TABLE), forbid]
    for call in sockets + processes * alone:
        code += [(EQUAL, 0, 1, call), forbid]
    code.append((RETURN, 0, 0, ALLOW))
    filters = b"".join(struct.pack("=HBBI", *line) for line in code)
    held = ctypes.create_string_buffer(filters)
    program = struct.pack("@HP", len(code), ctypes.addressof(held))
    with suppress(OSError):  # a kernel without seccomp
        _call(prctl, SECCOMP, FILTER, program, 0, 0)


def _call(function: Any, *arguments: int | bytes) -> int:
    result = function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"the sandbox cannot be shut ({arguments[0]!r})")
    return int(result)
