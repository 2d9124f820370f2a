"""The watch itself: it sees what runs, what is shown raw and what is changed."""

from pathlib import Path

import pytest

from tests.hostile.names import PROGRAM
from tests.hostile.served import Ended, Server
from tests.hostile.watch import Watched, faults, lost, state, watched

pytestmark = pytest.mark.slow


def said(out: str, code: int = 0, err: str = "") -> Ended:
    return Ended(code, out, err, 0.0, 0.0, 0)


@pytest.mark.needs_tool("yosys")
def test_a_program_that_runs_is_seen(place: Watched, tame: Path) -> None:
    rtl, yosys = place.work / "rtl", place.root / "bin" / "yosys"
    place.run("generate", tame / "m.h5", "--layers", "conv2", "-o", rtl, outputs=[rtl])
    yosys.write_text(f"#!/bin/sh\n{PROGRAM}\nexit 1\n")
    yosys.chmod(0o755)
    _, found = place.observe("synth", rtl)
    assert found == ["a name was run", "changed RAN"]


def test_a_file_that_is_changed_replaced_or_lost_is_seen(tmp_path: Path) -> None:
    place = watched(tmp_path / "all", Server())
    before = state(place.root)
    (place.user / "notes.txt").write_text("nodes")
    (place.user / "top.v").unlink()
    (place.user / "link.json").unlink()
    (place.user / "link.json").symlink_to("report.json")
    (place.work / "out").write_text("asked for")
    changed = lost(before, state(place.root), place.root, [place.work / "out"])
    names = ("link.json", "notes.txt", "top.v")
    assert changed == [f"changed user/{name}" for name in names]


@pytest.mark.parametrize(
    ("ended", "terminal", "found"),
    [
        (said("\x1b[1mbold\x1b[0m\r\n\x1b[2K\x1b[?25h"), True, []),
        (said("\x1b[1mbold\x1b[0m\n"), False, ["raw '\\x1b'"]),
        (said("\x1b]0;title\x07"), True, ["raw '\\x1b'", "raw '\\x07'"]),
        (said("a\u202eb\x85\ud800"), False, ["raw '\\u202e'", "raw '\\x85'", "raw '\\ud800'"]),
        (said("a\nFORGED: b"), False, ["FORGED: b"]),
        (said("", 2, "crshare: one sentence\n"), False, []),
        (said("", 2, "crshare: two\nlines\n"), False, ["no single sentence"]),
        (said("", 2), False, ["no single sentence"]),
        (said("", 1, "Traceback (most recent call last):\n"), False, ["a traceback"]),
    ],
)
def test_what_is_said(ended: Ended, terminal: bool, found: list[str]) -> None:
    assert faults(ended, terminal=terminal) == found
