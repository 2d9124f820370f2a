"""Attacks by what files hold, by arguments, and by what stands where a command writes.

Names are in test_names.py, spoiled files in test_spoiled.py, foreign programs in
test_foreign_programs.py. Attacks on one part alone (kept steps, solvers, the sandbox, writing) are
beside the tests of that part.
"""

import base64
import json
import marshal
import os
import re
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import SHARED
from tests.hostile.models import CHANNELS, SHAPE, layers_named, write_images, write_named
from tests.hostile.names import PROGRAM
from tests.hostile.watch import Watched
from tests.keras_files import Spec, batch_norm, conv, signs, write_h5, write_keras

pytestmark = pytest.mark.slow

CASES = "cases/hostile"
ON_AND_OFF = pytest.mark.parametrize("terminal", [False, True])
SIZED = re.compile(r"\b(\d+)'d(\d+)\b")


def lambda_layer(name: str) -> Spec:
    """A Lambda whose code runs a program."""
    code = marshal.dumps(compile(f"__import__('os').system({PROGRAM!r})", "x", "eval"))
    function = [base64.b64encode(code).decode(), None, None]
    kept = {"function": function, "function_type": "lambda", "module": "x", "arguments": {}}
    return Spec("Lambda", name, kept)


@pytest.mark.needs_package("larq")
@ON_AND_OFF
def test_no_code_of_a_model_runs(place: Watched, terminal: bool) -> None:
    images = write_images(place.work / "d.npz")
    *layers, _, last = layers_named(["a", "b"])
    model = write_h5(place.work / "m.h5", [*layers, lambda_layer("flat"), last], SHAPE)
    with h5py.File(model, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        entry = next(one for one in config["config"]["layers"] if one["class_name"] == "Lambda")
        entry["registered_name"] = "Larq>Flatten"
        file.attrs["model_config"] = json.dumps(config)
    words = "verify", model, "--data", images, "--images", 1
    place.run(*words, terminal=terminal, codes=(2,), limit_s=120)


@pytest.mark.needs_package("larq")
def test_names_of_layers_through_verify(place: Watched) -> None:
    names = ["[bold]x[/bold]", f"$({PROGRAM})", "a\x1b[2Jb", "x\nFORGED", "\u202eabc", "%s%n"]
    model = write_named(place.work / "m.keras", names)
    words = "verify", model, "--data", write_images(place.work / "d.npz"), "--images", 1
    place.run(*words, terminal=True, limit_s=120)


def test_a_folder_of_the_users_is_not_replaced(place: Watched, tame: Path) -> None:
    words = "generate", tame / "m.h5", "--layers", "conv2", "-o"
    place.run(*words, place.user, codes=(2,))
    place.run(*words, place.user / "notes.txt", codes=(2,))


def test_what_the_user_put_beside_generated_files_stays(place: Watched, tame: Path) -> None:
    rtl = place.work / "rtl"
    words = "generate", tame / "m.h5", "--layers", "conv2", "-o", rtl
    place.run(*words, outputs=[rtl], codes=(0,))
    kept = {rtl / "pins.xdc": "mine", rtl / "sim" / "tb.v": "mine too", rtl / "conv2.v": "changed"}
    for path, text in kept.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    place.run(*words, outputs=[rtl])
    assert {path: path.read_text() for path in kept} == kept


def test_a_result_goes_through_a_link_and_into_a_device(place: Watched, tame: Path) -> None:
    link = place.user / "link.json"
    place.run("inspect", tame / "m.h5", "--json", link, outputs=[place.user / "report.json"])
    assert link.is_symlink()
    assert "layers" in json.loads(link.read_text())
    place.run("inspect", tame / "m.h5", "--json", "/dev/stdout", codes=(0,))
    assert Path("/dev/stdout").is_symlink()


@ON_AND_OFF
def test_no_link_of_a_file_is_followed(place: Watched, tame: Path, terminal: bool) -> None:
    other = shutil.copy(tame / "m.h5", place.user / "other.h5")
    os.mkfifo(place.user / "pipe")
    plan = "--plan", tame / "plan" / "plan.json"
    for target in (other, place.user / "pipe", "/dev/zero", "/etc/passwd"):
        model = Path(shutil.copy(tame / "m.h5", place.work / "m.h5"))
        with h5py.File(model, "r+") as file:
            del file["model_weights"]
            file["model_weights"] = h5py.ExternalLink(str(target), "/model_weights")
        place.run("inspect", model, terminal=terminal, codes=(2,), limit_s=20)
        place.run("apply", model, *plan, "-o", place.work / "out", terminal=terminal, codes=(2,))


def test_what_is_no_file_is_refused_at_once(place: Watched, tame: Path) -> None:
    pipe = place.work / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), Path("/dev/null"), place.work, place.work / "none"):
        for words in (
            ("inspect", path),
            ("evaluate", tame / "m.h5", "--plan", path, "--data", tame / "d.npz"),
            ("evaluate", tame / "m.h5", "--plan", tame / "plan" / "plan.json", "--data", path),
            ("report", path, "-o", place.work / "page.html"),
            ("report", tame / "plan", "--luts", path, "-o", place.work / "page.html"),
            ("synth", path),
        ):
            place.run(*words, codes=(2,), limit_s=20)


