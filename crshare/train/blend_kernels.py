"""The passes over the sums of a Blend module, in bfloat16: moments, what it hands on, gradients.

With m the sums of the main path and s those of the skip path, batch normalisation of both, their
sum, and batch normalisation of that come to A m + B s + C for each channel. So a step needs two
passes forward and two backward, where a library's layers need some twenty.

Maps are [n * h, w * c], bits of bfloat16 as uint16; what is of a channel is repeated for each of
the w columns, float32 [w * c], so that all numbers of a row go the same way. Padded maps are
[n, k + h + 1, (k + w + 1) * c], with k rows and columns before and one after.
"""

import numpy as np

from crshare.arrays import Array
from crshare.compiled import compiled

PLUS_ONE, SIGN_BIT = np.uint16(0x3F80), np.uint16(0x8000)
HALF, LAST, SIXTEEN = np.uint32(0x7FFF), np.uint32(1), np.uint32(16)


@compiled
def _real(bits: np.uint16) -> np.float32:
    return np.uint32(np.uint32(bits) << SIXTEEN).view(np.float32)


@compiled
def _nearest(x: np.float32) -> np.uint16:
    """The bits of the nearest in bfloat16, halves to even; x is finite."""
    bits = np.float32(x).view(np.uint32)
    return np.uint16((bits + HALF + ((bits >> SIXTEEN) & LAST)) >> SIXTEEN)


@compiled
def padding(shape: tuple[int, ...], height: int, width: int) -> tuple[int, int]:
    """Rows above, and numbers before, in padded maps of that shape: all but a row and a column of
    the rest lie there, and as many channels before as after or none."""
    above = shape[1] - height - 1
    return above, (shape[2] - width) * above // (above + 1)


@compiled
def add_moments(m: Array, s: Array, sums: Array) -> None:
    """Add to sums float32 [5, w * c] those of m, s, m m, s s and m s."""
    first, second, squares, others, products = sums[0], sums[1], sums[2], sums[3], sums[4]
    for row in range(m.shape[0]):
        main, skip = m[row], s[row]
        for k in range(m.shape[1]):
            x, y = _real(main[k]), _real(skip[k])
            first[k] += x
            second[k] += y
            squares[k] += x * x
            others[k] += y * y
            products[k] += x * y


@compiled
def hand_on(m: Array, s: Array, factors: Array, grid: Array, values: Array, signs: Array) -> None:
    """values: A m + B s + C on the grid; signs: of these, as +1 or -1, padded with +1.

    factors: A, B, C float32 [3, w * c]. grid: unit, lowest and highest float32 value.
    """
    a, b, c = factors[0], factors[1], factors[2]
    unit, low, high = grid[0], grid[1], grid[2]
    steps, half = np.float32(1) / unit, np.float32(0.5)
    n, width = signs.shape[0], m.shape[1]
    height = m.shape[0] // n
    above, before = padding(signs.shape, height, width)
    signs[:] = PLUS_ONE
    for image in range(n):
        for y in range(height):
            row = image * height + y
            main, skip, out = m[row], s[row], values[row]
            bits = signs[image, y + above, before : before + width]
            for k in range(width):
                z = a[k] * _real(main[k]) + b[k] * _real(skip[k]) + c[k]
                z = unit * np.floor(z * steps + half)
                z = min(max(z, low), high)
                found = np.uint16(np.float32(z).view(np.uint32) >> SIXTEEN)  # exact: 8 bits
                out[k] = found
                bits[k] = PLUS_ONE | (found & SIGN_BIT)


@compiled
def arriving(
    values: Array,
    given: Array,
    of_signs: Array,
    m: Array,
    s: Array,
    factors: Array,
    gates: Array,
    found: Array,
    sums: Array,
) -> None:
    """found: the gradients that arrive at A m + B s + C, of what is handed on (`given`) and of its
    padded signs; sums float32 [3, w * c] gain those of found m, found s and found.

    values: what was handed on. gates: float32 [low, high, p, q]: gradients pass the grid where
    A m + B s + C lies within low and high, and a sign, times p + q |value|, where |value| <= 1.
    """
    a, b, c = factors[0], factors[1], factors[2]
    low, high, p, q = gates[0], gates[1], gates[2], gates[3]
    one, nothing = np.float32(1), np.float32(0)
    n, width = of_signs.shape[0], m.shape[1]
    height = m.shape[0] // n
    above, before = padding(of_signs.shape, height, width)
    by_main, by_skip, alone = sums[0], sums[1], sums[2]
    for image in range(n):
        for y in range(height):
            row = image * height + y
            main, skip, out, over, value = m[row], s[row], found[row], given[row], values[row]
            bits = of_signs[image, y + above, before : before + width]
            for k in range(width):
                first, second = _real(main[k]), _real(skip[k])
                z = a[k] * first + b[k] * second + c[k]
                size = abs(_real(value[k]))
                d = _real(over[k]) + (_real(bits[k]) * (p + q * size) if size <= one else nothing)
                kept = _nearest(d if low <= z <= high else nothing)
                d = _real(kept)
                out[k] = kept
                by_main[k] += d * first
                by_skip[k] += d * second
                alone[k] += d


@compiled
def give_back(m: Array, s: Array, found: Array, factors: Array, main: Array, skip: Array) -> None:
    """Of m: A d + p + q m + r s; of s: B d + t + u s + r m. factors: A, p, q, r, B, t, u
    float32 [7, w * c]; d: found."""
    a, p, q, r = factors[0], factors[1], factors[2], factors[3]
    b, t, u = factors[4], factors[5], factors[6]
    for row in range(m.shape[0]):
        ms, ss, ds, to_main, to_skip = m[row], s[row], found[row], main[row], skip[row]
        for k in range(m.shape[1]):
            x, y, d = _real(ms[k]), _real(ss[k]), _real(ds[k])
            to_main[k] = _nearest(a[k] * d + p[k] + q[k] * x + r[k] * y)
            to_skip[k] = _nearest(b[k] * d + t[k] + u[k] * y + r[k] * x)
