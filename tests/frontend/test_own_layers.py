"""crshare's own layers in a file: what they are read as, and what of them is refused."""

from pathlib import Path
from typing import Any

import pytest

from crshare.model.read import read_network
from crshare.network.graph import Kind, Layer, Network, Quantise, Scale, Sign
from tests.keras_files import Spec, batch_norm, conv, dense, flatten, write_h5
from tests.small_model import K1, K2, KD, SHAPE, refusal, small


def with_fixed(**config: Any) -> list[Spec]:
    """Sums, normalised and rounded, whose signs a second layer takes."""
    given = {"name": "q", "integer_bits": 4, "fraction_bits": 2} | config
    return [
        conv("c1", K1, input_quantizer=None),
        batch_norm("b1", [0, 1, 2, 3], beta=[0, 0.5, -0.5, 0]),
        Spec("crshare>FixedPoint", "q", given),
        conv("c2", K2),
        flatten(),
        dense("d", KD[:1].repeat(20, axis=0)),
    ]


def read(path: Path, layers: list[Spec]) -> Network:
    return read_network(write_h5(path / "m.h5", layers, SHAPE))


def chain(network: Network, n: int) -> list[Layer]:
    return list(network.layers[:n])


def test_a_fixed_point_layer_rounds_halves_up(tmp_path: Path) -> None:
    network = read(tmp_path, with_fixed())
    ops = [layer.op for layer in chain(network, 5)]
    assert [type(op) for op in ops[1:4]] == [Scale, Quantise, Sign]
    assert ops[2] == Quantise(0.25, -8.0, 7.75, "up")
    assert network.signals["q/activation"].kind is Kind.REALS


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"integer_bits": 0}, "has integer_bits 0; a number in fixed point has 1 to 32"),
        ({"fraction_bits": 33}, "has fraction_bits 33; a number in fixed point has 0 to 32"),
        ({"fraction_bits": 1.5}, "has fraction_bits 1.5; a number in fixed point has 0 to 32"),
        ({"integer_bits": -1}, "has integer_bits -1; a number in fixed point has 1 to 32"),
    ],
)
def test_bits_that_make_no_number_are_refused(
    config: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    assert refusal(tmp_path, with_fixed(**config)) == f"layer q {sentence}"


def test_another_class_of_that_name_is_refused(tmp_path: Path) -> None:
    layers = with_fixed()
    layers[2] = Spec("FixedPoint", "q", {"bits": 8})
    assert "FixedPoint" in refusal(tmp_path, layers)


def test_right_behind_the_pixels_it_stays_where_steps_are_uneven(tmp_path: Path) -> None:
    """Halves of pixels to whole numbers, 0, 1, 1, 2, 2, are no even steps; to halves they are."""
    half = Spec("Rescaling", "r", {"scale": 0.5, "offset": 0.0})
    for n_fraction, expected in ((0, [Quantise(1.0, -256.0, 255.0, "up")]), (1, [])):
        given = {"name": "q", "integer_bits": 9, "fraction_bits": n_fraction}
        layers = [half, Spec("crshare>FixedPoint", "q", given), *small()]
        network = read(tmp_path, layers)
        assert [la.op for la in network.layers if isinstance(la.op, Quantise)] == expected
