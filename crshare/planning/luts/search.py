"""The search for a plan of a LUT network: one change after the other, the least harmful first.

A change makes a node another node of its layer, its inverse, a constant, one of its inputs, or a
table that reads an input less (entries by majority on data, so that what never occurs is free). It
is ranked by how much it adds, for each LUT saved, to the divergence of the class probabilities from
the original's on calibration images. How far to go is then told by the loss on validation images.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from itertools import accumulate
from math import inf

import numpy as np

from crshare.accuracy import Accuracy, compare
from crshare.arrays import Int32Array
from crshare.executor.execute import compile_network
from crshare.images.image_set import ImageSet
from crshare.network.graph import Network
from crshare.network.lut_rewiring import n_tables
from crshare.planning.luts.gates import gates_of, n_bits, n_frames
from crshare.planning.luts.state import Working
from crshare.planning.multipliers import rising_fit

N_NEAR = 12  # nodes of the layer that each may become
MAX_BITS = 2**28  # of tables on the images that choose the changes; the time grows with them
MIN_IMAGES = 5000  # that choose the changes, where there are as many, by one frame of each at least
STEP = 0.01  # of the LUTs, between two networks on the way
BEYOND_POINTS = 1.0  # loss on calibration images, beyond the budget, at which the search ends
N_SAMPLED = 64  # nodes of a layer whose first costs are found by trying them, at least
CHEAP = 0.05  # of a layer's tried nodes that are cheaper than the others are taken to be
PATIENCE = 1.02  # a change whose cost has grown by no more is made

Progress = Callable[[str, float], None]
Near = Sequence[Int32Array]


@dataclass(frozen=True, eq=False)
class Tried:
    """A network on the way, its LUTs, and its loss on the validation images."""

    network: Network
    n_luts: int
    accuracy: Accuracy


@dataclass(frozen=True, eq=False)
class Search:
    """chosen: the one kept, or None where only the original keeps the budget. tried: all, from the
    most LUTs down. images: which ones chose the changes, and which told how many to make."""

    chosen: Tried | None
    tried: tuple[Tried, ...]
    images: str


def search(
    network: Network,
    calibration: ImageSet,
    validation: ImageSet,
    max_loss_points: float,
    on_progress: Progress,
    *,
    confident: bool = True,
    seed: int = 0,
) -> Search:
    """The fewest LUTs whose loss on the validation images keeps the budget.

    calibration: chooses the changes. validation: other images, which say how many of them are made.
    confident: the upper end of the loss's 95 % interval keeps it. The same arguments give the same
    networks.
    """
    on_progress("running the original network", 0.0)
    some, frames = _chosen_on(network, calibration)
    working = Working(gates_of(network, some.images, frames), some.labels)
    near = working.alike(N_NEAR, seed)
    before = compile_network(network).classify(validation.images)

    def measured(found: Network) -> Tried:
        after = compile_network(found).classify(validation.images)
        accuracy = compare(before, after, validation.labels, validation.name)
        return Tried(found, n_tables(found), accuracy)

    networks = list(_networks(working, near, max_loss_points, on_progress))
    on_progress("measuring networks", 1.0)
    tried = halved(networks, measured, lambda one: _loss(one, confident) <= max_loss_points)
    what = "" if frames == n_frames(network) else f", {frames} frames of each"
    images = (
        f"{len(some):,} images of {calibration.name}{what}; validation images: {validation.name}"
    )
    return Search(_chosen(tried, max_loss_points, confident), tuple(tried), images)


def _chosen_on(network: Network, calibration: ImageSet) -> tuple[ImageSet, int]:
    """The images that choose the changes, and of how many frames each: many images of one frame
    tell more than few of all, whose frames are alike."""
    most = MAX_BITS // n_bits(network)
    some = calibration.take(slice(max(MIN_IMAGES, most)), calibration.name)
    return some, min(max(most // len(some), 1), n_frames(network))


def halved(
    networks: Sequence[Network],
    measured: Callable[[Network], Tried],
    keeps: Callable[[Tried], bool],
) -> list[Tried]:
    """Those that tell where networks of fewer and fewer LUTs stop keeping a budget, in order: each
    halfway between one that keeps it and one that does not."""
    tried = dict[int, Tried]()
    low, high = 0, len(networks)
    while low < high:
        middle = (low + high) // 2
        tried[middle] = measured(networks[middle])
        low, high = (middle + 1, high) if keeps(tried[middle]) else (low, middle)
    return [tried[place] for place in sorted(tried)]


def _loss(tried: Tried, confident: bool) -> float:
    """That must be within the budget, in points."""
    return tried.accuracy.interval[1] if confident else tried.accuracy.loss_points


def _networks(
    working: Working, near: Near, max_loss_points: float, on_progress: Progress
) -> Iterator[Network]:
    """Networks with fewer and fewer LUTs, until the loss on calibration images is far too large."""
    n_first = n_next = working.n_live
    right = working.n_right
    queue = _first(working, near, on_progress)
    heapify(queue)
    while queue:
        node = queue[0][1]
        if not working.leads(node):
            heappop(queue)
            continue
        now = working.best(node, near[node])
        if now is None:
            heappop(queue)
            continue
        entry = (now.cost, node)
        heapreplace(queue, entry)
        if queue[0] is not entry and now.cost > PATIENCE * queue[0][0]:
            continue
        working.make(now)
        left = working.n_live
        if left <= n_next:
            lost = 100 * (right - working.n_right) / len(working.labels)
            on_progress(f"{left:,} of {n_first:,} LUTs", 1 - left / n_first)
            yield working.network()
            if lost > max_loss_points + BEYOND_POINTS:
                return
            n_next = left - int(STEP * n_first)


def _first(working: Working, near: Near, on_progress: Progress) -> list[tuple[float, int]]:
    """Nodes with what each costs at first: some of a layer as tried, others by the bits that they
    flip, at what a bit costs the cheaper ones of those tried. Each is tried before it is changed,
    so a cost that is too low does no harm."""
    found = list[tuple[float, int]]()
    layers = working.layers()
    for number, nodes in enumerate(layers, 1):
        what = f"trying changes of layer {number} of {len(layers)}"
        step = max(1, len(nodes) // N_SAMPLED)
        flips = [working.least_flips(node, near[node]) for node in nodes]
        costs = dict[int, float]()
        for place in range(0, len(nodes), step):
            on_progress(what, place / len(nodes))
            change = working.best(nodes[place], near[nodes[place]])
            costs[place] = change.cost if change else inf
        a_bit = [costs[place] / max(flips[place], 1.0) for place in costs if costs[place] < inf]
        usual = float(np.quantile(a_bit, CHEAP)) if a_bit else 0.0
        for place, node in enumerate(nodes):
            cost = costs.get(place, usual * flips[place])
            found += [(cost, node)] if cost < inf else []
    return found


def _chosen(tried: list[Tried], budget: float, confident: bool) -> Tried | None:
    """The last that keeps the budget by its own loss and by a fit of all that never falls; where
    it must be sure, the last before the first whose loss may be beyond (planning/multipliers.py).
    """
    losses = [_loss(one, confident) for one in tried]
    worst = accumulate(losses, max) if confident else map(max, losses, rising_fit(losses))
    kept = [one for one, loss in zip(tried, worst, strict=True) if loss <= budget]
    return kept[-1] if kept else None
