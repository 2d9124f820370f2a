"""Changed networks back into .onnx files: read back, and run by onnx's reference implementation."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from crshare.errors import PlanError
from crshare.model.read import Model, read_model
from crshare.model.ties import same_decisions
from crshare.model.write import apply_network
from crshare.network.graph import Conv, Network, Op, Threshold
from crshare.network.reference import run
from tests.onnx_files import Graph, brevitas, by_hand, finn, meaning, tf2onnx, write_onnx

EXACT = (Fraction(1, 256), Fraction(0))


def changed(model: Model, seed: int) -> Network:
    """Some signs flipped; some thresholds moved, where something can move them."""
    rng = np.random.default_rng(seed)
    ops: dict[str, Op] = {}
    for layer in model.network.layers:
        match layer.op:
            case Conv(kernel):
                flips = np.where(rng.random(kernel.shape) < 0.2, -1, 1).astype(np.int8)
                ops[layer.name] = replace(layer.op, kernel=kernel * flips)
            case Threshold(at, rising, _, True):
                moved = at + rng.integers(-3, 4, len(at)).astype(np.int32)
                ops[layer.name] = layer.op.moved(moved, rising)
            case _:
                pass
    return model.network.replace(ops)


MODELS: dict[str, tuple[Callable[[], onnx.ModelProto], str | None]] = {
    "brevitas": (brevitas, None),
    "where": (by_hand, None),
    "xnor": (lambda: by_hand(2, "ste", "xnor"), None),
    "tf2onnx": (tf2onnx, None),
    "finn": (finn, "t7"),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_changed_network_is_written_and_computes_the_same(tmp_path: Path, name: str) -> None:
    make, output = MODELS[name]
    path, target = write_onnx(tmp_path / "m.onnx", make()), tmp_path / "new.onnx"
    model = read_model(path, rescale=EXACT)
    wanted = changed(model, 1)
    apply_network(path, wanted, target, rescale=EXACT)
    back = read_model(target, rescale=EXACT).network
    for found, layer in zip(back.layers, wanted.layers, strict=True):
        if isinstance(layer.op, Threshold) and isinstance(found.op, Threshold):
            assert same_decisions(found.op, layer.op, wanted.input_of(layer).bound).all()
        if isinstance(layer.op, Conv) and isinstance(found.op, Conv):
            np.testing.assert_array_equal(found.op.kernel, layer.op.kernel)
    images = np.random.default_rng(2).integers(0, 256, (4, *wanted.input.shape))
    ours = run(wanted, images)[wanted.layers[-1].name].reshape(4, -1)
    given = images if name == "tf2onnx" else images.transpose(0, 3, 1, 2)
    theirs = meaning(onnx.load(target), given / 256, output)
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).all()


def test_what_is_not_changed_stays_bit_for_bit(tmp_path: Path) -> None:
    path, target = write_onnx(tmp_path / "m.onnx", brevitas()), tmp_path / "new.onnx"
    model = read_model(path, rescale=EXACT)
    name = [layer.name for layer, _ in model.network.convs()][1]
    conv = model.network.conv(name)
    kernel = conv.kernel.copy()
    kernel[0, 0, 0, 0] *= -1
    apply_network(path, model.network.replace({name: replace(conv, kernel=kernel)}), target,
                  rescale=EXACT)  # fmt: skip
    before, after = (onnx.load(each).graph for each in (path, target))
    assert before.node == after.node
    different = 0
    for old, new in zip(before.initializer, after.initializer, strict=True):
        different += int((numpy_helper.to_array(old) != numpy_helper.to_array(new)).sum())
    assert different == 1


def test_parameters_that_two_nodes_share_are_parted(tmp_path: Path) -> None:
    """Exporters keep equal initializers once: a change for one node leaves the other alone."""
    proto = brevitas()
    norms = [node for node in proto.graph.node if node.op_type == "BatchNormalization"]
    for slot in range(1, 5):
        norms[1].input[slot] = norms[0].input[slot]
    path, target = write_onnx(tmp_path / "m.onnx", proto), tmp_path / "new.onnx"
    model = read_model(path, rescale=EXACT)
    first = next(la for la in model.network.layers if isinstance(la.op, Threshold))
    assert isinstance(first.op, Threshold)
    moved = first.op.moved(first.op.at + 2, first.op.rising)
    apply_network(path, model.network.replace({first.name: moved}), target, rescale=EXACT)
    graph = onnx.load(target).graph
    written = [node for node in graph.node if node.op_type == "BatchNormalization"]
    assert list(written[1].input) == list(norms[1].input)
    assert list(written[0].input) != list(norms[0].input)


def test_initializers_beside_the_file_end_in_one_file(tmp_path: Path) -> None:
    proto = brevitas()
    path, target = tmp_path / "m.onnx", tmp_path / "new.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="m.data", size_threshold=100)
    model = read_model(path, rescale=EXACT)
    apply_network(path, changed(model, 3), target, rescale=EXACT)
    (tmp_path / "m.data").unlink()
    assert read_model(target, rescale=EXACT).weights_hash != model.weights_hash


def test_weights_that_are_computed_of_several_tensors_cannot_be_written(tmp_path: Path) -> None:
    g = Graph()
    halves = [g.node("Sign", g.latent(2, 2, 3, 3)) for _ in range(2)]
    weights = g.node("Concat", *halves, axis=0)
    x = g.node("Conv", "x", weights, kernel_shape=[3, 3])
    path = write_onnx(tmp_path / "m.onnx", g.model([1, 2, 3, 3], g.node("Flatten", x)))
    model = read_model(path)
    with pytest.raises(PlanError) as error:
        apply_network(path, changed(model, 1), tmp_path / "new.onnx")
    assert str(error.value) == (
        f"{path}: node conv_3 has no kernel of its own in the file that could be changed; export "
        "the model with its constants folded, each for itself"
    )
    assert not (tmp_path / "new.onnx").exists()
