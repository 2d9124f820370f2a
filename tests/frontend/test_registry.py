"""Which dialect a layer belongs to, and that no two dialects claim the same without a mark."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import crshare.frontend.dialects
from crshare.errors import ModelFormatError
from crshare.frontend.class_names import class_and_config
from crshare.frontend.config import KerasLayer, LayerEntry
from crshare.frontend.dialect import (
    Context,
    Dialect,
    LayerClass,
    LayerOps,
    Library,
    LibraryClass,
    NoLibrary,
)
from crshare.frontend.registry import ACTIVATIONS, DIALECTS, owner_of, variable_names
from crshare.model.read import read_model
from crshare.train.blueprint import made
from tests.keras_files import Spec, conv, write_h5
from tests.small_model import K1, SHAPE, refusal, small

NOWHERE = NoLibrary("whose code is in no library")


def nothing(layer: KerasLayer, context: Context) -> LayerOps:
    return ()


def invented(name: str, *marks: str) -> Dialect:
    return Dialect(name, NOWHERE, {"Mixed": LayerClass(nothing)}, marks=marks)


def mixed(**config: Any) -> KerasLayer:
    return KerasLayer("Mixed", "m", config, {})


def test_a_class_of_two_dialects_goes_to_the_one_whose_marks_it_bears() -> None:
    one, other = invented("One", "a"), invented("Other", "b", "c")
    assert owner_of(mixed(a=None), (one, other)) is one
    assert owner_of(mixed(b=1, c=2), (one, other)) is other
    assert owner_of(mixed(b=1), (one, other)) is None
    assert owner_of(KerasLayer("Unmixed", "m", {"a": 1}, {}), (one, other)) is None


def test_a_layer_that_two_dialects_recognise_is_refused() -> None:
    with pytest.raises(ModelFormatError) as error:
        owner_of(mixed(a=1, b=2), (invented("One", "a"), invented("Other", "b")))
    assert str(error.value) == (
        "layer m is of class Mixed, which One and Other both have, and its configuration does not "
        "tell whose it is; save the model with one of these classes renamed"
    )


def test_no_two_dialects_claim_a_class_without_a_mark() -> None:
    claims = defaultdict(list)
    for dialect in DIALECTS:
        for name in dialect.classes:
            claims[name].append(dialect.marks)
    assert all(len(marks) == 1 or all(marks) for marks in claims.values())


def test_no_two_dialects_give_a_meaning_to_one_activation() -> None:
    assert len(ACTIVATIONS) == sum(len(dialect.activations) for dialect in DIALECTS)


def test_every_module_of_a_dialect_is_listed() -> None:
    [folder] = crshare.frontend.dialects.__path__
    modules = {path.stem for path in Path(folder).glob("*.py") if "DIALECT = " in path.read_text()}
    assert len(modules) == len(DIALECTS) >= 5


ENTRIES = [
    ({"class_name": "QuantConv2D", "registered_name": "Larq>QuantConv2D"}, "QuantConv2D"),
    ({"class_name": "QuantConv2D", "module": "larq.layers"}, "QuantConv2D"),
    ({"class_name": "QDense", "module": "qkeras.qlayers"}, "QDense"),
    ({"class_name": "Larq>SteSign"}, "SteSign"),
    ({"class_name": "BinaryDense", "module": "binary_layers"}, "BinaryDense"),
    ({"class_name": "Dense", "module": "binary_layers"}, "binary_layers>Dense"),
    ({"class_name": "BinaryDense", "registered_name": "x>BinaryDense"}, "x>BinaryDense"),
    ({"class_name": "QDense", "registered_name": "hgq>QDense"}, "hgq>QDense"),
]


@pytest.mark.parametrize(("entry", "name"), ENTRIES)
def test_a_class_is_a_dialects_own_by_its_package(entry: dict[str, Any], name: str) -> None:
    assert class_and_config({"config": {}, **entry}, "a layer")[0] == name


VARIABLES = [
    ("Dense", {}, ["kernel", "bias"]),
    ("QuantSeparableConv2D", {}, ["depthwise_kernel", "pointwise_kernel"]),
    ("QDepthwiseConv2D", {}, ["depthwise_kernel", "bias"]),
    ("PReLU", {}, ["alpha"]),
    ("BatchNormalization", {"scale": False}, ["beta", "moving_mean", "moving_variance"]),
    ("QBatchNormalization", {"center": False}, ["gamma", "moving_mean", "moving_variance"]),
    ("mine>Dense", {}, ["kernel", "bias", "variable 2"]),
]


@pytest.mark.parametrize(("kind", "config", "names"), VARIABLES)
def test_numbered_variables_have_the_names_of_their_class(
    kind: str, config: dict[str, Any], names: list[str]
) -> None:
    assert variable_names(LayerEntry(kind, "a", config), len(names)) == names


def test_a_namesake_is_read_as_the_user_declares_it(tmp_path: Path) -> None:
    layers = [conv("c1", K1, kind="BinaryConv2D"), *small()[1:]]
    path = write_h5(tmp_path / "m.h5", layers, SHAPE)
    model = read_model(path, sign_layers={"BinaryConv2D"})
    assert model.linears["c1"].quantizer == "sign, as declared"


def test_a_sign_of_larq_is_a_layer_and_one_of_its_name_is_not(tmp_path: Path) -> None:
    layers = [*small()[:3], Spec("SteSign", "s", {"clip_value": 1.0}), *small()[3:]]
    graph = read_model(write_h5(tmp_path / "m.h5", layers, SHAPE)).graph
    assert made(next(layer for layer in graph.layers if layer.name == "s"), {}) == {
        "class": "larq.quantizers.SteSign",
        "arguments": {"clip_value": 1.0},
    }
    layers[3] = Spec("mine>SteSign", "s", {"clip_value": 1.0})
    assert refusal(tmp_path, layers) == (
        "layer s is of the custom class mine>SteSign; if it gives +1 for values >= 0 and else -1, "
        "say so with --sign-layer SteSign"
    )


def own_paths(dialect: Dialect) -> Iterator[str]:
    """Every class and function that a dialect has a library make."""
    library = dialect.library
    assert isinstance(library, Library)
    for name, known in dialect.classes.items():
        yield f"{known.home or library.layers}.{name}"
    yield from (known.path for known in dialect.quantizers.values())
    for found in (named.made for named in dialect.activations.values()):
        yield found.path if isinstance(found, LibraryClass) else f"{found}"


RUN = [dialect for dialect in DIALECTS if isinstance(dialect.library, Library)]


@pytest.mark.parametrize("dialect", RUN, ids=lambda dialect: dialect.name)
def test_a_dialect_asks_of_its_own_library_only(dialect: Dialect) -> None:
    homes = {path.rpartition(".")[0].partition(".")[0] for path in own_paths(dialect)}
    assert isinstance(dialect.library, Library)
    assert homes <= (
        {dialect.library.package} if dialect.library.package else {"layers", "", "own"}
    )
