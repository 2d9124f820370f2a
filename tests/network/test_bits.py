"""The encoding: packing and back, the bits past the last channel, and the dot product."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crshare.network.bits import dot, full_words, n_words, pack, unpack

WIDTHS = (1, 3, 8, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129)


@pytest.mark.parametrize("n_channels", WIDTHS)
def test_unpacking_undoes_packing_and_the_bits_past_the_end_are_zero(n_channels: int) -> None:
    rng = np.random.default_rng(n_channels)
    values = rng.choice(np.array([-1, 1], np.int8), (2, 3, n_channels))
    words = pack(values)
    assert words.shape == (2, 3, n_words(n_channels))
    assert np.array_equal(unpack(words, n_channels), values)
    assert not (words & ~full_words(n_channels)).any()


def test_plus_one_is_bit_one_and_channels_fill_words_from_the_lowest_bit() -> None:
    values = -np.ones(65, np.int8)
    values[[0, 3, 64]] = 1
    assert pack(values).tolist() == [0b1001, 1]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 130), st.integers(0, 2**32 - 1))
def test_the_dot_product_is_twice_the_agreeing_bits_less_the_valid(n: int, seed: int) -> None:
    a, b = np.random.default_rng(seed).choice(np.array([-1, 1], np.int64), (2, n))
    differing = sum(int(word).bit_count() for word in pack(a) ^ pack(b))
    assert dot(np.array(n - differing), n) == a @ b
