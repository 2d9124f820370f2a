"""Whether plans keep their budget on new images: many random splits of labelled images.

    python scripts/budget_promise.py SHARED [--network NAME ...] [--splits N] [--rows FILE]

SHARED: the folder with `data/cifar10_test.npz`, `data/mnist_test.npz` and
`models/cnv_w1a1_cifar10.h5`. Each split takes some of the images, which the network was not trained
on, as calibration images for a search at one point, once with the budget kept at the upper end of
the interval and once on average. All other images then tell the true loss. The searches are small:
few layers change, by few passes over few windows, with fast bounds. What is measured is kept in
FILE, line by line, and not measured again. With --views, plans of one multiplier are measured
instead, on the other images as they are and moved.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from write_turned_digits import SEED, turned

from crshare.api import load, load_images
from crshare.evaluation.job import job_of
from crshare.evaluation.outcome import Request
from crshare.evaluation.plan_run import measure_accuracy
from crshare.executor.execute import compile_network
from crshare.images.digits import digits
from crshare.images.image_set import ImageSet, stand_ins
from crshare.jobs import search
from crshare.model.read import Model
from crshare.network.slices import decompose
from crshare.plan.plan import planned_network
from crshare.planning.baseline import BaselineLayer
from crshare.planning.candidates import Job, prepared
from crshare.planning.judging import before_of, compared
from crshare.planning.layerwise import Method, exact_plan
from crshare.planning.matched_variance import MatchedVariance

ROOT = Path(__file__).resolve().parent.parent
BUDGET = 1.0
FIRST_SEED = 100


@dataclass(frozen=True)
class SomeLayers(MatchedVariance):
    """The damage model of `optimize`, with less work, in some layers alone."""

    n_windows: int = 5_000
    n_passes: int = 2
    layers: tuple[str, ...] = ()

    def plans(self, baseline_layer: BaselineLayer) -> bool:
        return baseline_layer.layer.name in self.layers


@dataclass(frozen=True)
class Experiment:
    """A network, which of its layers may change, and how many images choose a plan."""

    name: str
    model: Callable[[Path], Model]
    images: Callable[[Path, Model], ImageSet]
    layers: tuple[str, ...]
    n_calibration: int


@dataclass(frozen=True)
class Row:
    """One search. saved: of the slice operations that exact sharing leaves in the layers that may
    change. estimate, upper: of the loss, in points, as the search tells them. lost: on the
    n_test other images."""

    network: str
    split: int
    sure: bool
    multiplier: float
    saved: float
    estimate: float
    upper: float
    lost: float
    n_calibration: int
    n_test: int
    seconds: float


def untrained_digits(shared: Path, model: Model) -> ImageSet:
    """The digits that did not train the network."""
    given = digits()
    parts = given.calibration, given.test
    images, labels = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("images", "labels")
    )
    return ImageSet("digits", images, labels)


def turned_digits(shared: Path, model: Model) -> ImageSet:
    with np.load(shared / "data" / "mnist_test.npz") as file:
        return ImageSet("turned digits", *turned(file["images"], file["labels"], SEED + 1))


def cifar(shared: Path, model: Model) -> ImageSet:
    return load_images(model, shared / "data" / "cifar10_test.npz")


EXPERIMENTS = (
    Experiment("digits_bnn", lambda shared: load(), untrained_digits, ("conv2", "conv3"), 500),
    Experiment(
        "turned-digits",
        lambda shared: load(ROOT / "data" / "turned-digits.h5"),
        turned_digits,
        ("conv2", "conv3"),
        1000,
    ),
    Experiment(
        "sfc-mnist",
        lambda shared: load(ROOT / "data" / "sfc-mnist.h5"),
        lambda shared, model: load_images(model, shared / "data" / "mnist_test.npz"),
        ("dense2",),
        1000,
    ),
    Experiment(
        "cnv_w1a1_cifar10",
        lambda shared: load(shared / "models" / "cnv_w1a1_cifar10.h5"),
        cifar,
        ("conv2", "conv3"),
        1000,
    ),
)


def parted(images: ImageSet, n: int, split: int) -> tuple[ImageSet, ImageSet]:
    """n calibration images, and all others."""
    order = np.random.default_rng(FIRST_SEED + split).permutation(len(images))
    chosen, others = np.sort(order[:n]), np.sort(order[n:])
    return images.take(chosen, "calibration"), images.take(others, "test")


def searched(
    experiment: Experiment, model: Model, images: ImageSet, split: int, *, sure: bool
) -> Row:
    """One search on one split, and what its plan loses on the other images."""
    began, n = time.process_time(), experiment.n_calibration
    calibration, test = parted(images, n, split)
    method = Method("lagrangian", damage=SomeLayers(layers=experiment.layers))
    request = Request(BUDGET, method, confident=sure)
    job = job_of(model, calibration, None, split)
    found = search(job, request, lambda what, done: None)
    kept = [entry for entry in found.tried if entry.multiplier == found.multiplier]
    low_high = kept[-1].accuracy.interval if kept else (0.0, 0.0)
    exact = exact_plan(model.network, model.weights_hash)
    tables = [table for table in decompose(model.network) if table.layer in experiment.layers]
    left, before = (
        sum(method.objective.layer_cost(table, plan.layer(table.layer)) for table in tables)
        for plan in (found.plan, exact)
    )
    accuracy, _ = measure_accuracy(model.network, found.plan, test)
    return Row(
        network=experiment.name,
        split=split,
        sure=sure,
        multiplier=found.multiplier,
        saved=1 - left / before,
        estimate=kept[-1].accuracy.loss_points if kept else 0.0,
        upper=low_high[1],
        lost=accuracy.loss_points,
        n_calibration=n,
        n_test=len(test),
        seconds=time.process_time() - began,
    )


def views(experiment: Experiment, shared: Path, multiplier: float, n_splits: int) -> str:
    """What plans at one multiplier lose on the other images, as they are and moved."""
    model = experiment.model(shared)
    images = experiment.images(shared, model)
    method = Method("lagrangian", damage=SomeLayers(layers=experiment.layers))
    lost, wrong, weighed = [], [], []
    original = compile_network(model.network)
    for split in range(n_splits):
        calibration, test = parted(images, experiment.n_calibration, split)
        job = Job(model.network, model.weights_hash, calibration, calibration)
        plan = prepared(job).evaluate(multiplier, method).plan
        given = test, stand_ins(test, mirrored=False)
        measured = [measure_accuracy(model.network, plan, some)[0] for some in given]
        lost.append([accuracy.loss_points for accuracy in measured])
        wrong.append([100 - accuracy.before for accuracy in measured])
        views, now = given[1], compile_network(planned_network(model.network, plan))
        judged = compared(before_of(original, views), now.classify(views.images), views)
        weighed.append(judged.loss_points)
    (lost_here, lost_moved), (wrong_here, wrong_moved) = np.mean(lost, 0), np.mean(wrong, 0)
    return (
        f"{experiment.name}, multiplier {multiplier:g}, {n_splits} splits: as they are "
        f"{wrong_here:.1f} % wrong, {lost_here:.2f} points lost; moved by a pixel to all sides "
        f"{wrong_moved:.1f} % wrong, {lost_moved:.2f} points lost, {np.mean(weighed):.2f} as if in "
        "place"
    )


def table(rows: Sequence[Row]) -> str:
    """A line for each network and way of judging, for docs/damage.md."""
    lines = [
        "| network | images: calibration, test | budget kept | operations saved beyond exact "
        "sharing | points lost: mean, worst | within the budget | CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row.network for row in rows):
        for sure in (True, False):
            some = [row for row in rows if row.network == name and row.sure is sure]
            if some:
                lines.append(_line(some))
    return "\n".join(lines)


def _line(rows: Sequence[Row]) -> str:
    first, n = rows[0], len(rows)
    lost = [row.lost for row in rows]
    within = sum(points <= BUDGET for points in lost)
    how = "surely (the default)" if first.sure else "on average"
    return (
        f"| `{first.network}` | {first.n_calibration:,}, {first.n_test:,} | {how} | "
        f"{100 * sum(row.saved for row in rows) / n:.1f} % | {sum(lost) / n:.2f}, "
        f"{max(lost):.2f} | {within} of {n} | {sum(row.seconds for row in rows) / n:.0f} |"
    )


def kept_rows(path: Path) -> list[Row]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [Row(**json.loads(line)) for line in lines]


def measure(
    shared: Path, path: Path, experiments: Sequence[Experiment], splits: Sequence[int]
) -> list[Row]:
    """Searches that the file does not tell yet are made, and written there one by one."""
    done = {(row.network, row.split, row.sure) for row in kept_rows(path)}
    for experiment in experiments:
        model = experiment.model(shared)
        images = experiment.images(shared, model)
        for split in splits:
            for sure in (True, False):
                if (experiment.name, split, sure) in done:
                    continue
                row = searched(experiment, model, images, split, sure=sure)
                with path.open("a") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
    return kept_rows(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    names = [experiment.name for experiment in EXPERIMENTS]
    parser.add_argument("--network", nargs="+", choices=names, default=names)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--rows", type=Path, default=Path("budget_promise.jsonl"))
    parser.add_argument("--views", type=float, metavar="MULTIPLIER")
    asked = parser.parse_args()
    wanted = [experiment for experiment in EXPERIMENTS if experiment.name in asked.network]
    if asked.views:
        for one in wanted:
            print(views(one, asked.shared, asked.views, asked.splits))
        return
    print(table(measure(asked.shared, asked.rows, wanted, range(asked.splits))))


if __name__ == "__main__":
    main()
