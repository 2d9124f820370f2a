"""Compiled loops of tables whose inputs are any numbers in [0, 1], taken as probabilities.

Arrays are as in `kernels`, with float32 samples. A table is folded input by input, the highest
first: two entries a and b that differ in x become a + x (b - a).
"""

import numpy as np

from crshare.arrays import Array
from crshare.compiled import compiled

BLOCK = 32  # samples that are folded at once


@compiled
def interpolate(samples: Array, rows: Array, offsets: Array, tables: Array, out: Array) -> None:
    """out [n * places, S]: of each node the mean of its table under its inputs' probabilities."""
    n_samples = samples.shape[1]
    level = np.empty((64, BLOCK), np.float32)
    for n in range(rows.shape[0]):
        for p in range(offsets.shape[0]):
            written = out[n * offsets.shape[0] + p]
            for start in range(0, n_samples, BLOCK):
                size = min(BLOCK, n_samples - start)
                for k in range(64):
                    for s in range(BLOCK):
                        level[k, s] = tables[n, k]
                for j in range(5, -1, -1):
                    x = samples[rows[n, j] + offsets[p], start : start + size]
                    for k in range(1 << j):
                        low, high = level[k], level[k + (1 << j)]
                        for s in range(size):
                            low[s] += x[s] * (high[s] - low[s])
                for s in range(size):
                    written[start + s] = level[0, s]


@compiled
def interpolate_back(
    samples: Array,
    rows: Array,
    offsets: Array,
    tables: Array,
    upstream: Array,
    by_tables: Array,
    by_inputs: Array,
) -> None:
    """by_tables [n, 64] float64: the tables' gradients; by_inputs [n, 6, places, S]: of inputs."""
    n_samples = samples.shape[1]
    value, slope = np.empty((127, BLOCK), np.float32), np.empty((127, BLOCK), np.float32)
    for n in range(rows.shape[0]):
        by_tables[n] = 0
        for p in range(offsets.shape[0]):
            given = upstream[n * offsets.shape[0] + p]
            for start in range(0, n_samples, BLOCK):
                size = min(BLOCK, n_samples - start)
                for k in range(64):
                    for s in range(size):
                        value[63 + k, s] = tables[n, k]
                for j in range(5, -1, -1):  # values of 2^j entries stand from 2^j - 1 on
                    x = samples[rows[n, j] + offsets[p], start : start + size]
                    for k in range(1 << j):
                        low, high = value[(2 << j) - 1 + k], value[(3 << j) - 1 + k]
                        folded = value[(1 << j) - 1 + k]
                        for s in range(size):
                            folded[s] = low[s] + x[s] * (high[s] - low[s])
                for s in range(size):
                    slope[0, s] = given[start + s]
                for j in range(6):
                    x = samples[rows[n, j] + offsets[p], start : start + size]
                    out = by_inputs[n, j, p, start : start + size]
                    for s in range(size):
                        out[s] = 0
                    for k in range(1 << j):
                        low, high = value[(2 << j) - 1 + k], value[(3 << j) - 1 + k]
                        come = slope[(1 << j) - 1 + k]
                        to_low, to_high = slope[(2 << j) - 1 + k], slope[(3 << j) - 1 + k]
                        for s in range(size):
                            out[s] += come[s] * (high[s] - low[s])
                            to_high[s] = come[s] * x[s]
                            to_low[s] = come[s] - to_high[s]
                for k in range(64):
                    total = np.float32(0)
                    for s in range(size):
                        total += slope[63 + k, s]
                    by_tables[n, k] += total
