"""No code and no text of a file reaches a library: what would carry them is refused or left out."""

import marshal
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.errors import CrshareError
from crshare.frontend.registry import CLASSES
from crshare.model.read import read_model
from crshare.train.blueprint import layers_of, paths_of
from tests.keras_files import Dialect, activation, quantizer, write_h5
from tests.small_model import SHAPE, change_config, small

CANARY = "canary_of_this_file"
CODE = ["4wEAAAAAAAAAAAAAAAAAAAAAAAAA" + CANARY, None, None]
LAMBDA = {"function": CODE, "function_type": "lambda", "module": CANARY, "arguments": {}}
FOREIGN = {"class_name": CANARY, "module": CANARY, "config": {}, "registered_name": f"x>{CANARY}"}

Edit = Callable[[dict[str, Any]], None]


def small_file(tmp_path: Path, place: int, edit: Edit, **how: Any) -> Path:
    """A good file, but for what `edit` does to one layer's entry."""
    path = write_h5(tmp_path / "m.h5", small(), SHAPE, **how)

    def change(config: dict[str, Any]) -> None:
        edit([e for e in config["layers"] if e["class_name"] != "InputLayer"][place])

    change_config(path, change)
    return path


def texts_of(value: Any) -> Iterator[str]:
    """All texts in a blueprint, names of fields and weights included."""
    match value:
        case str():
            yield value
        case dict():
            for key, inner in value.items():
                yield from (key, *texts_of(inner))
        case list() | tuple():
            for inner in value:
                yield from texts_of(inner)


def refused(path: Path) -> str:
    with pytest.raises(CrshareError) as error:
        layers_of(read_model(path).graph, {})
    return str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("registered", [f"Larq>{name}" for name in CLASSES])
def test_a_lambda_behind_any_registered_name_is_refused(tmp_path: Path, registered: str) -> None:
    def hide(entry: dict[str, Any]) -> None:
        entry |= {"class_name": "Lambda", "registered_name": registered}
        entry["config"] |= LAMBDA

    sentence = refused(small_file(tmp_path, 5, hide))
    assert "is of class 'Lambda' by class_name and of class" in sentence


@pytest.mark.parametrize("package", ["Larq", "Custom", "builtins", CANARY])
@pytest.mark.parametrize("name", ["Lambda", "TimeDistributed", "Sequential", "Functional"])
def test_what_wraps_code_or_layers_is_refused(tmp_path: Path, name: str, package: str) -> None:
    def wrap(entry: dict[str, Any]) -> None:
        entry |= {"class_name": name, "registered_name": f"{package}>{name}"}
        entry["config"] |= LAMBDA | {"layer": FOREIGN, "layers": [FOREIGN]}

    sentence = refused(small_file(tmp_path, 5, wrap))
    assert "layer flatten" in sentence or "of class 'x>canary_of_this_file'" in sentence


@pytest.mark.parametrize(
    ("place", "entry"),
    [
        (0, {"class_name": "QuantConv2D", "module": CANARY}),
        (1, {"class_name": "MaxPooling2D", "module": f"{CANARY}.layers"}),
        (1, {"class_name": "MaxPooling2D", "registered_name": f"{CANARY}>MaxPooling2D"}),
        (1, {"class_name": f"{CANARY}>MaxPooling2D"}),
        (5, {"class_name": "Flatten", "registered_name": "Dense"}),
        (5, {"class_name": "Flatten", "registered_name": 7}),
        (5, {"class_name": "Flatten", "registered_name": ["Flatten"]}),
    ],
)
def test_a_namesake_of_a_known_class_is_refused(
    tmp_path: Path, place: int, entry: dict[str, Any]
) -> None:
    assert refused(small_file(tmp_path, place, lambda found: found.update(entry)))


HIDDEN = [FOREIGN, {"class_name": "Lambda", "config": LAMBDA}, CANARY, f"x>{CANARY}", [CANARY]]


@pytest.mark.slow
@pytest.mark.parametrize("value", HIDDEN, ids=range(len(HIDDEN)))
@pytest.mark.parametrize(
    "key",
    [
        "kernel_initializer",
        "bias_regularizer",
        "kernel_constraint",
        "activity_regularizer",
        "activation",
        "input_quantizer",
        "kernel_quantizer",
        "layer",
        "module",
        "padding",
        "data_format",
        "strides",
        "groups",
        "use_bias",
        "name",
        CANARY,
    ],
)
def test_no_field_of_a_convolution_brings_its_text_to_a_library(
    tmp_path: Path, key: str, value: object
) -> None:
    path = small_file(tmp_path, 3, lambda entry: entry["config"].update({key: value}))
    try:
        found = layers_of(read_model(path).graph, {})
    except CrshareError:
        return
    assert not any(CANARY in text for text in texts_of(found))
    assert key == "name" or key.endswith(("initializer", "regularizer", "constraint"))


