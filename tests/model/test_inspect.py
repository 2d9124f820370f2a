"""What `crshare inspect` says of a model: arithmetic, weights, padding, and why not shared."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.model.inspect import inspect_model, scaled
from crshare.model.read import read_model
from crshare.network.graph import Input
from tests.keras_files import Spec, batch_norm, conv, signs, write_h5
from tests.small_model import K1, RNG, SHAPE, small


def inspected(path: Path, *options: str) -> str:
    result = CliRunner().invoke(main, ["inspect", str(path), *options])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("multiplier", "offset", "said"),
    [(1, -8, "v - 8"), (2, -255, "2 * v - 255"), (3, 0, "3 * v"), (-1, 7, "-1 * v + 7")],
)
def test_what_is_done_to_pixels_is_told(multiplier: int, offset: int, said: str) -> None:
    assert scaled(Input((2, 2, 1), multiplier, offset)) == said


def test_every_layer_is_told_with_its_arithmetic(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    assert inspected(path).splitlines() == [
        "m.h5: Keras 2.21.0 with Larq layers; input 6x6x2 integers v from 0 to 255, taken as "
        "they are",
        "c1: convolution, +1/-1 weights of input; gives 4x4x4, integers, exact",
        "    weights 3x3x2x4 stride 1x1, binary, c1/kernel, quantizer ste_sign; padding none",
        "    shared: equal and inverse slices; similar ones only behind a sign",
        "c1/sign: threshold of c1; gives 4x4x4, bits",
        "    channels 4 rising; can be moved; stands for b1",
        "p1: max pooling of bits of c1/sign; gives 2x2x4, bits",
        "c2: convolution, +1/-1 weights of p1; gives 2x2x5, integers, exact",
        "    weights 3x3x4x5 stride 1x1, binary, c2/kernel, quantizer ste_sign; padding same, with"
        " 0",
        "    shared: equal, inverse and similar slices",
        "c2/sign: threshold of c2; gives 2x2x5, bits",
        "    channels 2 rising, 2 falling, 1 constant; can be moved; stands for b2",
        "flatten: flatten of c2/sign; gives 1x1x20, bits",
        "d: convolution, +1/-1 weights of flatten; gives 1x1x3, integers, exact",
        "    weights 1x1x20x3 stride 1x1, binary, d/kernel, quantizer ste_sign; padding none",
        "    shared: equal and inverse slices; similar ones only where a sign follows",
    ]


def test_the_same_as_json(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    document = json.loads(inspected(path, "--json", "-"))
    assert document["library"] == "Keras 2.21.0 with Larq layers"
    assert document["fingerprint"] == read_model(path).weights_hash
    c2 = next(layer for layer in document["layers"] if layer["name"] == "c2")
    assert (c2["reads"], c2["shape"], c2["padding"]) == (["p1"], [2, 2, 5], "same, with 0")


def test_why_a_layer_is_left_out_of_sharing(tmp_path: Path) -> None:
    real = RNG.normal(size=(1, 1, 4, 4)).astype(np.float32)
    layers = [
        conv("c1", K1, input_quantizer=None),
        batch_norm("b1", np.zeros(4)),
        conv("real", real, kind="Conv2D"),
        conv("late", signs(RNG, 1, 1, 4, 4), input_quantizer=None),
        Spec(
            "QuantDepthwiseConv2D",
            "apart",
            {"kernel_size": [3, 3], "use_bias": False, "depthwise_quantizer": "ste_sign"}
            | {"input_quantizer": "ste_sign", "depth_multiplier": 1},
            {"depthwise_kernel": signs(RNG, 3, 3, 4, 1)},
        ),
        conv("wide", signs(RNG, 2, 2, 4, 6), dilation_rate=[1, 1]),
    ]
    path = write_h5(tmp_path / "m.h5", layers, SHAPE)
    found = {layer.name: layer.sharing for layer in inspect_model(read_model(path)).layers}
    assert found["real"] == "none: its weights are not +1/-1 (quantizer none)"
    assert found["late"] == "none: its weights are +1/-1, but its input is real-valued"
    assert found["apart"] == "none: each input channel has a single slice"
