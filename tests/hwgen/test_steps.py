"""Activations of several bits as bits side by side: equal to the sums, and built."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.errors import HardwareError
from crshare.hardware.beats import vectors
from crshare.hardware.lowering import lower
from crshare.hardware.options import Options
from crshare.hardware.steps import for_hardware, in_bits
from crshare.model.read import Model, read_model
from crshare.network.graph import Add, Kind, Network
from crshare.network.reference import run
from crshare.planning.layerwise import exact_plan
from hwgen import design_model
from tests.onnx_files import few_bits, write_onnx

EXACT = (Fraction(1, 256), Fraction(0))


def read(path: Path, **form: int) -> Model:
    return read_model(write_onnx(path / "m.onnx", few_bits(5, **form)), rescale=EXACT)


def scores(network: Network, n: int = 6) -> list[float]:
    images = np.random.default_rng(3).integers(0, 256, (n, *network.input.shape))
    found = run(network, images)[network.layers[-1].name]
    return list(np.asarray(found, np.float64).reshape(-1))


@pytest.mark.parametrize(("n_bits", "signed", "narrow"), [(2, 1, 1), (2, 0, 0), (3, 0, 1)])
def test_bits_side_by_side_give_the_same(
    tmp_path: Path, n_bits: int, signed: int, narrow: int
) -> None:
    network = read(tmp_path, n_bits=n_bits, signed=signed, narrow=narrow).network
    found = in_bits(network)
    assert scores(found) == scores(network)
    assert not any(isinstance(layer.op, Add) for layer in found.layers)
    kinds = [found.input_of(layer).kind for layer, _ in found.convs()]
    assert kinds == [Kind.INTEGERS, Kind.BITS, Kind.BITS, Kind.BITS]


def test_what_has_no_such_form_stays(tmp_path: Path) -> None:
    """Eight levels from -4 on: a border of 0 is no sum that bits of one kind have."""
    network = read(tmp_path, n_bits=3, signed=1, narrow=0).network
    assert in_bits(network) is network


def test_what_has_no_such_form_is_built_of_sums(tmp_path: Path) -> None:
    network = read(tmp_path, n_bits=3, signed=1, narrow=0).network
    made = lower(network, None, Options())
    beats = vectors(made, np.random.default_rng(3).integers(0, 256, (2, *network.input.shape)))
    assert design_model.run(made.design, beats.given) == beats.expected


def test_parts_that_begin_with_sums_are_refused(tmp_path: Path) -> None:
    network = read(tmp_path, n_bits=3, signed=1, narrow=0).network
    first = next(layer.name for layer, _ in network.convs())
    part = lower(network, None, Options(), only=(first, first))
    assert isinstance(network.op_of(part.end), Add)
    with pytest.raises(HardwareError) as error:
        lower(network, None, Options(), only=(network.layers[-2].name,) * 2)
    assert str(error.value) == (
        f"layer {network.layers[-2].name} reads integers of a layer before it, where a part of a "
        "network takes pixels or bits; begin it elsewhere with --layers"
    )


def test_plans_beside_steps_are_refused(tmp_path: Path) -> None:
    model = read(tmp_path)
    plan = exact_plan(model.network, model.weights_hash)
    with pytest.raises(HardwareError) as error:
        for_hardware(model.network, plan)
    assert str(error.value) == (
        "a plan has no hardware where activations have several bits, behind which all sharing is "
        "exact; leave --plan out"
    )


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
def test_a_network_of_several_bits_is_built_and_simulated(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "m.onnx", few_bits(5))
    words = ["generate", str(path), "--rescale", "1/256,0", "-o", str(tmp_path / "rtl")]
    words += ["--verify", "--images", "2", "--simulator", "icarus"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "PASS" in done.output
