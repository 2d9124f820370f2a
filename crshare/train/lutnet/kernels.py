"""Compiled loops over the samples of a layer of six-input tables.

A layer reads rows of samples, uint8 bits or float32 probabilities [n_rows, S]. Node n reads, at
place p of the map, rows[n, j] + offsets[p] as its input j; a dense layer has one place. What it
gives is [n_nodes, n_places, S].
"""

import numpy as np

from crshare.arrays import Array
from crshare.compiled import compiled

N_INPUTS, N_ENTRIES = 6, 64
N_AT_ONCE = 4  # places of a map


@compiled
def find_addresses(
    bits: Array, rows: Array, offsets: Array, addresses: Array, counts: Array
) -> None:
    """addresses [n, p, S] uint8 of the entry that each sample reads; counts [n, 64] of them."""
    four = np.empty((4, 64), np.int64)
    n_samples = bits.shape[1]
    for n in range(rows.shape[0]):
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
def look_up(addresses: Array, words: Array, bits: Array) -> None:
    """bits [n * places, S] of tables held as words uint64 [n], entry k in bit k."""
    n_nodes, n_places, n_samples = addresses.shape
    for n in range(n_nodes):
        word = words[n]
        for p in range(n_places):
            read, out = addresses[n, p], bits[n * n_places + p]
            for s in range(n_samples):
                out[s] = (word >> np.uint64(read[s])) & np.uint64(1)


@compiled
def sum_by_entry(addresses: Array, upstream: Array, sums: Array) -> None:
    """sums [n, 64]: of the gradients upstream [n * places, S] that arrive at each entry."""
    four = np.empty((4, 64), np.float64)
    n_nodes, n_places, n_samples = addresses.shape
    for n in range(n_nodes):
        four[:] = 0
        for p in range(n_places):
            read, given = addresses[n, p], upstream[n * n_places + p]
            for s in range(n_samples):
                four[s & 3, read[s]] += given[s]
        for k in range(64):
            sums[n, k] = four[0, k] + four[1, k] + four[2, k] + four[3, k]


@compiled
def join_maps(smooth: Array, scale: Array, shift: Array, maps: Array) -> None:
    """maps float32 [n, 64, 8]: at entry k, by how much smooth [n, 64] changes where each of the six
    bits becomes 1, then scale and shift [n, 64]; what a sample needs lies side by side."""
    for n in range(smooth.shape[0]):
        for k in range(64):
            for j in range(6):
                maps[n, k, j] = smooth[n, k | 1 << j] - smooth[n, k & ~(1 << j)]
            maps[n, k, 6], maps[n, k, 7] = scale[n, k], shift[n, k]


@compiled
def give_back(
    rows: Array, offsets: Array, addresses: Array, maps: Array, upstream: Array, given: Array
) -> None:
    """given [n_rows, S] += the gradients of the rows that are read.

    upstream [n * places, S]: at the nodes' bits. maps: as of join_maps; scale and shift make of it
    the gradient at the nodes' values. Few places are done at once, since their rows fit a cache.
    """
    n_nodes, n_places, n_samples = addresses.shape
    for start in range(0, n_places, N_AT_ONCE):
        for n in range(n_nodes):
            entries = maps[n]
            for p in range(start, min(start + N_AT_ONCE, n_places)):
                o, read, come = offsets[p], addresses[n, p], upstream[n * n_places + p]
                g0, g1, g2 = given[rows[n, 0] + o], given[rows[n, 1] + o], given[rows[n, 2] + o]
                g3, g4, g5 = given[rows[n, 3] + o], given[rows[n, 4] + o], given[rows[n, 5] + o]
                for s in range(n_samples):
                    k = np.uint64(read[s])
                    arriving = entries[k, 6] * come[s] + entries[k, 7]
                    g0[s] += entries[k, 0] * arriving
                    g1[s] += entries[k, 1] * arriving
                    g2[s] += entries[k, 2] * arriving
                    g3[s] += entries[k, 3] * arriving
                    g4[s] += entries[k, 4] * arriving
                    g5[s] += entries[k, 5] * arriving


@compiled
def find_sensitivities(addresses: Array, maps: Array, upstream: Array, found: Array) -> None:
    """found [n, 6, n_places, S]: the gradient at each input of each node; as give_back."""
    n_nodes, n_places, n_samples = addresses.shape
    for n in range(n_nodes):
        entries = maps[n]
        for p in range(n_places):
            read, come = addresses[n, p], upstream[n * n_places + p]
            for s in range(n_samples):
                k = np.uint64(read[s])
                arriving = entries[k, 6] * come[s] + entries[k, 7]
                for j in range(6):
                    found[n, j, p, s] = entries[k, j] * arriving


@compiled
def collect(rows: Array, offsets: Array, sensitivities: Array, given: Array) -> None:
    """given [n_rows, S] += sensitivities [n, 6, n_places, S] of the inputs that read each row."""
    for p in range(offsets.shape[0]):
        for n in range(rows.shape[0]):
            for j in range(6):
                out, come = given[rows[n, j] + offsets[p]], sensitivities[n, j, p]
                for s in range(out.shape[0]):
                    out[s] += come[s]


@compiled
def normalise_rows(values: Array) -> None:
    """Each row [n, m] less its mean, divided by the root of its mean square; zeros stay."""
    m = values.shape[1]
    for n in range(values.shape[0]):
        row = values[n]
        total, squares = 0.0, 0.0
        for i in range(m):
            total += row[i]
            squares += row[i] * row[i]
        mean = total / m
        variance = squares / m - mean * mean
        factor = 1 / np.sqrt(variance) if variance > 0 else 0.0
        for i in range(m):
            row[i] = (row[i] - mean) * factor


@compiled
def drift(values: Array, gradient: Array, means: Array, rate: float, decay: float) -> None:
    """One step of flat float32 values down the running mean of gradients, and towards 0."""
    kept, step = np.float32(1 - decay * rate), np.float32(rate)
    for i in range(values.shape[0]):
        means[i] = np.float32(0.9) * means[i] + np.float32(0.1) * gradient[i]
        values[i] = kept * values[i] - step * means[i]


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
