"""Connections of LUT networks in training: which places nodes read, and where these lie."""

import numpy as np
import pytest

from crshare.lut_recipes import Choice
from crshare.network.lut_ops import even_thresholds, modulation
from crshare.train.lutnet.net import modulate
from crshare.train.lutnet.wiring import choose, wire


@pytest.mark.parametrize(("n_nodes", "n_places"), [(7, 6), (10, 7), (5, 100), (40, 25), (3, 4)])
def test_random_ones_are_distinct_and_used_about_equally_often(n_nodes: int, n_places: int) -> None:
    found = choose(Choice.RANDOM, n_nodes, n_places, np.random.default_rng(0))
    assert found.shape == (n_nodes, min(6, n_places))
    assert all(len(set(row)) == len(row) for row in found.tolist())
    uses = np.bincount(found.ravel(), minlength=n_places)
    assert uses.max() - uses.min() <= 1


def test_serial_ones_go_on_where_the_last_node_ended() -> None:
    found = choose(Choice.SERIAL, 3, 8, np.random.default_rng(0))
    expected = [[0, 1, 2, 3, 4, 5], [6, 7, 0, 1, 2, 3], [4, 5, 6, 7, 0, 1]]
    assert found.tolist() == expected


def test_rows_are_those_of_the_places_in_every_window() -> None:
    height, width, channels = given = (5, 6, 3)
    size, strides = (2, 3), (2, 1)
    maps = np.arange(height * width * channels).reshape(height, width, channels)
    rows_of = maps.transpose(2, 0, 1).ravel()  # what stands in each row of samples
    connections = choose(Choice.RANDOM, 9, 18, np.random.default_rng(0))
    wiring = wire(connections, given, size, strides)
    assert wiring.shape == (2, 4, 9)
    for place, (down, right) in enumerate(np.ndindex(2, 4)):
        window = maps[2 * down : 2 * down + 2, right : right + 3].ravel()
        for node, places in enumerate(connections):
            read = rows_of[wiring.rows[node] + wiring.offsets[place]]
            assert read.tolist() == window[places].tolist()


def test_thresholds_lie_in_time_and_side_by_side() -> None:
    assert np.array_equal(even_thresholds(4, 1, 3), modulation(4, 3).at)
    assert np.array_equal(even_thresholds(1, 4, 3), modulation(4, 3, in_time=False).at)
    assert even_thresholds(1, 1, 1).tolist() == [[[128]]]
    both = even_thresholds(2, 3, 1)
    assert both.shape == (2, 3, 1)
    assert sorted(both.ravel().tolist()) == modulation(6, 1).at.ravel().tolist()


def test_bits_are_laid_out_by_channel_place_image_and_frame() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 2, 4, 2), dtype=np.uint8)
    at = even_thresholds(2, 3, 2)
    bits = modulate(images, at).reshape(3, 2, 2, 4, 3, 2)
    for d, c, row, column, image, frame in np.ndindex(bits.shape):
        is_above = images[image, row, column, c] >= at[frame, d, c]
        assert bits[d, c, row, column, image, frame] == is_above
