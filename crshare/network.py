"""The network as values: what each layer computes, nothing about files and nothing about speed.

A map is [height, width, channels]. A dense layer is a 1x1 convolution of a 1x1 map, so it needs no
type of its own. A signal between two layers is one of three kinds: BITS (+1/-1), INTEGERS (pixels
and sums) or REALS (float64, only outside the binary part).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from math import ceil

import numpy as np
import numpy.typing as npt

from crshare.errors import NetworkError

Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]
Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Shape = tuple[int, int, int]

ALWAYS = -(2**31)  # a rising threshold that every sum reaches
NEVER = 2**31 - 1  # a rising threshold that no sum reaches


class Kind(Enum):
    BITS = "bits"
    INTEGERS = "integers"
    REALS = "reals"


@dataclass(frozen=True, slots=True)
class Signal:
    """What flows out of a layer: its kind, its [height, width, channels], its greatest |value|."""

    kind: Kind
    shape: Shape
    bound: int = 0  # of BITS and INTEGERS


@dataclass(frozen=True, slots=True, eq=False)
class Conv:
    """Binary weights: sums over each window of bits or integers.

    kernel: int8 [kh, kw, input channels, filters] of +1/-1. pad_value: None for VALID; else SAME
    with that value around the map (0 adds nothing: it is neither +1 nor -1).
    """

    kernel: Int8Array
    strides: tuple[int, int] = (1, 1)
    pad_value: int | None = None

    def __post_init__(self) -> None:
        if self.kernel.ndim != 4 or self.kernel.dtype != np.int8 or 0 in self.kernel.shape:
            raise NetworkError(f"a binary kernel is int8 [kh, kw, ci, co], not {_of(self.kernel)}")
        if not np.isin(self.kernel, (-1, 1)).all():
            raise NetworkError("a binary kernel holds only +1 and -1")


@dataclass(frozen=True, slots=True, eq=False)
class RealConv:
    """Real weights, outside the binary part: float32 [kh, kw, ci, co], SAME pads with 0."""

    kernel: Float32Array
    bias: Float32Array
    strides: tuple[int, int] = (1, 1)
    same: bool = False

    def __post_init__(self) -> None:
        if self.kernel.ndim != 4 or self.kernel.dtype != np.float32 or 0 in self.kernel.shape:
            raise NetworkError(f"a real kernel is float32 [kh, kw, ci, co], not {_of(self.kernel)}")
        if self.bias.shape != self.kernel.shape[3:]:
            raise NetworkError(f"a bias has one value for each filter, not {_of(self.bias)}")


@dataclass(frozen=True, slots=True, eq=False)
class Threshold:
    """INTEGERS to BITS: channel c is +1 when sum >= at[c] (rising) or sum <= at[c] (falling).

    folded: the file's layers that it stands for, in order; adjustable: if one can move it.
    """

    at: Int32Array
    rising: BoolArray
    folded: tuple[str, ...] = ()
    adjustable: bool = True

    def __post_init__(self) -> None:
        if self.at.ndim != 1 or self.at.dtype != np.int32 or self.at.shape != self.rising.shape:
            raise NetworkError("a threshold holds one int32 and one direction for each channel")

    def moved(self, at: Int32Array, rising: BoolArray) -> "Threshold":
        """The same comparison at another place."""
        return replace(self, at=at, rising=rising)


@dataclass(frozen=True, slots=True)
class Sign:
    """REALS to BITS: +1 where the value is >= 0."""


@dataclass(frozen=True, slots=True, eq=False)
class BitPool:
    """Max pooling folded past a threshold: any bit of the window, or all where `all_of` says so."""

    size: tuple[int, int]
    strides: tuple[int, int]
    same: bool
    all_of: BoolArray


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Max pooling of INTEGERS or REALS; SAME ignores what lies outside the map."""

    size: tuple[int, int]
    strides: tuple[int, int]
    same: bool


@dataclass(frozen=True, slots=True)
class Flatten:
    """[h, w, c] to [1, 1, h*w*c], channel fastest."""


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """To REALS: scale[c] * value + offset[c]."""

    scale: Float64Array
    offset: Float64Array


@dataclass(frozen=True, slots=True)
class Clamp:
    """REALS limited to [low, high]: ReLU, ReLU6, hard tanh."""

    low: float
    high: float


