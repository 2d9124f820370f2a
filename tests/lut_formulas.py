"""The formulas of LUT networks in training, plainly, one entry of a table at a time."""

from collections.abc import Callable

import numpy as np
from numpy.testing import assert_allclose

from crshare.arrays import Array, Float64Array
from crshare.train.lutnet.smoothing import BETA, GAMMA
from crshare.train.lutnet.wiring import Wiring

STEP = 1e-5


def layer_values(tables: Array, wiring: Wiring, samples: Array) -> Float64Array:
    """[n, n_places, S] of real samples [n_rows, S]: the sum over entries k of W_k times the product
    of x_j or 1 - x_j."""
    inputs = samples[wiring.rows[:, :, None] + wiring.offsets]  # [n, 6, n_places, S]
    total = np.zeros((len(tables), *inputs.shape[2:]))
    for k in range(64):
        product = np.ones(total.shape)
        for j in range(6):
            product *= inputs[:, j] if k >> j & 1 else 1 - inputs[:, j]
        total += tables[:, k].astype(np.float64)[:, None, None] * product
    return total


def normalised(values: Float64Array) -> Float64Array:
    """Each node's values [n, n_places, S], normalised over places and samples."""
    mean = values.mean(axis=(1, 2), keepdims=True)
    deviation = values.std(axis=(1, 2), keepdims=True)
    return GAMMA * (values - mean) / deviation + BETA


def check_slopes(found: Array, function: Callable[[Array], float], at: Array) -> None:
    """A gradient against central differences of the function, at two dozen of its entries."""
    assert found.shape == at.shape
    places = np.random.default_rng(0).permutation(at.size)[:24]
    for place in places:
        moved = np.stack([at.astype(np.float64)] * 2)
        moved.reshape(2, -1)[:, place] += STEP, -STEP
        above, below = map(function, moved)
        assert_allclose(found.flat[place], (above - below) / (2 * STEP), rtol=1e-3, atol=1e-4)
    assert np.count_nonzero(found.flat[places]) > 1
