"""Gradients of LUT networks against finite differences of their plain formulas."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from crshare.arrays import Array
from crshare.lut_recipes import Choice, Form, LutRecipe, LutStage
from crshare.network.lut_ops import even_thresholds
from crshare.train.lutnet.differentiable import Differentiable
from crshare.train.lutnet.form import Want
from crshare.train.lutnet.net import Layer, Net
from crshare.train.lutnet.pooling import pool, unpool
from crshare.train.lutnet.stepping import Optimiser, cross_entropy
from crshare.train.lutnet.stochastic import Stochastic
from crshare.train.lutnet.wiring import Shape, Wiring, choose, wire
from crshare.train.lutnet.workspace import Workspace
from tests.lut_formulas import check_slopes, layer_values, normalised

BOTH, SOME = Want(rows=True, inputs=100), Want(rows=False, inputs=3)

# given map, window, strides, nodes, samples: a dense layer, one of fewer than six inputs, windows
# that overlap, windows that leave the border out, and one place of several channels.
SHAPES: list[tuple[Shape, tuple[int, int], tuple[int, int], int, int]] = [
    ((1, 1, 9), (1, 1), (1, 1), 3, 19),
    ((1, 1, 4), (1, 1), (1, 1), 2, 35),
    ((3, 4, 2), (2, 2), (1, 1), 2, 5),
    ((4, 5, 1), (3, 2), (2, 2), 2, 7),
]


def case(number: int) -> tuple[Wiring, Array, Array, Array]:
    """Wiring, tables, bits of samples and gradients that arrive."""
    given, size, strides, n, n_samples = SHAPES[number]
    rng = np.random.default_rng(number)
    wiring = wire(choose(Choice.RANDOM, n, size[0] * size[1] * given[2], rng), given, size, strides)
    tables = rng.uniform(0.1, 0.9, (n, 64)).astype(np.float32)
    bits = rng.integers(0, 2, (wiring.n_rows, n_samples), dtype=np.uint8)
    upstream = rng.normal(size=(n * len(wiring.offsets), n_samples)).astype(np.float32)
    return wiring, tables, bits, upstream


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_the_differentiable_form(number: int) -> None:
    wiring, tables, bits, upstream = case(number)
    arriving = upstream.reshape(len(tables), -1, bits.shape[1])
    inputs = 0.25 + 0.5 * bits

    def passed(tables: Array, inputs: Array) -> float:
        values = normalised(layer_values(tables, wiring, inputs))
        return float((np.clip(values, 0, 1) * arriving).sum())

    given, kept = Differentiable().forward(tables, wiring, bits, Workspace())
    values = normalised(layer_values(tables, wiring, inputs)).reshape(given.shape)
    assert np.array_equal(given, values > 0.5)
    found = kept.backward(upstream, BOTH)
    assert found.rows is not None and found.inputs is not None
    check_slopes(found.tables, lambda changed: passed(changed, inputs), tables)
    by_bits = 2 * found.rows  # from 0.25 to 0.75
    check_slopes(by_bits, lambda changed: passed(tables, changed), inputs)
    assert_allclose(collected(wiring, found.inputs), found.rows, rtol=1e-4, atol=1e-5)
    some = kept.backward(upstream, SOME)
    assert some.rows is None and some.inputs is not None
    assert_array_equal(some.inputs, found.inputs[..., :3])


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SHAPES)))
@pytest.mark.parametrize("binary", [False, True])
def test_the_stochastic_form(number: int, binary: bool) -> None:
    wiring, tables, bits, upstream = case(number)
    rng = np.random.default_rng(1)
    inputs = rng.random(bits.shape, dtype=np.float32)
    arriving = upstream.reshape(len(tables), -1, bits.shape[1])
    used = (tables > 0.5).astype(np.float32) if binary else tables
    given, kept = Stochastic(binary).forward(tables, wiring, inputs, Workspace())
    assert_allclose(given, layer_values(used, wiring, inputs).reshape(given.shape), atol=1e-6)
    found = kept.backward(upstream, BOTH)

    def passed(tables: Array, inputs: Array) -> float:
        return float((layer_values(tables, wiring, inputs) * arriving).sum())

    assert found.rows is not None and found.inputs is not None
    check_slopes(found.tables, lambda changed: passed(changed, inputs), used)
    check_slopes(found.rows, lambda changed: passed(used, changed), inputs)
    assert_allclose(collected(wiring, found.inputs), found.rows, rtol=1e-4, atol=1e-5)
    some = kept.backward(upstream, SOME)
    assert some.rows is None and some.inputs is not None
    assert_array_equal(some.inputs, found.inputs[..., :3])


def collected(wiring: Wiring, inputs: Array) -> Array:
    """Gradients of rows as the sum over the inputs that read them."""
    found = np.zeros((wiring.n_rows, inputs.shape[3]))
    for n, j, p in np.ndindex(inputs.shape[:3]):
        found[wiring.rows[n, j] + wiring.offsets[p]] += inputs[n, j, p]
    return found


def test_of_scores_is_what_each_place_would_change_in_units_of_its_spread() -> None:
    rng = np.random.default_rng(0)
    n_places = 2 * 2 * 3
    layer = Layer(
        LutStage(2, size=2),
        (3, 3, 3),
        np.zeros((2, 64), np.float32),
        choose(Choice.RANDOM, 2, n_places, rng),
        rng.normal(size=(2, 6, n_places)).astype(np.float32),
    )
    samples = rng.integers(0, 2, (27, 4), dtype=np.uint8)
    inputs = rng.normal(size=(2, 6, 4, 4)).astype(np.float32)
    inputs[1, 5] = 0  # an input that changes nothing
    expected = np.zeros((2, 6, n_places))
    for row, column in np.ndindex(2, 2):
        window = samples.reshape(3, 3, 3, 4)[:, row : row + 2, column : column + 2]
        flat = window.transpose(1, 2, 0, 3).reshape(n_places, 4)  # row, column, channel
        expected += inputs[:, :, 2 * row + column] @ flat.T
    expected -= expected.mean(axis=2, keepdims=True)
    spread = expected.std(axis=2, keepdims=True)
    expected /= np.where(spread == 0, 1, spread)
    assert_allclose(layer.score_gradients(samples, inputs), expected, rtol=1e-3, atol=1e-4)


def test_of_the_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(5, 4)) * 3, rng.integers(0, 4, 5)
    found = cross_entropy(logits, labels)[1]
    check_slopes(found, lambda changed: cross_entropy(changed, labels)[0], logits)


def test_of_a_pool_set_bits_share_what_arrives_and_none_set_get_all() -> None:
    bits = np.array([[1, 0, 7], [0, 0, 7], [7, 7, 7]], np.uint8)  # the border is left out
    two = np.array([[1, 1, 7], [0, 0, 7], [7, 7, 7]], np.uint8)
    none = np.zeros((3, 3), np.uint8)
    samples = np.stack([bits, two, none], axis=-1).reshape(9, 3)
    assert pool(samples, (3, 3, 1)).tolist() == [[1, 1, 0]]
    given = unpool(samples, (3, 3, 1), np.array([[6.0, 6.0, 6.0]], np.float32))
    maps = given.reshape(3, 3, 3).transpose(2, 0, 1)
    assert maps[0].tolist() == [[6, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert maps[1].tolist() == [[3, 3, 0], [0, 0, 0], [0, 0, 0]]
    assert maps[2].tolist() == [[6, 6, 0], [6, 6, 0], [0, 0, 0]]


def test_steps_are_those_of_adam_and_of_a_running_mean() -> None:
    rng = np.random.default_rng(0)
    tables, scores = (rng.normal(size=shape).astype(np.float32) for shape in ((3, 64), (3, 6, 7)))
    layer = Layer(LutStage(3), (1, 1, 7), tables, choose(Choice.RANDOM, 3, 7, rng), scores)
    recipe = LutRecipe("one", (1, 1, 7), (layer.stage,), 1.0)
    optimiser = Optimiser.of(Net(recipe, Form.DIFFERENTIABLE, even_thresholds(1, 1, 7), (layer,)))
    expected, mean, square = tables.astype(np.float64), np.zeros((3, 64)), np.zeros((3, 64))
    moved, drifting = scores.astype(np.float64), np.zeros((3, 6, 7))
    for turn in range(1, 5):
        gradient = rng.normal(size=tables.shape).astype(np.float32)
        optimiser.adam(0, tables, gradient, 0.1, turn)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        expected -= 0.1 * (mean / (1 - 0.9**turn)) / np.sqrt(square / (1 - 0.999**turn))
        gradient = rng.normal(size=scores.shape).astype(np.float32)
        optimiser.drift(0, scores, gradient, 0.2)
        drifting = 0.9 * drifting + 0.1 * gradient
        moved = moved * (1 - 0.1 * 0.2) - 0.2 * drifting
    assert_allclose(tables, expected, rtol=1e-4, atol=1e-5)
    assert_allclose(scores, moved, rtol=1e-4, atol=1e-5)
