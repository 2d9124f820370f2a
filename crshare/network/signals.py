"""The signal that an operation makes of those it reads, or why it cannot."""

from dataclasses import replace

from crshare.errors import NetworkError
from crshare.network.lut_ops import ClassSums, Lut, LutOp, Modulate
from crshare.network.ops import (
    NEVER,
    Add,
    BitPool,
    Clamp,
    Concatenate,
    Conv,
    Curve,
    Flatten,
    Join,
    Kind,
    Leak,
    MaxPool,
    Multiply,
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
    extent,
)


def signal_after(op: Op, given: Signal, *others: Signal) -> Signal:
    """The signal that `op` makes of `given` (and others); NetworkError where it cannot."""
    if isinstance(op, Add | Concatenate | Multiply):
        if len({signal.frames for signal in (given, *others)}) > 1:
            raise NetworkError("reads maps of different numbers of frames")
        return replace(_joined(op, (given, *others)), frames=given.frames)
    if others:
        raise NetworkError(f"reads {1 + len(others)} layers, where it takes one")
    if isinstance(op, Lut | Modulate | ClassSums):
        return _of_luts(op, given)
    return replace(_after_one(op, given), frames=given.frames)


def _of_luts(op: LutOp, given: Signal) -> Signal:
    height, width, channels = given.shape
    match op:
        case Lut(connections, _, size, strides, same):
            _expect(given, Kind.BITS)
            n_places = size[0] * size[1] * channels
            if connections.max() >= n_places:
                raise NetworkError(
                    f"connects to place {connections.max()} of windows of {n_places} places"
                )
            shape = _windows(given, (*size, channels, op.n_nodes), strides, same=same)
            return Signal(Kind.BITS, shape, 1, given.frames)
        case Modulate(at):
            _expect(given, Kind.INTEGERS)
            _expect_channels(given, at.shape[2])
            if given.frames > 1:
                raise NetworkError("modulates what has been spread over frames before")
            return Signal(Kind.BITS, (height, width, channels * op.depth), 1, op.frames)
        case ClassSums(weights, offsets):
            _expect(given, Kind.BITS)
            if (height, width) != (1, 1) or channels < op.n_classes:
                raise NetworkError(
                    f"adds up the bits of a map of 1x1 with at least {op.n_classes} channels, and "
                    f"gets {_shapes((given,))}"
                )
            if op.frames != given.frames:
                raise NetworkError(f"adds up {op.frames} frames, and gets {given.frames}")
            n_bits = -(-channels // op.n_classes) * given.frames
            greatest = max(
                abs(weight) * n_bits + abs(offset)
                for weight, offset in zip(weights.tolist(), offsets.tolist(), strict=True)
            )
            return Signal(Kind.INTEGERS, (1, 1, op.n_classes), _bounded(greatest))


def _after_one(op: Op, given: Signal) -> Signal:
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
        case Pad(before, after, value):
            shape = (height + before[0] + after[0], width + before[1] + after[1], channels)
            if given.kind is Kind.BITS and value in (1, -1):
                return Signal(Kind.BITS, shape, 1)
            kind = Kind.INTEGERS if given.kind is Kind.BITS else given.kind
            return Signal(kind, shape, 0 if kind is Kind.REALS else max(given.bound, abs(value)))
        case _:
            raise NetworkError(f"{type(op).__name__} reads several layers")


def _joined(op: Join, given: tuple[Signal, ...]) -> Signal:
    kinds = {signal.kind for signal in given}
    kind = Kind.REALS if Kind.REALS in kinds else Kind.INTEGERS
    if isinstance(op, Multiply):
        return Signal(Kind.REALS, _common_shape(given))
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


def _common_shape(given: tuple[Signal, ...]) -> Shape:
    """The shape of the largest map; the others are as large, or one position."""
    shape = max((signal.shape for signal in given), key=lambda shape: shape[0] * shape[1])
    if not all(signal.shape in (shape, (1, 1, shape[2])) for signal in given):
        raise NetworkError(
            f"multiplies maps of {_shapes(given)}, which must have one shape, or one position"
        )
    return shape


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
