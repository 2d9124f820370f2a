"""Random small networks and images for tests: every kind of layer, padding and odd size.

A network is drawn from a numpy generator, so a seed names it; hypothesis draws the seed.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.network.graph import (
    ALWAYS,
    INPUT,
    NEVER,
    Add,
    BitPool,
    Clamp,
    Concatenate,
    Conv,
    Curve,
    Flatten,
    Input,
    Kind,
    Layer,
    Leak,
    MaxPool,
    Multiply,
    Network,
    Op,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Shape,
    Sign,
    Signal,
    SumPool,
    Threshold,
    signal_after,
)
from crshare.network.reference import CURVES

Generator = np.random.Generator
CHANNELS = (1, 2, 3, 7, 8, 31, 33, 63, 64, 65, 100, 127, 128, 129)
INPUTS = (
    Input((1, 1, 1)),
    Input((1, 1, 1), multiplier=2, offset=-255),
    Input((1, 1, 1), multiplier=1, offset=-128),
    Input((1, 1, 1), low=-5, high=7),
    Input((1, 1, 1), multiplier=100, offset=-3, high=700),
)


@dataclass
class Builder:
    """Appends layers, and knows the signal so far."""

    rng: Generator
    input: Input
    layers: list[Layer] = field(default_factory=list)

    @property
    def signal(self) -> Signal:
        return self.network.output

    @property
    def network(self) -> Network:
        return Network(self.input, tuple(self.layers))

    @property
    def last(self) -> str:
        return self.layers[-1].name if self.layers else INPUT

    def add(self, op: Op, *others: str, after: str | None = None) -> "Builder":
        """Behind the last layer, or behind another one."""
        source = after or self.last
        name = f"{type(op).__name__.lower()}{len(self.layers)}"
        self.layers.append(Layer(name, op, source, others))
        return self

    def pick(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)


def random_images(rng: Generator, given: Input, n: int) -> npt.NDArray[Any]:
    """Integers over the whole range of the input, in the smallest type that holds them."""
    images = rng.integers(given.low, given.high + 1, (n, *given.shape))
    return images.astype(np.result_type(np.min_scalar_type(given.low), given.high))


def random_signs(rng: Generator, shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
    return rng.choice(np.array([-1, 1], np.int8), shape)


def random_network(seed: int) -> Network:
    """An input, perhaps a real-valued stem, binary layers, and one of several ends."""
    rng = np.random.default_rng(seed)
    build = Builder(rng, _random_input(rng))
    _begin(build)
    for _ in range(int(rng.integers(0, 3))):
        _conv(build)
        _bits(build)
    if build.chance(0.5):
        build.add(Flatten())
    _end(build)
    return build.network


def random_graph(seed: int, first_channels: tuple[int, ...] = (4, 8, 64, 72)) -> Network:
    """Convolutions in groups, with strides and wide taps, joined with what lies before them."""
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(3, 9)), int(rng.integers(3, 9)), 3
    build = Builder(rng, Input(shape))
    first = random_signs(rng, (3, 3, 3, int(rng.choice(first_channels))))
    build.add(Conv(first, pad_value=0))
    build.add(random_threshold(rng, build.signal))
    for _ in range(int(rng.integers(1, 4))):
        _strided_block(build) if build.chance(0.4) else _joined_block(build)
    if build.chance(0.5):
        build.add(SumPool(build.signal.shape[:2], (1, 1)))
    elif build.chance(0.5) and _fits(build.signal, (2, 2)):
        build.add(SumPool((2, 2), (1, 2)))
    build.add(Flatten())
    build.add(random_real_conv(build)) if build.chance(0.3) else _conv(build)
    return build.network


def random_blend(seed: int, channels: int = 4, n_modules: int = 2) -> Network:
    """Blend modules behind a real-valued convolution: a binary convolution beside one of 1x1, both
    scaled, their sum scaled; the mean of each channel and a dense layer at the end."""
    rng = np.random.default_rng(seed)
    build = Builder(rng, Input((6, 5, 3), 2, -255))

    def weights(size: int, inputs: int, outputs: int) -> RealConv:
        kernel = rng.normal(size=(size, size, inputs, outputs)).astype(np.float32)
        return RealConv(kernel, np.zeros(outputs, np.float32), same=size > 1)

    def scale(size: float) -> Scale:
        return Scale(rng.normal(size=channels) * size, rng.normal(size=channels))

    build.add(weights(3, 3, channels)).add(scale(1 / 2000))
    for _ in range(n_modules):
        start = build.last
        build.add(Sign()).add(Conv(random_signs(rng, (3, 3, channels, channels)), (1, 1), 1))
        main = build.add(scale(1 / channels)).last
        build.add(weights(1, channels, channels), after=start).add(scale(0.5))
        build.add(Add(), main, after=build.last).add(scale(1))
    build.add(SumPool((6, 5), (1, 1))).add(Scale(np.full(channels, 1 / 30), np.zeros(channels)))
    return build.add(weights(1, channels, 3)).network


def gated_network(seed: int, channels: int = 4) -> Network:
    """A binary convolution whose sums are multiplied, channel by channel, with a sigmoid of the
    means of what it reads, and added to that through a PReLU, as in Real-to-Binary networks."""
    rng = np.random.default_rng(seed)
    build = Builder(rng, Input((6, 6, 3), 2, -255))

    def dense(inputs: int, outputs: int, size: int = 1) -> RealConv:
        kernel = rng.normal(size=(size, size, inputs, outputs)).astype(np.float32)
        return RealConv(kernel, np.zeros(outputs, np.float32), same=size > 1)

    def scale(size: float, n: int = channels) -> Scale:
        return Scale(rng.normal(size=n) * size, rng.normal(size=n))

    build.add(dense(3, channels, 3)).add(scale(1 / 2000))
    start = build.last
    build.add(SumPool((6, 6), (1, 1))).add(Scale(np.full(channels, 1 / 36), np.zeros(channels)))
    build.add(dense(channels, 2)).add(scale(1, 2)).add(Clamp(0.0, np.inf))
    build.add(dense(2, channels)).add(scale(1)).add(Curve("sigmoid"))
    gate = build.last
    build.add(Sign(), after=start).add(
        Conv(random_signs(rng, (3, 3, channels, channels)), (1, 1), 0)
    )
    build.add(scale(1 / 9)).add(Multiply(), gate).add(Leak(rng.normal(size=channels)))
    build.add(Add(), start).add(SumPool((2, 2), (2, 2))).add(scale(0.25)).add(Sign())
    return build.add(Conv(random_signs(rng, (3, 3, channels, 3)))).network


def _joined_block(build: Builder) -> None:
    """A convolution of one shape, perhaps real-valued behind it, joined with a layer before."""
    rng, channels = build.rng, build.signal.shape[2]
    build.add(grouped_conv(rng, channels, channels))
    if build.chance(0.6):
        build.add(random_scale(rng, build.signal))
        build.add(build.pick(_real_maps(rng, channels)))
    elif build.chance(0.5):
        build.add(random_threshold(rng, build.signal))
    signals = build.network.signals
    shape = build.signal.shape
    others = [la.name for la in build.layers if signals[la.name].shape == shape]
    op = build.pick((Add(), Add(), Concatenate(), Multiply()))
    build.add(op, *(build.pick(others) for _ in range(int(rng.integers(1, 3)))))
    if build.chance(0.2):
        before, after = rng.integers(0, 3, (2, 2)).tolist()
        build.add(Pad(tuple(before), tuple(after), build.pick((0, 0, 1, -1))))
    kind = build.signal.kind
    if kind is Kind.REALS:
        build.add(Sign(zero_is_plus=build.chance(0.5)))
    elif kind is Kind.INTEGERS:
        build.add(random_threshold(rng, build.signal))


def _strided_block(build: Builder) -> None:
    """Two ways of one window and stride from the same bits, a convolution and another or a pool."""
    rng, start, given = build.rng, build.last, build.signal
    channels = given.shape[2]
    conv = grouped_conv(rng, channels, channels * int(rng.integers(1, 3)))
    strides = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    same = not _fits(given, conv.window[:2]) or build.chance(0.5)
    conv = replace(conv, strides=strides, pad_value=conv.pad_value if same else None)
    build.add(conv)
    if build.chance(0.5):
        build.add(random_threshold(rng, build.signal))
    main, window = build.last, conv.window[:2]
    if build.chance(0.4):
        size = conv.kernel.shape[:2]
        other = random_signs(rng, (*size, channels, conv.kernel.shape[3]))
        build.add(replace(conv, kernel=other, groups=1), after=start)
    elif build.chance(0.5) or same:
        build.add(BitPool(window, strides, same, rng.random(channels) < 0.5), after=start)
    else:
        build.add(SumPool(window, strides), after=start)
    alike = build.signal.shape == build.network.signals[main].shape
    build.add(Add() if alike and build.chance(0.7) else Concatenate(), main)
    if build.signal.kind is Kind.INTEGERS:
        build.add(random_threshold(rng, build.signal))


def _real_maps(rng: Generator, channels: int) -> list[Op]:
    return [
        Leak(rng.normal(size=channels)),
        Clamp(-1.0, np.inf),
        Quantise(0.25, -2.0, 1.75, "up" if channels % 2 else "even"),
        Curve(str(rng.choice(sorted(CURVES)))),
    ]


def grouped_conv(rng: Generator, channels: int, filters: int) -> Conv:
    """SAME and of stride 1, in any number of groups that divides both."""
    groups = int(rng.choice([g for g in (1, 2, 4, channels) if not (channels % g or filters % g)]))
    size = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    kernel = random_signs(rng, (*size, channels // groups, filters))
    dilation = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    return Conv(kernel, (1, 1), int(rng.integers(-1, 2)), groups, dilation)


def _random_input(rng: Generator) -> Input:
    given = INPUTS[int(rng.integers(len(INPUTS)))]
    shape = int(rng.integers(1, 10)), int(rng.integers(1, 10)), int(rng.choice([1, 2, 3, 5]))
    return Input(shape, given.multiplier, given.offset, given.low, given.high)


def _begin(build: Builder) -> None:
    """To bits: an integer first layer, thresholds on the pixels, or a real-valued stem."""
    kind = build.rng.random()
    if kind < 0.55:
        _conv(build)
        _bits(build)
    elif kind < 0.75:
        build.add(random_threshold(build.rng, build.signal))
    else:
        _stem(build)


def _stem(build: Builder) -> None:
    if build.chance(0.8):
        build.add(random_real_conv(build))
    build.add(random_scale(build.rng, build.signal))
    if build.chance(0.5):
        build.add(Clamp(-1.0, 6.0))
    if build.chance(0.5):
        build.add(MaxPool(*_window(build)))
    build.add(Sign())


def _conv(build: Builder) -> None:
    build.add(random_conv(build))


def _bits(build: Builder) -> None:
    """From sums to bits, pooled before, after or not at all."""
    if build.chance(0.15):
        build.add(MaxPool(*_window(build)))
    build.add(random_threshold(build.rng, build.signal))
    if build.chance(0.5):
        channels = build.signal.shape[2]
        every = build.rng.random(channels) < build.pick((0.0, 0.5, 1.0))
        build.add(BitPool(*_window(build), all_of=every))


def _end(build: Builder) -> None:
    kind = build.rng.random()
    if kind < 0.25:
        build.add(random_real_conv(build))
    elif kind < 0.9:
        _conv(build)
        if build.chance(0.3):
            build.add(MaxPool(*_window(build)))
        if build.chance(0.5):
            build.add(random_scale(build.rng, build.signal))


def random_conv(build: Builder) -> Conv:
    kernel = _kernel_size(build)
    pads = (None, 0, 1, -1) if build.signal.kind is Kind.BITS else (None, 0, 1, -1, -7, 255)
    filters = build.pick(CHANNELS)
    weights = random_signs(build.rng, (*kernel, build.signal.shape[2], filters))
    pad_value = build.pick(pads)
    return Conv(weights, _strides(build), pad_value if _fits(build.signal, kernel) else 0)


def random_real_conv(build: Builder) -> RealConv:
    kernel = _kernel_size(build)
    filters = build.pick((1, 5, 10))
    weights = build.rng.normal(size=(*kernel, build.signal.shape[2], filters))
    bias = build.rng.normal(size=filters).astype(np.float32)
    same = not _fits(build.signal, kernel) or build.chance(0.5)
    return RealConv(weights.astype(np.float32), bias, _strides(build), same)


def random_threshold(rng: Generator, given: Signal) -> Threshold:
    """Mostly where sums are likely, some at the ends, some that always or never fire."""
    channels = given.shape[2]
    spread = max(2, int(3 * np.sqrt(given.bound)))
    at = rng.integers(-spread, spread + 1, channels)
    extremes = np.array([ALWAYS, NEVER, -given.bound, given.bound, given.bound + 1, 0])
    at = np.where(rng.random(channels) < 0.2, rng.choice(extremes, channels), at)
    return Threshold(at.astype(np.int32), rng.random(channels) < 0.7)


def random_scale(rng: Generator, given: Signal) -> Scale:
    channels = given.shape[2]
    return Scale(rng.normal(size=channels), rng.normal(size=channels))


def _kernel_size(build: Builder) -> tuple[int, int]:
    return int(build.rng.integers(1, 6)), int(build.rng.integers(1, 6))


def _strides(build: Builder) -> tuple[int, int]:
    return build.pick((1, 1, 1, 2, 3)), build.pick((1, 1, 1, 2, 3))


def _fits(given: Signal, window: tuple[int, int]) -> bool:
    return window[0] <= given.shape[0] and window[1] <= given.shape[1]


def _window(build: Builder) -> tuple[tuple[int, int], tuple[int, int], bool]:
    """Size, strides and SAME of a pooling that fits."""
    size = build.pick(((2, 2), (3, 3), (2, 3), (1, 2)))
    strides = build.pick((size, (1, 1), (2, 2)))
    return size, strides, build.chance(0.5) or not _fits(build.signal, size)


def conv_network(conv: Conv, shape: Shape, *, threshold: Threshold | None = None) -> Network:
    """Bits made from pixels of `shape`, then this convolution, and perhaps its threshold."""
    bits = Threshold(np.full(shape[2], 128, np.int32), np.ones(shape[2], np.bool_))
    layers = [Layer("bits", bits, INPUT), Layer("conv", conv, "bits")]
    signal_after(conv, Signal(Kind.BITS, shape, 1))
    if threshold is not None:
        layers.append(Layer("threshold", threshold, "conv"))
    return Network(Input(shape), tuple(layers))
