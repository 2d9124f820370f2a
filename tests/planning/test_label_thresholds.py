"""Thresholds that labels move: towards them, the same way always, evaluated on other images."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from crshare.executor.execute import compile_network, outputs
from crshare.images.image_set import ImageSet, MovedSet, stand_ins
from crshare.network.graph import Conv, Input, Network, Op, Threshold
from crshare.planning.label_thresholds import (
    BATCH,
    N_EPOCHS,
    N_STEPS,
    by_halves,
    descended,
    rows_of,
    spread_of,
    with_threshold_values,
)
from crshare.planning.teacher import DISTILLED, teacher_of
from crshare.planning.threshold_gradients import last_layers_of
from tests.networks import Builder, random_signs

HIDDEN = "threshold1"
OUT_OF_PLACE = 0.15  # standard deviations


@cache
def problem() -> tuple[Network, Network, ImageSet]:
    """A network, the same with thresholds out of place, and images labelled by the first."""
    rng = np.random.default_rng(0)
    build = Builder(rng, Input((6, 6, 1), multiplier=2, offset=-255))
    build.add(Conv(random_signs(rng, (6, 6, 1, 31))))
    build.add(Threshold(np.zeros(31, np.int32), np.ones(31, np.bool_)))
    build.add(Conv(random_signs(rng, (1, 1, 31, 2))))
    network = build.network
    images = rng.integers(0, 256, (2 * BATCH * N_STEPS // N_EPOCHS, 6, 6, 1)).astype(np.uint8)
    labels = compile_network(network).classify(images)
    sums = outputs(network, images, [network.layers[0].name])[network.layers[0].name]
    away = OUT_OF_PLACE * sums.std() * rng.choice([-1, 1], 31)
    return network, moved(network, away), ImageSet("images", images, labels)


def moved(network: Network, away: npt.NDArray[Any], *, adjustable: bool = True) -> Network:
    old = network.layer(HIDDEN).op
    assert isinstance(old, Threshold)
    at = (old.at + np.rint(away)).astype(np.int32)
    new: Op = replace(old, at=at, adjustable=adjustable)
    return network.replace({HIDDEN: new})


def right(network: Network, images: ImageSet | MovedSet) -> float:
    return float((compile_network(network).classify(images.images) == images.labels).mean())


@pytest.mark.slow
def test_thresholds_out_of_place_are_led_back_by_labels() -> None:
    original, displaced, images = problem()
    tuned, scores = by_halves(original, displaced, images, seed=0)
    share = float((scores.argmax(axis=1) == images.labels).mean())
    assert right(displaced, images) < share
    assert right(displaced, images) < right(tuned, images)
    assert weights_of(tuned) == weights_of(displaced)


def weights_of(network: Network) -> dict[str, bytes]:
    return {name: conv.kernel.tobytes() for name, conv in convs(network)}


def convs(network: Network) -> list[tuple[str, Conv]]:
    return [(la.name, la.op) for la in network.layers if isinstance(la.op, Conv)]


@pytest.mark.slow
def test_each_half_measures_what_the_other_one_found() -> None:
    original, displaced, images = problem()
    last_layers, teacher = last_layers_of(displaced, 10**9), teacher_of(original, images, DISTILLED)
    assert last_layers is not None
    halves = [images.half(first) for first in (0, 1)]
    found = [descended(displaced, last_layers, teacher, half, 0)[HIDDEN] for half in halves]
    tuned, scores = by_halves(original, displaced, images, seed=0)
    for first, place in ((0, found[1]), (1, found[0])):
        network = with_threshold_values(displaced, {HIDDEN: place})
        said = compile_network(network).scores(halves[first].images)
        np.testing.assert_array_equal(scores[first::2], said)
    mean = with_threshold_values(displaced, {HIDDEN: (found[0] + found[1]) / 2})
    assert values(tuned) == values(mean) != values(displaced)


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "2"])
def test_thresholds_are_the_same_whatever_the_number_of_threads(threads: str) -> None:
    """BLAS is told how many once, when it is loaded."""
    original, displaced, images = problem()
    tuned, _ = by_halves(original, displaced, images, seed=0)
    code = "import tests.planning.test_label_thresholds as t; print(t.moved_to())"
    there = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OPENBLAS_NUM_THREADS": threads},
        cwd=Path(__file__).resolve().parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    assert there.stdout.strip() == str(values(tuned))


def moved_to() -> list[int]:
    original, displaced, images = problem()
    return values(by_halves(original, displaced, images, seed=0)[0])


def values(network: Network) -> list[int]:
    threshold = network.layer(HIDDEN).op
    assert isinstance(threshold, Threshold)
    return [int(at) for at in threshold.at]


@pytest.mark.slow
def test_what_may_not_move_stays() -> None:
    original, _, images = problem()
    fixed = moved(original, np.full(31, 9), adjustable=False)
    tuned, scores = by_halves(original, fixed, images, seed=0)
    np.testing.assert_array_equal(scores, compile_network(fixed).scores(images.images))
    assert tuned.layer(HIDDEN).op is fixed.layer(HIDDEN).op


@pytest.mark.parametrize("n", [1, 2, 2 * BATCH - 2])
def test_too_few_images_move_nothing(n: int) -> None:
    original, displaced, images = problem()
    few = images.take(slice(0, n), "few")
    tuned, scores = by_halves(original, displaced, few, seed=0)
    np.testing.assert_array_equal(scores, compile_network(displaced).scores(few.images))
    assert tuned.layer(HIDDEN).op is displaced.layer(HIDDEN).op


def test_versions_of_an_image_are_counted_together() -> None:
    original, displaced, images = problem()
    versions = stand_ins(images.take(slice(0, 301), "some"))
    _, scores = by_halves(original, displaced, versions, seed=0)
    here = compile_network(displaced).classify(versions.images)
    assert len(scores) == len(here) == 301 * versions.copies
    assert float((scores.argmax(axis=1) == here).mean()) > 0.9


@pytest.mark.parametrize("copies", [1, 9])
def test_a_batch_holds_different_images_each_in_some_version(copies: int) -> None:
    batches = [*rows_of(np.random.default_rng(0), 1234, copies)]
    assert len(batches) == min(N_STEPS, N_EPOCHS * (1234 // BATCH))
    for rows in batches:
        assert len(set(rows // copies)) == BATCH
        assert (rows % copies).max() == copies - 1
    assert [*rows_of(np.random.default_rng(0), BATCH - 1, copies)] == []


def test_spread_is_that_of_each_channel() -> None:
    network, _, images = problem()
    last_layers = last_layers_of(network, 10**9)
    assert last_layers is not None
    sums = [*outputs(network, images.images, last_layers.sums).values()]
    expected = np.sqrt(sums[0].astype(float).std(axis=(0, 1, 2)) ** 2 + 1)
    np.testing.assert_allclose(spread_of(last_layers, sums)[HIDDEN], expected, rtol=1e-6)
