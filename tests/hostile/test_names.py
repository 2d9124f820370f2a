"""Odd names through every command: nothing runs, nothing is shown raw, nothing else is written.

What each command must not do is in tests/hostile/watch.py; what it must, here.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.models import SHAPE, layers_named, write_images, write_named
from tests.hostile.names import KEYWORDS, NAMES, PROGRAM, is_file_name, is_text
from tests.hostile.served import ROOT, Asked, Server
from tests.hostile.watch import Watched
from tests.keras_files import Spec, write_keras

pytestmark = pytest.mark.slow

ODD = tuple(name for name in NAMES if name not in KEYWORDS)
PER_MODEL = 42
NAMED = tuple(name for name in NAMES if name)  # a layer without a name is refused
PARTS = tuple(NAMED[first : first + PER_MODEL] for first in range(0, len(NAMED), PER_MODEL))
VERIFIED = range(0, len(PARTS), 4)


def test_there_are_names_enough() -> None:
    assert len(NAMES) >= 500
    assert max(map(len, NAMES)) == 10_000


@pytest.mark.parametrize("number", range(len(PARTS)))
def test_names_of_layers_through_every_command(place: Watched, number: int, tags: set[str]) -> None:
    work, terminal = place.work, number % 2 == 0
    model = write_named(work / "m.keras", PARTS[number])
    images = write_images(work / "d.npz")
    out, rtl, page = work / "out", work / "rtl", work / "page.html"
    plan = out / "plan.json"
    for words, output in (
        (("inspect", model, "--json", work / "i.json"), work / "i.json"),
        (("analyze", model, "--html", page), page),
        (("optimize", model, "--max-acc-loss", 0, "--data", images, "-o", out), out),
        (("evaluate", model, "--plan", plan, "--data", images), work / "none"),
        (("apply", model, "--plan", plan, "-o", work / "new.keras"), work / "new.keras"),
        (("report", out, "--channel", f"{PARTS[number][0]}:0", "--model", model), out),
        (("generate", model, "--plan", plan, "-o", rtl, *verifying(number)), rtl),
    ):
        place.run(*words, outputs=[output], terminal=terminal, codes=(0,))
    for html in (page, out / "report.html"):
        assert Tags(html).found <= tags
    compiles(rtl)


def verifying(number: int) -> tuple[str, ...]:
    if number not in VERIFIED or shutil.which("iverilog") is None:
        return ()
    return "--verify", "--simulator", "icarus", "--images", "1"


def compiles(rtl: Path) -> None:
    """Names neither end a comment nor break a tool, and each layer keeps a file of its own."""
    names = (rtl / "files.f").read_text().split()
    for name in names:
        for line in (rtl / name).read_text().splitlines():
            assert PROGRAM not in line.partition("//")[0], line
    if shutil.which("iverilog") is not None:
        words = ["iverilog", "-g2012", "-o", os.devnull, *names]
        done = subprocess.run(words, cwd=rtl, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:2000]


class Tags(HTMLParser):
    """What a page is made of: its tags, each with the names of its attributes."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found = set[str]()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag} {name}" for name, _ in attrs)}


