"""Random problems for the solver tests, and their best cost found by trying everything."""

from collections.abc import Iterable

import numpy as np

from solver import Knapsack, Problem, dense, knapsack


def random_problem(seed: int) -> Problem:
    """Up to 6 candidates and 7 items, some pairs missing, some costs negative, ties everywhere."""
    random = np.random.default_rng(seed)
    n_candidates, n_items = random.integers(1, 7), random.integers(1, 8)
    shape = (n_items, n_candidates)
    allowed = random.random(shape) < 0.6
    allowed[np.arange(n_items), random.integers(0, n_candidates, n_items)] = True
    return dense(
        random.integers(0, 25, n_candidates),
        random.integers(-5, 20, shape),
        allowed=allowed,
    )


def hamming_problem(n: int, *, opening: int, seed: int = 0) -> Problem:
    """n items and candidates, random 9-bit patterns that differ by inversion too; hard to prove."""
    random = np.random.default_rng(seed)
    pattern = random.permutation(256)[:n]
    distance = np.bitwise_xor.outer(pattern, pattern)[..., None] >> np.arange(9) & 1
    positions = distance.sum(axis=-1)
    weight = random.integers(1, 4, n)
    return dense(np.full(n, opening), np.minimum(positions, 9 - positions) * weight[:, None])


def spread_problem(n: int, *, opening: int, seed: int = 0) -> Problem:
    """n items and candidates, points in the plane, no two costs alike: easy to prove."""
    random = np.random.default_rng(seed)
    place = random.integers(0, 1000, (n, 2))
    offset = place[:, None] - place[None]
    return dense(np.full(n, opening), (offset**2).sum(axis=-1) // 50)


def best_cost(problem: Problem) -> int:
    """Least cost over every set of open candidates, and within each every assignment."""
    sets = range(1, 2**problem.n_candidates)
    costs = (_cost_with(problem, [j for j in range(16) if chosen >> j & 1]) for chosen in sets)
    return min(cost for cost in costs if cost is not None)


def _cost_with(problem: Problem, opened: list[int]) -> int | None:
    total = int(problem.opening[opened].sum())
    for start, end in zip(problem.starts, problem.starts[1:], strict=False):
        pairs = [pair for pair in range(start, end) if problem.candidate[pair] in opened]
        if not pairs:
            return None
        total += min(int(problem.cost[pair]) for pair in pairs)
    return total


def random_knapsack(seed: int) -> Knapsack:
    """Up to 8 groups of up to 6 options, ties and negative weights among them."""
    random = np.random.default_rng(seed)
    weights = [random.integers(-3, 15, random.integers(1, 7)).tolist() for _ in range(8)]
    weights = weights[: random.integers(1, 9)]
    costs = [random.integers(-10, 30, len(group)).tolist() for group in weights]
    return knapsack(weights, costs, sum(map(min, weights)) + int(random.integers(0, 25)))


def curves(n_groups: int, seed: int = 0) -> Knapsack:
    """Trade-off curves as crshare makes them: fewer operations, more disturbance."""
    random = np.random.default_rng(seed)
    kept = np.arange(5, 200, 10)
    positions = random.choice([9, 25, 100, 196, 784], n_groups)
    steep = np.exp(random.normal(size=(n_groups, 1))) * random.uniform(0.9, 1.1, (n_groups, 20))
    weight = np.rint(1e5 * steep * (200 / kept - 1)).astype(int)
    budget = int(weight[:, -1].sum() + 0.02 * (weight[:, 0] - weight[:, -1]).sum())
    return knapsack(weight.tolist(), (positions[:, None] * 9 * kept).tolist(), budget)


def best_filling(problem: Knapsack) -> int:
    """Least cost over every choice of one option of each group."""
    groups = []
    for start, end in zip(problem.starts, problem.starts[1:], strict=False):
        groups.append([(int(problem.weight[k]), int(problem.cost[k])) for k in range(start, end)])
    cheapest = _cheapest_by_weight(groups, problem.budget)
    assert cheapest is not None
    return cheapest


def _cheapest_by_weight(groups: Iterable[list[tuple[int, int]]], budget: int | None) -> int | None:
    """Dynamic program over the total weight; nothing is pruned before the end."""
    cheapest = {0: 0}
    for group in groups:
        reached: dict[int, int] = {}
        for weight_so_far, cost_so_far in cheapest.items():
            for weight, cost in group:
                total = weight_so_far + weight
                reached[total] = min(reached.get(total, 2**62), cost_so_far + cost)
        cheapest = reached
    fitting = [cost for weight, cost in cheapest.items() if budget is None or weight <= budget]
    return min(fitting, default=None)
