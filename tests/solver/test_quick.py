"""The compiled greedy facility location against the same steps in plain numpy."""

import numpy as np
import numpy.typing as npt
import pytest

from solver import serve_quickly

Table = npt.NDArray[np.float32]


def greedy(table: Table, opening: float) -> list[int]:
    """Open what saves most for as long as it pays; close what no longer does."""
    opened = [int(table.sum(axis=0).argmin())]
    while True:
        paid = table[:, opened].min(axis=1)
        gain = np.maximum(paid[:, None] - table, 0).sum(axis=0)
        if gain.max() <= opening:
            break
        opened.append(int(gain.argmax()))
    while len(opened) > 1:
        least = table[:, opened].min(axis=1).astype(np.float64).sum()
        without = [table[:, [o for o in opened if o != gone]].min(axis=1) for gone in opened]
        saved = np.array([costs.astype(np.float64).sum() for costs in without]) - least
        if saved.min() >= opening:
            break
        del opened[int(saved.argmin())]
    return opened


@pytest.mark.parametrize("seed", range(60))
def test_items_are_served_as_the_plain_steps_say(seed: int) -> None:
    """Whole costs, so that sums are exact whatever their order; many of them are equal."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, (2, 6, 1000)[seed % 3], rng.integers(1, 40, 2)).astype(np.float32)
    opening = float(rng.integers(0, 4) * table.mean() * rng.random())
    opened = greedy(table, opening)
    assert np.array_equal(
        serve_quickly(table, opening), np.array(opened)[table[:, opened].argmin(axis=1)]
    )


def test_one_item_or_one_candidate_is_no_choice() -> None:
    assert serve_quickly(np.array([[3, 1, 2]]), 5).tolist() == [1]
    assert serve_quickly(np.array([[3], [1]]), 0).tolist() == [0, 0]
