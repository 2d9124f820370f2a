"""Blend modules in bfloat16: for training alone, a Keras layer each (`blend_kernels`).

Signs and what is handed on, on its grid of 8 bits, are exact in bfloat16, and sums are accumulated
in float32; those of the skip path and gradients are rounded to it. Weights and the statistics of
batch normalisation are float32.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from crshare.arrays import Array
from crshare.train import blend_kernels as kernels
from crshare.train.blend import fixed_point
from crshare.train.joined_norms import EPSILON, Joined, Real, moments_of
from crshare.train.plain_layers import short_name
from crshare.train.signs import sign

Stored = Mapping[str, Mapping[str, Array]]

NARROW = tf.bfloat16.as_numpy_dtype


@dataclass(frozen=True, slots=True)
class Handing:
    """How a layer hands on. unit, low, high: of the grid. before: rows and columns of +1 before a
    map of signs; one is after. smooth: whether a sign's gradient is 2 - 2 |x| (Bi-Real Net, Z. Liu
    et al. 2018) instead of 1, where |x| <= 1. momentum: of moving averages."""

    grid: tuple[float, float, float]
    before: int
    smooth: bool
    momentum: float


class Narrow(keras.layers.Layer):  # type: ignore[misc]
    """What both layers have in common: weights, and averages that move."""

    def __init__(self, filters: int, handing: Handing, name: str) -> None:
        super().__init__(name=name, autocast=False)
        self.filters, self.handing, self.passes = filters, handing, Passes(handing)

    def vector(self, name: str, value: float, *, trained: bool = True) -> Any:
        start = keras.initializers.Constant(value)
        return self.add_weight(name, (self.filters,), initializer=start, trainable=trained)

    def follow(self, averages: list[Any], found: list[Any]) -> None:
        for average, value in zip(averages, found, strict=True):
            average.assign_add((1 - self.handing.momentum) * (value - average))

    def arrays(self) -> dict[str, Array]:
        """All weights by their names."""
        return {short_name(weight): weight.numpy() for weight in self.weights}


class NarrowStem(Narrow):
    """From pixels, rescaled, to values [n, h, w, c] and their padded signs: a convolution in
    float32 and batch normalisation."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight("kernel", (3, 3, int(input_shape[-1]), self.filters))
        self.gamma, self.beta = self.vector("gamma", 1.0), self.vector("beta", 0.0)
        self.mean = self.vector("mean", 0.0, trained=False)
        self.variance = self.vector("variance", 1.0, trained=False)

    def call(self, inputs: Any) -> Any:
        main = tf.cast(tf.nn.conv2d(inputs, self.kernel, 1, "SAME"), tf.bfloat16)
        one, none = tf.ones_like(self.gamma), tf.zeros_like(self.gamma)  # of the skip path: nothing
        norms = one, none, self.gamma, self.beta
        values, signs, moments = self.passes(main, tf.stop_gradient(main), *norms)
        self.follow([self.mean, self.variance], [moments[0], moments[2]])
        return values, signs

    def plain_weights(self) -> dict[str, list[Any]]:
        """Those of the layers conv1 and conv1_norm, which normalise once."""
        kernel, gamma, beta, mean, variance = self.arrays().values()
        once = variance / (variance + EPSILON)
        norm = [gamma / np.sqrt(once + EPSILON), beta, mean, variance]
        return {self.name: [kernel], f"{self.name}_norm": norm}

    def take_plain(self, stored: Stored) -> None:
        """The inverse of plain_weights."""
        norm = stored[f"{self.name}_norm"]
        variance = norm["moving_variance"]
        gamma = norm["gamma"] * np.sqrt(variance / (variance + EPSILON) + EPSILON)
        given = stored[self.name]["kernel"], gamma, norm["beta"], norm["moving_mean"], variance
        self.set_weights(given)


class NarrowBlend(Narrow):
    """From values [n, h, w, i] and their padded signs to those of the next module."""

    kernel_quantizer = staticmethod(sign)

    def __init__(self, filters: int, strides: int, handing: Handing, name: str) -> None:
        super().__init__(filters, handing, name)
        self.strides = strides

    def build(self, input_shape: Any) -> None:
        sizes = int(input_shape[0][-1]), self.filters
        clip = {"constraint": lambda kernel: tf.clip_by_value(kernel, -1.0, 1.0)}
        self.kernel = self.add_weight("kernel", (3, 3, *sizes), **clip)
        self.skip = self.add_weight("skip", (1, 1, *sizes))
        paths = ("main", "skip", "sum")
        self.gammas = [self.vector(f"gamma_{path}", 1.0) for path in paths]
        self.beta = self.vector("beta", 0.0)
        self.means = [self.vector(f"mean_{path}", 0.0, trained=False) for path in paths[:2]]
        self.variances = [self.vector(f"variance_{path}", 1.0, trained=False) for path in paths]

    def call(self, inputs: Any) -> Any:
        values, signs = inputs
        kernel = tf.cast(self.kernel_quantizer(tf.convert_to_tensor(self.kernel)), tf.bfloat16)
        skip = tf.cast(fixed_point(tf.convert_to_tensor(self.skip)), tf.bfloat16)
        main = tf.nn.conv2d(signs, kernel, self.strides, "VALID")
        other = tf.nn.conv2d(values, skip, self.strides, "VALID")
        values, signs, moments = self.passes(main, other, *self.gammas, self.beta)
        self.follow([*self.means, *self.variances], tf.unstack(moments))
        return values, signs

    def plain_weights(self) -> dict[str, list[Any]]:
        """Those of the layers of a module of plain layers, and of what follows, by their names."""
        given = self.arrays()
        none = np.zeros_like(given["beta"])

        def norm(path: str, beta: Array, mean: Array) -> list[Array]:
            return [given[f"gamma_{path}"], beta, mean, given[f"variance_{path}"]]

        return {
            f"{self.name}_main": [given["kernel"]],
            f"{self.name}_skip": [fixed_point(tf.constant(given["skip"])).numpy()],
            f"{self.name}_main_norm": norm("main", none, given["mean_main"]),
            f"{self.name}_skip_norm": norm("skip", none, given["mean_skip"]),
            f"{self.name}_norm": norm("sum", given["beta"], none),
        }

    def take_plain(self, stored: Stored) -> None:
        """The inverse of plain_weights; the betas of the paths, which have no effect, are lost."""
        kernels = [stored[f"{self.name}_{path}"]["kernel"] for path in ("main", "skip")]
        norms = [stored[f"{self.name}_{path}norm"] for path in ("main_", "skip_", "")]
        gammas, variances = (
            [norm[name] for norm in norms] for name in ("gamma", "moving_variance")
        )
        means = [norm["moving_mean"] for norm in norms[:2]]
        self.set_weights([*kernels, *gammas, norms[2]["beta"], *means, *variances])


