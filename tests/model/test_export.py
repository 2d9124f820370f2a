"""Networks exported as signs, shapes and thresholds: read back the same, wherever they are from."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.errors import ModelFormatError, PlanError
from crshare.frontend.lut_container import Contents, contents_of, network_of, write_lut_network
from crshare.model.inspect import inspect_model
from crshare.model.read import read_model
from crshare.model.write import apply_network
from crshare.network.graph import (
    INPUT,
    Add,
    Clamp,
    Concatenate,
    Conv,
    Curve,
    Flatten,
    Input,
    Layer,
    Leak,
    MaxPool,
    Multiply,
    Network,
    Op,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Sign,
    SumPool,
    Threshold,
    alike,
)
from crshare.network.reference import run
from tests.onnx_files import brevitas, finn, tf2onnx, write_onnx

EXACT = (Fraction(1, 256), Fraction(0))


def every_operation() -> Network:
    """Each operation that is no LUT network's, once at least."""
    rng = np.random.default_rng(1)

    def signs(*shape: int) -> Any:
        return rng.choice([-1, 1], shape).astype(np.int8)

    def floats(*shape: int) -> Any:
        return rng.normal(size=shape)

    bits = np.array([True, False, True])
    ops: list[tuple[str, Op, tuple[str, ...]]] = [
        ("c", Conv(signs(3, 3, 2, 3), (1, 1), 0), (INPUT,)),
        ("t", Threshold(np.array([1, -2, 3], np.int32), bits, ("b",), False), ("c",)),
        ("u", Threshold(np.array([5, 2, 0], np.int32), ~bits), ("c",)),
        ("a", Add(), ("t", "u")),
        ("p", SumPool((2, 2), (1, 1)), ("a",)),
        ("m", MaxPool((2, 2), (2, 2), same=True), ("p",)),
        ("s", Scale(floats(3), floats(3)), ("m",)),
        ("l", Leak(np.array([0.5, -1, 2])), ("s",)),
        ("q", Quantise(0.25, -4, np.inf, "up"), ("l",)),
        ("k", Clamp(-np.inf, 2.5), ("q",)),
        ("f", Curve("tanh"), ("k",)),
        ("r", RealConv(floats(2, 2, 3, 3).astype("f4"), floats(3).astype("f4"), same=True), ("f",)),
        ("z", Sign(zero_is_plus=False), ("r",)),
        ("j", Concatenate(), ("z", "z")),
        ("g", Conv(signs(2, 2, 3, 4), groups=2), ("j",)),
        ("o", Pad((1, 0), (0, 2), 0), ("z",)),
        ("h", Conv(signs(3, 3, 3, 4), dilation=(1, 2)), ("o",)),
        ("y", Multiply(), ("r", "s")),
        ("w", RealConv(floats(1, 1, 3, 4), floats(4).astype("f4")), ("y",)),
        ("v", Flatten(), ("w",)),
        ("x", Flatten(), ("h",)),
        ("i", Flatten(), ("g",)),
        ("e", Concatenate(), ("v", "x", "i")),
    ]
    layers = (Layer(name, op, reads[0], reads[1:]) for name, op, reads in ops)
    return Network(Input((6, 6, 2), 2, -255, stored=(1, 12, 6)), tuple(layers))


def same(one: Network, other: Network) -> bool:
    pairs = zip(one.layers, other.layers, strict=True)
    return one.input == other.input and all(
        alike(a.op, b.op) and (a.name, a.sources) == (b.name, b.sources) for a, b in pairs
    )


def test_every_operation_comes_back(tmp_path: Path) -> None:
    network = every_operation()
    write_lut_network(network, tmp_path / "n.npz")
    found = read_model(tmp_path / "n.npz")
    assert same(found.network, network)
    images = np.random.default_rng(2).integers(0, 256, (3, 6, 6, 2))
    np.testing.assert_array_equal(run(found.network, images)["e"], run(network, images)["e"])
    kinds = {layer.name: layer.sharing for layer in inspect_model(found).layers}
    assert kinds["r"] == "none: its weights are not +1/-1 (quantizer none)"


@pytest.mark.slow
@pytest.mark.parametrize("make", [brevitas, tf2onnx, finn])
def test_the_command_writes_what_was_read(tmp_path: Path, make: Callable[[], Any]) -> None:
    path, target = write_onnx(tmp_path / "m.onnx", make()), tmp_path / "n.npz"
    done = CliRunner().invoke(
        main, ["export", str(path), "--rescale", "1/256,0", "-o", str(target)]
    )
    assert done.exit_code == 0, done.output
    model, found = read_model(path, rescale=EXACT), read_model(target)
    assert same(found.network, model.network)
    assert found.weights_hash == model.weights_hash
    assert found.library == model.library
    done = CliRunner().invoke(main, ["analyze", str(target)])
    assert done.exit_code == 0, done.output


@pytest.mark.slow
def test_a_plan_is_written_into_an_exported_network(
    model: Path, optimized: Path, tmp_path: Path
) -> None:
    plain, shared, applied = (tmp_path / name for name in ("n.npz", "s.npz", "a.npz"))
    plan = str(optimized / "plan.json")
    for command in (
        ["export", str(model), "-o", str(plain)],
        ["export", str(model), "--plan", plan, "-o", str(shared)],
        ["apply", str(plain), "--plan", plan, "-o", str(applied)],
    ):
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
    assert same(read_model(shared).network, read_model(applied).network)
    assert not same(read_model(shared).network, read_model(plain).network)
    with pytest.raises(PlanError) as error:
        apply_network(plain, read_model(shared).network, tmp_path / "a.h5")
    assert str(error.value) == (
        f"{tmp_path / 'a.h5'}: {plain} holds a network alone, which is written as .npz; name such "
        "a file"
    )


def test_what_a_network_holds_already_is_not_said_again(tmp_path: Path) -> None:
    path = tmp_path / "n.npz"
    write_lut_network(every_operation(), path)
    with pytest.raises(ModelFormatError) as error:
        read_model(path, rescale=EXACT)
    assert str(error.value) == (
        f"{path}: holds its signs, its rescaling and the form of its input; leave --sign-layer, "
        "--layer, --rescale and --features out"
    )


SPOILS: dict[str, tuple[str, Any, str]] = {
    "NaN": ("6.scale", np.array([np.nan, 1, 1]), "holds NaN or infinity in '6.scale'"),
    "infinity": ("11.bias", np.full(3, np.inf, "f4"), "holds NaN or infinity in '11.bias'"),
    "several": ("8.unit", np.ones(2), "holds several values in '8.unit', where one is read"),
    "kind": ("11.kernel", np.ones((2, 2, 3, 3), "i1"), "holds no array '11.kernel' of float32"),
}


@pytest.mark.parametrize("case", SPOILS)
def test_arrays_that_no_network_has_are_refused(case: str) -> None:
    name, array, sentence = SPOILS[case]
    contents = contents_of(every_operation())
    with pytest.raises(ModelFormatError) as error:
        network_of(Contents(contents.header, {**contents.arrays, name: array}))
    assert str(error.value) == f"{sentence}; write it with crshare export"


def test_only_npz_is_exported(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "m.onnx", brevitas())
    done = CliRunner().invoke(main, ["export", str(path), "-o", str(tmp_path / "n.h5")])
    assert done.exit_code == 2
    assert not (tmp_path / "n.h5").exists()
