"""A folder of the user's in which commands run: what they may write, show and run is checked.

Layout: bin/ with the canary program, first on the PATH; user/ with files that no command may touch;
work/, where commands run and write what they are asked for.
"""

import os
import re
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.names import FORGED, PROGRAM
from tests.hostile.served import Asked, Ended, Server

RAN = "RAN"
OWN = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-2]?K|\x1b\[\d*[AG]|\r?\n|\r")
NOT_SHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, bidi and zero width, surrogates, line ends
USERS = {
    "report.json": '{"mine": 1}',
    "plan.json": "my plan",
    "files.f": "top.v\n",
    "top.v": "module top; endmodule\n",
    "notes.txt": "notes",
    ".hidden": "x",
    "steps/0000.json": "{}",
    "deep/er/constraints.xdc": "create_clock",
}

State = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Watched:
    """The folder, and the server that runs commands in it."""

    root: Path
    server: Server

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def user(self) -> Path:
        return self.root / "user"

    def run(
        self, *arguments: object, outputs: Iterable[Path] = (), terminal: bool = False,
        codes: tuple[int, ...] = (0, 2), limit_s: float = 60.0,
    ) -> Ended:  # fmt: skip
        """Run a command; AssertionError where it did anything but write `outputs` and tell so."""
        ended, found = self.observe(
            *arguments, outputs=outputs, terminal=terminal, codes=codes, limit_s=limit_s
        )
        assert found == [], f"{found} {arguments} {ended.said[-1500:]}"
        return ended

    def observe(
        self, *arguments: object, outputs: Iterable[Path] = (), terminal: bool = False,
        codes: tuple[int, ...] = (0, 2), limit_s: float = 60.0,
    ) -> tuple[Ended, list[str]]:  # fmt: skip
        """What became of a command, and all that it must not have done."""
        words = [str(argument) for argument in arguments]
        environment = {"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}
        before = state(self.root)
        ended = self.server.run(Asked(words, str(self.work), terminal, limit_s, environment))
        after = state(self.root)
        found = ["a name was run"] if RAN in after else []
        found += lost(before, after, self.root, outputs)
        found += [] if ended.code in codes else [f"exit {ended.code}"]
        return ended, found + faults(ended, terminal=terminal)


def watched(root: Path, server: Server) -> Watched:
    """A new folder of that kind."""
    program = root / "bin" / PROGRAM
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n: > '{root / RAN}'\n")
    program.chmod(0o755)
    for name, text in USERS.items():
        file = root / "user" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "user" / "link.json").symlink_to("report.json")
    (root / "work").mkdir()
    return Watched(root, server)


def state(root: Path) -> State:
    """What tells whether a file was written or replaced, by path; of folders only that they are."""
    found = State()
    for path in root.rglob("*"):
        now = path.lstat()
        whole = (now.st_mode, now.st_ino, now.st_size, now.st_mtime_ns)
        found[str(path.relative_to(root))] = whole[:2] if stat.S_ISDIR(now.st_mode) else whole
    return found


def lost(before: State, after: State, root: Path, outputs: Iterable[Path]) -> list[str]:
    """What changed, came or went and was not asked for."""
    asked = [path.relative_to(root) for path in outputs]
    return [
        f"changed {name}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
        and not any(Path(name).is_relative_to(one) for one in asked)
    ]


def faults(ended: Ended, *, terminal: bool) -> list[str]:
    """What a command must not have said."""
    shown = ended.out + ended.err
    plain = OWN.sub("\n", shown) if terminal else shown
    found = [f"raw {one!r}" for one in dict.fromkeys(plain) if is_raw(one)]
    found += [line for line in plain.split("\n") if line.startswith(FORGED)]
    if "Traceback" in shown:
        found.append("a traceback")
    if ended.code == 2 and not is_one_sentence(ended):
        found.append("no single sentence")
    return found


def is_raw(one: str) -> bool:
    return one != "\n" and unicodedata.category(one) in NOT_SHOWN


def is_one_sentence(ended: Ended) -> bool:
    """One line of crshare's, or click's usage with one line of error."""
    lines = OWN.sub("\n", ended.said).rstrip("\n").split("\n")
    starts = [line for line in lines if line.startswith(("crshare: ", "Error: "))]
    return len(starts) == 1 and lines[-1] == starts[0]
