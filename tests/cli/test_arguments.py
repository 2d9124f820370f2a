"""Arguments that no command can work with end it at once: code 2, and nothing is written."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import crshare
from crshare.cli import main
from crshare.cli.arguments import rescaling
from crshare.errors import ArgumentError
from crshare.hardware.lowering import Options
from crshare.limits import POINTS, SEED

OUTSIDE = ("nan", "inf", "-inf", "-1", "1e20", "99999999999999999999", "x")
NUMBERS = {
    "optimize": ("--max-acc-loss", "--time-limit", "--workers", "--seed"),
    "generate": ("--pipeline", "--max-luts", "--fold", "--beat", "--images"),
    "synth": ("--time-limit",),
    "verify": ("--images",),
    "finetune": ("--rate", "--distill", "--epochs", "--batch", "--seed", "--held-out", "--shift"),
    "train": (
        *("--rate", "--last-rate", "--epochs", "--batch", "--seed", "--held-out", "--shift"),
        "--frames",
    ),
}
OPTIONS = [(command, option) for command, options in NUMBERS.items() for option in options]


def refusal(*arguments: object) -> str:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 2, (arguments, done.output)
    return done.output


@pytest.mark.slow
@pytest.mark.parametrize("value", OUTSIDE)
@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_numbers_out_of_range_are_refused(command: str, option: str, value: str) -> None:
    said = refusal(command, f"{option}={value}")
    assert said.splitlines()[-1].startswith(f"Error: Invalid value for '{option}': ")


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_help_tells_the_range(command: str, option: str) -> None:
    (parameter,) = (p for p in main.commands[command].params if option in p.opts)
    described = parameter.type._describe_range()  # type: ignore[attr-defined]
    assert described.count("<") == 2
    assert described in " ".join(CliRunner().invoke(main, [command, "--help"]).output.split())


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A folder with what is no regular file, and a file."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to(os.devnull)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return tmp_path


READ = {
    "inspect": ("{}",),
    "analyze": ("{}",),
    "optimize": ("{}", "--max-acc-loss", 0),
    "evaluate --plan": ("MODEL", "--plan", "{}", "--data", "none.npz"),
    "evaluate --data": ("MODEL", "--plan", "none.json", "--data", "{}"),
    "optimize --data": ("MODEL", "--max-acc-loss", 0, "--data", "{}"),
    "optimize --calib": ("MODEL", "--max-acc-loss", 0, "--calib", "{}"),
    "generate --plan": ("MODEL", "--plan", "{}", "-o", "none"),
    "report": ("{}",),
    "report --model": ("none", "--model", "{}"),
    "synth": ("{}",),
    "synth --against": ("none", "--against", "{}"),
}
KINDS = {"pipe": "is a pipe", "device": "is a device", "loop": "cannot be used"}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("case", READ)
def test_what_cannot_be_read_is_told_before_it_is_opened(
    strange: Path, model: Path, case: str, name: str
) -> None:
    path = strange / name
    words = {"MODEL": model, "{}": path}
    said = refusal(case.split()[0], *(words.get(str(word), word) for word in READ[case]))
    assert said.startswith(f"crshare: {path}: {KINDS[name]}")
    assert said.count("\n") == 1


@pytest.mark.parametrize("case", ["evaluate --plan", "evaluate --data"])
def test_a_folder_is_no_file(strange: Path, model: Path, case: str) -> None:
    path = strange / "folder"
    words = {"MODEL": model, "{}": path}
    said = refusal(case.split()[0], *(words.get(str(word), word) for word in READ[case]))
    assert said == f"crshare: {path}: is a folder; expected a regular file\n"


FOLDERS = {
    "optimize": ("MODEL", "--max-acc-loss", 0),
    "generate": ("MODEL",),
    "finetune": ("MODEL", "--plan", "none.json", "--data", "none.npz"),
    "train": ("digits", "--data", "none.npz"),
}


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize("command", FOLDERS)
def test_an_output_folder_that_is_a_file_is_refused(
    strange: Path, model: Path, command: str, below: bool
) -> None:
    file = strange / "file"
    path = file / "below" / "it" if below else file
    given = [model if word == "MODEL" else word for word in FOLDERS[command]]
    assert refusal(command, *given, "-o", path) == (
        f"crshare: {path}: cannot be written ({file} is a regular file, no folder); choose another "
        "place\n"
    )
    assert file.read_text() == "in the way"


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_an_output_file_that_is_a_folder_is_refused(
    strange: Path, model: Path, option: str
) -> None:
    path = strange / "folder"
    said = refusal("analyze", model, option, path)
    assert said == f"crshare: {path}: cannot be written (is a folder); name a file\n"


def test_the_default_folder_is_looked_at_before_the_search(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("crshare-out").write_text("in the way")
    said = refusal("optimize", model, "--max-acc-loss", 0)
    assert said.startswith("crshare: crshare-out/small: cannot be written (")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    ["1e999999999,0", "1,1e-999999999", "1/1e999999999,0", "nan,0", "inf,0", "1", "1,2,3", "1/0,0",
     f"{'9' * 5000},0", "1/3/3,0", "", ","],
)  # fmt: skip
def test_a_rescaling_that_is_none_is_refused_at_once(text: str) -> None:
    with pytest.raises(ArgumentError) as error:
        rescaling(text)
    assert str(error.value) == (
        f"--rescale {text[:60]}: expected SCALE,OFFSET as in 1/127.5,-1 or 1/255,0"
    )


RESCALES = [
    (1 / 255, 0.0),
    (float("nan"), 0),
    (Fraction(1, 255),),
    (1, 2, 3),
    (1, None),
    (Fraction(10) ** 400, 0),
    (1, Fraction(1, 10**400)),
    "1/255,0",
]


@pytest.mark.parametrize("rescale", RESCALES)
def test_a_rescaling_from_python_is_exact_and_of_fair_size(model: Path, rescale: Any) -> None:
    with pytest.raises(ArgumentError) as error:
        crshare.load(model, rescale=rescale)
    assert str(error.value) == (
        f"rescale {str(rescale)[:60]}: expected two exact numbers of fair size, as in "
        "(Fraction(1, 255), Fraction(0))"
    )


@pytest.mark.slow
@pytest.mark.parametrize("index", ["9" * 5000, "-1", "1.0", "²", "٣", ""])
def test_a_channel_is_a_short_number(tmp_path: Path, optimized: Path, index: str) -> None:
    said = refusal("report", optimized, "--model", tmp_path / "none", "--channel", f"conv2:{index}")
    assert said.endswith(": expected LAYER:INDEX as in conv2:5\n")


def test_a_rescaling_is_exact() -> None:
    assert rescaling("1/127.5,-1") == (Fraction(2, 255), Fraction(-1))
    assert rescaling("3.90625e-3, 0.5") == (Fraction(1, 256), Fraction(1, 2))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e-9, 100.5, "1", None])
def test_the_python_api_keeps_the_same_limits(value: object) -> None:
    with pytest.raises(ArgumentError) as error:
        POINTS.check("max_loss_points", value)
    assert str(error.value) == f"max_loss_points {value}: expected a number from 0 to 100"


def test_limits_are_kept_where_values_are_made(model: Path) -> None:
    loaded = crshare.load(model)
    unfit: tuple[dict[str, Any], ...] = (
        {"seed": -1}, {"seed": 0.5}, {"time_limit_s": float("inf")}, {"n_workers": 0}
    )  # fmt: skip
    for wrong in unfit:
        with pytest.raises(ArgumentError, match=" expected a "):
            crshare.optimize(loaded, **{"max_loss_points": 1.0, **wrong})
    with pytest.raises(ArgumentError, match="^fold 63: expected a whole number from 1 to 32$"):
        Options(fold=63)
    assert (SEED.low, SEED.whole) == (0, True)
