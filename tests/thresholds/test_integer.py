"""Folding into integer thresholds, against exact evaluation step by step."""

from collections.abc import Sequence
from fractions import Fraction
from time import process_time
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from crshare.errors import ModelFormatError
from crshare.network import reference
from crshare.network.graph import (
    ALWAYS,
    INPUT,
    NEVER,
    BitPool,
    Curve,
    MaxPool,
    Network,
    Sign,
    Threshold,
    extent,
)
from crshare.thresholds.assemble import assemble
from crshare.thresholds.integer import fires, merge_maps
from crshare.thresholds.layer_ops import (
    ONE,
    Affine,
    Binarize,
    Bounds,
    Flat,
    LayerOp,
    Linear,
    Map,
    Node,
    Pool,
    Role,
    Squash,
    Storage,
    at,
)
from crshare.thresholds.rationals import simplest

Array = npt.NDArray[Any]
Generator = np.random.Generator
F = Fraction


def norm(scale: Any, center: Any = 0, radicand: Any = 1, offset: Any = 0) -> Affine:
    """A batch normalisation from plain numbers."""
    values = [np.atleast_1d(v).tolist() for v in (scale, center, radicand, offset)]
    return Affine("bn", Role.BATCH_NORM, *(tuple(map(F, v)) for v in values))


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (0.00784313725490196, F(2, 255)),
        (0.00392156862745098, F(1, 255)),
        (1 / 127.5, F(2, 255)),
        (-0.1, F(-1, 10)),
        (-1.0, F(-1)),
        (0.0, F(0)),
        (255.0, F(255)),
        (1e-300, F(1, 10**300)),
        (2**-1074, F(2**-1074)),
    ],
)
def test_a_decimal_means_the_simplest_rational_that_rounds_to_it(
    value: float, meant: Fraction
) -> None:
    found = simplest(value)
    assert float(found) == value
    assert found.denominator <= meant.denominator
    if meant.denominator < 10**6:
        assert found == meant


@pytest.mark.parametrize(
    ("maps", "at", "rising"),
    [
        ([], 0, True),
        ([norm(1, 3, 2)], 3, True),  # a tie at 3 goes up
        ([norm(-1, 3, 2)], 3, False),  # and so it does when falling
        ([norm(1, 3.5, 2)], 4, True),
        ([norm(-1, 3.5, 2)], 3, False),
        ([norm(1, 0, 0.25, -4)], 2, True),  # (2 - 0) / 0.5 - 4 is exactly 0
        ([norm(1, 0, 2, -2)], 3, True),  # S >= 2 sqrt(2)
        ([norm(0, 3, 2, -0.5)], NEVER, True),
        ([norm(0, 3, 2, 0)], ALWAYS, True),
        ([norm(1), Bounds("relu", F(0), None)], ALWAYS, True),
        ([Bounds("relu", F(0), None), norm(1, 2.5)], 3, True),
        ([Bounds("relu", F(0), None), norm(-1, 2.5)], 2, False),
        ([Bounds("relu", F(0), None), norm(-1, -2.5)], ALWAYS, False),
        ([Bounds("relu", F(0), None), norm(1, -2.5)], ALWAYS, True),
        ([Bounds("relu6", F(0), F(6)), norm(1, 7)], NEVER, True),
        ([Bounds("relu6", F(0), F(6)), norm(-1, 7)], NEVER, False),
        ([norm(1, 5), Binarize("sign"), norm(-1)], 4, False),
        ([norm(2, 1, 3), norm(-1, 1, 5)], 1, False),
        ([norm(1e-20, 0, 1, -1)], NEVER, True),
        ([norm(1e-20, 0, 1, 1)], ALWAYS, True),
    ],
)
def test_a_threshold_by_hand(maps: list[Map], at: int, rising: bool) -> None:
    merged = merge_maps(maps, 1)
    assert (merged.at.tolist(), merged.rising.tolist()) == ([at], [rising])


