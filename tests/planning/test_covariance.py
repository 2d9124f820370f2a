"""Covariances of windows: against gathering every window one value at a time."""

import numpy as np
import pytest

from crshare.arrays import Array
from crshare.network.bits import pack
from crshare.network.graph import Conv, Kind, Signal, extent, signal_after
from crshare.network.slices import SliceTable
from crshare.planning.covariance import SampledWindows, gather, moments, sample_windows
from tests.networks import random_signs


def random_case(seed: int) -> tuple[Conv, Signal, Array, Array]:
    """A convolution, its input signal, and two lots of maps of +1/-1 for it."""
    rng = np.random.default_rng(seed)
    channels = int(rng.choice([1, 3, 64, 65]))
    shape = (int(rng.integers(3, 6)), int(rng.integers(3, 6)), channels)
    kernel = random_signs(rng, (int(rng.integers(1, 4)), int(rng.integers(1, 4)), channels, 2))
    pad_value = [None, 0, 1, -1][int(rng.integers(4))]
    strides = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    conv = Conv(kernel, strides, pad_value)
    maps = [random_signs(rng, (4, *shape)) for _ in range(2)]
    return conv, Signal(Kind.BITS, shape, 1), maps[0], maps[1]


def slow_window(conv: Conv, given: Signal, values: Array, row: int, column: int) -> list[int]:
    """One window, channel by channel and in it tap by tap, with its padding."""
    kh, kw, channels, _ = conv.kernel.shape
    same = conv.pad_value is not None
    _, above = extent(given.shape[0], kh, conv.strides[0], same=same)
    _, left = extent(given.shape[1], kw, conv.strides[1], same=same)
    window = []
    for channel in range(channels):
        for i in range(kh):
            for j in range(kw):
                y, x = row * conv.strides[0] + i - above, column * conv.strides[1] + j - left
                inside = 0 <= y < given.shape[0] and 0 <= x < given.shape[1]
                window.append(int(values[y, x, channel]) if inside else int(conv.pad_value or 0))
    return window


@pytest.mark.parametrize("seed", range(12))
def test_gathered_windows_are_those_of_the_maps(seed: int) -> None:
    conv, given, maps, _ = random_case(seed)
    places = sample_windows(len(maps), signal_after(conv, given), 10**6, 0)
    expected = [
        slow_window(conv, given, maps[image], row, column)
        for image, row, column in zip(places.image, places.row, places.column, strict=True)
    ]
    assert gather(conv, given, pack(maps), places).tolist() == expected


def table_of(conv: Conv, rng: np.random.Generator) -> SliceTable:
    """Other weights of the same shape, cut into groups of up to three inputs."""
    n_inputs, n_filters = int(np.prod(conv.kernel.shape[:3])), conv.kernel.shape[3]
    starts = (*range(0, n_inputs, 3), n_inputs)
    return SliceTable("conv", random_signs(rng, (n_inputs, n_filters)), starts, 1, False)


@pytest.mark.parametrize("seed", range(12))
def test_moments_are_covariances_times_the_square_of_the_windows(seed: int) -> None:
    conv, given, changed, original = random_case(seed)
    table = table_of(conv, np.random.default_rng(seed))
    places = sample_windows(len(changed), signal_after(conv, given), 10**6, 0)
    found = moments(conv, given, pack(changed), pack(original), places, table)
    now = gather(conv, given, pack(changed), places).astype(np.int64)
    then = gather(conv, given, pack(original), places).astype(np.int64)
    weights, n = table.matrix.astype(np.int64), len(places)
    own = n * now.T @ now - np.outer(now.sum(axis=0), now.sum(axis=0))
    cross = n * now.T @ then - np.outer(now.sum(axis=0), then.sum(axis=0))
    group = np.repeat(np.arange(table.n_groups), np.diff(table.starts))
    assert found.n_windows == n
    assert np.array_equal(found.own, own)
    assert np.array_equal(found.cross, cross @ weights)
    assert np.array_equal(found.within, np.where(group[:, None] == group, cross, 0) @ weights)


def test_unchanged_inputs_are_as_if_they_had_changed_to_themselves() -> None:
    conv, given, maps, _ = random_case(1)
    table = table_of(conv, np.random.default_rng(1))
    places = sample_windows(len(maps), signal_after(conv, given), 10**6, 0)
    found = moments(conv, given, pack(maps), None, places, table)
    again = moments(conv, given, pack(maps), pack(maps), places, table)
    assert np.array_equal(found.cross, again.cross)
    assert np.array_equal(found.within, again.within)


def test_sampled_places_are_different_and_within_the_map() -> None:
    output = Signal(Kind.INTEGERS, (3, 5, 2), 9)
    places = sample_windows(7, output, 40, seed=4)
    triples = set(
        zip(*(part.tolist() for part in (places.image, places.row, places.column)), strict=True)
    )
    assert len(places) == len(triples) == 40
    assert all(i < 7 and r < 3 and c < 5 for i, r, c in triples)
    again = sample_windows(7, output, 40, seed=4)
    assert np.array_equal(again.image, places.image)


def test_few_places_are_all_taken_in_order() -> None:
    places = sample_windows(2, Signal(Kind.INTEGERS, (1, 2, 1), 9), 40, seed=0)
    assert isinstance(places, SampledWindows)
    assert places.image.tolist() == [0, 0, 1, 1]
    assert places.column.tolist() == [0, 1, 0, 1]
