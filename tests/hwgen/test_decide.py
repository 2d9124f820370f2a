"""The class of the greatest score in Verilog, against numpy's argmax: ties, signs, ranks."""

from dataclasses import replace

import numpy as np
import pytest

from crshare.arrays import Array
from crshare.hardware.beats import Vectors, bench
from crshare.hardware.scores import ranked
from crshare.network.graph import Scale
from hwgen import Decide, Design, Range, files, lint, simulate
from hwgen.errors import NetlistError
from hwgen.testbench import STALLS


def beats(scores: Array, width: int) -> list[int]:
    """Score c of an image at bits c * width and up."""
    places = range(0, scores.shape[1] * width, width)
    mask = (1 << width) - 1
    return [
        sum((int(one) & mask) << place for one, place in zip(row, places, strict=True))
        for row in scores
    ]


def assert_decides(stage: Decide, scores: Array, classes: Array) -> None:
    design = Design("dut", (stage,), 1, 1)
    vectors = Vectors(beats(scores, stage.scores.width), classes.tolist())
    said = simulate("icarus", bench(design, vectors), 60, [[], [STALLS]])
    assert all(line.startswith("PASS") for line in said)


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("n_classes", [1, 2, 3, 5, 8, 10, 17])
@pytest.mark.parametrize("low", [-6, 0])
@pytest.mark.parametrize("in_turn", [False, True])
def test_the_first_of_the_greatest_scores_is_taken(n_classes: int, low: int, in_turn: bool) -> None:
    rng = np.random.default_rng(n_classes)
    scores = rng.integers(low, 8, (200, n_classes))
    stage = Decide("decide", Range(low, 7), n_classes, in_turn=in_turn and n_classes > 1)
    assert_decides(stage, scores, scores.argmax(axis=1))


def test_one_class_has_no_turns() -> None:
    with pytest.raises(NetlistError, match="^decide: one class has no turns$"):
        Decide("decide", Range(0, 7), 1, in_turn=True)


def scaled_stage(
    rng: np.random.Generator, n: int, parities: tuple[int, ...] | None
) -> tuple[Decide, Scale]:
    scale = Scale(rng.choice([-0.5, 0.25, 0.3, 1.0], n), rng.choice([0.0, 0.25, -1.5], n))
    scores = Range(-9, 9)
    return Decide("decide", scores, n, ranked(scale, scores, parities)), scale


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("halved", [False, True])
@pytest.mark.parametrize(("n_classes", "in_turn"), [(2, True), (6, False), (6, True)])
def test_a_scale_changes_the_order(n_classes: int, in_turn: bool, halved: bool) -> None:
    """Where all scores of a class are even or all are odd, tables have half of the entries."""
    rng = np.random.default_rng(n_classes)
    parities = tuple(rng.integers(0, 2, n_classes).tolist())
    stage, scale = scaled_stage(rng, n_classes, parities if halved else None)
    assert stage.ranks is not None and len(stage.ranks.rows[0]) == (10 if halved else 19)
    scores = rng.integers(-9, 10, (300, n_classes))
    if halved:
        scores = 2 * rng.integers(-5, 4, scores.shape) + np.array(parities)
        scores = np.clip(scores, -8, 8) // 2 * 2 + np.array(parities)
    values = scale.scale * scores.astype(np.float64) + scale.offset
    assert_decides(replace(stage, in_turn=in_turn), scores, values.argmax(axis=1))


def test_one_scale_of_all_classes_needs_no_ranks() -> None:
    alike = Scale(np.full(3, 0.25), np.full(3, -1.5))
    turned = Scale(np.full(3, -0.25), np.full(3, -1.5))
    scores = Range(-9, 9)
    assert ranked(alike, scores, None) is None
    assert ranked(alike, scores, (1, 1, 1)) is None
    assert ranked(turned, scores, None) is not None
    assert ranked(alike, scores, (0, 1, 0)) is not None  # halves of 2 and 3 are alike


@pytest.mark.needs_tool("verilator")
def test_lint_is_silent() -> None:
    rng = np.random.default_rng(0)
    for stage in (
        Decide("decide", Range(-3, 3), 5),
        Decide("decide", Range(0, 3), 1),
        scaled_stage(rng, 4, (1, 0, 1, 1))[0],
        replace(scaled_stage(rng, 4, (1, 0, 1, 1))[0], in_turn=True),
        Decide("decide", Range(-3, 3), 5, in_turn=True),
    ):
        assert lint(files(Design("dut", (stage,), 1, 1)), "dut") == ""
