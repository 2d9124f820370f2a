"""Norms of two paths and of their sum as one line for each channel, and the passes over it."""

import numpy as np
import numpy.typing as npt
import pytest

from crshare.train import blend_kernels as kernels
from crshare.train.joined_norms import EPSILON, Joined, Real, moments_of

N, CHANNELS = 60, 3


def normal(x: Real) -> Real:
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + EPSILON)


def three_norms(m: Real, s: Real, norms: Real) -> Real:
    """norms [4, c]: gammas of the main path, the skip path and the sum, and its beta."""
    return norms[2] * normal(norms[0] * normal(m) + norms[1] * normal(s)) + norms[3]


def joined_of(m: Real, s: Real, norms: Real) -> Joined:
    sums = np.stack([x.sum(axis=0) for x in (m, s, m * m, s * s, m * s)])
    return Joined(moments_of(sums, len(m)), (norms[0], norms[1], norms[2]), norms[3])


def drawn(seed: int) -> tuple[Real, Real, Real]:
    rng = np.random.default_rng(seed)
    m = rng.normal(2, 3, (N, CHANNELS))
    return m, rng.normal(-1, 0.5, (N, CHANNELS)) + 0.1 * m, rng.normal(1, 0.3, (4, CHANNELS))


@pytest.mark.parametrize("seed", range(3))
def test_three_norms_are_one_line(seed: int) -> None:
    m, s, norms = drawn(seed)
    a, b, c = joined_of(m, s, norms).factors()
    assert a * m + b * s + c == pytest.approx(three_norms(m, s, norms))


@pytest.mark.parametrize("seed", range(3))
def test_its_gradients_are_those_of_differences(seed: int) -> None:
    m, s, norms = drawn(seed)
    d = np.random.default_rng((seed, 1)).normal(size=m.shape)
    sums = np.stack([(d * m).sum(axis=0), (d * s).sum(axis=0), d.sum(axis=0)])
    (a, p, q, r, b, t, u), of_norms = joined_of(m, s, norms).gradients(sums)
    found = [a * d + p + q * m + r * s, b * d + t + u * s + r * m, of_norms]
    step = 1e-5
    for place, ours in enumerate(found):
        for at in np.ndindex(*(min(4, n) for n in ours.shape)):
            given = [[x.copy() for x in (m, s, norms)] for _ in range(2)]
            given[0][place][at] += step
            given[1][place][at] -= step
            up, down = (float((three_norms(*one) * d).sum()) for one in given)
            assert ours[at] == pytest.approx((up - down) / (2 * step), rel=1e-4, abs=1e-6)


Bits = npt.NDArray[np.uint16]


def narrow(x: npt.NDArray[np.float64]) -> Bits:
    """The bits of x in bfloat16, cut off."""
    return (x.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def wide(bits: Bits) -> npt.NDArray[np.float32]:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def near(found: Bits, expected: npt.NDArray[np.float32]) -> None:
    assert wide(found) == pytest.approx(expected, rel=2.0**-8, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("before", [0, 1])
def test_passes_compute_what_numpy_does(before: int) -> None:
    n, height, width, channels = 2, 3, 4, 5
    rng = np.random.default_rng(before)
    shape, padded = (n * height, width * channels), (n, height + before + 1, width + before + 1)
    m, s, given = (narrow(rng.normal(size=shape) * 2) for _ in range(3))
    of_signs = narrow(rng.normal(size=(*padded, channels))).reshape(*padded[:2], -1)
    factors = rng.normal(size=(7, shape[1])).astype(np.float32)
    x, y, g = wide(m), wide(s), wide(given)

    sums = np.zeros((5, shape[1]), np.float32)
    kernels.add_moments(m, s, sums)
    expected = [each.sum(axis=0) for each in (x, y, x * x, y * y, x * y)]
    assert sums == pytest.approx(np.stack(expected), rel=1e-4, abs=1e-4)

    grid = np.array([1 / 16, -2, 2 - 1 / 16], np.float32)
    values, signs = np.empty_like(m), np.empty_like(of_signs)
    kernels.hand_on(m, s, factors[:3], grid, values, signs)
    real = factors[0] * x + factors[1] * y + factors[2]
    on_grid = np.clip(np.floor(real * 16 + 0.5) / 16, grid[1], grid[2])
    assert np.array_equal(wide(values), on_grid)
    inner = wide(signs).reshape(*padded, channels)
    rows, columns = slice(before, before + height), slice(before, before + width)
    assert np.array_equal(inner[:, rows, columns].reshape(shape), np.where(on_grid >= 0, 1, -1))
    assert inner.sum() == np.where(on_grid >= 0, 1, -1).sum() + inner.size - on_grid.size

    gates = np.array([*grid[1:], 2, -2], np.float32)
    found, sums = np.empty_like(m), np.zeros((3, shape[1]), np.float32)
    kernels.arriving(values, given, of_signs, m, s, factors[:3], gates, found, sums)
    passing = wide(of_signs).reshape(*padded, channels)[:, rows, columns].reshape(shape)
    sloped = np.where(abs(on_grid) <= 1, passing * (2 - 2 * abs(on_grid)), 0)
    near(found, np.where((real >= grid[1]) & (real <= grid[2]), g + sloped, 0))
    d = wide(found)
    expected = [each.sum(axis=0) for each in (d * x, d * y, d)]
    assert sums == pytest.approx(np.stack(expected), rel=1e-4, abs=1e-4)

    to_main, to_skip = np.empty_like(m), np.empty_like(m)
    kernels.give_back(m, s, found, factors, to_main, to_skip)
    a, p, q, r, b, t, u = factors
    near(to_main, a * d + p + q * x + r * y)
    near(to_skip, b * d + t + u * y + r * x)
