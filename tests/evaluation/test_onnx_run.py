"""ONNX models in onnxruntime: bits and scores against crshare's, and false readings found."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.evaluation.library_check import Comparison, bit_readers, compare
from crshare.evaluation.onnx_blueprint import blueprint_of
from crshare.evaluation.onnx_run import OnnxRunError, run_onnx
from crshare.model.read import Model, read_model
from crshare.network.graph import Kind, Threshold
from tests.onnx_files import brevitas, by_hand, few_bits, finn, tf2onnx, write_onnx

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


@pytest.mark.slow
def test_the_command_compares(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "m.onnx", brevitas())
    images = np.random.default_rng(2).integers(0, 256, (5, 12, 12, 3), dtype=np.uint8)
    np.savez(tmp_path / "d.npz", images=images, labels=np.zeros(5, np.int64))
    arguments = ["verify", str(path), "--rescale", "1/256,0", "--data", str(tmp_path / "d.npz")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "No bit differs from onnxruntime." in done.output
