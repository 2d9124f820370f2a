"""Random small networks in fixed point: shortcuts, scales, rounding, pools, real weights, joins,
gates, curves, lines around maps, groups."""

import numpy as np
import numpy.typing as npt

from crshare.hardware.architecture import Architecture, Channels, Unit
from crshare.network.graph import (
    INPUT,
    Add,
    Clamp,
    Concatenate,
    Conv,
    Curve,
    Flatten,
    Input,
    Leak,
    MaxPool,
    Multiply,
    Network,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Sign,
    SumPool,
)
from crshare.network.ops import Halves
from tests.hwgen.forks import Forked
from tests.networks import random_signs

Generator = np.random.Generator


def random_fixed_network(seed: int, *, whole: bool = True) -> Network:
    """Real weights on pixels, blocks with shortcuts of several kinds, and where it is whole a pool
    and a dense layer, else maps of numbers."""
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(4, 8)), int(rng.integers(4, 8)), int(rng.integers(1, 4))
    build = Fixed(rng, Input(shape))
    at = build.rounded(build.scaled(build.real(INPUT, 3, 1), shrink=6))
    for place in range(int(rng.integers(1, 3))):
        at = build.block(at, kind=(seed + place) % 6)
    if not whole:
        return build.network
    size = build.shape(at)[:2]
    if seed % 3:
        at = build.add(SumPool(size, (1, 1)), at)
    at = build.add(Flatten(), at)
    build.end(at)
    return build.network


