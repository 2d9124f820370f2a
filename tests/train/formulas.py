"""Signs, scales, losses, normalisation and optimisers against the formulas of their papers.

Run by test_training.py in a process of its own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from crshare.train import binary_convolution, blend, constraints, losses, rates, signs

import tensorflow as tf  # isort: skip  # crshare.train says which Keras it is to use
import tf_keras as keras  # isort: skip

Array = npt.NDArray[Any]
EDGES = np.array([-3, -1.0001, -1, -0.5, -1e-30, -0.0, 0.0, 1e-30, 0.3, 1, 1.0001, 3], np.float32)
INSIDE = np.abs(EDGES) <= 1
RNG = np.random.default_rng(0)


def value_and_gradient(function: Callable[[Any], Any], x: Array, upstream: Array) -> Any:
    """What a function makes of x, and what it makes of the gradient that arrives."""
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        made = function(given)
    return made.numpy(), tape.gradient(made, given, tf.constant(upstream)).numpy()


def test_sign_and_its_gradient() -> None:
    upstream = RNG.normal(size=EDGES.shape).astype(np.float32)
    made, gradient = value_and_gradient(signs.sign, EDGES, upstream)
    assert np.array_equal(made, np.where(EDGES >= 0, 1, -1))
    assert np.array_equal(gradient, np.where(INSIDE, upstream, 0))


def test_weight_sign_lets_every_gradient_pass() -> None:
    upstream = RNG.normal(size=EDGES.shape).astype(np.float32)
    made, gradient = value_and_gradient(signs.weight_sign, EDGES, upstream)
    assert np.array_equal(made, np.where(EDGES >= 0, 1, -1))
    assert np.array_equal(gradient, upstream)


def test_stochastic_signs_are_plus_as_often_as_hard_sigmoid_says() -> None:
    keras.utils.set_random_seed(1)
    n = 4000
    drawn = signs.stochastic_sign(tf.constant(np.tile(EDGES, (n, 1)))).numpy()
    assert set(np.unique(drawn)) == {-1, 1}
    wanted = np.clip((EDGES + 1) / 2, 0, 1)
    assert np.abs((drawn > 0).mean(axis=0) - wanted).max() < 4 * 0.5 / n**0.5
    certain = np.abs(EDGES) >= 1
    assert np.array_equal(drawn[:, certain], np.tile(np.sign(EDGES[certain]), (n, 1)))


def test_stochastic_sign_has_the_gradient_of_sign() -> None:
    upstream = RNG.normal(size=EDGES.shape).astype(np.float32)
    gradient = value_and_gradient(signs.stochastic_sign, EDGES, upstream)[1]
    assert np.array_equal(gradient, np.where(INSIDE, upstream, 0))


def test_drawn_signs_follow_from_seed_and_step() -> None:
    x = tf.constant(np.full((1, 1000), 0.5, np.float32))
    one, same, other = (signs.Drawn(seed) for seed in ((1, 2), (1, 2), (1, 3)))
    first = one(x).numpy()
    assert 0.7 < (first == 1).mean() < 0.8
    assert np.array_equal(first, same(x).numpy())
    assert (first != other(x).numpy()).any()
    one.steps = same.steps = tf.Variable(1, dtype=tf.int64)
    second = one(x).numpy()
    assert (first != second).any()
    assert np.array_equal(second, same(x).numpy())
    upstream = RNG.normal(size=EDGES.shape).astype(np.float32)
    gradient = value_and_gradient(one, EDGES, upstream)[1]
    assert np.array_equal(gradient, np.where(INSIDE, upstream, 0))


def test_squared_hinge_and_its_gradient() -> None:
    scores = RNG.normal(size=(5, 10)).astype(np.float32) * 2
    wanted = losses.targets(np.array([0, 3, 9, 3, 1]), 10)
    assert (wanted.sum(axis=1) == -8).all()
    assert wanted[1, 3] == 1
    made, gradient = value_and_gradient(
        lambda s: losses.squared_hinge(wanted, s), scores, np.ones(5, np.float32)
    )
    slack = np.maximum(0, 1 - wanted * scores)
    assert made == pytest.approx((slack**2).mean(axis=1), rel=1e-6)
    assert gradient == pytest.approx(-2 * wanted * slack / 10, rel=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 3), (8, 9), (9, 8), (12, 4)])
@pytest.mark.parametrize("window", [(3, 3), (1, 1), (2, 4), (5, 3)])
def test_gradients_of_a_convolution_are_tensorflow_s(
    rows: int, columns: int, window: tuple[int, int], dtype: str
) -> None:
    x = tf.constant(RNG.integers(-2, 3, (3, rows, columns, 5)), dtype)
    kernel = tf.constant(RNG.choice([-1, 1], (*window, 5, 7)), dtype)
    upstream = tf.constant(RNG.integers(-2, 3, (3, rows, columns, 7)), dtype)
    found = []
    for convolved in (binary_convolution.convolve, lambda x, k: tf.nn.conv2d(x, k, 1, "SAME")):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            made = convolved(x, kernel)
        found.append((made, *tape.gradient(made, [x, kernel], upstream)))
    least = {"float32": 1e-6, "bfloat16": 0.01}[dtype]  # sums are rounded to the type
    for ours, theirs in zip(*found, strict=True):
        assert ours.dtype == theirs.dtype == dtype
        assert ours.numpy().astype(float) == pytest.approx(theirs.numpy().astype(float), rel=least)


def test_the_rate_decays_exponentially_to_its_last_value() -> None:
    rate = rates.decayed(3e-3, 2e-6, 100)
    for step in (0, 1, 37, 100):
        assert float(rate(step)) == pytest.approx(3e-3 * (2e-6 / 3e-3) ** (step / 100), rel=1e-4)


def test_one_cycle_rises_in_a_line_and_falls_by_half_a_cosine() -> None:
    rate = rates.OneCycle(2.0, 1.0, 100)
    found = [float(rate(step)) for step in (0, 4, 9, 10, 55, 100)]
    assert found == pytest.approx([0.2, 1, 2, 2, 1.5, 1])


def test_scaled_adam_multiplies_the_steps_of_what_it_names() -> None:
    scale = rates.glorot_scale((3, 3, 64, 128))
    assert scale == pytest.approx(((9 * 64 + 9 * 128) / 1.5) ** 0.5)
    start = RNG.normal(size=(3, 4)).astype(np.float32)
    values = [tf.Variable(start, name=name) for name in ("kernel", "other")]
    optimizer = rates.ScaledAdam(0.01, {"kernel:0": 5.0})
    m = v = np.zeros_like(start)
    wanted = [start, start]
    for t in range(1, 4):
        g = RNG.normal(size=start.shape).astype(np.float32)
        optimizer.apply_gradients([(tf.constant(g), value) for value in values])
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        step = 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
        wanted = [wanted[0] - 5 * step, wanted[1] - step]
    assert values[0].numpy() == pytest.approx(wanted[0], rel=1e-4)
    assert values[1].numpy() == pytest.approx(wanted[1], rel=1e-4)


def test_constraints() -> None:
    w = tf.constant([-2.0, -0.5, 0.001, 3.0])
    assert constraints.Clip()(w).numpy().tolist() == [-1, -0.5, pytest.approx(0.001), 1]
    kept = constraints.KeepSign(tf.constant([-1.0, 1.0, -1.0, 1.0]), least=0.25)(w)
    assert kept.numpy().tolist() == [-2, 0.25, -0.25, 3]


def test_fixed_point_and_its_gradient() -> None:
    x = np.array([0.03125, 0.09375, -0.04, 1.0, 0.3], np.float32)
    upstream = RNG.normal(size=x.shape).astype(np.float32)
    made, gradient = value_and_gradient(blend.fixed_point, x, upstream)
    assert made.tolist() == [0, 0.125, -0.0625, 1, 0.3125]
    assert np.array_equal(gradient, upstream)


def test_blend_adds_a_binary_and_a_fixed_point_path() -> None:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((5, 5, 2))
    model = keras.Model(inputs, blend.blend(inputs, 4, "b"))
    x = RNG.normal(size=(3, 5, 5, 2)).astype(np.float32)
    main, skip = (model.get_layer(f"b_{path}").kernel.numpy() for path in ("main", "skip"))
    wide = np.pad(np.where(x >= 0, 1, -1), ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=1)
    weights = np.where(main >= 0, 1, -1)
    taps = [(i, j) for i in range(3) for j in range(3)]
    sums = sum(wide[:, i : i + 5, j : j + 5] @ weights[i, j] for i, j in taps)
    flat = x @ (np.round(skip[0, 0] * 16) / 16)
    expected = (sums + flat) / np.sqrt(1 + 1e-3)
    assert model(x).numpy() == pytest.approx(expected, rel=1e-4, abs=1e-4)
