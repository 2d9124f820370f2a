"""Writing a changed network back: what is asked for and nothing else, whole or not at all."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.errors import OutputError, PlanError
from crshare.model.read import read_model, read_network
from crshare.model.ties import same_decisions
from crshare.model.write import apply_network
from crshare.network.graph import ALWAYS, NEVER, Conv, Network, Op, Threshold
from tests.keras_files import (
    Dialect,
    Spec,
    batch_norm,
    conv,
    dense,
    flatten,
    pool,
    rescaling,
    signs,
    write_h5,
)

RNG = np.random.default_rng(0)
SHAPE = (6, 6, 2)
Generator = np.random.Generator


def latent(*shape: int) -> Any:
    weights = RNG.normal(size=shape).astype(np.float32)
    weights.flat[:5] = 0.0
    return weights


def layers() -> list[Spec]:
    """A bias, scaled latent weights, gammas of all signs, pools, and a plain sign."""
    plus = {"gamma": [1, -1, 0, 2, -2], "beta": [0, 1, -1, 0.5, 3]}
    return [
        rescaling(),
        conv("c1", latent(3, 3, 2, 4), input_quantizer=None, bias=np.ones(4, np.float32)),
        conv("c2", latent(2, 2, 4, 5), kernel_quantizer="magnitude_aware_sign"),
        pool("p2"),
        batch_norm("b2", RNG.normal(size=5), **plus),
        conv("c3", signs(RNG, 1, 1, 5, 6)),
        batch_norm("b3", RNG.normal(size=6)),
        flatten(),
        dense("d4", signs(RNG, 6, 7)),
        batch_norm("b4", RNG.normal(size=7), beta=RNG.normal(size=7)),
        dense("d5", latent(7, 3)),
    ]


def changed(network: Network, rng: Generator, share: float = 0.2) -> Network:
    """Other signs and other thresholds here and there, in the directions there are."""
    ops: dict[str, Op] = {}
    for layer in network.layers:
        match layer.op:
            case Conv(kernel, strides, pad_value):
                flips = np.where(rng.random(kernel.shape) < share, -1, 1).astype(np.int8)
                ops[layer.name] = Conv(kernel * flips, strides, pad_value)
            case Threshold(at, rising, merged):
                bound = network.input_of(layer).bound
                new = rng.integers(-bound - 2, bound + 3, len(at)).astype(np.int32)
                new[0] = rng.choice([ALWAYS, NEVER])
                ops[layer.name] = Threshold(
                    np.where(rng.random(len(at)) < 0.5, new, at), rising, merged
                )
            case _:
                pass
    return network.replace(ops)


def assert_equal(found: Network, wanted: Network) -> None:
    for one, other in zip(found.layers, wanted.layers, strict=True):
        if isinstance(one.op, Conv) and isinstance(other.op, Conv):
            np.testing.assert_array_equal(one.op.kernel, other.op.kernel)
        if isinstance(one.op, Threshold) and isinstance(other.op, Threshold):
            assert same_decisions(one.op, other.op, wanted.input_of(other).bound).all(), one.name


@pytest.mark.slow
@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("seed", range(5))
def test_what_is_written_reads_back_as_asked(tmp_path: Path, seed: int, dialect: Dialect) -> None:
    source = write_h5(tmp_path / "m.h5", layers(), SHAPE, dialect, functional=seed % 2 == 0)
    before = source.read_bytes()
    wanted = changed(read_network(source), np.random.default_rng(seed))
    target = tmp_path / "new.h5"
    apply_network(source, wanted, target)
    assert_equal(read_network(target), wanted)
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.h5", "new.h5"]


def test_the_file_may_take_the_place_of_its_source(tmp_path: Path) -> None:
    source = write_h5(tmp_path / "m.h5", layers(), SHAPE)
    wanted = changed(read_network(source), np.random.default_rng(1))
    apply_network(source, wanted, source)
    assert_equal(read_network(source), wanted)


def test_nothing_to_change_changes_nothing(tmp_path: Path) -> None:
    source = write_h5(tmp_path / "m.h5", layers(), SHAPE)
    apply_network(source, read_network(source), tmp_path / "new.h5")
    assert (tmp_path / "new.h5").read_bytes() == source.read_bytes()


def test_other_channels_and_magnitudes_stay_bit_for_bit(tmp_path: Path) -> None:
    source = write_h5(tmp_path / "m.h5", layers(), SHAPE)
    model = read_model(source)
    kernel, sign = model.network.layers[2].op, model.network.layers[3].op
    assert isinstance(kernel, Conv) and isinstance(sign, Threshold)
    flips = np.ones(kernel.kernel.shape, np.int8)
    flips[1, 1, :, 3] = -1
    at = sign.at.copy()
    at[3] += 2
    wanted = model.network.replace(
        {
            "c2": Conv(kernel.kernel * flips, kernel.strides, kernel.pad_value),
            "c2/sign": Threshold(at, sign.rising),
        }
    )
    apply_network(source, wanted, tmp_path / "new.h5")
    weights = read_model(tmp_path / "new.h5").weights
    for name, old in model.weights["b2"].items():
        others = np.arange(5) != 3
        np.testing.assert_array_equal(weights["b2"][name][others], old[others])
    assert weights["b2"]["gamma"][3] == model.weights["b2"]["gamma"][3]
    stored = model.weights["c2"]["kernel"]
    np.testing.assert_array_equal(weights["c2"]["kernel"], stored * flips)
    for name in set(weights) - {"b2", "c2"}:
        for key, old in model.weights[name].items():
            np.testing.assert_array_equal(weights[name][key], old)


def test_a_zero_weight_turns_into_the_least_negative_one(tmp_path: Path) -> None:
    kernel = np.zeros((1, 1, 2, 1), np.float32)
    source = write_h5(tmp_path / "m.h5", [conv("c", kernel, input_quantizer=None)], SHAPE)
    network = read_network(source)
    wanted = network.replace({"c": Conv(np.array([[[[-1], [1]]]], np.int8))})
    apply_network(source, wanted, tmp_path / "new.h5")
    stored = read_model(tmp_path / "new.h5").weights["c"]["kernel"].ravel()
    assert stored.tolist() == [-float(np.finfo(np.float32).tiny), 0.0]


def with_threshold(network: Network, name: str, threshold: Threshold) -> Network:
    return network.replace({name: threshold})


def test_a_threshold_that_nothing_moves_is_refused(tmp_path: Path) -> None:
    specs = [conv("c1", signs(RNG, 3, 3, 2, 4), input_quantizer=None), pool("p"), *layers()[2:3]]
    source = write_h5(tmp_path / "m.h5", specs, SHAPE)
    network = read_network(source)
    threshold = network.layers[1].op
    assert isinstance(threshold, Threshold) and not threshold.adjustable
    wanted = with_threshold(network, "c1/sign", Threshold(threshold.at + 1, threshold.rising))
    with pytest.raises(PlanError) as error:
        apply_network(source, wanted, tmp_path / "new.h5")
    assert str(error.value) == (
        f"{source}: c1/sign has no batch normalization or bias that can move its thresholds; keep "
        "the thresholds of this layer"
    )
    assert not (tmp_path / "new.h5").exists()


@pytest.mark.parametrize(("name", "owner"), [("c3/sign", "b3"), ("c1/sign", "c1")])
def test_a_direction_needs_a_gamma(tmp_path: Path, name: str, owner: str) -> None:
    source = write_h5(tmp_path / "m.h5", layers(), SHAPE)
    network = read_network(source)
    threshold = next(la.op for la in network.layers if la.name == name)
    assert isinstance(threshold, Threshold)
    wanted = with_threshold(network, name, Threshold(threshold.at, ~threshold.rising))
    with pytest.raises(PlanError) as error:
        apply_network(source, wanted, tmp_path / "new.h5")
    assert str(error.value) == (
        f"{source}: layer {owner} has no gamma that could turn the threshold of channel 0 around; "
        "keep its direction"
    )


def test_a_gamma_turns_a_threshold_around(tmp_path: Path) -> None:
    without_pool = [spec for spec in layers()[:7] if spec.name != "p2"]
    source = write_h5(tmp_path / "m.h5", without_pool, SHAPE)
    network = read_network(source)
    threshold = network.layers[3].op
    assert isinstance(threshold, Threshold)
    turned = Threshold(np.array([3, -2, 1, 0, 5], np.int32), ~threshold.rising)
    wanted = with_threshold(network, "c2/sign", turned)
    apply_network(source, wanted, tmp_path / "new.h5")
    assert_equal(read_network(tmp_path / "new.h5"), wanted)


def test_a_threshold_before_a_pool_cannot_be_turned(tmp_path: Path) -> None:
    """Its pooling took any bit of the window, and would take all of them."""
    source = write_h5(tmp_path / "m.h5", layers(), SHAPE)
    network = read_network(source)
    threshold = network.layers[3].op
    assert isinstance(threshold, Threshold)
    turned = Threshold(np.zeros(5, np.int32), ~threshold.rising)
    with pytest.raises(PlanError) as error:
        apply_network(source, with_threshold(network, "c2/sign", turned), tmp_path / "new.h5")
    assert str(error.value) == (
        f"{tmp_path / 'new.h5'}: p2 cannot be written so that it reads back the same; keep the "
        "directions of the thresholds before it"
    )
    assert not (tmp_path / "new.h5").exists()


def test_another_network_is_refused(tmp_path: Path) -> None:
    source = write_h5(tmp_path / "m.h5", layers(), SHAPE)
    other = write_h5(tmp_path / "o.h5", layers()[1:], SHAPE)
    with pytest.raises(PlanError) as error:
        apply_network(source, read_network(other), tmp_path / "new.h5")
    assert str(error.value) == (
        f"{source}: the network to write is not this file's with other signs and thresholds; make "
        "the plan from this file"
    )


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    source = write_h5(tmp_path / "m.h5", layers(), SHAPE)
    (tmp_path / "taken").write_text("a file")
    target = tmp_path / "taken" / "new.h5"
    with pytest.raises(OutputError) as error:
        apply_network(source, read_network(source), target)
    assert str(error.value).startswith(f"{target}: cannot be written (")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_h5(tmp_path / "m.h5", layers(), SHAPE)
    target = tmp_path / "new.h5"
    target.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError) as error:
        apply_network(source, changed(read_network(source), RNG), target)
    assert str(error.value) == (
        f"{target}: cannot be written (No space left on device); choose another place"
    )
    assert target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.h5", "new.h5"]