class Fixed(Forked):
    """With numbers of few fraction bits."""

    def grid(self, n: int, bits: int, bound: float) -> npt.NDArray[np.float64]:
        unit = 2.0**-bits
        return unit * np.rint(self.rng.uniform(-bound, bound, n) / unit)

    def scaled(self, source: str, shrink: int = 0) -> str:
        n, bits = self.shape(source)[2], int(self.rng.integers(1, 7))
        scale = self.grid(n, bits, 1.0) * 2.0**-shrink
        return self.add(Scale(scale, self.grid(n, 4, 2.0)), source)

    def rounded(self, source: str) -> str:
        unit = 2.0 ** -int(self.rng.integers(-1, 5))
        halves: tuple[Halves, ...] = ("even", "up")
        ends = sorted(self.grid(2, 3, 8.0).tolist()) if self.rng.random() < 0.2 else [-8.0, 7.75]
        return self.add(Quantise(unit, ends[0], ends[1], halves[int(self.rng.integers(2))]), source)

    def real(self, source: str, kernel: int, stride: int, filters: int | None = None) -> str:
        channels, n = self.shape(source)[2], filters or int(self.rng.integers(1, 5))
        size = (kernel, kernel, channels, n)
        weights = self.grid(int(np.prod(size)), int(self.rng.integers(0, 4)), 1.5).reshape(size)
        bias = self.grid(n, 2, 1.0).astype(np.float32)
        return self.add(
            RealConv(weights.astype(np.float32), bias, (stride, stride), same=True), source
        )

    def sums(self, source: str, stride: int, filters: int) -> str:
        """Signs, perhaps with lines around them, and a binary convolution, perhaps in groups or
        with distances between its taps."""
        bits = self.add(Sign(bool(self.rng.random() < 0.8)), source)
        channels, pad = self.shape(bits)[2], (0, 1, -1)[int(self.rng.integers(3))]
        groups = channels if filters % channels == 0 and self.rng.random() < 0.5 else 1
        weights = random_signs(self.rng, (3, 3, channels // groups, filters))
        if stride == 1 and self.rng.random() < 0.3:
            bits = self.add(Pad((1, 1), (1, 1), pad), bits)
            return self.add(Conv(weights, groups=groups), bits)
        dilation = (1, int(self.rng.integers(1, 3)))
        return self.add(Conv(weights, (stride, stride), pad, groups, dilation), bits)

    def curved(self, source: str) -> str:
        """A curve of rounded values, rounded; perhaps its signs instead, as numbers again."""
        name = ("tanh", "sigmoid", "softsign", "elu")[int(self.rng.integers(4))]
        few = self.add(Quantise(0.25, -4.0, 3.75, "up"), source)
        made = self.add(Curve(name), few)
        if self.rng.random() < 0.3:
            return self.scaled(self.add(Sign(), made))
        return self.add(Quantise(2.0**-4, -1.0, 4.0, "even"), made)

    def gated(self, at: str) -> str:
        """A map times what one position of means, of few weights, says of each of its channels; or
        times another map."""
        if self.rng.random() < 0.3:
            return self.rounded(self.add(Multiply(), at, self.curved(at)))
        mean = self.add(SumPool(self.shape(at)[:2], (1, 1)), at)
        gate = self.curved(self.scaled(self.real(mean, 1, 1, self.shape(at)[2]), shrink=4))
        return self.rounded(self.add(Multiply(), *((at, gate) if len(at) % 2 else (gate, at))))

    def surrounded(self, at: str) -> str:
        """Lines around numbers, and their greatest."""
        value = int(self.rng.integers(-1, 3))
        wide = self.add(Pad((1, 0), (0, 1), value), at)
        return self.add(MaxPool((2, 2), (1, 1), False), wide)

    def mapped(self, source: str) -> str:
        """Perhaps a leak or limits."""
        n, draw = self.shape(source)[2], self.rng.random()
        if draw < 0.3:
            return self.add(Leak(self.grid(n, 2, 1.0)), source)
        return self.add(Clamp(-1.5, np.inf), source) if draw < 0.5 else source

    def block(self, at: str, kind: int) -> str:
        """0: identity (Bi-Real). 1: real 1x1 weights (blend). 2: average or greatest, then real
        weights, with a stride. 3: channels behind each other. 4: the main path gated
        (Real-to-Binary). 5: lines around the map."""
        channels = self.shape(at)[2]
        stride = 2 if kind == 2 and min(self.shape(at)[:2]) > 3 else 1
        filters = channels if kind in (0, 4, 5) else int(self.rng.integers(1, 5))
        main = self.mapped(self.scaled(self.sums(at, stride, filters)))
        if kind == 4:
            main = self.gated(self.rounded(main))
        if kind == 5:
            return self.rounded(self.surrounded(self.add(Add(), main, at)))
        if kind == 3:
            joined = self.add(Concatenate(), at, main)
            return self.rounded(joined) if self.rng.random() < 0.5 else joined
        skip = at
        if stride == 2:
            even = all(size % 2 == 0 for size in self.shape(at)[:2])
            pool = SumPool((2, 2), (2, 2)) if even else MaxPool((2, 2), (2, 2), True)
            skip = self.add(pool, skip)
        if kind in (1, 2):
            skip = self.scaled(self.real(skip, 1, 1, filters))
        return self.rounded(self.mapped(self.add(Add(), main, skip)))

    def end(self, at: str) -> None:
        if self.rng.random() < 0.5:
            self.real(at, 1, 1, 3)
            return
        bits = self.add(Sign(), at)
        self.add(Conv(random_signs(self.rng, (1, 1, self.shape(bits)[2], 3))), bits)


def drawn_architectures(network: Network, seed: int) -> dict[str, Architecture]:
    """Units for some layers with weights, turns for some that look at channels alone."""
    rng, found = np.random.default_rng(seed), dict[str, Architecture]()
    for layer in network.layers:
        shape = network.signals[layer.name].shape
        turns = int(rng.choice([n for n in range(1, shape[2] + 1) if shape[2] % n == 0]))
        match layer.op:
            case RealConv(kernel):
                n = int(np.prod(kernel.shape[:3]))
                simd = int(rng.choice([k for k in range(1, n + 1) if n % k == 0]))
                found[layer.name] = Unit(turns, simd, ("block", "distributed")[seed % 2])
            case Add() | Quantise() | Scale() | Leak() | Sign() | Multiply() | Curve():
                found[layer.name] = Channels(turns)
    return found
