"""Activations of a few steps as bits side by side: the form in which hardware computes them.

A sum of k thresholds on one layer is k times as many channels of bits: the layer's filters stand
there k times, which an adder graph computes once, and weights that read the sum read each of its
bits. Steps are nested, so the greatest sum of a window is the sum of the greatest bits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from crshare.arrays import Int8Array
from crshare.errors import HardwareError
from crshare.network.graph import (
    ALWAYS,
    INPUT,
    NEVER,
    Add,
    BitPool,
    Conv,
    Flatten,
    Layer,
    MaxPool,
    Network,
    Op,
    Threshold,
)
from crshare.plan.plan import SharingPlan


@dataclass(frozen=True, slots=True)
class Steps:
    """`added` is the sum of `bits`, thresholds on the layer `source` that nothing else reads."""

    source: str
    bits: tuple[Layer, ...]
    added: Layer


@dataclass(frozen=True, slots=True)
class Beside:
    """A map of steps as bits: the layer that gives them, k blocks of so many channels."""

    name: str
    k: int
    channels: int


class _UnfitError(Exception):
    """Something else than pools, flattenings and weights reads a map of steps."""


def for_hardware(network: Network, plan: SharingPlan | None) -> Network:
    """The network as hardware computes it, equal in all that it gives; HardwareError where a plan
    is to be followed beside steps."""
    found = in_bits(network)
    if found is not network and plan is not None:
        raise HardwareError(
            "a plan has no hardware where activations have several bits, behind which all sharing "
            "is exact; leave --plan out"
        )
    return found


def in_bits(network: Network) -> Network:
    """The same network with bits side by side in the place of sums of them; as it is where that
    cannot be."""
    steps = [found for layer in network.layers if (found := _steps(network, layer))]
    if not steps:
        return network
    try:
        return Network(network.input, tuple(_rewritten(network, steps)))
    except _UnfitError:
        return network


def _steps(network: Network, layer: Layer) -> Steps | None:
    names = set(layer.sources)
    bits = tuple(network.layer(name) for name in layer.sources if name != INPUT)
    sources = {bit.source for bit in bits}
    if not isinstance(layer.op, Add) or len(bits) < len(layer.sources) or len(sources) != 1:
        return None
    source = sources.pop()
    alone = {reader.name for reader in network.readers_of(source)} == names
    inside = all(network.readers_of(name) == [layer] for name in names)
    return Steps(source, bits, layer) if alone and inside and _are_nested(bits) else None


def _are_nested(bits: tuple[Layer, ...]) -> bool:
    """Whether all of them rise or all fall, channel by channel."""
    ops = [bit.op for bit in bits if isinstance(bit.op, Threshold)]
    if len(ops) < len(bits):
        return False
    constant = [(op.at == ALWAYS) | (op.at == NEVER) for op in ops]
    rises = [op.rising | fixed for op, fixed in zip(ops, constant, strict=True)]
    falls = [~op.rising | fixed for op, fixed in zip(ops, constant, strict=True)]
    return bool((np.all(rises, axis=0) | np.all(falls, axis=0)).all())


def _rewritten(network: Network, steps: list[Steps]) -> Iterator[Layer]:
    bits = {bit.name for each in steps for bit in each.bits}
    by_sum = {each.added.name: each for each in steps}
    by_source = {each.source: each for each in steps}
    wide: dict[str, Beside] = {}
    for layer in network.layers:
        if layer.name in bits:
            continue
        if layer.name in by_sum:
            each = by_sum[layer.name]
            channels = network.signals[each.source].shape[2]
            wide[layer.name] = Beside(each.bits[0].name, len(each.bits), channels)
            yield from _side_by_side(each, channels)
            continue
        op, given = layer.op, wide.get(layer.source)
        if any(name in wide for name in layer.others):
            raise _UnfitError
        if given is not None:
            op = _reading(op, given)
            if not isinstance(op, Conv):
                wide[layer.name] = replace(given, name=layer.name)
        if layer.name in by_source:
            op = _repeated(op, len(by_source[layer.name].bits))
        yield replace(layer, op=op, source=given.name if given else layer.source)


def _side_by_side(steps: Steps, channels: int) -> Iterator[Layer]:
    """The thresholds as one, of all copies of their channels; copies of an image are made first."""
    ops = [bit.op for bit in steps.bits if isinstance(bit.op, Threshold)]
    first, source = steps.bits[0].name, steps.source
    if source == INPUT:
        if channels > 1:
            raise _UnfitError
        source = f"{first}/copies"
        yield Layer(source, Conv(np.ones((1, 1, 1, len(ops)), np.int8)), INPUT)
    at = np.concatenate([op.at for op in ops])
    rising = np.concatenate([op.rising for op in ops])
    yield Layer(first, replace(ops[0], at=at, rising=rising), source)


def _reading(op: Op, given: Beside) -> Op:
    """What reads a sum, on its bits."""
    match op:
        case MaxPool(size, strides, same):
            return BitPool(size, strides, same, np.zeros(given.k * given.channels, np.bool_))
        case Flatten():
            return op
        case Conv(kernel, pad_value=pad) if op.is_standard and pad in (None, 0, given.k, -given.k):
            around = pad if pad is None else pad // given.k
            return replace(op, kernel=_each_bit(kernel, given), pad_value=around)
        case _:
            raise _UnfitError


def _each_bit(kernel: Int8Array, given: Beside) -> Int8Array:
    """Weights of a sum for each of its bits; of a flattened map, position by position."""
    height, width, inputs, filters = kernel.shape
    blocks = kernel.reshape(height, width, inputs // given.channels, 1, given.channels, filters)
    wide = np.repeat(blocks, given.k, axis=3)
    return wide.reshape(height, width, inputs * given.k, filters)


def _repeated(op: Op, k: int) -> Op:
    """A layer whose filters stand there k times."""
    if not isinstance(op, Conv) or not op.is_standard:
        raise _UnfitError
    return replace(op, kernel=np.tile(op.kernel, (1, 1, 1, k)))
