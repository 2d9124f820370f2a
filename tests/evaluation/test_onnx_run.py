"""ONNX models in onnxruntime: bits and scores against crshare's, and false readings found."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.evaluation import onnx_run
from crshare.evaluation.library_check import Comparison, bit_readers, compare
from crshare.evaluation.onnx_blueprint import blueprint_of
from crshare.evaluation.onnx_run import OnnxRunError, run_onnx
from crshare.model.read import Model, read_model
from crshare.network.graph import Kind, Threshold
from tests.onnx_files import QONNX, Graph, brevitas, by_hand, few_bits, finn, tf2onnx, write_onnx

pytestmark = pytest.mark.needs_package("onnxruntime")
EXACT = (Fraction(1, 256), Fraction(0))


def compared(model: Model, n: int = 20) -> Comparison:
    images = np.random.default_rng(1).integers(0, 256, (n, *model.network.input.shape))
    names = [model.linears[layer.name].stored[0] for layer in bit_readers(model)]
    return compare(model, images, *run_onnx(model, images, names))


@pytest.mark.slow
@pytest.mark.parametrize("make", [brevitas, by_hand, tf2onnx, finn])
def test_every_form_agrees_with_onnxruntime(tmp_path: Path, make: object) -> None:
    assert callable(make)
    model = read_model(write_onnx(tmp_path / "m.onnx", make(4)), rescale=EXACT)
    found = compared(model)
    n_bits = [layer for layer, _ in model.network.convs()]
    n_bits = [la for la in n_bits if model.network.input_of(la).kind is Kind.BITS]
    assert found.holds
    assert found.n_unexplained == 0
    assert [check.layer for check in found.layers] == [layer.name for layer in n_bits]
    assert sum(check.n_different for check in found.layers) == 0


@pytest.mark.slow
def test_sums_of_bits_are_compared_as_well(tmp_path: Path) -> None:
    """Of a fixed batch that the images do not fill."""
    model = read_model(write_onnx(tmp_path / "m.onnx", few_bits(4, batch=3)), rescale=EXACT)
    found = compared(model)
    assert [(check.layer, check.n_different) for check in found.layers] == [
        ("conv_3", 0),
        ("gemm_8", 0),
        ("gemm_11", 0),
    ]
    assert found.holds
    bits = next(layer for layer in model.network.layers if layer.name.startswith("conv_3/sign"))
    assert isinstance(bits.op, Threshold)
    other = replace(bits.op, at=bits.op.at + 2)
    wrong = replace(model, network=model.network.replace({bits.name: other}))
    check = compared(wrong).layers[1]
    assert check.n_different > 0
    assert check.first[0].margin > 1


def test_a_network_that_is_not_the_files_is_told(tmp_path: Path) -> None:
    model = read_model(write_onnx(tmp_path / "m.onnx", brevitas()), rescale=EXACT)
    first = model.network.layers[0]
    other = replace(first.op, kernel=-first.op.kernel)  # type: ignore[arg-type]
    wrong = replace(model, network=model.network.replace({first.name: other}))
    assert not compared(wrong).holds


def test_the_blueprint_holds_no_name_of_the_file(tmp_path: Path) -> None:
    model = read_model(write_onnx(tmp_path / "m.onnx", brevitas()), rescale=EXACT)
    assert model.onnx is not None
    made = blueprint_of(model.onnx, [], [])
    names = {name for _, reads, gives, _ in made["nodes"] for name in (*reads, *gives)}
    assert all(name == "images" or name[1:].isdigit() for name in (*names, *made["constants"]))
    assert not {op for op, *_ in made["nodes"]} & {"BipolarQuant", "Quant"}


def test_a_text_that_no_library_knows_goes_nowhere(tmp_path: Path) -> None:
    proto = brevitas()
    pool = next(node for node in proto.graph.node if node.op_type == "MaxPool")
    pool.attribute.add(name="hint", type=3, s=b"../../x")
    model = read_model(write_onnx(tmp_path / "m.onnx", proto), rescale=EXACT)
    with pytest.raises(OnnxRunError) as error:
        compared(model, 1)
    assert str(error.value) == (
        f"{tmp_path / 'm.onnx'}: node maxpool_11 (MaxPool) has a text in 'hint' that no library "
        "gets; leave it out"
    )


def old(g: Graph) -> str:
    g.opset = 8
    return g.bipolar("x", g.held(np.float32(1)))


def computed_width(g: Graph) -> str:
    width = g.node("Add", g.held(np.float32(3)), g.held(np.float32(1)))
    return g.node("Quant", "x", *[g.held(np.float32(v)) for v in (1, 0)], width, domain=QONNX)


def computed_thresholds(g: Graph) -> str:
    table = g.node("Neg", g.held(np.ones((1, 1))))
    return g.node("MultiThreshold", "x", table, domain=QONNX)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (old, "node bipolarquant_0 (BipolarQuant) needs operators of opset 9 of ONNX; export the "
              "model for that"),
        (computed_width, "node quant_1 (Quant) has a width that is computed, or rounds in a way "
                         "that is not run; export it again"),
        (computed_thresholds, "node multithreshold_1 (MultiThreshold) has thresholds that are "
                              "computed, which is not run; export it again"),
    ],
)  # fmt: skip
def test_what_is_not_run_is_said(
    tmp_path: Path, make: Callable[[Graph], str], sentence: str
) -> None:
    g = Graph()
    x = g.node("Conv", make(g), g.held(np.ones((2, 1, 3, 3))))
    path = write_onnx(tmp_path / "m.onnx", g.model([1, 1, 3, 3], g.node("Flatten", x)))
    with pytest.raises(OnnxRunError) as error:
        compared(read_model(path), 1)
    assert str(error.value) == f"{path}: {sentence}"


def test_a_missing_onnxruntime_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_onnx(tmp_path / "m.onnx", brevitas())
    model = read_model(path)
    monkeypatch.setattr(onnx_run, "find_spec", lambda name: None)
    with pytest.raises(OnnxRunError) as error:
        compared(model, 1)
    assert str(error.value) == (
        f"{path}: running it needs onnxruntime, which is not installed; try pip install "
        '"crshare[onnx]"'
    )


def test_other_files_are_not_run_in_onnxruntime(tmp_path: Path) -> None:
    model = read_model(write_onnx(tmp_path / "m.onnx", brevitas()))
    with pytest.raises(OnnxRunError) as error:
        run_onnx(replace(model, onnx=None), np.zeros((1, 12, 12, 3), np.uint8), [])
    assert str(error.value) == (
        f"{tmp_path / 'm.onnx'}: is no ONNX file; verify it with the extra train"
    )


@pytest.mark.slow
def test_the_command_compares(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "m.onnx", brevitas())
    images = np.random.default_rng(2).integers(0, 256, (5, 12, 12, 3), dtype=np.uint8)
    np.savez(tmp_path / "d.npz", images=images, labels=np.zeros(5, np.int64))
    arguments = ["verify", str(path), "--rescale", "1/256,0", "--data", str(tmp_path / "d.npz")]
    done = CliRunner().invoke(main, [*arguments, "--log-level", "info"])
    assert done.exit_code == 0, done.output
    assert "No bit differs from onnxruntime." in done.stdout
    assert "running the model in onnxruntime" in done.stderr


def test_inspect_asks_how_pixels_are_scaled_where_a_file_cannot_tell(tmp_path: Path) -> None:
    path = str(write_onnx(tmp_path / "m.onnx", by_hand()))
    asked = "say --rescale 1/255,0 here and in every other command."
    assert asked in CliRunner().invoke(main, ["inspect", path]).output
    assert asked not in CliRunner().invoke(main, ["inspect", path, "--rescale", "1,0"]).output
