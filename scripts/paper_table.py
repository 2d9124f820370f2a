"""The table of the result-sharing paper on networks of the kind it used, trained by crshare.

    python scripts/paper_table.py IMAGES [--only NAME ...] [--budget POINTS] [--workers N]
        [--json FILE]

A bar tells, for each network, what is being done and about how long is left.

IMAGES is a folder of cifar10_test.npz, cifar10_train10k.npz, mnist_test.npz and mnist_train.npz.
Calibration images are training images; validation images are the same, moved by a pixel, and
mirrored where the network gets most of them right so. Figures are of the test images.

Columns: what random weights would leave; slices that repeat; also as inverses (the BNN paper found
42 % unique on its CIFAR-10 network); similar ones as in the paper, by Hamming distance alone with
thresholds as they were, at the most reduction that keeps the budget on the validation images; and
the plan of `crshare optimize`. All are shares of slice operations left to compute.

W.-C. Chang et al., "A Convolutional Result Sharing Approach for Binarized Neural Network
Inference", DATE 2020; M. Courbariaux et al., "Binarized Neural Networks", 2016, section 2.3.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

import crshare
from crshare.accuracy import Accuracy, compare
from crshare.cli.shared import progress
from crshare.evaluation.job import job_of
from crshare.evaluation.outcome import Request
from crshare.evaluation.plan_run import measure_accuracy
from crshare.executor.execute import compile_network
from crshare.files import write_text
from crshare.images.image_set import ImageSet
from crshare.jobs import search
from crshare.model.read import Model
from crshare.network.slices import Classes, SliceTable, decompose, mean_chance
from crshare.plan.plan import (
    LayerPlan,
    SharingPlan,
    exact_layer,
    layer_from_weights,
    planned_network,
)
from crshare.planning.candidates import Job, Workers
from crshare.planning.layerwise import Method
from crshare.planning.search_progress import Progress, SearchProgress, part_of_whole
from solver import serve_quickly

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
NETWORKS = {
    "binarynet-cifar10": ("cifar10_train10k.npz", "cifar10_test.npz"),
    "binarynet-half-cifar10": ("cifar10_train10k.npz", "cifar10_test.npz"),
    "binarynet-svhn": ("cifar10_train10k.npz", "cifar10_test.npz"),
    "mnist-mlp-half": ("mnist_train.npz", "mnist_test.npz"),
}
GOLDEN = (5**0.5 - 1) / 2  # whose multiples are spread evenly
CLAIMED = 0.6  # fewer slice operations, says the paper
PARTS = ((0.0, 0.2), (0.2, 0.3), (0.3, 1.0))  # of the time that a network takes
N_HALVINGS = 8  # of the interval in which the opening cost of a slice is sought
SHARES = (
    "random: repeated", "random: and inverse", "repeated", "and inverse", "similar", "crshare",
)  # fmt: skip
OPENING_COSTS = (-1.0, 5.0)  # logarithms (base 2) of the least and the greatest, in weights
Int8Array = npt.NDArray[np.int8]


class Figures(TypedDict):
    """Of one network: per cent right, shares left by layer, and what each way saves and loses."""

    accuracy: float
    shares: dict[str, dict[str, float]]
    saved: dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """Shares of slice operations left of one layer, or of several together, in order of SHARES."""

    layer: str
    operations: int
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Means:
    """A plan, and what it loses on the test images."""

    plan: SharingPlan
    accuracy: Accuracy


@dataclass(frozen=True, eq=False)
class Experiment:
    """A network, the calibration and validation images of its search (job), and test images."""

    model: Model
    tables: tuple[SliceTable, ...]
    job: Job
    test: ImageSet

    def shared(self, opening_cost: float) -> SharingPlan:
        """Similar slices of all layers but the first and the last, by Hamming distance."""
        between = self.tables[1:-1]
        layers = tuple(
            similar_by_hamming(table, opening_cost) if table in between else exact_layer(table)
            for table in self.tables
        )
        return SharingPlan(self.model.weights_hash, layers)

    def reduction(self, plan: SharingPlan) -> float:
        """Fewer slice operations in the layers behind the first."""
        before = sum(table.slice_operations for table in self.tables[1:])
        after = sum(
            table.positions * layer.n_computed_taps
            for table, layer in zip(self.tables[1:], plan.layers[1:], strict=True)
        )
        return 1 - after / before

    @cached_property
    def classes(self) -> npt.NDArray[np.int64]:
        """Of the validation images, by the original network."""
        return compile_network(self.model.network).classify(self.job.validation.images)

    def lost(self, plan: SharingPlan) -> float:
        validation, planned = self.job.validation, planned_network(self.model.network, plan)
        now = compile_network(planned).classify(validation.images)
        return compare(self.classes, now, validation.labels, copies=validation.copies).loss_points

    def reported(self, plan: SharingPlan) -> Means:
        return Means(plan, measure_accuracy(self.model.network, plan, self.test)[0])

    def around(
        self, within: Callable[[SharingPlan], bool], tell: Callable[[float], None]
    ) -> tuple[SharingPlan, SharingPlan]:
        """The plans of the greatest opening cost that is within and of the next one, by halving.

        It need not be monotone. The least of all counts as within. tell: gets the share done.
        """
        low, high = OPENING_COSTS
        tell(0.0)
        best, beyond = self.shared(2.0**low), self.shared(2.0**high)
        for number in range(N_HALVINGS):
            tell(number / N_HALVINGS)
            middle = (low + high) / 2
            plan = self.shared(2.0**middle)
            if within(plan):
                low, best = middle, plan
            else:
                high, beyond = middle, plan
        return best, beyond


def similar_by_hamming(table: SliceTable, opening_cost: float) -> LayerPlan:
    """Each group a facility location: a cost for a slice to compute, and 1 for a weight flipped.

    Opening costs are spread over the groups, evenly and by a factor of up to 2: flips are whole
    numbers, and at one cost for all, every group would change at once.
    """
    spread = 2.0 ** (np.arange(table.n_groups) * GOLDEN % 1 - 0.5)
    opening_costs = opening_cost * spread * np.diff(table.starts) / 9
    taken = [served(*each) for each in zip(table.classes, opening_costs.tolist(), strict=True)]
    return layer_from_weights(table, np.concatenate(taken))


def served(classes: Classes, opening_cost: float) -> Int8Array:
    """int8 [taps, filters]: what each filter takes, its own slice or one of another filter."""
    patterns = classes.patterns.astype(np.int32)
    agreement = patterns @ patterns.T
    distance = (patterns.shape[1] - np.abs(agreement)) // 2
    users = np.bincount(np.abs(classes.use) - 1)
    by = serve_quickly(users[:, None] * distance, opening_cost)
    nearest = patterns[by] * np.where(agreement[np.arange(len(by)), by] < 0, -1, 1)[:, None]
    taken: Int8Array = (nearest[np.abs(classes.use) - 1].T * np.sign(classes.use)).astype(np.int8)
    return taken


def experiment_of(name: str, images: Path) -> Experiment:
    model = crshare.load(DATA / f"{name}.h5")
    calibration, test = (crshare.load_images(model, images / file) for file in NETWORKS[name])
    return Experiment(
        model, decompose(model.network), job_of(model, calibration, mirror=None), test
    )


def rows(experiment: Experiment, *plans: SharingPlan) -> Iterator[Row]:
    """A row for each layer, and one for those behind the first."""
    found = [
        Row(
            table.layer,
            table.slice_operations,
            (
                mean_chance(table, inverse=False),
                mean_chance(table, inverse=True),
                table.n_distinct / table.n_slices,
                *(
                    layer.n_computed_taps / table.matrix.size
                    for layer in (exact_layer(table), *(plan.layer(table.layer) for plan in plans))
                ),
            ),
        )
        for table in experiment.tables
    ]
    yield from found
    operations = [row.operations for row in found[1:]]
    mean = np.average([row.shares for row in found[1:]], axis=0, weights=operations)
    yield Row("all but the first", sum(operations), tuple(mean.tolist()))


def said(means: Means, experiment: Experiment) -> str:
    low, high = means.accuracy.interval
    return (
        f"{100 * experiment.reduction(means.plan):.1f} %, {means.accuracy.loss_points:.2f} points "
        f"({low:.2f} to {high:.2f})"
    )


def summary(found: dict[str, Figures]) -> None:
    """Print a row for each network: slice operations saved behind the first layer, and the loss."""
    columns = list(next(iter(found.values()))["saved"])
    print("\n### Fewer slice operations behind the first layer, and points lost (95 % interval)\n")
    print(f"| network | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for name, figures in found.items():
        print(
            f"| `{name}`, {figures['accuracy']:.2f} % | {' | '.join(figures['saved'].values())} |"
        )


def found_by(
    experiment: Experiment, budget: float, n_workers: int, on_progress: Progress
) -> tuple[Means, Means, Means]:
    """By Hamming distance within the budget, and with the reduction claimed; by crshare."""
    losing, claiming, searching = (part_of_whole(on_progress, *part) for part in PARTS)
    similar, _ = experiment.around(
        lambda plan: experiment.lost(plan) <= budget,
        partial(losing, f"similar by Hamming distance, budget {budget:g}"),
    )
    _, claimed = experiment.around(
        lambda plan: experiment.reduction(plan) < CLAIMED,
        partial(claiming, f"the same, at least {100 * CLAIMED:.0f} %"),
    )
    request = Request(budget, Method("lagrangian"), confident=False, workers=Workers(n_workers))
    ours = search(experiment.job, request, SearchProgress(searching)).plan
    return experiment.reported(similar), experiment.reported(claimed), experiment.reported(ours)


def show(
    name: str, experiment: Experiment, budget: float, means: tuple[Means, Means, Means]
) -> Figures:
    """Print the table of one network in Markdown; its figures."""
    hamming, claimed, ours = means
    table = list(rows(experiment, hamming.plan, ours.plan))
    before = hamming.accuracy.before
    print(f"\n### {name}: {before:.2f} % of {experiment.test.name}\n")
    print("| ".join(["| layer ", *(f"{name} " for name in SHARES), ""]).strip())
    print("|---" * (len(SHARES) + 1) + "|")
    for row in table:
        print(
            "| ".join([f"| {row.layer} ", *(f"{share:.3f} " for share in row.shares), ""]).strip()
        )
    random, exact = (100 * (1 - table[-1].shares[place]) for place in (1, 3))
    saved = {
        "random, repeated and inverse": f"{random:.1f} %",
        "repeated and inverse": f"{exact:.1f} %, 0 points",
        f"similar by Hamming distance, budget {budget:g}": said(hamming, experiment),
        f"the same, at least {100 * CLAIMED:.0f} %": said(claimed, experiment),
        f"`crshare optimize --on-average`, budget {budget:g}": said(ours, experiment),
    }
    print(flush=True)
    shares = {row.layer: dict(zip(SHARES, row.shares, strict=True)) for row in table}
    return {"accuracy": before, "shares": shares, "saved": saved}


def named(name: str, on_progress: Progress) -> Progress:
    """Tells of one network."""
    return lambda what, done: on_progress(f"{name}: {what}", done)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    there = [name for name in NETWORKS if (DATA / f"{name}.h5").is_file()]
    parser.add_argument("--only", nargs="+", choices=there, default=there)
    parser.add_argument("--budget", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = {}
    for number, name in enumerate(arguments.only, start=1):
        with progress() as bar:  # and then a table: they share a terminal
            told = named(f"{name}, {number} of {len(arguments.only)}", bar)
            told("the original network", 0.0)
            experiment = experiment_of(name, arguments.images)
            means = found_by(experiment, arguments.budget, arguments.workers, told)
        found[name] = show(name, experiment, arguments.budget, means)
    summary(found)
    if arguments.json:
        write_text(arguments.json, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