def test_a_row_of_a_hundred_norms_folds_at_once() -> None:
    rng = np.random.default_rng(0)
    scale, center = rng.normal(size=(2, 40))
    maps = [norm(scale, center, rng.uniform(1, 2, 40), rng.normal(size=40) / 50)]
    start = process_time()
    merged = merge_maps([norm(1, 0, 2), *maps * 99], 40)
    assert process_time() - start < 5  # nested squaring would take 2^100 steps
    assert merged.at.shape == (40,)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_a_threshold_decides_as_the_maps_do_at_every_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = [random_map(rng, 5) for _ in range(rng.integers(1, 5))]
    merged = merge_maps(maps, 5)
    sums = np.arange(-40, 41)[:, None]
    decided = np.where(merged.rising, sums >= merged.at, sums <= merged.at)
    for channel in range(5):
        exact = [fires(maps, channel, total) for total in range(-40, 41)]
        assert decided[:, channel].tolist() == exact


def random_map(rng: Generator, channels: int, *, square: bool = False) -> Map:
    """A map with small dyadic numbers, so that ties happen; radicands are squares on request."""
    kind = rng.integers(8)
    if kind == 0:
        low, high = sorted(rng.integers(-6, 7, 2).tolist())
        return Bounds("bounds", F(low), F(high) if rng.random() < 0.5 else None)
    if kind == 1:
        return Binarize("sign")
    radicands = [0.25, 1, 4] if square else [0.5, 1, 2, 3, 4]
    return norm(
        rng.choice([-2, -1, -0.5, 0.5, 1, 1, 2, 0 if rng.random() < 0.2 else 1], channels),
        rng.integers(-10, 11, channels) / 2,
        rng.choice(radicands, channels),
        rng.integers(-4, 5, channels) / 2,
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(120))
def test_a_chain_between_two_layers_means_what_its_steps_mean(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps, shape = random_steps(rng)
    network = assemble(shape, None, in_a_row(steps)).network
    images = rng.integers(0, 9, (5, *shape))
    found = reference.run(network, images)[network.layers[-1].name]
    np.testing.assert_array_equal(found, by_steps(steps, images))


def random_steps(rng: Generator) -> tuple[list[LayerOp], tuple[int, int, int]]:
    """Convolution, a chain with pools and a Flatten, a sign, and a dense layer."""
    height, width = rng.integers(3, 7, 2).tolist()
    channels = int(rng.integers(1, 4))
    steps: list[LayerOp] = [linear(rng, (1, 2, 2, channels))]
    shape = (height, width - 1, channels)
    flattened = False
    for _ in range(rng.integers(0, 6)):
        if rng.random() < 0.35 and not flattened:
            size = tuple(rng.integers(1, 1 + np.minimum(shape[:2], 3)).tolist())
            strides = tuple(rng.integers(1, 4, 2).tolist())
            steps.append(Pool(f"pool{len(steps)}", size, strides, bool(rng.random() < 0.5)))
            rows, _ = extent(shape[0], size[0], strides[0], same=steps[-1].same)
            columns, _ = extent(shape[1], size[1], strides[1], same=steps[-1].same)
            shape = (rows, columns, shape[2])
        elif rng.random() < 0.15 and not flattened:
            flattened = True
            steps.append(Flat(f"flat{len(steps)}"))
            shape = (1, 1, int(np.prod(shape)))
        elif not flattened or not any(isinstance(step, Pool) for step in steps):
            steps.append(random_map(rng, shape[2], square=True))
    steps.append(Binarize("dense"))
    if flattened:
        steps.append(linear(rng, (1, 1, shape[2], 2)))
    return steps, (height, width, 2)


def linear(rng: Generator, shape: tuple[int, ...]) -> Linear:
    signs = rng.choice(np.array([-1, 1], np.int8), shape)
    weights = signs.astype(np.float64)
    name = "conv" if shape[1] > 1 else "dense"
    stored = (name, "kernel")
    return Linear(name, weights, signs, ONE, (1, 1), None, "ste_sign", Storage.BINARY, stored)


def by_steps(steps: list[LayerOp], images: Array) -> Array:
    """Every step as it stands, in float64, which is exact for these numbers."""
    x = images.astype(np.float64)
    for step in steps:
        match step:
            case Linear(_, weights):
                x = reference.convolve(x, weights, (1, 1))
            case Affine():
                x = np.stack([affine(step, x[..., c], c) for c in range(x.shape[-1])], axis=-1)
            case Bounds(_, low, high):
                assert low is not None
                x = np.clip(x, float(low), np.inf if high is None else float(high))
            case Binarize():
                x = np.where(x >= 0, 1.0, -1.0)
            case Pool(_, size, strides, same):
                x = reference.pool(x, size, strides, same, np.max, -np.inf)
            case Flat():
                x = x.reshape(len(x), 1, 1, -1)
    return x


def affine(step: Affine, x: Array, channel: int) -> Array:
    scale, center, radicand, offset = (
        float(at(values, channel))
        for values in (step.scale, step.center, step.radicand, step.offset)
    )
    return scale * (x - center) / np.sqrt(radicand) + offset


def conv_then(*steps: LayerOp) -> Network:
    rng = np.random.default_rng(0)
    return assemble((4, 5, 1), None, in_a_row([linear(rng, (1, 2, 1, 2)), *steps])).network


def in_a_row(steps: Sequence[LayerOp]) -> list[Node]:
    return [Node("all", (INPUT,), tuple(steps))]


def test_a_pool_before_falling_channels_takes_all_bits_of_its_window() -> None:
    pool = Pool("pool", (2, 2), (2, 2), False)
    network = conv_then(pool, norm([1, -1], [3, 3]), Binarize("next"))
    assert [type(la.op) for la in network.layers[1:]] == [Threshold, BitPool]
    assert network.layers[2].op.all_of.tolist() == [False, True]
    network = conv_then(norm([1, -1], [3, 3]), Binarize("next"), pool)
    assert network.layers[2].op.all_of.tolist() == [False, False]


def test_normalising_after_flatten_flattens_the_sums() -> None:
    pool = Pool("pool", (2, 2), (2, 2), False)
    late = norm([1, -1] * 4, range(8))
    network = conv_then(pool, Flat("flat"), late, Binarize("next"))
    assert [la.name for la in network.layers][1:] == ["pool", "flat", "conv/sign"]
    assert isinstance(network.layers[1].op, MaxPool)
    network = conv_then(norm([1, -1]), pool, Flat("flat"), late, Binarize("next"))
    kinds = [type(la.op).__name__ for la in network.layers]
    assert kinds == ["Conv", "Scale", "MaxPool", "Flatten", "Scale", "Sign"]


def test_the_folded_layers_are_listed_in_order() -> None:
    steps: list[LayerOp] = [
        Affine("conv", Role.BIAS, offset=(F(1), F(2))),
        norm([1, 1]),
        Binarize("next"),
    ]
    threshold = conv_then(*steps).layers[1].op
    assert isinstance(threshold, Threshold)
    assert threshold.merged == ("conv", "bn")


@pytest.mark.parametrize(
    ("steps", "adjustable"),
    [
        ([], False),
        ([norm([1, 1])], True),
        ([norm([1, 1]), Bounds("hard_tanh", F(-1), F(1))], True),
        ([norm([1, 1]), Bounds("relu", F(0), None)], False),
        ([Bounds("relu", F(0), None), norm([1, 1])], False),
        ([Affine("conv", Role.BIAS, offset=(F(1), F(2)))], True),
        ([Affine("conv", Role.FACTOR, (F(1), F(2)))], False),
        ([Affine("conv", Role.FACTOR, (F(0), F(2))), norm([1, 1])], False),
        ([norm([1, 1]), Binarize("conv")], True),
        ([norm([1, 1]), Binarize("conv"), norm([1, 1])], False),
    ],
)
def test_what_can_move_a_threshold(steps: list[LayerOp], adjustable: bool) -> None:
    threshold = conv_then(*steps, Binarize("next")).layers[1].op
    assert isinstance(threshold, Threshold)
    assert threshold.adjustable is adjustable


def test_tanh_is_dropped_before_a_sign_and_computed_elsewhere() -> None:
    tanh = Squash("act", "tanh", odd=True)
    assert isinstance(conv_then(tanh, Binarize("next")).layers[1].op, Threshold)
    assert len(conv_then(tanh).layers) == 1
    layers = conv_then(tanh, norm([1, 1]), Binarize("next")).layers
    assert [la.name for la in layers] == ["conv", "act/real", "act/activation", "bn", "conv/sign"]
    assert layers[2].op == Curve("tanh") and layers[4].op == Sign()


def test_a_squash_that_is_not_computed_is_refused_before_further_layers() -> None:
    with pytest.raises(ModelFormatError) as refusal:
        conv_then(Squash("act", "softmax", odd=False), Binarize("next"))
    assert str(refusal.value) == (
        "layer act applies softmax before further layers, which is not read; crshare reads it at "
        "the end"
    )