@pytest.mark.parametrize("key", ["input_quantizer", "kernel_quantizer", "activation"])
@pytest.mark.parametrize("names", [("SteSign", "x>Other"), ("Lambda", "Larq>SteSign")])
def test_a_quantizer_of_two_classes_is_refused(
    tmp_path: Path, key: str, names: tuple[str, str]
) -> None:
    given = {"class_name": names[0], "registered_name": names[1], "config": LAMBDA}
    sentence = refused(small_file(tmp_path, 3, lambda found: found["config"].update({key: given})))
    assert f"{key} of layer c2 is of class {names[0]!r} by class_name and of class" in sentence


@pytest.mark.parametrize("key", ["clip_value", "metrics", "beta", CANARY])
@pytest.mark.parametrize("value", [FOREIGN, CANARY, [CANARY], {"class_name": CANARY}])
def test_no_field_of_a_quantizer_brings_its_text_to_a_library(
    tmp_path: Path, key: str, value: object
) -> None:
    given = quantizer("SteSign", Dialect.KERAS_2)
    given["config"] = {key: value}
    path = small_file(tmp_path, 3, lambda entry: entry["config"].update(input_quantizer=given))
    try:
        found = layers_of(read_model(path).graph, {})
    except CrshareError:
        return
    assert not any(CANARY in text for text in texts_of(found))


@pytest.mark.parametrize("dialect", Dialect)
def test_a_good_file_becomes_classes_with_plain_arguments(tmp_path: Path, dialect: Dialect) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE, dialect, functional=True)
    graph = read_model(path).graph
    found = layers_of(graph, {})
    assert [layer["made"]["class"].rsplit(".")[-1] for layer in found] == [
        layer.class_name for layer in graph.layers
    ]
    assert found[0]["made"]["class"] == "larq.layers.QuantConv2D"
    assert found[0]["made"]["arguments"]["kernel_quantizer"] == {
        "class": "larq.quantizers.SteSign",
        "arguments": {"clip_value": 1.0},
    }
    assert [layer["reads"] for layer in found] == [[place] for place in range(-1, len(found) - 1)]
    names = {layer.name for layer in graph.layers}
    assert names.isdisjoint(texts_of([layer["made"] for layer in found]))


def test_the_libraries_of_a_blueprint_are_known_by_its_paths() -> None:
    sign = {"class": "larq.quantizers.SteSign", "arguments": {"clip_value": 1.0}}
    layer = {"class": "layers.Activation", "arguments": {"activation": sign}}
    function = {"class": "layers.Dense", "arguments": {"activation": {"function": "relu"}}}
    assert [*paths_of(layer)] == ["layers.Activation", "larq.quantizers.SteSign"]
    assert [*paths_of(function)] == ["layers.Dense", "relu"]


def test_verify_runs_nothing_of_a_file(tmp_path: Path) -> None:
    """A Lambda that Larq's name hides, whose code would write a file."""
    ran = tmp_path / "ran"
    code = b64encode(marshal.dumps(compile(f"open({str(ran)!r}, 'w')", "m", "eval"))).decode()

    def hide(entry: dict[str, Any]) -> None:
        entry |= {"class_name": "Lambda", "registered_name": "Larq>Flatten"}
        entry["config"] |= LAMBDA | {"function": [code, None, None]}

    path = small_file(tmp_path, 5, hide)
    np.savez(tmp_path / "i.npz", images=np.zeros((2, *SHAPE), np.uint8), labels=np.zeros(2, int))
    done = CliRunner().invoke(main, ["verify", str(path), "--data", str(tmp_path / "i.npz")])
    assert (done.exit_code, ran.exists()) == (2, False)
    assert "is of class 'Lambda' by class_name" in done.output


def test_what_is_in_no_library_is_made_of_its_formula(tmp_path: Path) -> None:
    layers = [*small()[:3], activation("s1", "binary_tanh"), *small()[3:]]
    graph = read_model(write_h5(tmp_path / "m.h5", layers, SHAPE)).graph
    made = [entry["made"]["arguments"] for entry in layers_of(graph, {})]
    assert {"activation": {"function": "own.binary_tanh"}} in made
