"""Convolutions whose sums reach a sign as real values, as beside a shortcut (Bi-Real Net).

No integer threshold follows such a layer. The effect of an error of a sum depends on the scale that
the sum is multiplied by, and on the distribution of the real values before the sign.
"""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Array, Float64Array
from crshare.network.graph import (
    Add,
    Clamp,
    Curve,
    Layer,
    Leak,
    Multiply,
    Network,
    Quantise,
    Scale,
    Sign,
)


@dataclass(frozen=True, eq=False)
class RealSign:
    """The sign behind a layer's sums, and what each channel is multiplied with on the way."""

    sign: Layer
    scale: Float64Array


def real_sign(network: Network, name: str) -> RealSign | None:
    """The first sign of reals that layer `name` leads to channel by channel; None without one.

    Of several readers the one nearest to a sign counts; maps such as PReLU count as slope 1, and
    so does what the values are gated with.
    """
    scale = np.ones(network.signals[name].shape[2])
    waiting, seen = [(name, scale)], {name}
    while waiting:
        at, scale = waiting.pop(0)
        for reader in network.readers_of(at):
            match reader.op:
                case Sign():
                    return RealSign(reader, scale)
                case Scale(factor) if reader.name not in seen:
                    waiting.append((reader.name, scale * factor))
                case Add() | Leak() | Clamp() | Curve() | Quantise() if reader.name not in seen:
                    waiting.append((reader.name, scale))
                case Multiply() if _is_gated(network, at, reader) and reader.name not in seen:
                    waiting.append((reader.name, scale))
                case _:
                    continue
            seen.add(reader.name)
    return None


def norm_behind(network: Network, name: str) -> Layer | None:
    """The scale with an offset that alone takes the sums of layer `name`, as they are, limited or
    leaked; None without one."""
    while True:
        readers = network.readers_of(name)
        if len(readers) != 1 or not isinstance(readers[0].op, Scale | Clamp | Leak):
            return None
        (reader,) = readers
        if isinstance(reader.op, Scale):
            return reader
        name = reader.name


def _is_gated(network: Network, name: str, product: Layer) -> bool:
    """Whether a product has the places of layer `name`, and does not only take a factor from it."""
    return network.signals[name].shape == network.signals[product.name].shape


@dataclass
class ChannelMoments:
    """Of the values of each channel, over all images and positions so far. sums: of values, and of
    their squares."""

    count: int
    sums: Float64Array
    squares: Float64Array

    @classmethod
    def none(cls, channels: int) -> "ChannelMoments":
        return cls(0, np.zeros(channels), np.zeros(channels))

    def add(self, values: Array) -> None:
        """values: [n, h, w, channels]."""
        reals = values.astype(np.float64)
        self.count += reals[..., 0].size
        self.sums += reals.sum(axis=(0, 1, 2))
        self.squares += np.square(reals).sum(axis=(0, 1, 2))

    @property
    def mean(self) -> Float64Array:
        mean: Float64Array = self.sums / self.count
        return mean

    @property
    def variance(self) -> Float64Array:
        variance: Float64Array = np.maximum(self.squares / self.count - self.mean**2, 0.0)
        return variance


def importance_of_reals(found: RealSign, reals: ChannelMoments) -> Float64Array:
    """What a unit of a sum's variance costs, for each filter: the density of a normal value at
    zero, over its variance, times the square of the scale. reals: what comes before the sign."""
    mean, variance = reals.mean, reals.variance
    varies = variance > 0
    spread = np.where(varies, variance, 1.0)
    density = np.exp(-(mean**2) / spread / 2)
    return np.where(varies, density / spread * found.scale**2, 0.0)
