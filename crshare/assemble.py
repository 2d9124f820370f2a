"""Steps into a Network: which sums stay integers, where each sign goes, what is real-valued.

Between two linear layers stands a chain of maps, pools and flattenings. Up to its last sign it is
folded into one Threshold. A max pooling in that chain moves behind the threshold and becomes a
BitPool: with g the maps behind the pool, sign(g(max x)) is any of the window's bits where g rises,
and all of them where g falls. What follows the last sign stays as it is; without a sign the values
are real, which only the layers before the first sign and after the last binary layer may see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from crshare.adjust import adjuster
from crshare.errors import ModelFormatError, NetworkError
from crshare.fold import direction, fold, linear_form
from crshare.network import (
    INPUT,
    BitPool,
    Clamp,
    Conv,
    Flatten,
    Int8Array,
    Kind,
    Layer,
    MaxPool,
    Network,
    Op,
    RealConv,
    Scale,
    Shape,
    Sign,
    Signal,
    signal_after,
)
from crshare.segments import Segment, enter, segments, shapes_along, without_squashes
from crshare.steps import (
    ONE,
    Affine,
    Binarize,
    Bounds,
    Flat,
    Fractions,
    Linear,
    Map,
    Pool,
    Role,
    Step,
)

Chain = Sequence[Step]
Maps = tuple[Map, ...]


@dataclass(frozen=True, slots=True)
class Assembly:
    """A network, and by the name of each Threshold the exact maps that were folded into it."""

    network: Network
    folded: dict[str, Maps]


def assemble(shape: Shape, rescale: tuple[Fraction, Fraction] | None, steps: Chain) -> Assembly:
    """The network that the steps describe; ModelFormatError or NetworkError where there is none."""
    given, rest = enter(shape, rescale, steps)
    builder = _Builder(Signal(Kind.INTEGERS, shape, given.bound))
    for segment in segments(without_squashes(rest)):
        builder.add(segment)
    if not any(isinstance(layer.op, Conv) for layer in builder.layers):
        raise ModelFormatError(
            "the model has no layer of +1/-1 weights, and crshare shares the results of such "
            "layers only; train it with Larq's QuantConv2D or QuantDense"
        )
    return Assembly(Network(given, tuple(builder.layers)), builder.folded)


class _Builder:
    """Collects the layers of a network, and knows the signal behind the last one."""

    def __init__(self, entering: Signal) -> None:
        self.layers: list[Layer] = []
        self.folded: dict[str, Maps] = {}
        self.signal = entering
        self.owner = INPUT  # the linear layer that the chain began with
        self.scaled: tuple[Affine, ...] = ()  # what that layer's sums are multiplied with
        self.binarised = False
        self.real_tail = ""  # a real-valued layer behind the first sign

    def emit(self, name: str, op: Op) -> None:
        source = self.layers[-1].name if self.layers else INPUT
        try:
            self.signal = signal_after(op, self.signal)
        except NetworkError as error:
            raise NetworkError(f"layer {name}: {error}") from error
        self.layers.append(Layer(name, op, source))

    def add(self, segment: Segment) -> None:
        chain = (*self.scaled, *segment.chain)
        shapes = shapes_along(chain, self.signal.shape)
        end = max((i + 1 for i, step in enumerate(chain) if isinstance(step, Binarize)), default=0)
        self.binarised = self.binarised or end > 0
        if end and self.signal.kind is Kind.INTEGERS:
            self.threshold(self.flattened(chain[: end - 1], shapes))
        else:
            self.reals(chain[:end])
        self.read(chain[end:], segment.linear)

    def threshold(self, chain: Chain) -> None:
        """Fold the maps of a chain that a sign ends; its pools follow as pools of bits."""
        maps = _maps(chain)
        n = self.signal.shape[2]
        name = f"{self.owner}/sign"
        self.folded[name] = maps
        self.emit(name, fold(maps, n, adjustable=adjuster(maps) is not None))
        for position, step in enumerate(chain):
            if isinstance(step, Pool):
                all_of = direction(_maps(chain[position:]), n) < 0
                self.emit(step.owner, BitPool(step.size, step.strides, step.same, all_of))
            elif isinstance(step, Flat):
                self.emit(step.owner, Flatten())

    def flattened(self, chain: Chain, shapes: Sequence[Shape]) -> Chain:
        """Where maps behind a Flatten differ by position, flatten the sums before the sign.

        The maps before the Flatten are then repeated for each position.
        """
        cut = next((i for i, step in enumerate(chain) if isinstance(step, Flat)), len(chain))
        if not any(isinstance(s, Affine) and s.n_channels > 1 for s in chain[cut:]):
            return chain
        positions = shapes[cut][0] * shapes[cut][1]
        if positions == 1:
            return chain
        for position, step in enumerate(chain[:cut]):
            if isinstance(step, Pool):
                self.pool_sums(step, _maps(chain[:position]))
        self.emit(chain[cut].owner, Flatten())
        return [*(_repeated(step, positions) for step in _maps(chain[:cut])), *chain[cut + 1 :]]

    def pool_sums(self, pool: Pool, before: Maps) -> None:
        if (direction(before, self.signal.shape[2]) < 0).any():
            raise ModelFormatError(
                f"layer {pool.owner} pools falling values that are flattened and normalised "
                "afterwards, which is not read yet; normalise before Flatten"
            )
        self.emit(pool.owner, MaxPool(pool.size, pool.strides, pool.same))

    def read(self, rest: Chain, linear: Linear | None) -> None:
        """What follows the last sign of a chain, and the layer that reads it."""
        if linear is None:
            self.reals(rest)
        elif linear.signs is not None and self.is_whole(rest):
            self.conv(rest, linear, linear.signs)
        else:
            self.real_conv(rest, linear)

    def is_whole(self, rest: Chain) -> bool:
        """Whether the values are +1/-1, or pixels up to a factor."""
        pixels = self.signal.kind is Kind.INTEGERS and self.owner == INPUT
        bits = self.signal.kind is Kind.BITS
        return (bits or pixels) and all(
            isinstance(step, Pool | Flat)
            or (pixels and isinstance(step, Affine) and step.is_factor)
            for step in rest
        )

    def conv(self, rest: Chain, linear: Linear, signs: Int8Array) -> None:
        if self.real_tail:
            raise ModelFormatError(
                f"layer {self.real_tail} has real-valued weights and stands between binary layers "
                f"({linear.owner} follows); train it with kernel_quantizer 'ste_sign'"
            )
        factors = tuple(step for step in rest if isinstance(step, Affine))
        self.reals([step for step in rest if not isinstance(step, Affine)])
        pad_value = self.pad_value(linear, factors)
        self.emit(linear.owner, Conv(signs, linear.strides, pad_value))
        self.owner = linear.owner
        self.scaled = (*factors, *_magnitudes(linear.owner, linear.magnitudes))

    def pad_value(self, linear: Linear, factors: Sequence[Affine]) -> int | None:
        if linear.pad_value is None:
            return None
        value = linear.pad_value
        for factor in factors:
            value /= factor.scale[0]
        bits = self.signal.kind is Kind.BITS
        if value.denominator != 1 or (bits and value not in (0, 1, -1)):
            raise ModelFormatError(
                f"layer {linear.owner} pads with {float(linear.pad_value):g}, which is no value "
                "that its input can take; train it with pad_values 0, 1 or -1"
            )
        return int(value)

    def real_conv(self, rest: Chain, linear: Linear) -> None:
        after_binary = self.binarised or any(isinstance(la.op, Conv) for la in self.layers)
        if linear.quantised and after_binary:
            raise ModelFormatError(
                f"layer {linear.owner} has +1/-1 weights but no input_quantizer, and gets values "
                "that are not +1/-1; train it with input_quantizer 'ste_sign'"
            )
        if linear.pad_value not in (None, 0):
            raise ModelFormatError(
                f"layer {linear.owner} pads real values with something else than 0, which is not "
                "read yet; train it with pad_values 0"
            )
        self.reals(rest)
        kernel = linear.weights.astype(np.float32)
        bias = np.zeros(kernel.shape[3], np.float32)
        same = linear.pad_value is not None
        self.emit(linear.owner, RealConv(kernel, bias, linear.strides, same))
        self.owner, self.scaled = linear.owner, ()
        self.real_tail = linear.owner if self.binarised else ""

    def reals(self, chain: Chain) -> None:
        for step in chain:
            self.real(step)

    def real(self, step: Step) -> None:
        """One step as it stands: a sign of reals, a map of anything."""
        bits = self.signal.kind is Kind.BITS
        channels = self.signal.shape[2]
        match step:
            case Affine():
                scale, offset = (np.resize(part, channels) for part in linear_form(step))
                self.emit(_name(step), Scale(scale, offset))
            case Bounds(owner, low, high):
                if self.signal.kind is not Kind.REALS:
                    self.emit(f"{owner}/real", Scale(np.ones(channels), np.zeros(channels)))
                least = -np.inf if low is None else float(low)
                most = np.inf if high is None else float(high)
                self.emit(f"{owner}/activation", Clamp(least, most))
            case Pool(owner, size, strides, same) if bits:
                self.emit(owner, BitPool(size, strides, same, np.zeros(channels, np.bool_)))
            case Pool(owner, size, strides, same):
                self.emit(owner, MaxPool(size, strides, same))
            case Flat(owner):
                self.emit(owner, Flatten())
            case Binarize() if not bits:
                self.emit(f"{self.owner}/sign", Sign())
            case _:
                pass


def _maps(chain: Chain) -> Maps:
    return tuple(step for step in chain if isinstance(step, Affine | Bounds | Binarize))


def _magnitudes(owner: str, scales: Fractions) -> tuple[Affine, ...]:
    return () if scales == ONE else (Affine(owner, Role.FACTOR, scales),)


def _name(step: Affine) -> str:
    match step.role:
        case Role.BATCH_NORM:
            return step.owner
        case Role.BIAS:
            return f"{step.owner}/bias"
        case Role.FACTOR:
            return f"{step.owner}/scale"


def _repeated(step: Map, positions: int) -> Map:
    """The map for each position of a flattened map; as such it can no longer be adjusted alone."""
    if not isinstance(step, Affine):
        return step
    parts = (step.scale, step.center, step.radicand, step.offset)
    tiled = (part * positions if len(part) > 1 else part for part in parts)
    return Affine(step.owner, Role.FACTOR, *tiled)
