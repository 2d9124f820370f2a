"""The table of damage models: what each gives on one network at the same prices.

    python scripts/damage_models.py MODEL IMAGES [--price P ...] [--only NAME ...] [--images N]

Every model plans the layers in order, as crshare does, with one thing changed. Slices and
thresholds are chosen on the images, every second one mirrored; losses are measured on mirrored
ones (stand_ins of crshare.images.image_set). Read the table by rows of like reduction: the rise of
the mean negative log-likelihood of the right class is less noisy than the points of accuracy.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

import numpy as np

from crshare.executor.execute import compile_network, run_layers
from crshare.images.image_set import MovedSet, half_mirrored, load_images, stand_ins
from crshare.model.read import read_model
from crshare.network.graph import Network, Op
from crshare.plan.plan import layer_from_weights
from crshare.planning.baseline import Ground, Watched, survey
from crshare.planning.covariance import gather, moments, sample_places
from crshare.planning.damage import Descent, sweep, target
from crshare.planning.label_thresholds import by_halves
from crshare.planning.layerwise import Trial, worth
from solver import serve_quickly, solve

PROBED = 500  # images on which outputs are flipped

Places = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class DamageModel:
    """What a row changes. importance: of the filters; weigh: the price against other layers';
    places: where thresholds move to, from original and new sums [windows, filters] of channels
    that fire at or above them; labels: whether those of the last layers follow labels in the end,
    each half of the judging images moving those that the other half judges; least_share: of all
    slice operations, layers below it share exactly."""

    n_windows: int = 20_000
    n_passes: int = 6
    shrunk: bool = True
    scalable: bool = True
    recalibrated: bool = True
    rising: bool = False
    importance: Callable[[Ground, Watched], np.ndarray] | None = None
    weigh: Callable[[Watched], float] = worth
    places: Places | None = None
    labels: bool = False
    least_share: float = 0.0


def variance_only(ground: Ground, watched: Watched) -> np.ndarray:
    """One over the variance of the sums, no density at the threshold."""
    found = moments(
        ground.network.conv(watched.layer.name),
        ground.network.input_of(watched.layer),
        watched.inputs,
        None,
        sample_places(len(watched.inputs), ground.network.signals[watched.layer.name], 20_000, 0),
        watched.table,
    )
    matrix = watched.table.matrix.astype(np.float64)
    variance = (matrix * (found.own @ matrix)).sum(axis=0) / found.n_windows**2
    return np.where(watched.importance > 0, 1 / np.maximum(variance, 1e-9), 0)


def all_alike(ground: Ground, watched: Watched) -> np.ndarray:
    """Every filter as important as the mean one."""
    return np.full_like(watched.importance, watched.importance.mean())


def by_scores(ground: Ground, watched: Watched) -> np.ndarray:
    """Times what flipping the channel's output does to the scores, over the layer's mean."""
    network, name = ground.network, watched.threshold.name  # type: ignore[union-attr]
    few = watched.inputs[:PROBED]
    words = run_layers(network, few, start_after=watched.layer.source, stop_at=name)
    last = network.layers[-1].name
    scores = run_layers(network, words, start_after=name, stop_at=last).astype(np.float64)
    effect = np.zeros(watched.table.n_filters)
    for channel in range(len(effect)):
        flipped = words.copy()
        flipped[..., channel // 64] ^= np.uint64(1) << np.uint64(channel % 64)
        now = run_layers(network, flipped, start_after=name, stop_at=last)
        effect[channel] = np.square(now - scores).mean()
    return watched.importance * effect / max(effect.mean(), 1e-9)


def before_pooling(watched: Watched) -> float:
    """The square root of the layer's own positions."""
    n_inputs, n_filters = watched.table.matrix.shape
    return sqrt(watched.table.positions) * n_filters / n_inputs / 3.5