class Widened(keras.layers.Layer):  # type: ignore[misc]
    """The values alone, as float32."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, autocast=False)

    def call(self, inputs: Any) -> Any:
        return tf.cast(inputs[0], tf.float32)


class Passes:
    """What follows the convolutions of a module, forward and backward, by compiled loops."""

    def __init__(self, handing: Handing) -> None:
        self.before, self.grid = handing.before, np.array(handing.grid, np.float32)
        gate = (2.0, -2.0) if handing.smooth else (1.0, 0.0)
        self.gates = np.array([*handing.grid[1:], *gate], np.float32)

    def __call__(self, main: Any, skip: Any, *norms: Any) -> Any:
        """Values [n, h, w, c] handed on, their padded signs, and moments [5, c] of the batch."""
        channels = main.shape[-1]
        shape = (None, None, None, channels)

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def passed(main: Any, skip: Any, *norms: Any) -> Any:
            kinds = [tf.bfloat16, tf.bfloat16, tf.float32, tf.float64]
            given = [main, skip, *norms]
            *results, sums = tf.numpy_function(self.forward, given, kinds, stateful=False)
            for result, known in zip(results, (shape, shape, (5, channels)), strict=True):
                result.set_shape(known)

            def gradients(of_values: Any, of_signs: Any, _: Any) -> Any:
                more = [sums, results[0], of_values, of_signs]
                kinds = [tf.bfloat16, tf.bfloat16, *[tf.float32] * len(norms)]
                found = tf.numpy_function(self.backward, [*given, *more], kinds, stateful=False)
                for result, known in zip(found, given, strict=True):
                    result.set_shape(known.shape)
                return found

            return results, gradients

        return passed(main, skip, *(tf.convert_to_tensor(norm) for norm in norms))

    def forward(self, main: Array, skip: Array, *norms: Array) -> tuple[Array, ...]:
        n, height, width, channels = main.shape
        m, s = rows_of(main), rows_of(skip)
        columns = np.zeros((5, width * channels), np.float32)
        kernels.add_moments(m, s, columns)
        sums = folded(columns, channels)
        joined = joined_of(sums, n * height * width, norms)
        more = self.before + 1
        signs = np.empty((n, height + more, (width + more) * channels), m.dtype)
        values = np.empty_like(m)
        kernels.hand_on(m, s, repeated(joined.factors(), width), self.grid, values, signs)
        at = joined.moments
        moments = np.stack([at.mean_m, at.mean_s, at.var_m, at.var_s, joined.variance])
        return (
            values.view(NARROW).reshape(main.shape),
            signs.view(NARROW).reshape(n, height + more, width + more, channels),
            moments.astype(np.float32),
            sums,
        )

    def backward(self, main: Array, skip: Array, *others: Array) -> tuple[Array, ...]:
        *norms, sums, values, of_values, of_signs = others
        n, height, width, channels = main.shape
        m, s = rows_of(main), rows_of(skip)
        joined = joined_of(sums, n * height * width, norms)
        columns, found = np.zeros((3, width * channels), np.float32), np.empty_like(m)
        bits = of_signs.view(np.uint16).reshape(n, height + self.before + 1, -1)
        factors = repeated(joined.factors(), width)
        kernels.arriving(
            rows_of(values), rows_of(of_values), bits, m, s, factors, self.gates, found, columns
        )
        factors, of_norms = joined.gradients(folded(columns, channels))
        to_main, to_skip = np.empty_like(m), np.empty_like(m)
        kernels.give_back(m, s, found, repeated(factors, width), to_main, to_skip)
        shaped = [given.view(NARROW).reshape(main.shape) for given in (to_main, to_skip)]
        return *shaped, *of_norms.astype(np.float32)


def joined_of(sums: Array, n: int, norms: Sequence[Array]) -> Joined:
    main, skip, gamma, beta = (np.asarray(norm, np.float64) for norm in norms)
    return Joined(moments_of(sums, n), (main, skip, gamma), beta)


def rows_of(maps: Array) -> Array:
    """The bits of maps [n, h, w, c] in bfloat16 as uint16 [n * h, w * c]."""
    n, height, _, _ = maps.shape
    return maps.view(np.uint16).reshape(n * height, -1)


def folded(columns: Array, channels: int) -> Real:
    """[k, w * c] summed over the w columns, float64 [k, c]."""
    found: Real = columns.reshape(len(columns), -1, channels).sum(axis=1, dtype=np.float64)
    return found


def repeated(factors: Array, width: int) -> Array:
    """[k, c] for each of w columns, float32 [k, w * c]."""
    return np.tile(factors.astype(np.float32), (1, width))
