"""The graph of layers of a configuration, and one sentence for what is none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.model.read import fingerprint, read_network
from crshare.network import reference
from tests.keras_files import (
    Dialect,
    Spec,
    activation,
    batch_norm,
    conv,
    dense,
    flatten,
    pool,
    write_h5,
)
from tests.small_model import (
    DAMAGED,
    K2,
    KD,
    ONLY,
    RNG,
    SHAPE,
    change_config,
    first,
    refusal,
    small,
)


@pytest.mark.parametrize("dialect", Dialect)
def test_what_is_no_graph_of_one_way_is_refused(tmp_path: Path, dialect: Dialect) -> None:
    how: dict[str, Any] = {"dialect": dialect, "functional": True}
    joined = [*small()[:1], pool("p1"), Spec("Multiply", "times", reads=("c1", "p1"))]
    assert refusal(tmp_path, joined, **how).startswith("layer times: multiplies maps of")
    pooled = [*small()[:1], pool("p1"), Spec("Flatten", "f", reads=("c1", "p1"))]
    assert refusal(tmp_path, pooled, **how) == (
        "layer f (Flatten) reads 2 layers; crshare joins layers with Add, Subtract, "
        "Multiply and Concatenate only"
    )
    sizes = [*small()[:1], pool("p1"), Spec("Add", "add", reads=("c1", "p1"))]
    assert refusal(tmp_path, sizes, **how) == (
        "layer add: adds maps of 4x4x4 and 2x2x4, which must have one shape"
    )
    aside = [*small()[:1], pool("p1"), pool("p2"), Spec("Flatten", "f", reads=("c1",))]
    assert refusal(tmp_path, aside, **how) == (f"layer p1 does not lead to the output f; {ONLY}")
    second = [*small()[:1], Spec("InputLayer", "more", reads=())]
    assert (
        refusal(tmp_path, second, **how) == f"layer more is a second input beside input_1; {ONLY}"
    )
    circle = [*small()[:1], Spec("Flatten", "f", reads=("g",)), Spec("Flatten", "g", reads=("f",))]
    assert refusal(tmp_path, circle, **how) == f"layer f is not reached from the input; {DAMAGED}"
    nowhere = [*small()[:1], Spec("Flatten", "f", reads=("h",))]
    assert refusal(tmp_path, nowhere, **how) == (f"layer f reads 'h', which is no layer; {DAMAGED}")


def test_a_layer_that_is_applied_twice_is_refused(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE, functional=True)

    def twice(config: dict[str, Any]) -> None:
        nodes = config["layers"][2]["inbound_nodes"]
        config["layers"][2]["inbound_nodes"] = nodes * 2

    change_config(path, twice)
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == f"{path}: layer p1 is applied 2 times; {ONLY}"


def test_two_layers_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    change_config(path, lambda config: config["layers"].append(config["layers"][1]))
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == f"{path}: 2 layers are named 'c1'; {DAMAGED}"


def test_an_output_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE, functional=True)
    change_config(path, lambda c: c.update(output_layers=[["c2", 0, 0], ["end", 0, 0]]))
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == (f"{path}: the model gives out c2, end; {ONLY}")


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        (
            (None, None, 2),
            "layer input_1 takes inputs of open size [None, None, None, 2]; build the model for "
            "one size and save it",
        ),
        (
            (2, 6, 6, 2),
            "layer input_1 has the input shape [None, 2, 6, 6, 2], where [batch, height, width, "
            "channels] or [batch, inputs] is expected; save a model that was built for one shape",
        ),
    ],
)
def test_an_open_input_is_refused(tmp_path: Path, shape: Any, sentence: str) -> None:
    path = write_h5(tmp_path / "m.h5", first(), shape)
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == f"{path}: {sentence}"


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (first(padding=1), f"layer c1 has padding 1, where a text should stand; {DAMAGED}"),
        (
            first(strides="one"),
            f"layer c1 has strides 'one', where two positive integers should stand; {DAMAGED}",
        ),
        (
            [*first(), batch_norm("b1", [0] * 4, epsilon="small")],
            f"layer b1 has epsilon 'small', where a number should stand; {DAMAGED}",
        ),
        (
            [
                batch_norm("b0", [0, 0]),
                *first(padding="same", pad_values=1.0),
            ],
            "layer c1 pads real values with something else than 0, which is not read yet; train it "
            "with pad_values 0",
        ),
        (
            [*first(), flatten(), pool("p")],
            "layer p pools something else than [height, width, channels], which is not read",
        ),
        (
            [*first(), Spec("Flatten", "f", {"data_format": "channels_first"})],
            "layer f keeps channels first; crshare reads data_format 'channels_last' only",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_field_that_cannot_be_is_refused(
    tmp_path: Path, layers: list[Spec], sentence: str
) -> None:
    assert refusal(tmp_path, layers) == sentence


def no_name(config: dict[str, Any]) -> None:
    del config["layers"][1]["config"]["name"]


def no_layers(config: dict[str, Any]) -> None:
    config["layers"] = {}


def deep(config: dict[str, Any]) -> None:
    for _ in range(60):
        inside = {"name": "block", "layers": config["layers"]}
        config["layers"] = [{"class_name": "Sequential", "config": inside}]


def no_input(config: dict[str, Any]) -> None:
    config["layers"][0]["class_name"] = "InputLeyer"


def in_circle(config: dict[str, Any]) -> None:
    config["layers"][0]["inbound_nodes"] = config["layers"][1]["inbound_nodes"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (no_name, f"a layer of class 'QuantConv2D' has no name; {DAMAGED}"),
        (no_layers, f"the model has no list of layers; {DAMAGED}"),
        (deep, f"its layers are nested too deep; {DAMAGED}"),
        (in_circle, f"the model has no input layer; {DAMAGED}"),
        (no_input, f"layer input_1 ('InputLeyer') reads nothing and is no input; {DAMAGED}"),
    ],
)
def test_a_configuration_without_its_parts_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], sentence: str
) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE, functional=True)
    change_config(path, change)
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == f"{path}: {sentence}"


@pytest.mark.parametrize(
    ("end", "most"),
    [
        (activation("end", "relu"), np.inf),
        (Spec("ReLU", "end", {"max_value": 6.0, "threshold": 0.0}), 6.0),
    ],
)
def test_scores_may_end_in_a_relu(tmp_path: Path, end: Spec, most: float) -> None:
    path = write_h5(tmp_path / "m.h5", [*first(), end, Spec("Softmax", "soft")], SHAPE)
    network = read_network(path)
    names = ["c1", "end/real", "end/activation"]
    assert [layer.name for layer in network.layers] == names
    values = reference.run(network, RNG.integers(0, 256, (2, *SHAPE)))
    np.testing.assert_array_equal(values["end/activation"], np.clip(values["c1"], 0, most))


def test_normalising_a_flattened_single_position_stays_behind_the_sign(tmp_path: Path) -> None:
    layers = [*small()[:3], conv("c2", K2[:2, :2]), flatten(), batch_norm("b", range(5))]
    path = write_h5(tmp_path / "m.h5", [*layers, dense("d", KD[:5])], SHAPE)
    names = ["c1", "c1/sign", "p1", "c2", "c2/sign", "flatten", "d"]
    assert [layer.name for layer in read_network(path).layers] == names


def test_an_activation_layer_may_be_declared_by_its_name(tmp_path: Path) -> None:
    layers = [*small(input_quantizer=None)]
    layers.insert(3, activation("s", "mine"))
    path = write_h5(tmp_path / "m.h5", layers, SHAPE)
    plain = write_h5(tmp_path / "p.h5", small(), SHAPE)
    read = read_network(path, sign_layers={"s"})
    assert fingerprint(read) == fingerprint(read_network(plain))