def by_squared_error(then: np.ndarray, now: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Moved by the mean error, which leaves the least squared one."""
    return at + np.rint((now - then).mean(axis=0))


def by_agreement(then: np.ndarray, now: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Where most outputs are the original ones; of equally good places the first."""
    fired, low = then >= at, int(now.min())
    found = np.empty(len(at))
    for channel, sums in enumerate((now - low).astype(np.int64).T):
        n_bins = int(sums.max()) + 1
        fires = np.bincount(sums[fired[:, channel]], minlength=n_bins)
        rests = np.bincount(sums[~fired[:, channel]], minlength=n_bins)
        wrong = np.concatenate([[0], np.cumsum(fires)]) + rests.sum()
        wrong -= np.concatenate([[0], np.cumsum(rests)])
        found[channel] = low + wrong.argmin()
    return found


MODELS = {
    "as shipped": DamageModel(),
    "prices by sqrt(positions)": DamageModel(weigh=before_pooling),
    "filters all alike": DamageModel(importance=all_alike),
    "1/variance, no density": DamageModel(importance=variance_only),
    "sensitivity of the scores": DamageModel(importance=by_scores),
    "the original sum, no multiple of it": DamageModel(scalable=False),
    "covariances not shrunk": DamageModel(shrunk=False),
    "thresholds by least squared error": DamageModel(places=by_squared_error),
    "thresholds by agreement": DamageModel(places=by_agreement),
    "thresholds by labels, judged by halves": DamageModel(labels=True),
    "thresholds not set anew": DamageModel(recalibrated=False, scalable=False),
    "price rising over passes": DamageModel(rising=True),
    "layers below 2 % of all slice operations shared exactly": DamageModel(least_share=0.02),
    "2 passes": DamageModel(n_passes=2),
    "12 passes": DamageModel(n_passes=12),
    "60,000 windows": DamageModel(n_windows=60_000),
}


def planned(ground: Ground, price: float, model: DamageModel) -> tuple[Trial, Network]:
    trial, total = Trial(ground, ""), sum(table.slice_operations for table in ground.tables)
    for given in ground.watched:
        watched = given
        if model.importance and given.similar:
            watched = replace(given, importance=model.importance(ground, given))
        if not model.recalibrated and watched.layer is not ground.watched[-1].layer:
            watched = replace(watched, threshold=None)
        inputs, changed = trial.inputs_of(watched)
        plan = trial.plans[watched.layer.name]
        if given.similar and watched.table.slice_operations >= model.least_share * total:
            weights = chosen(trial, watched, inputs, changed, price, model)
            plan = layer_from_weights(watched.table, weights)
        trial.take(watched, inputs, plan, changed=changed)
        if model.places and trial.at and watched.threshold and watched.movable:
            there = placed(trial, watched, inputs, model.places)
            trial.network = trial.network.replace({watched.threshold.name: there})
    return trial, trial.network


def placed(trial: Trial, watched: Watched, inputs: np.ndarray, places: Places) -> Op:
    """The layer's threshold, where `places` puts it by sums of sampled windows.

    A falling channel is one that fires at or above the negated threshold by its negated sums.
    """
    network, name, old = trial.network, watched.layer.name, watched.movable
    assert old is not None
    windows = sample_places(len(inputs), network.signals[name], 20_000, 0)
    conv, given = network.conv(name), network.input_of(watched.layer)
    plan = trial.plans[name]
    signs = np.where(old.rising, 1, -1)
    then, now = (
        gather(conv, given, words, windows).astype(np.float64) @ matrix * signs
        for words, matrix in (
            (watched.inputs, watched.table.matrix),
            (inputs, plan.effective(watched.table)),
        )
    )
    return old.moved((places(then, now, old.at * signs) * signs).astype(np.int32), old.rising)


def chosen(
    trial: Trial,
    watched: Watched,
    inputs: np.ndarray,
    changed: bool,
    price: float,
    model: DamageModel,
) -> np.ndarray:
    network, layer = trial.network, watched.layer
    places = sample_places(len(inputs), network.signals[layer.name], model.n_windows, 0)
    then = watched.inputs if changed else None
    conv, given = network.conv(layer.name), network.input_of(layer)
    found = moments(conv, given, inputs, then, places, watched.table)
    aim = target(watched.table, found, watched.importance, scalable=model.scalable)
    if not model.shrunk:
        importance = watched.importance / len(places) ** 2
        aim = replace(aim, S=found.own, aim=found.cross, importance=importance)
    price *= model.weigh(watched)
    if not model.rising:
        return sweep(watched.table, aim, price, model.n_passes, lambda p: solve(p, "lagrangian"))
    descent = Descent(watched.table, aim)
    for share in np.geomspace(0.1, 1, model.n_passes):
        for group, n_taps in enumerate(np.diff(watched.table.starts)):
            descent.visit(group, price * share * n_taps, serve_quickly)
        descent.rescale()
    return descent.result()


def likelihoods(scores: np.ndarray, labels: np.ndarray, scale: float) -> np.ndarray:
    """Negative log-likelihood of each label, scores times scale as logits."""
    logits = scores * scale
    logits = logits - logits.max(axis=1, keepdims=True)
    right = logits[np.arange(len(labels)), labels]
    return np.log(np.exp(logits).sum(axis=1)) - right


def scores_of(
    original: Network, changed: Network, judging: MovedSet, model: DamageModel
) -> np.ndarray:
    if model.labels:
        return by_halves(original, changed, judging, seed=0)[1]
    return compile_network(changed).scores(judging.images).astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--price", type=float, nargs="+", default=[4e-4, 8e-4])
    parser.add_argument("--only", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--images", type=int, default=5000, help="that choose")
    arguments = parser.parse_args()
    network = read_model(arguments.model).network
    data = load_images(arguments.data, network)
    ground = survey(network, half_mirrored(data.take(slice(0, arguments.images), data.name)))
    judging = stand_ins(data)
    before = compile_network(network).scores(judging.images).astype(np.float64)
    scale = min(
        np.geomspace(0.1, 4, 30) / before.std(),
        key=lambda scale: likelihoods(before, judging.labels, scale).mean(),
    )
    usual, right = likelihoods(before, judging.labels, scale), before.argmax(1) == judging.labels
    total = sum(watched.table.slice_operations for watched in ground.watched if watched.similar)
    print("| damage model | price | reduction | likelihood lost | points lost | CPU s |")
    print("|---|---|---|---|---|---|")
    for name in arguments.only:
        for price in arguments.price:
            began = time.process_time()
            trial, changed = planned(ground, price, MODELS[name])
            seconds = time.process_time() - began
            scores = scores_of(network, changed, judging, MODELS[name])
            left = sum(
                trial.plans[watched.layer.name].n_computed_taps * watched.table.positions
                for watched in ground.watched
                if watched.similar
            )
            lost = (likelihoods(scores, judging.labels, scale) - usual).mean()
            points = 100 * (right.mean() - (scores.argmax(1) == judging.labels).mean())
            print(
                f"| {name} | {price:.1e} | {1 - left / total:.4f} | {lost:.4f} | {points:+.2f} "
                f"| {seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