Op = Conv | RealConv | Threshold | Sign | BitPool | MaxPool | Flatten | Scale | Clamp


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation, its unique name, and the name of the layer it reads (or INPUT)."""

    name: str
    op: Op
    source: str


INPUT = "input"


@dataclass(frozen=True, slots=True)
class Input:
    """Images: integers from low to high as stored; the network sees multiplier * value + offset.

    A Rescaling(s, o) layer becomes this: s*v + o = (s/multiplier) * (multiplier*v + offset), and
    the factor s/multiplier goes into the first threshold.
    """

    shape: Shape
    multiplier: int = 1
    offset: int = 0
    low: int = 0
    high: int = 255

    @property
    def bound(self) -> int:
        ends = (self.multiplier * end + self.offset for end in (self.low, self.high))
        return max(abs(end) for end in ends)


@dataclass(frozen=True)
class Network:
    """Layers in the order of execution; the last one gives the scores."""

    input: Input
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        _ = self.signals  # a network whose layers do not fit refuses to exist

    @cached_property
    def signals(self) -> dict[str, Signal]:
        """The signal out of each layer, and of INPUT."""
        signals = {INPUT: Signal(Kind.INTEGERS, self.input.shape, self.input.bound)}
        for layer in self.layers:
            if layer.name in signals:
                raise NetworkError(f"two layers are named {layer.name!r}; names must differ")
            if layer.source not in signals:
                raise NetworkError(f"{layer.name}: reads {layer.source!r}, which is no layer above")
            try:
                signals[layer.name] = signal_after(layer.op, signals[layer.source])
            except NetworkError as error:
                raise NetworkError(f"layer {layer.name}: {error}") from error
        return signals

    @property
    def output(self) -> Signal:
        return self.signals[self.layers[-1].name if self.layers else INPUT]

    def input_of(self, layer: Layer) -> Signal:
        return self.signals[layer.source]

    def convs(self) -> Iterator[tuple[Layer, Conv]]:
        """The layers with binary weights, in order."""
        for layer in self.layers:
            if isinstance(layer.op, Conv):
                yield layer, layer.op

    def layer(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)

    def conv(self, name: str) -> Conv:
        """The binary weights of layer `name`."""
        return next(conv for layer, conv in self.convs() if layer.name == name)

    def threshold_of(self, name: str) -> Layer | None:
        """The Threshold that reads layer `name`, if one does."""
        readers = (la for la in self.layers if la.source == name and isinstance(la.op, Threshold))
        return next(readers, None)

    def replace(self, ops: dict[str, Op]) -> "Network":
        """The same network with other operations in the named layers."""
        layers = (Layer(la.name, ops.get(la.name, la.op), la.source) for la in self.layers)
        return Network(self.input, tuple(layers))


def extent(size: int, window: int, stride: int, *, same: bool) -> tuple[int, int]:
    """Output positions along one axis, and the padding before the first (as TensorFlow pads)."""
    if not same:
        return (size - window) // stride + 1, 0
    positions = ceil(size / stride)
    return positions, max((positions - 1) * stride + window - size, 0) // 2


def signal_after(op: Op, given: Signal) -> Signal:
    """The signal that `op` makes of `given`; NetworkError where it cannot."""
    height, width, channels = given.shape
    match op:
        case Conv(kernel, strides, pad_value):
            _expect(given, Kind.BITS, Kind.INTEGERS)
            if given.kind is Kind.BITS and pad_value not in (None, 0, 1, -1):
                raise NetworkError(f"pads a map of +1/-1 with {pad_value}")
            bound = max(given.bound, abs(pad_value or 0)) * int(np.prod(kernel.shape[:3]))
            if bound >= NEVER:
                raise NetworkError(f"sums up to {bound} do not fit in 32 bits")
            shape = _windows(given, kernel.shape, strides, same=pad_value is not None)
            return Signal(Kind.INTEGERS, shape, bound)
        case RealConv(kernel, _, strides, same):
            return Signal(Kind.REALS, _windows(given, kernel.shape, strides, same=same))
        case Threshold(at):
            _expect(given, Kind.INTEGERS)
            _expect_channels(given, len(at))
            return Signal(Kind.BITS, given.shape, 1)
        case Sign():
            _expect(given, Kind.REALS)
            return Signal(Kind.BITS, given.shape, 1)
        case BitPool(size, strides, same, all_of):
            _expect(given, Kind.BITS)
            _expect_channels(given, len(all_of))
            shape = _windows(given, (*size, channels, channels), strides, same=same)
            return Signal(Kind.BITS, shape, 1)
        case MaxPool(size, strides, same):
            _expect(given, Kind.INTEGERS, Kind.REALS)
            shape = _windows(given, (*size, channels, channels), strides, same=same)
            return Signal(given.kind, shape, given.bound)
        case Flatten():
            return Signal(given.kind, (1, 1, height * width * channels), given.bound)
        case Scale(scale, offset):
            _expect_channels(given, len(scale))
            _expect_channels(given, len(offset))
            return Signal(Kind.REALS, given.shape)
        case Clamp():
            _expect(given, Kind.REALS)
            return given


def _windows(
    given: Signal, kernel: tuple[int, ...], strides: tuple[int, int], *, same: bool
) -> Shape:
    height, width, channels = given.shape
    if kernel[2] != channels:
        raise NetworkError(f"expects {kernel[2]} input channels, and gets {channels}")
    if not same and (kernel[0] > height or kernel[1] > width):
        window = f"{kernel[0]}x{kernel[1]}"
        raise NetworkError(f"a window of {window} does not fit in a map of {height}x{width}")
    rows, _ = extent(height, kernel[0], strides[0], same=same)
    columns, _ = extent(width, kernel[1], strides[1], same=same)
    return rows, columns, kernel[3]


def _expect(given: Signal, *kinds: Kind) -> None:
    if given.kind not in kinds:
        wanted = " or ".join(kind.value for kind in kinds)
        raise NetworkError(f"expects {wanted}, and gets {given.kind.value}")


def _expect_channels(given: Signal, n: int) -> None:
    if n != given.shape[2]:
        raise NetworkError(f"holds values for {n} channels, and gets {given.shape[2]}")


def _of(array: npt.NDArray[np.generic]) -> str:
    return f"{array.dtype} {list(array.shape)}"
