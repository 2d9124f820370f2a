"""Chains of layer ops become layers of a Network, one after the other, exact where possible."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from crshare.arrays import Int8Array
from crshare.errors import ModelFormatError, NetworkError
from crshare.network.graph import (
    INPUT,
    Add,
    BitPool,
    Concatenate,
    Conv,
    Flatten,
    Input,
    Join,
    Kind,
    Layer,
    MaxPool,
    Multiply,
    Op,
    RealConv,
    Scale,
    Shape,
    Signal,
    SumPool,
    alike,
    signal_after,
)
from crshare.thresholds.chains import (
    ENTRY,
    Chain,
    Maps,
    dense_kernel,
    late_maps,
    magnified,
    maps_of,
    mergeable,
    reaches_out,
    repeated,
    shapes_along,
    without_squashes,
)
from crshare.thresholds.integer import direction, merge_maps
from crshare.thresholds.layer_ops import (
    Affine,
    Average,
    Binarize,
    Flat,
    How,
    Joined,
    LayerOp,
    Linear,
    Padded,
    Pool,
    Role,
)
from crshare.thresholds.moved import adjuster
from crshare.thresholds.shapes import absorbed, after, in_units, one_scale
from crshare.thresholds.standalone_ops import layer_of, wants_reals

JOINS: dict[How, Join] = {
    How.ADD: Add(),
    How.CONCATENATE: Concatenate(),
    How.MULTIPLY: Multiply(),
}


class Builder:
    """Collects the layers of a network. It stands behind one of them, with a chain still to do.

    pending: what `read` and `average` leave to be done on their sums.
    """

    def __init__(self, given: Input) -> None:
        self.layers: list[Layer] = []
        self.merged: dict[str, Maps] = {}
        self.signals = {INPUT: given.signal}
        self.pending: tuple[LayerOp, ...] = ()
        self._by_name: dict[str, Layer] = {}
        self.start(INPUT, ENTRY, (), 0)

    def start(self, source: str, owner: str, chain: tuple[LayerOp, ...], n_shared: int) -> None:
        """Stand behind layer `source`, which belongs to the file's `owner`, with `chain` to do, of
        which the first n_shared layer ops are another reader's too."""
        self.at, self.owner, self.chain = source, owner, chain
        self._shared = {id(layer_op) for layer_op in chain[:n_shared]}

    @property
    def signal(self) -> Signal:
        return self.signals[self.at]

    def finish(self) -> None:
        self._reals(one_scale(self._until_sign(at_end=True)))

    def settle(self) -> str:
        """Do the whole chain; the name of the layer that gives its value."""
        self._reals(self._until_sign())
        return self.at

    def join(self, joined: Joined, sources: Sequence[str]) -> str:
        op = JOINS[joined.how]
        self.start(sources[0], joined.owner, (), 0)
        self._emit(joined.owner, op, *sources[1:])
        return self.at

    def average(self, layer_op: Average) -> str:
        """The sums of windows; the division is left, and affine maps before it, which commute."""
        rest = self._until_sign()
        whole = self.signal.kind is not Kind.REALS and all(isinstance(s, Affine) for s in rest)
        if not whole:
            self._reals(rest)
        height, width, _ = self.signal.shape
        size = layer_op.size or (height, width)
        if layer_op.same and reaches_out(self.signal.shape, size, layer_op.strides):
            raise ModelFormatError(
                f"layer {layer_op.owner} averages windows that reach out of the map, which is not "
                "read; train it with padding 'valid'"
            )
        self._emit(layer_op.owner, SumPool(size, layer_op.strides))
        share = Affine(layer_op.owner, Role.FACTOR, (Fraction(1, size[0] * size[1]),))
        self.pending = (share, *rest) if whole else (share,)
        return self.at

    def read(self, linear: Linear) -> str:
        """A linear layer; what its sums are multiplied with is left."""
        rest = self._until_sign()
        self.pending = ()
        whole = linear.signs is not None and self._is_whole(rest)
        if rest and (whole or (isinstance(rest[-1], Padded) and rest[-1].value == 0)):
            rest, linear = absorbed(rest, linear, shapes_along(rest, self.signal.shape)[-1])
        if whole and linear.signs is not None:
            self._conv(rest, linear, linear.signs)
        else:
            self._real_conv(rest, linear)
        return self.at

    def _emit(self, name: str, op: Op, *others: str) -> None:
        """Append a layer, or go to the one that does the same on the same."""
        for known in (self._by_name.get(n) for n in (name, *_numbered(name, self._by_name))):
            if known and known.sources == (self.at, *others) and alike(known.op, op):
                self.at = known.name
                return
        if isinstance(op, Conv | RealConv) and name in self.signals:
            raise NetworkError(f"two layers are named {name!r}; names must differ")
        if name in self.signals:
            name = f"{name}.{len(_numbered(name, self._by_name)) + 2}"
        try:
            given = (self.signals[source] for source in (self.at, *others))
            self.signals[name] = signal_after(op, *given)
        except NetworkError as error:
            raise NetworkError(f"layer {name}: {error}") from error
        self._by_name[name] = Layer(name, op, self.at, others)
        self.layers.append(self._by_name[name])
        self.at = name

    def _until_sign(self, *, at_end: bool = False) -> Chain:
        """Do the chain up to its last sign; what is left."""
        chain = without_squashes(self.chain, at_end=at_end)
        shapes = shapes_along(chain, self.signal.shape)
        end = max(
            (i + 1 for i, layer_op in enumerate(chain) if isinstance(layer_op, Binarize)), default=0
        )
        sign = chain[end - 1] if end and self._can_merge(chain[: end - 1]) else None
        if isinstance(sign, Binarize):
            self._threshold(self._flattened(chain[: end - 1], shapes), sign)
        else:
            self._reals(chain[:end])
        return chain[end:]

    def _can_merge(self, chain: Chain) -> bool:
        """Whether the chain is one comparison of integers. Falling values that are pooled before
        maps that differ by position are not: their least sums count, not the greatest."""
        cut = late_maps(chain)
        before = [i for i, s in enumerate(chain[: cut or 0]) if isinstance(s, Pool)]
        n = self.signal.shape[2]
        falls = any((direction(maps_of(chain[:i]), n) < 0).any() for i in before)
        return self.signal.kind is Kind.INTEGERS and mergeable(chain) and not falls

    def _threshold(self, chain: Chain, sign: Binarize) -> None:
        """Merge the maps of a chain that a sign ends; its pools follow as pools of bits."""
        maps = maps_of(chain) if sign.zero_is_plus else (*maps_of(chain), sign)
        n = self.signal.shape[2]
        found = adjuster(maps)
        adjustable = found is not None and id(found.layer_op) not in self._shared
        self._emit(f"{self.owner}/sign", merge_maps(maps, n, adjustable=adjustable))
        self.merged[self.at] = maps
        for position, layer_op in enumerate(chain):
            if isinstance(layer_op, Pool):
                all_of = direction(maps_of(chain[position:]), n) < 0
                self._emit(
                    layer_op.owner, BitPool(layer_op.size, layer_op.strides, layer_op.same, all_of)
                )
            elif isinstance(layer_op, Flat):
                self._emit(layer_op.owner, Flatten())

    def _flattened(self, chain: Chain, shapes: Sequence[Shape]) -> Chain:
        """Where maps behind a Flatten differ by position, flatten the sums before the sign.

        The maps before the Flatten are then repeated for each position.
        """
        cut = late_maps(chain)
        if cut is None:
            return chain
        positions = shapes[cut][0] * shapes[cut][1]
        if positions == 1:
            return chain
        for layer_op in chain[:cut]:
            if isinstance(layer_op, Pool):
                self._emit(layer_op.owner, MaxPool(layer_op.size, layer_op.strides, layer_op.same))
        self._emit(chain[cut].owner, Flatten())
        return [
            *(repeated(layer_op, positions) for layer_op in maps_of(chain[:cut])),
            *chain[cut + 1 :],
        ]

    def _is_whole(self, rest: Chain) -> bool:
        """Whether the values are +1/-1 or integers, up to one rising affine map for all."""
        return self.signal.kind is not Kind.REALS and in_units(rest) is not None

    def _conv(self, rest: Chain, linear: Linear, signs: Int8Array) -> None:
        """Binary weights on s, where the values are a*s + b: a*(w's) + b*(sum of w)."""
        factors = tuple(layer_op for layer_op in rest if isinstance(layer_op, Affine))
        self._reals(in_units(rest) or ())
        a, b = Fraction(1), Fraction(0)
        for factor in factors:
            a, b = after(factor, a, b)
        pad_value = self._pad_value(linear, a, b)
        conv = Conv(signs, linear.strides, pad_value, linear.groups, linear.dilation)
        self._emit(linear.owner, conv)
        if b:
            totals = signs.sum(axis=(0, 1, 2), dtype=np.int64).tolist()
            offset = tuple(b * total for total in totals)
            factors = (Affine(linear.owner, Role.FACTOR, (a,), offset=offset),)
        self.pending = (*factors, *magnified(linear.owner, linear.magnitudes))

    def _pad_value(self, linear: Linear, a: Fraction, b: Fraction) -> int | None:
        if linear.pad_value is None:
            return None
        value = (linear.pad_value - b) / a
        bits = self.signal.kind is Kind.BITS
        if value.denominator != 1 or (bits and value not in (0, 1, -1)):
            raise ModelFormatError(
                f"layer {linear.owner} pads with {float(linear.pad_value):g}, which is no value "
                "that its input can take; train it with pad_values 0, 1 or -1"
            )
        return int(value)

    def _real_conv(self, rest: Chain, linear: Linear) -> None:
        if linear.pad_value not in (None, 0):
            raise ModelFormatError(
                f"layer {linear.owner} pads real values with something else than 0, which is not "
                "read yet; train it with pad_values 0"
            )
        self._reals(rest)
        exact = dense_kernel(linear)
        single = exact.astype(np.float32)
        kernel = single if np.array_equal(single, exact) else exact
        bias = np.zeros(kernel.shape[3], np.float32)
        same = linear.pad_value is not None
        self._emit(linear.owner, RealConv(kernel, bias, linear.strides, same))

    def _reals(self, chain: Chain) -> None:
        for layer_op in chain:
            self._real(layer_op)

    def _real(self, layer_op: LayerOp) -> None:
        """One layer op as it stands: a sign of reals, a map of anything."""
        if wants_reals(layer_op, self.signal):
            self._to_reals(layer_op.owner)
        found = layer_of(layer_op, self.signal, self.owner)
        if found is not None:
            self._emit(*found)

    def _to_reals(self, owner: str) -> None:
        channels = self.signal.shape[2]
        if self.signal.kind is not Kind.REALS:
            self._emit(f"{owner}/real", Scale(np.ones(channels), np.zeros(channels)))


def _numbered(name: str, known: dict[str, Layer]) -> list[str]:
    """The names that further layers of this name have got."""
    found: list[str] = []
    while f"{name}.{len(found) + 2}" in known:
        found.append(f"{name}.{len(found) + 2}")
    return found
