"""The network as values: what each layer computes, nothing about files and nothing about speed.

A map is [height, width, channels]. A dense layer is a 1x1 convolution of a 1x1 map, so it needs no
type of its own. A signal between two layers is one of three kinds: BITS (+1/-1), INTEGERS (pixels
and sums) or REALS (float64, in which sums of fixed-point numbers are exact).
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

    kernel: int8 [kh, kw, input channels of a group, filters] of +1/-1. pad_value: None for VALID;
    else SAME with that value around the map (0 adds nothing: it is neither +1 nor -1). groups: as
    many equal parts of the input channels, each read by as many consecutive filters. dilation: how
    far apart the taps are.
    """

    kernel: Int8Array
    strides: tuple[int, int] = (1, 1)
    pad_value: int | None = None
    groups: int = 1
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        if self.kernel.ndim != 4 or self.kernel.dtype != np.int8 or 0 in self.kernel.shape:
            raise NetworkError(f"a binary kernel is int8 [kh, kw, ci, co], not {_of(self.kernel)}")
        if not np.isin(self.kernel, (-1, 1)).all():
            raise NetworkError("a binary kernel holds only +1 and -1")
        if self.kernel.shape[3] % self.groups:
            raise NetworkError(f"{self.kernel.shape[3]} filters make no {self.groups} equal groups")

    @property
    def is_plain(self) -> bool:
        """One group, taps side by side: what the packed kernels and the search know."""
        return self.groups == 1 and self.dilation == (1, 1)

    @property
    def n_inputs(self) -> int:
        """Weights of one filter."""
        return int(np.prod(self.kernel.shape[:3]))

    @property
    def window(self) -> tuple[int, int, int, int]:
        """[height, width] that the taps span, [input channels, filters]."""
        return spread(self.kernel.shape, self.dilation, self.groups)


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
    """REALS to BITS: +1 where the value is >= 0, or only where it is > 0."""

    zero_is_plus: bool = True


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


@dataclass(frozen=True, slots=True, eq=False)
class Leak:
    """REALS: what is negative times negative[c], as PReLU has it."""

    negative: Float64Array


@dataclass(frozen=True, slots=True)
class Quantise:
    """REALS to the nearest multiple of `unit`, halves to even ones, within [low, high]."""

    unit: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """REALS through a function of one value, such as tanh."""

    function: str


@dataclass(frozen=True, slots=True)
class SumPool:
    """The sum of each window that lies inside the map: average pooling without its division."""

    size: tuple[int, int]
    strides: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Add:
    """The sum of maps of one shape: REALS where one of them is, else INTEGERS."""


@dataclass(frozen=True, slots=True)
class Concatenate:
    """The channels of maps of one size behind each other: of their kind, or of the widest."""


Join = Add | Concatenate
Op = (
    Conv
    | RealConv
    | Threshold
    | Sign
    | BitPool
    | MaxPool
    | SumPool
    | Flatten
    | Scale
    | Clamp
    | Leak
    | Quantise
    | Curve
    | Join
)


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation, its unique name, and the name of the layer it reads (or INPUT).

    others: what an Add or Concatenate reads besides.
    """

    name: str
    op: Op
    source: str
    others: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, *self.others)


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
            for source in layer.sources:
                if source not in signals:
                    raise NetworkError(f"{layer.name}: reads {source!r}, which is no layer above")
            try:
                given = [signals[source] for source in layer.sources]
                signals[layer.name] = signal_after(layer.op, *given)
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

    def readers_of(self, name: str) -> list[Layer]:
        """All layers that read layer `name`."""
        return [layer for layer in self.layers if name in layer.sources]

    def replace(self, ops: dict[str, Op]) -> "Network":
        """The same network with other operations in the named layers."""
        layers = (replace(layer, op=ops.get(layer.name, layer.op)) for layer in self.layers)
        return Network(self.input, tuple(layers))


def alike(one: Op, other: Op) -> bool:
    """Whether two operations are of one kind and equal in every field."""
    names = type(one).__dataclass_fields__
    return type(one) is type(other) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in names
    )


def extent(size: int, window: int, stride: int, *, same: bool) -> tuple[int, int]:
    """Output positions along one axis, and the padding before the first (as TensorFlow pads)."""
    if not same:
        return (size - window) // stride + 1, 0
    positions = ceil(size / stride)
    return positions, max((positions - 1) * stride + window - size, 0) // 2


def spread(
    kernel: tuple[int, ...], dilation: tuple[int, int], groups: int
) -> tuple[int, int, int, int]:
    """What a kernel [kh, kw, ci of a group, co] with these distances between taps spans."""
    height, width = ((k - 1) * d + 1 for k, d in zip(kernel[:2], dilation, strict=True))
    return height, width, kernel[2] * groups, kernel[3]


def signal_after(op: Op, given: Signal, *others: Signal) -> Signal:
    """The signal that `op` makes of `given` (and others); NetworkError where it cannot."""
    if isinstance(op, Add | Concatenate):
        return _joined(op, (given, *others))
    if others:
        raise NetworkError(f"reads {1 + len(others)} layers, where it takes one")
    height, width, channels = given.shape
    match op:
        case Conv(_, strides, pad_value):
            _expect(given, Kind.BITS, Kind.INTEGERS)
            if given.kind is Kind.BITS and pad_value not in (None, 0, 1, -1):
                raise NetworkError(f"pads a map of +1/-1 with {pad_value}")
            bound = _bounded(max(given.bound, abs(pad_value or 0)) * op.n_inputs)
            shape = _windows(given, op.window, strides, same=pad_value is not None)
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
        case SumPool(size, strides):
            shape = _windows(given, (*size, channels, channels), strides, same=False)
            if given.kind is Kind.REALS:
                return Signal(Kind.REALS, shape)
            return Signal(Kind.INTEGERS, shape, _bounded(given.bound * size[0] * size[1]))
        case Flatten():
            return Signal(given.kind, (1, 1, height * width * channels), given.bound)
        case Scale(scale, offset):
            _expect_channels(given, len(scale))
            _expect_channels(given, len(offset))
            return Signal(Kind.REALS, given.shape)
        case Leak(negative):
            _expect(given, Kind.REALS)
            _expect_channels(given, len(negative))
            return given
        case Clamp() | Quantise() | Curve():
            _expect(given, Kind.REALS)
            return given


def _joined(op: Join, given: tuple[Signal, ...]) -> Signal:
    kinds = {signal.kind for signal in given}
    kind = Kind.REALS if Kind.REALS in kinds else Kind.INTEGERS
    if isinstance(op, Add):
        if len({signal.shape for signal in given}) > 1:
            raise NetworkError(f"adds maps of {_shapes(given)}, which must have one shape")
        bound = _bounded(sum(signal.bound for signal in given))
        return Signal(kind, given[0].shape, 0 if kind is Kind.REALS else bound)
    if len({signal.shape[:2] for signal in given}) > 1:
        raise NetworkError(f"joins maps of {_shapes(given)}, which must have one size")
    kind = Kind.BITS if kinds == {Kind.BITS} else kind
    channels = sum(signal.shape[2] for signal in given)
    bound = 0 if kind is Kind.REALS else max(signal.bound for signal in given)
    return Signal(kind, (*given[0].shape[:2], channels), bound)


def _shapes(given: tuple[Signal, ...]) -> str:
    return " and ".join("x".join(map(str, signal.shape)) for signal in given)


def _bounded(bound: int) -> int:
    if bound >= NEVER:
        raise NetworkError(f"sums up to {bound} do not fit in 32 bits")
    return bound


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
