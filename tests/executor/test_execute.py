"""The executor equals the reference, bit for bit, in every variant of its kernels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crshare.errors import NetworkError
from crshare.executor.execute import (
    Pooling,
    compile_network,
    compile_part,
    firing_counts,
    layer_bits,
    outputs,
    run_layers,
    run_sliced,
    sum_histograms,
)
from crshare.executor.kernels.native import values_of
from crshare.executor.kernels.variants import VARIANTS, Variant, best_variant, host_features
from crshare.network import reference
from crshare.network.bits import pack, unpack
from crshare.network.graph import INPUT, BitPool, Conv, Flatten, Input, Kind, Layer, Network, Signal
from crshare.network.slices import decompose, matrix_of
from tests.networks import (
    CHANNELS,
    conv_network,
    random_images,
    random_network,
    random_signs,
    random_threshold,
)

SEEDS = st.integers(0, 2**32 - 1)
SHARED = Path(__file__).parents[3] / "shared"


def variant_named(name: str) -> Variant:
    variant = next(variant for variant in VARIANTS if variant.name == name)
    if not variant.available(host_features()):
        pytest.skip(f"this processor cannot run the {name} kernels")
    return variant


def expect_equal(network: Network, n_images: int, seed: int, variant: Variant) -> None:
    """All layers, one by one and fused, equal the reference."""
    images = random_images(np.random.default_rng(seed), network.input, n_images)
    expected = reference.run(network, images)
    names = [layer.name for layer in network.layers]
    for targets in (names, names[-1:]):
        part = compile_part(network, start=INPUT, targets=targets, n_threads=1, variant=variant)
        for name, found in part.run(images).items():
            values = values_of(found, network.signals[name])
            assert values.dtype == expected[name].dtype
            assert np.array_equal(values, expected[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("name", [variant.name for variant in VARIANTS])
@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_random_networks_equal_the_reference(name: str, seed: int) -> None:
    expect_equal(random_network(seed), 3, seed, variant_named(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", [variant.name for variant in VARIANTS])
@pytest.mark.parametrize("pad_value", [None, 0, 1, -1])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_paddings_and_strides(name: str, pad_value: int | None, strides: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    for channels in CHANNELS:
        kernel = random_signs(rng, (*rng.integers(1, 6, 2), channels, 17))
        conv = Conv(kernel, strides, pad_value)
        threshold = random_threshold(rng, Signal(Kind.INTEGERS, (1, 1, 17), channels * 9))
        network = conv_network(conv, (6, 7, channels), threshold=threshold)
        expect_equal(network, 2, channels, variant_named(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", [variant.name for variant in VARIANTS])
@pytest.mark.parametrize("pad_value", [None, 0, 1, -1])
def test_weights_of_zero_add_nothing(name: str, pad_value: int | None) -> None:
    """Inputs left out by one filter, by all filters, and filters that leave out all inputs."""
    rng = np.random.default_rng(11)
    for channels in CHANNELS:
        kernel = random_signs(rng, (*rng.integers(1, 6, 2), channels, 17))
        kernel[rng.random(kernel.shape) < 0.3] = 0
        kernel[:, :, rng.integers(channels)], kernel[..., 5] = 0, 0
        threshold = random_threshold(rng, Signal(Kind.INTEGERS, (1, 1, 17), channels * 9))
        conv = Conv(kernel, (1, 2), pad_value)
        network = conv_network(conv, (6, 7, channels), threshold=threshold)
        expect_equal(network, 2, channels, variant_named(name))
        pixels = Network(Input((6, 7, channels)), (Layer("conv", conv, INPUT),))
        expect_equal(pixels, 2, channels, variant_named(name))


def test_a_variant_that_the_processor_cannot_run_is_not_chosen() -> None:
    chosen = [best_variant(frozenset(features)).name for features in ((), ("avx2", "sse2"))]
    assert chosen == ["portable", "avx2"]
    assert best_variant(host_features()).available(host_features())


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_going_on_from_any_layer_gives_the_same_scores(seed: int) -> None:
    network = random_network(seed)
    images = random_images(np.random.default_rng(seed), network.input, 3)
    names = [layer.name for layer in network.layers]
    values = compile_part(network, start=INPUT, targets=names, n_threads=1).run(images)
    for name in names[:-1]:
        last = run_layers(network, values[name], start_after=name, stop_at=names[-1], n_threads=1)
        assert np.array_equal(last, values[names[-1]])


def test_batches_and_threads_change_nothing() -> None:
    network = dense_network(np.random.default_rng(1))
    images = random_images(np.random.default_rng(2), network.input, 700)
    executor = compile_network(network, n_threads=2)
    assert executor.batch_size < len(images)
    expected = reference.run(network, images)[network.layers[-1].name].reshape(700, 10)
    assert np.array_equal(executor.scores(images), expected)
    assert np.array_equal(executor.classify(images), expected.argmax(axis=1))
    assert executor.scores(images[:0]).shape == (0, 10)


def test_one_operation_may_stand_in_two_layers() -> None:
    rng = np.random.default_rng(6)
    pool = BitPool((2, 2), (1, 1), True, np.zeros(3, np.bool_))
    conv = Conv(random_signs(rng, (3, 3, 3, 3)), (1, 1), -1)
    threshold = random_threshold(rng, Signal(Kind.INTEGERS, (1, 1, 3), 27))
    ops: tuple[Any, ...] = (conv, threshold, pool, conv, threshold, pool, conv)
    sources = (INPUT, *(f"layer{i}" for i in range(len(ops))))
    layers = (Layer(f"layer{i}", op, sources[i]) for i, op in enumerate(ops))
    network = Network(Input((5, 4, 3), multiplier=2, offset=-255), tuple(layers))
    expect_equal(network, 3, 0, best_variant(host_features()))


def test_named_outputs_are_as_the_reference_has_them() -> None:
    network = dense_network(np.random.default_rng(3))
    images = random_images(np.random.default_rng(4), network.input, 5)
    expected = reference.run(network, images)
    for name, found in outputs(network, images, ["flatten", "dense", "bits"]).items():
        assert found.dtype == expected[name].dtype
        assert np.array_equal(found, expected[name])
    assert np.array_equal(unpack(layer_bits(network, images, "bits"), 33), expected["bits"])


def test_what_cannot_be_run_is_refused() -> None:
    network = dense_network(np.random.default_rng(3))
    images = random_images(np.random.default_rng(4), network.input, 1)
    with pytest.raises(NetworkError, match="^layer dense gives integers, not bits$"):
        layer_bits(network, images, "dense")
    with pytest.raises(NetworkError, match="^layer 'bits' does not follow from 'dense'$"):
        compile_part(network, start="dense", targets=["bits"])


@pytest.mark.parametrize("integer", [False, True])
@pytest.mark.parametrize("pad_value", [None, 0])
def test_histograms_count_every_sum(integer: bool, pad_value: int | None) -> None:
    rng = np.random.default_rng(7)
    given = Signal(Kind.INTEGERS if integer else Kind.BITS, (7, 6, 5), 9 if integer else 1)
    conv = Conv(random_signs(rng, (3, 2, 5, 11)), (1, 1), pad_value)
    values = rng.integers(-9, 10, (40, 7, 6, 5)) if integer else random_signs(rng, (40, 7, 6, 5))
    sums = reference.apply(conv, values)
    native = values.astype(np.int16) if integer else pack(values)
    expect_histogram(sum_histograms(conv, given, native, n_threads=2), sums)
    pool = BitPool((2, 2), (2, 2), same=True, all_of=rng.random(11) < 0.5)
    rising = rng.random(11) < 0.5
    pooled = np.where(
        pool.all_of == rising,
        -reference.pool(-sums, pool.size, pool.strides, True, np.max, -(10**6)),
        reference.pool(sums, pool.size, pool.strides, True, np.max, -(10**6)),
    )
    expect_histogram(sum_histograms(conv, given, native, pooling=Pooling(pool, rising)), pooled)


def expect_histogram(found, sums) -> None:  # type: ignore[no-untyped-def]
    for channel in range(sums.shape[-1]):
        values, counts = np.unique(sums[..., channel], return_counts=True)
        expected = np.zeros(found.counts.shape[1], np.int64)
        expected[values - found.lowest] = counts
        assert np.array_equal(found.counts[channel], expected)


@pytest.mark.parametrize("n_channels", [1, 33, 64, 130])
def test_firing_counts(n_channels: int) -> None:
    values = random_signs(np.random.default_rng(1), (4, 3, 5, n_channels))
    expected = (values > 0).sum(axis=(0, 1, 2))
    assert np.array_equal(firing_counts(pack(values), n_channels), expected)


@pytest.mark.parametrize("integer", [False, True])
@pytest.mark.parametrize("size", [(3, 3), (1, 1), (2, 5)])
@pytest.mark.parametrize("pad_value", [None, 0, 1])
def test_following_slices_equals_the_convolution_with_effective_weights(
    integer: bool, size: tuple[int, int], pad_value: int | None
) -> None:
    rng = np.random.default_rng(11)
    given = Signal(Kind.INTEGERS if integer else Kind.BITS, (6, 6, 10), 9 if integer else 1)
    conv = Conv(random_signs(rng, (*size, 10, 12)), (1, 2), pad_value)
    values = rng.integers(-9, 10, (3, 6, 6, 10)) if integer else random_signs(rng, (3, 6, 6, 10))
    network = Network(Input((6, 6, 10)), (Layer("conv", conv, INPUT),))
    table = decompose(network)[0]
    lengths = np.diff(table.starts)
    patterns = tuple(random_signs(rng, (4, int(taps))) for taps in lengths)
    use = rng.choice([-4, -3, -2, -1, 1, 2, 3, 4], (len(lengths), 12)).astype(np.int32)
    corrected = rng.random(use.shape) < 0.5
    taken = np.concatenate(
        [p[np.abs(u) - 1].T * np.sign(u) for p, u in zip(patterns, use, strict=True)]
    )
    own = matrix_of(conv.kernel)
    wide = np.repeat(corrected, lengths, axis=0)
    effective = np.where(wide, own, taken).astype(np.int8)
    kernel = effective.reshape(10, *size, 12).transpose(1, 2, 0, 3)
    expected = reference.apply(Conv(kernel, conv.strides, pad_value), values)
    native = values.astype(np.int16) if integer else pack(values)
    sums, counts = run_sliced(
        conv,
        given,
        native,
        starts=table.starts,
        representatives=patterns,
        use=use,
        corrected=corrected,
    )
    assert np.array_equal(sums, expected)
    n_positions = expected[..., 0].size
    assert counts.slice_operations == n_positions * 4 * len(own)
    assert counts.popcount_additions == n_positions * 4 * (len(own) - len(lengths))
    assert counts.corrections == n_positions * ((taken != own) & wide).sum()
    assert counts.accumulations == n_positions * 12 * (len(lengths) - 1)


def dense_network(rng: np.random.Generator) -> Network:
    """A convolution to 33 channels, a pool, and a dense layer over the flattened map."""
    bound = Signal(Kind.INTEGERS, (1, 1, 33), 200)
    layers = (
        Layer("conv", Conv(random_signs(rng, (3, 3, 3, 33)), (1, 1), 0), INPUT),
        Layer("bits", random_threshold(rng, bound), "conv"),
        Layer("pool", BitPool((2, 2), (2, 2), False, rng.random(33) < 0.5), "bits"),
        Layer("flatten", Flatten(), "pool"),
        Layer("dense", Conv(random_signs(rng, (1, 1, 297, 10))), "flatten"),
    )
    return Network(Input((6, 7, 3), multiplier=2, offset=-255), layers)