def test_other_members_of_an_archive(place: Watched, tame: Path) -> None:
    """They are copied only if that can be done, and within limits."""
    plan, out = tame / "plan" / "plan.json", place.work / "out.keras"
    for name, content, spoiled in (
        ("../../user/notes.txt", b"x", {}),
        ("assets/big", bytes(2**28), {}),
        *(("assets/x", b"hello" * 99, {8: value}) for value in (1, 12, 93, 99)),  # the method
        ("assets/x", b"hello" * 99, {6: 1}),  # encrypted
        ("assets/x", b"hello" * 99, {14: 77}),  # another checksum
        (f"$({PROGRAM})\x1b[2J", b"x", {}),
    ):
        model = Path(shutil.copy(tame / "m.keras", place.work / "m.keras"))
        with zipfile.ZipFile(model, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        raw = bytearray(model.read_bytes())
        for mark, more in ((b"PK\3\4", 0), (b"PK\1\2", 2)):
            for offset, value in spoiled.items():
                raw[raw.rfind(mark) + offset + more] = value
        model.write_bytes(raw)
        place.run("apply", model, "--plan", plan, "-o", out, outputs=[out], terminal=True)


def test_constants_of_a_wide_map_are_not_cut(place: Watched) -> None:
    rng, rtl = np.random.default_rng(0), place.work / "rtl"
    layers = [
        conv("first", signs(rng, 1, 3, 1, CHANNELS), input_quantizer=None, padding="same"),
        batch_norm("norm", [0] * CHANNELS),
        conv("wide", signs(rng, 1, 3, CHANNELS, CHANNELS), padding="same"),
        batch_norm("norm2", [0] * CHANNELS),
    ]
    model = write_keras(place.work / "m.keras", layers, (1, 65_537, 1))
    ended = place.run("generate", model, "--layers", "wide", "-o", rtl, outputs=[rtl])
    constants = [
        (int(width), int(value))
        for file in rtl.glob("*.v")
        for width, value in SIZED.findall(file.read_text())
    ]
    assert ended.code == 2 or max(value for _, value in constants) >= 65_536
    assert all(value < 2**width for width, value in constants)


def test_a_long_chain_of_batch_normalisations_ends(place: Watched) -> None:
    first, _, *rest = layers_named(["a", "b"])
    rng = np.random.default_rng(0)
    chain = [
        batch_norm(f"norm{n}", rng.normal(size=2), rng.uniform(0.5, 2, 2), gamma=rng.normal(size=2))
        for n in range(12)
    ]
    model = write_keras(place.work / "m.keras", [first, *chain, *rest], SHAPE)
    place.run("inspect", model, limit_s=30)


ARGUMENTS = (
    *(("optimize", "m.h5", "--max-acc-loss", n, "-o", "x") for n in ("inf", "nan", "-1", "1e999")),
    *(("optimize", "m.h5", "--max-acc-loss", 5, "--seed", n, "-o", "x") for n in (-1, 2**70)),
    *(("synth", "plan", "--time-limit", n) for n in ("nan", "inf", "0", "1e400")),
    ("generate", "m.h5", "--verify", "--images", 10**20, "-o", "x"),
    ("generate", "m.h5", "--layers", "conv2", "-o", "d.npz"),
    ("generate", "m.h5", "--layers", "conv2", "-o", "plan/plan.json"),
    ("generate", "m.h5", "--layers", "conv2", "--fold", 100_000, "-o", "x"),
    ("inspect", "m.h5", "--rescale", "1e999999999,0"),
    ("inspect", "m.h5", "--rescale", "nan,inf"),
    ("inspect", "m.h5", "--rescale", "1/0,0"),
    ("inspect", "m.h5", "--json", "d.npz/x"),
)


@pytest.mark.parametrize("words", ARGUMENTS, ids=lambda words: " ".join(map(str, words)))
def test_arguments_that_cannot_be_used(place: Watched, tame: Path, words: tuple[object]) -> None:
    for name in ("m.h5", "d.npz"):
        shutil.copy(tame / name, place.work / name)
    shutil.copytree(tame / "plan", place.work / "plan")
    place.run(*words, codes=(2,), limit_s=30)


@pytest.mark.needs_shared(f"{CASES}/07_terminal_skips_guard")
@ON_AND_OFF
def test_files_that_crash_hdf5(place: Watched, terminal: bool) -> None:
    for path in sorted((SHARED / CASES / "07_terminal_skips_guard").glob("*.h5")):
        place.run("analyze", path, terminal=terminal)


@pytest.mark.needs_shared(f"{CASES}/13_batchnorm_chain")
def test_files_with_chains_of_batch_normalisations(place: Watched) -> None:
    for path in sorted((SHARED / CASES / "13_batchnorm_chain").glob("*.h5")):
        place.run("inspect", path, limit_s=30)


@pytest.mark.needs_shared(f"{CASES}/15_npz/files")
@ON_AND_OFF
def test_files_that_spoil_images(place: Watched, terminal: bool) -> None:
    model, plan = SHARED / CASES / "lib" / "small.h5", SHARED / CASES / "lib" / "plan.json"
    for path in sorted((SHARED / CASES / "15_npz" / "files").glob("*.npz"))[terminal::2]:
        place.run("evaluate", model, "--plan", plan, "--data", path, terminal=terminal)