@pytest.fixture(scope="module")
def tags(tame: Path, server: Server, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Of pages on which no name is odd."""
    work = tmp_path_factory.mktemp("pages")
    model = write_named(work / "m.keras", [f"layer{number}" for number in range(PER_MODEL)])
    out, page = work / "out", work / "page.html"
    channel = "--channel", "layer0:0", "--model", str(model)
    found = set[str]()
    for words in (
        ("analyze", str(model), "--html", str(page)),
        ("optimize", str(model), "--max-acc-loss", "0", "--data", f"{tame}/d.npz", "-o", str(out)),
        ("report", str(out), "-o", str(page), *channel),
        ("report", str(tame / "plan"), "-o", str(page)),
    ):
        assert server.run(Asked(words, str(work))).code == 0
        found |= Tags(page).found if page.exists() else set()
    return found


def odd_layer(number: int, name: str) -> list[Spec]:
    """Layers with the name where a word of Keras is expected."""
    first, norm, layer, *rest = layers_named(["a", "b"])
    changes: tuple[dict[str, Any], ...] = (
        {"class_name": name},
        {"config": {**layer.config, "activation": name}},
        {"config": {**layer.config, "padding": name}},
        {"config": {**layer.config, "data_format": name}},
        {"config": {**layer.config, "dtype": name}},
        {"config": {**layer.config, "input_quantizer": {"class_name": name, "config": {}}}},
        {"config": {**layer.config, "kernel_quantizer": name}},
        {"config": {**layer.config, name: name, "strides": name}},
    )
    return [first, norm, replace(layer, **changes[number % len(changes)]), *rest]


def test_names_where_keras_has_words(place: Watched) -> None:
    for number, name in enumerate(filter(is_text, ODD[::6])):
        model = write_keras(place.work / "m.keras", odd_layer(number, name), SHAPE)
        place.run("inspect", model, terminal=number % 4 < 2)


def test_names_of_files(place: Watched, tame: Path) -> None:
    for number, name in enumerate(filter(is_file_name, ODD[::5])):
        work = place.work / "one"
        work.mkdir()
        model, plan, data = (work / f"{name}{end}" for end in (".keras", ".json", ".npz"))
        out = work / f"{name}.out"
        shutil.copy(tame / "m.keras", model)
        shutil.copy(tame / "plan" / "plan.json", plan)
        shutil.copy(tame / "d.npz", data)
        words = (
            ("evaluate", model, "--plan", plan, "--data", data, "--json", out),
            ("generate", model, "--layers", "conv2", "--combinational", "-o", out),
            ("apply", model, "--plan", plan, "-o", out),
            ("optimize", model, "--max-acc-loss", 0, "--data", data, "-o", out),
            ("report", shutil.copytree(tame / "plan", work / name), "-o", out),
            ("inspect", work / "none" / name),
        )[number % 6]
        place.run(*words, outputs=[out], terminal=number % 4 < 2, codes=(2 * (number % 6 == 5),))
        shutil.rmtree(work)


def test_names_in_plans(place: Watched, tame: Path) -> None:
    text = (tame / "plan" / "plan.json").read_text()
    for number, name in enumerate(ODD[::8]):
        plan = place.work / "plan.json"
        old = ("m.h5", "conv1", "crshare-plan", "conv2")[number % 4]
        plan.write_text(text.replace(f'"{old}"', json.dumps(name)))
        words = "evaluate", tame / "m.h5", "--plan", plan, "--data", tame / "d.npz"
        place.run(*words, terminal=number % 8 < 4)


def test_names_in_reports(place: Watched, tame: Path, tags: set[str]) -> None:
    shutil.copytree(tame / "plan", place.work / "plan")
    page, drawn = place.work / "page.html", 0
    for number, name in enumerate(ODD[::5]):
        for file in ("report.json", "times.json"):
            text = json.loads((tame / "plan" / file).read_text())
            (place.work / "plan" / file).write_text(json.dumps(renamed(text, name)))
        words = "report", place.work / "plan", "-o", page
        ended = place.run(*words, outputs=[page], terminal=number % 2 == 0)
        if ended.code == 0:
            drawn += 1
            assert Tags(page).found <= tags, name
    assert drawn > len(ODD) / 10


def renamed(document: Any, name: str) -> Any:
    """With the name in place of all that says what something is called, layers but one too."""
    if isinstance(document, list):
        return [renamed(item, name) for item in document]
    if not isinstance(document, dict):
        return name if document == "conv1" else document
    free = ("library", "command", "images", "stage", "chosen_on", "verdict")
    return {
        key: name if key in free and isinstance(value, str) else renamed(value, name)
        for key, value in document.items()
    } | ({"model": name} if "model" in document else {})


def test_names_in_arguments(place: Watched, tame: Path) -> None:
    for number, name in enumerate(filter(is_file_name, ODD[::6])):
        model, plan = tame / "m.h5", tame / "plan"
        words = (
            ("inspect", model, f"--sign-layer={name}"),
            ("inspect", model, f"--rescale={name}"),
            ("generate", model, f"--layers={name}", "-o", place.work / "rtl"),
            ("report", plan, f"--channel={name}:0", "--model", model, "-o", place.work / "p.html"),
            ("report", plan, f"--channel={name}", "-o", place.work / "p.html"),
        )[number % 5]
        place.run(*words, terminal=number % 2 == 0)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_served_command_ends_as_one_by_itself(place: Watched, terminal: bool) -> None:
    """The forked server, which makes this file fast, proves what a new process would."""
    model = write_named(place.work / "m.keras", PARTS[0])
    served = place.run("inspect", model, terminal=terminal)
    words = [sys.executable, "-m", "crshare", "inspect", str(model)]
    shell = ["script", "-qec", shlex.join(words), "/dev/null"]
    done = subprocess.run(
        shell if terminal else words, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, "TERM": "xterm-256color"},
    )  # fmt: skip
    assert done.returncode == served.code
    assert done.stdout.replace("\r", "") == served.out.replace("\r", "")
