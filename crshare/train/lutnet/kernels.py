"""Compiled loops over the samples of a layer of six-input tables.

A layer reads rows of samples, uint8 bits or float32 probabilities [n_rows, S]. Node n reads, at
place p of the map, rows[n, j] + offsets[p] as its input j; a dense layer has one place. What it
gives is [n_nodes, n_places, S]. Each loop takes a range of nodes, or of input channels, and writes
there alone, so ranges may run side by side and nothing depends on how many do.
"""

import numpy as np

from crshare.arrays import Array
from crshare.compiled import compiled

N_INPUTS, N_ENTRIES = 6, 64


@compiled
def find_addresses(
    first: int, last: int, bits: Array, rows: Array, offsets: Array, addresses: Array, counts: Array
) -> None:
    """addresses [n, p, S] uint8 of the entry that each sample reads; counts [n, 64] of them."""
    four = np.empty((4, 64), np.int64)
    n_samples = bits.shape[1]
    for n in range(first, last):
        four[:] = 0
        for p in range(offsets.shape[0]):
            o = offsets[p]
            b0, b1, b2 = bits[rows[n, 0] + o], bits[rows[n, 1] + o], bits[rows[n, 2] + o]
            b3, b4, b5 = bits[rows[n, 3] + o], bits[rows[n, 4] + o], bits[rows[n, 5] + o]
            found = addresses[n, p]
            for s in range(n_samples):
                found[s] = (
                    b0[s] | (b1[s] << 1) | (b2[s] << 2) | (b3[s] << 3) | (b4[s] << 4) | (b5[s] << 5)
                )
            for s in range(n_samples):
                four[s & 3, found[s]] += 1
        for k in range(64):
            counts[n, k] = four[0, k] + four[1, k] + four[2, k] + four[3, k]


@compiled
def look_up(first: int, last: int, addresses: Array, words: Array, bits: Array) -> None:
    """bits [n * places, S] of tables held as words uint64 [n], entry k in bit k."""
    n_places, n_samples = addresses.shape[1:]
    for n in range(first, last):
        word = words[n]
        for p in range(n_places):
            read, out = addresses[n, p], bits[n * n_places + p]
            for s in range(n_samples):
                out[s] = (word >> np.uint64(read[s])) & np.uint64(1)


@compiled
def sum_by_entry(first: int, last: int, addresses: Array, upstream: Array, sums: Array) -> None:
    """sums [n, 64]: of the gradients upstream [n * places, S] that arrive at each entry."""
    four = np.empty((4, 64), np.float64)
    n_places, n_samples = addresses.shape[1:]
    for n in range(first, last):
        four[:] = 0
        for p in range(n_places):
            read, given = addresses[n, p], upstream[n * n_places + p]
            for s in range(n_samples):
                four[s & 3, read[s]] += given[s]
        for k in range(64):
            sums[n, k] = four[0, k] + four[1, k] + four[2, k] + four[3, k]


@compiled
def through_norm(
    first: int, last: int, addresses: Array, factor: Array, shift: Array, upstream: Array
) -> None:
    """upstream [n * places, S] becomes factor[n, k] * upstream + shift[n, k], k its entry."""
    n_places, n_samples = addresses.shape[1:]
    for n in range(first, last):
        scale, offset = factor[n], shift[n]
        for p in range(n_places):
            read, given = addresses[n, p], upstream[n * n_places + p]
            for s in range(n_samples):
                given[s] = scale[read[s]] * given[s] + offset[read[s]]


@compiled
def give_back(
    first: int,
    last: int,
    starts: Array,
    readers: Array,
    rows: Array,
    offsets: Array,
    addresses: Array,
    slopes: Array,
    arriving: Array,
    given: Array,
) -> None:
    """given [n_rows, S] += the gradients of the rows of channels first to last.

    readers[starts[c] : starts[c + 1]]: the inputs that read channel c, node * 6 + j. slopes
    [n, 6, 64]: what input j changes at entry k. arriving [n * places, S]: at the nodes.
    """
    n_places, n_samples = addresses.shape[1:]
    for c in range(first, last):
        for i in range(starts[c], starts[c + 1]):
            n, j = readers[i] // 6, readers[i] % 6
            slope = slopes[n, j]
            for p in range(n_places):
                out = given[rows[n, j] + offsets[p]]
                read, come = addresses[n, p], arriving[n * n_places + p]
                for s in range(n_samples):
                    out[s] += slope[read[s]] * come[s]


@compiled
def find_sensitivities(
    first: int, last: int, addresses: Array, slopes: Array, arriving: Array, found: Array
) -> None:
    """found [n, 6, n_places, S]: the gradient at each input of each node."""
    n_places, n_samples = addresses.shape[1:]
    for n in range(first, last):
        for j in range(6):
            slope = slopes[n, j]
            for p in range(n_places):
                read, come, out = addresses[n, p], arriving[n * n_places + p], found[n, j, p]
                for s in range(n_samples):
                    out[s] = slope[read[s]] * come[s]


@compiled
def collect(
    first: int,
    last: int,
    starts: Array,
    readers: Array,
    rows: Array,
    offsets: Array,
    sensitivities: Array,
    given: Array,
) -> None:
    """As give_back, from sensitivities [n, 6, n_places, S]."""
    for c in range(first, last):
        for i in range(starts[c], starts[c + 1]):
            n, j = readers[i] // 6, readers[i] % 6
            for p in range(offsets.shape[0]):
                out, come = given[rows[n, j] + offsets[p]], sensitivities[n, j, p]
                for s in range(out.shape[0]):
                    out[s] += come[s]


@compiled
def softmax_gradient(first: int, last: int, scores: Array, gradients: Array) -> None:
    """gradients [n, m] by weights become those by scores [n, m], weights their softmax."""
    m = scores.shape[1]
    weights = np.empty(m, np.float32)
    for n in range(first, last):
        score, gradient = scores[n], gradients[n]
        most = score[0]
        for i in range(m):
            most = max(most, score[i])
        total, mean = np.float32(0), np.float32(0)
        for i in range(m):
            weights[i] = np.exp(score[i] - most)
        for i in range(m):
            total += weights[i]
            mean += weights[i] * gradient[i]
        mean /= total
        for i in range(m):
            gradient[i] = weights[i] / total * (gradient[i] - mean)


@compiled
def adam(
    values: Array, gradient: Array, means: Array, squares: Array, rate: float, tiny: float
) -> None:
    """One step of Adam on flat float32 arrays, with the decays 0.9 and 0.999."""
    decay, kept = np.float32(0.9), np.float32(0.999)
    step, least = np.float32(rate), np.float32(tiny)
    for i in range(values.shape[0]):
        g = gradient[i]
        mean = decay * means[i] + (np.float32(1) - decay) * g
        square = kept * squares[i] + (np.float32(1) - kept) * g * g
        means[i], squares[i] = mean, square
        values[i] -= step * mean / (np.sqrt(square) + least)
