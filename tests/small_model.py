"""A small model file of every common layer, and how a test asks for its refusal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.model.read import read_network
from crshare.network.graph import Network
from tests.keras_files import (
    Spec,
    activation,
    batch_norm,
    conv,
    dense,
    flatten,
    pool,
    signs,
    write_h5,
)

RNG = np.random.default_rng(0)
K1 = signs(RNG, 3, 3, 2, 4)
K2 = signs(RNG, 3, 3, 4, 5)
KD = signs(RNG, 20, 3)
REAL = RNG.normal(size=(3, 3, 2, 4)).astype(np.float32)
SHAPE = (6, 6, 2)
DAMAGED = "the file is damaged, or of a kind that crshare does not know"
ONLY = "crshare reads models of one input and one output, each layer applied once"
RESAVE = "save the whole model with model.save('NAME.h5')"


def small(**second: Any) -> list[Spec]:
    """Pixels, two binary convolutions with a pooling between, and a dense layer."""
    return [
        conv("c1", K1, input_quantizer=None),
        pool("p1"),
        batch_norm("b1", [0, 1, 2, 3], beta=[0, 0.5, -0.5, 0]),
        conv("c2", K2, **({"padding": "same"} | second)),
        batch_norm("b2", np.zeros(5), gamma=[1, -1, 0, 2, -2], beta=np.ones(5)),
        flatten(),
        dense("d", KD),
        activation("end", "softmax"),
    ]


def kinds(network: Network) -> list[tuple[str, str]]:
    return [(la.name, type(la.op).__name__) for la in network.layers]


def refusal(tmp_path: Path, layers: list[Spec], **how: Any) -> str:
    """The sentence that reading such a file ends in, without the file's name."""
    path = write_h5(tmp_path / "m.h5", layers, SHAPE, **how)
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    start = f"{path}: "
    assert str(error.value).startswith(start)
    return str(error.value).removeprefix(start)


def sentence_start(value: object) -> str | None:
    """A test's id: the start of its sentence; functions have an address in their text."""
    return value[:40] if isinstance(value, str) else None


def first(**config: Any) -> list[Spec]:
    return [conv("c1", K1, **({"input_quantizer": None} | config))]


def change_config(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Edit the model's configuration in the file."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"])
        file.attrs["model_config"] = json.dumps(config)
