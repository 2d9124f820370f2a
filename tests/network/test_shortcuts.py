"""Layers beside a shortcut: where their sign is, what their errors cost, and plans for them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.errors import PlanError
from crshare.evaluation.plan_run import follow
from crshare.executor.execute import last_cut
from crshare.images.image_set import ImageSet
from crshare.model.read import read_model, read_network
from crshare.model.write import apply_network
from crshare.network.graph import Network, Scale
from crshare.network.reference import run
from crshare.network.shortcuts import (
    ChannelMoments,
    RealSign,
    importance_of_reals,
    norm_behind,
    real_sign,
)
from crshare.network.slices import decompose
from crshare.plan.file import dumps, read_plan, write_plan
from crshare.plan.plan import SharingPlan, exact_layer, is_exact, planned_network
from crshare.planning.baseline import baseline_of
from crshare.planning.layerwise import Method, plan_at
from tests.keras_files import Spec, batch_norm, conv, signs, write_h5

RNG = np.random.default_rng(5)
SHAPE = (8, 8, 3)


def bireal(tmp_path: Path) -> Network:
    """Two blocks of sign, convolution and batch normalisation, each added to its input."""
    betas: list[dict[str, Any]] = [{}, {}, {"beta": RNG.normal(size=24)}]
    norms = [
        batch_norm(f"b{i}", np.zeros(24), 90.0, gamma=RNG.random(24), **beta)
        for i, beta in enumerate(betas)
    ]
    layers = [
        conv("c0", signs(RNG, 3, 3, 3, 24), input_quantizer=None, padding="same"),
        norms[0],
        conv("c1", signs(RNG, 3, 3, 24, 24), padding="same", pad_values=1.0),
        norms[1],
        Spec("Add", "a1", reads=("b0", "b1")),
        conv("c2", signs(RNG, 3, 3, 24, 24), padding="same", pad_values=1.0),
        norms[2],
        Spec("Add", "a2", reads=("a1", "b2")),
        conv("c3", signs(RNG, 1, 1, 24, 4)),
    ]
    return read_network(write_h5(tmp_path / "m.h5", layers, SHAPE, functional=True))


def test_the_sign_behind_a_shortcut_and_the_scale_on_the_way(tmp_path: Path) -> None:
    network = bireal(tmp_path)
    found = real_sign(network, "c1")
    assert found is not None and found.sign.name == "a1/sign"
    scale = network.layer("b1").op.scale
    np.testing.assert_array_equal(found.scale, scale)
    behind = real_sign(network, "c2")
    assert behind is not None and behind.sign.name == "a2/sign"
    assert real_sign(network, "c3") is None


def test_importance_is_the_density_at_zero_over_the_variance(tmp_path: Path) -> None:
    sign = RealSign(bireal(tmp_path).layer("a1/sign"), np.array([1.0, 2.0, 1.0, 5.0]))
    reals = RNG.normal((0, 0, 3, 0), (1, 1, 1, 0), (40, 5, 5, 4))
    moments = ChannelMoments.none(4)
    for some in (reals[:7], reals[7:]):
        moments.add(some)
    found = importance_of_reals(sign, moments)
    mean, variance = reals.mean(axis=(0, 1, 2)), reals.var(axis=(0, 1, 2))
    for channel in range(3):
        density = np.exp(-(mean[channel] ** 2) / 2 / variance[channel])
        expected = density / variance[channel] * sign.scale[channel] ** 2
        np.testing.assert_allclose(found[channel], expected)
    assert found[3] == 0 and found[1] > 3 * found[0] and found[2] < found[0] / 20


def test_similar_slices_are_chosen_beside_a_shortcut_and_the_plan_can_be_followed(
    tmp_path: Path,
) -> None:
    network = bireal(tmp_path)
    pixels = RNG.integers(0, 256, (40, *SHAPE)).astype(np.uint8)
    images = ImageSet("noise", pixels, np.zeros(40, np.int64))
    baseline = baseline_of(network, images)
    assert [baseline_layer.similar for baseline_layer in baseline.layers] == [True, True, False]
    plan, planned, _ = plan_at(baseline, "fingerprint", 3e-3, Method(solver="greedy"))
    assert not is_exact(network, plan)
    counted = follow(network, plan, pixels[:3])  # raises where the plan's sums are others
    for name in ("c1", "c2"):
        assert counted[name].slice_operations < 3 * 64 * 9 * 24 * 24 * 0.8
        assert not np.array_equal(planned.conv(name).kernel, network.conv(name).kernel)


def test_a_plan_is_the_same_whether_maps_are_kept_or_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = bireal(tmp_path)
    cuts = [last_cut(network, name) for name in ("c1", "a1", "b2", "c3")]
    assert cuts == ["c0", "a1", "a1", "c3"]
    pixels = RNG.integers(0, 256, (40, *SHAPE)).astype(np.uint8)
    baseline = baseline_of(network, ImageSet("noise", pixels, np.zeros(40, np.int64)))
    plans = []
    for most in (2**31, 0):
        monkeypatch.setattr("crshare.planning.layerwise.MOST_KEPT", most)
        plans.append(plan_at(baseline, "fingerprint", 3e-3, Method(solver="greedy"))[0])
    for one, other in zip(plans[0].layers, plans[1].layers, strict=True):
        assert np.array_equal(one.use, other.use)
        assert all(map(np.array_equal, one.representatives, other.representatives))


def test_offsets_give_every_channel_its_mean_again(tmp_path: Path) -> None:
    network = bireal(tmp_path)
    pixels = RNG.integers(0, 256, (40, *SHAPE)).astype(np.uint8)
    images = ImageSet("noise", pixels, np.zeros(40, np.int64))
    plan, planned, _ = plan_at(
        baseline_of(network, images), "fingerprint", 3e-3, Method(solver="greedy")
    )
    assert set(plan.offsets) == {"b1", "b2"} and not is_exact(network, plan)
    before, after = (run(net, pixels) for net in (network, planned_network(network, plan)))
    for name in plan.offsets:
        assert np.array_equal(scale_of(planned, name).offset, plan.offsets[name])
        assert (scale_of(network, name).offset != plan.offsets[name]).any()
        old, new = (found[name].mean(axis=(0, 1, 2)) for found in (before, after))
        np.testing.assert_allclose(old, new, atol=1e-4)


def test_a_norm_alone_takes_the_sums(tmp_path: Path) -> None:
    network = bireal(tmp_path)
    assert norm_behind(network, "c1") == network.layer("b1")
    assert norm_behind(network, "b1") is None  # behind it is a sum of paths


@pytest.mark.parametrize("name", ["b1", "b2"])  # by a mean, and by beta
def test_offsets_are_written_to_the_file_and_read_back(tmp_path: Path, name: str) -> None:
    network, path = bireal(tmp_path), tmp_path / "m.h5"
    model = read_model(path)
    offset = scale_of(network, name).offset + np.linspace(-3, 3, 24)
    plan = SharingPlan(
        model.weights_hash, tuple(map(exact_layer, decompose(network))), {}, {name: offset}
    )
    write_plan(plan, "m.h5", tmp_path / "plan.json")
    again = read_plan(tmp_path / "plan.json", network, model.weights_hash)
    assert np.array_equal(again.offsets[name], offset)
    apply_network(path, planned_network(network, again), tmp_path / "new.h5")
    written = read_network(tmp_path / "new.h5")
    for other in ("b0", "b1", "b2"):
        wanted = offset if other == name else scale_of(network, other).offset
        np.testing.assert_allclose(scale_of(written, other).offset, wanted, rtol=1e-6, atol=1e-6)


def scale_of(network: Network, name: str) -> Scale:
    op = network.op_of(name)
    assert isinstance(op, Scale)
    return op


@pytest.mark.parametrize(
    ("name", "offset", "said"),
    [
        ("c1", [0.0] * 24, "changes the offset of 'c1', which the model does not have"),
        ("b1", [0.0] * 23, "offset of b1: 23 values; expected 24"),
        ("b1", [1e999] * 24, "is no plan of version 1 or 2"),
    ],
)
def test_offsets_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, offset: list[float], said: str
) -> None:
    network, path = bireal(tmp_path), tmp_path / "plan.json"
    layers = tuple(map(exact_layer, decompose(network)))
    document = json.loads(dumps(SharingPlan("0" * 64, layers), "m"))
    document["offsets"] = [{"name": name, "offset": offset}]
    path.write_text(json.dumps(document))
    with pytest.raises(PlanError, match=f": {said}"):
        read_plan(path, network, "0" * 64)
