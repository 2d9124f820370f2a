"""The table of damage models: what each gives on one network at the same multipliers.

    python scripts/damage_models.py MODEL IMAGES [--multiplier P ...] [--only NAME ...] [--images N]

Every model plans the layers in order, as crshare does, with one thing changed. Slices and
thresholds are chosen on the images, every second one mirrored; losses are measured on mirrored
ones (stand_ins of crshare.images.image_set). Read the table by rows of like reduction: the rise of
the mean negative log-likelihood of the right class is less noisy than the points of accuracy.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

import numpy as np

from crshare.arrays import Array
from crshare.executor.execute import compile_network, run_layers
from crshare.images.image_set import MovedSet, half_mirrored, load_images, stand_ins
from crshare.model.read import read_model
from crshare.network.graph import Network, Threshold
from crshare.network.slices import matrix_of
from crshare.planning.baseline import Baseline, BaselineLayer, baseline_of
from crshare.planning.choices import LABELS
from crshare.planning.covariance import Moments, gather, sample_windows
from crshare.planning.damage import LayerState
from crshare.planning.label_thresholds import by_halves
from crshare.planning.layerwise import Method, plan_at
from crshare.planning.matched_variance import MatchedVariance, seen_moments
from crshare.planning.objective import plan_cost
from crshare.planning.target import Target

PROBED = 500  # images on which outputs are flipped

Placement = Callable[[Array, Array, Array], Array]


class BeforePooling(MatchedVariance):
    """Worth by the square root of the layer's own positions."""

    def worth(self, baseline_layer: BaselineLayer) -> float:
        n_inputs, n_filters = baseline_layer.table.matrix.shape
        return sqrt(baseline_layer.table.positions) * n_filters / n_inputs / 3.5


class AllAlike(MatchedVariance):
    """Every filter as important as the mean one."""

    def importance(self, state: LayerState) -> Array:
        own = state.baseline.importance
        return np.full_like(own, own.mean())


class VarianceOnly(MatchedVariance):
    """One over the variance of the original sums, no density at the threshold."""

    def importance(self, state: LayerState) -> Array:
        baseline_layer = state.baseline
        first = replace(state, network=state.original, inputs=baseline_layer.inputs, changed=False)
        found = seen_moments(first, self.n_windows)
        matrix = baseline_layer.table.matrix.astype(np.float64)
        variance = (matrix * (found.own @ matrix)).sum(axis=0) / found.n_windows**2
        return np.where(baseline_layer.importance > 0, 1 / np.maximum(variance, 1e-9), 0)


class ByScores(MatchedVariance):
    """Times what flipping the channel's output does to the scores, over the layer's mean."""

    def importance(self, state: LayerState) -> Array:
        baseline_layer, network = state.baseline, state.original
        if baseline_layer.threshold is None:
            return baseline_layer.importance
        name, last = baseline_layer.threshold.name, network.layers[-1].name
        few = baseline_layer.inputs[:PROBED]
        words = run_layers(network, few, start_after=baseline_layer.layer.source, stop_at=name)
        scores = run_layers(network, words, start_after=name, stop_at=last).astype(np.float64)
        effect = np.zeros(baseline_layer.table.n_filters)
        for channel in range(len(effect)):
            flipped = words.copy()
            flipped[..., channel // 64] ^= np.uint64(1) << np.uint64(channel % 64)
            now = run_layers(network, flipped, start_after=name, stop_at=last)
            effect[channel] = np.square(now - scores).mean()
        share: Array = effect / max(effect.mean(), 1e-9)
        return baseline_layer.importance * share


class NotScaled(MatchedVariance):
    """Compared with the original sum and no multiple of it."""

    def target(self, state: LayerState, found: Moments) -> Target:
        return replace(super().target(state, found), scalable=False)


class NotShrunk(MatchedVariance):
    """The sampled covariances as they are."""

    def target(self, state: LayerState, found: Moments) -> Target:
        importance = self.importance(state) / found.n_windows**2
        shrunk = super().target(state, found)
        return replace(shrunk, S=found.own, aim=found.cross, importance=importance)


class NotMoved(NotScaled):
    """Thresholds stay where they are."""

    def threshold(self, state: LayerState, planned: Network) -> Threshold | None:
        return None


class OffsetsStay(MatchedVariance):
    """Of batch normalisations beside shortcuts."""

    def norm(self, state: LayerState, planned: Network) -> None:
        return None


class Rising(MatchedVariance):
    """The cost of a representative rises from pass to pass."""

    def passes(self) -> Sequence[float]:
        return [float(share) for share in np.geomspace(0.1, 1, self.n_passes)]


@dataclass(frozen=True)
class Placed(MatchedVariance):
    """Thresholds where `places` puts them: from original and new sums, [windows, filters], and the
    old thresholds, of channels that fire at or above them."""

    places: Placement | None = None

    def threshold(self, state: LayerState, planned: Network) -> Threshold | None:
        """By sums of sampled windows. A falling channel is one that fires at or above the negated
        threshold by its negated sums."""
        baseline_layer, old = state.baseline, state.baseline.movable
        if old is None or self.places is None:
            return None
        name = baseline_layer.layer.name
        windows = sample_windows(len(state.inputs), planned.signals[name], self.n_windows, 0)
        conv, given = planned.conv(name), planned.input_of(baseline_layer.layer)
        signs = np.where(old.rising, 1, -1)
        then, now = (
            gather(conv, given, words, windows).astype(np.float64) @ matrix * signs
            for words, matrix in (
                (baseline_layer.inputs, baseline_layer.table.matrix),
                (state.inputs, matrix_of(conv.kernel, conv.groups)),
            )
        )
        at = self.places(then, now, old.at * signs) * signs
        return old.moved(at.astype(np.int32), old.rising)


@dataclass(frozen=True)
class LargeLayers(MatchedVariance):
    """Layers below a share of all slice operations share exactly."""

    least: int = 0

    def plans(self, baseline_layer: BaselineLayer) -> bool:
        return baseline_layer.similar and baseline_layer.table.slice_operations >= self.least


def by_squared_error(then: Array, now: Array, at: Array) -> Array:
    """Moved by the mean error, which leaves the least squared one."""
    return np.add(at, np.rint((now - then).mean(axis=0)))


def by_agreement(then: Array, now: Array, at: Array) -> Array:
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


AS_SHIPPED = Method("lagrangian")


def methods(total: int) -> dict[str, Method]:
    """What each row of the table plans by. total: slice operations of the network."""
    models = {
        "as shipped": MatchedVariance(),
        "multipliers by sqrt(positions)": BeforePooling(),
        "filters all alike": AllAlike(),
        "1/variance, no density": VarianceOnly(),
        "sensitivity of the scores": ByScores(),
        "the original sum, no multiple of it": NotScaled(),
        "covariances not shrunk": NotShrunk(),
        "thresholds by least squared error": Placed(places=by_squared_error),
        "thresholds by agreement": Placed(places=by_agreement),
        "thresholds not recalibrated": NotMoved(),
        "offsets not moved": OffsetsStay(),
        "multiplier rising over passes": Rising(),
        "layers below 2 % of all slice operations shared exactly": LargeLayers(least=total // 50),
        "2 passes": MatchedVariance(n_passes=2),
        "12 passes": MatchedVariance(n_passes=12),
        "60,000 windows": MatchedVariance(n_windows=60_000),
    }
    found = {name: replace(AS_SHIPPED, damage=model) for name, model in models.items()}
    return found | {"thresholds by labels, cross-fitted": replace(AS_SHIPPED, thresholds=LABELS)}


def likelihoods(scores: Array, labels: Array, scale: float) -> Array:
    """Negative log-likelihood of each label, scores times scale as logits."""
    logits = scores * scale
    logits = logits - logits.max(axis=1, keepdims=True)
    right = logits[np.arange(len(labels)), labels]
    found: Array = np.log(np.exp(logits).sum(axis=1)) - right
    return found


def scores_of(original: Network, changed: Network, validation: MovedSet, method: Method) -> Array:
    if method.thresholds == LABELS:
        return by_halves(original, changed, validation, method.seed)[1]
    return compile_network(changed).scores(validation.images).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of what methods give on one network at the same multipliers."""

    baseline: Baseline
    validation: MovedSet
    before: Array

    def row(self, name: str, multiplier: float, method: Method) -> str:
        began = time.process_time()
        plan, changed, _ = plan_at(self.baseline, "", multiplier, method)
        seconds = time.process_time() - began
        scores = scores_of(self.baseline.network, changed, self.validation, method)
        tables = [
            baseline_layer.table
            for baseline_layer in self.baseline.layers
            if baseline_layer.similar
        ]
        layers = tuple(plan.layer(table.layer) for table in tables)
        left = plan_cost(method.objective, replace(plan, layers=layers), tables)
        share = left / sum(table.slice_operations for table in tables)
        lost, points = self.losses(scores)
        figures = f"{1 - share:.4f} | {lost:.4f} | {points:+.2f} | {seconds:.0f}"
        return f"| {name} | {multiplier:.1e} | {figures} |"

    def losses(self, scores: Array) -> tuple[float, float]:
        """Of the mean log-likelihood of the right class, and of accuracy in points."""
        labels = self.validation.labels
        scale = min(
            np.geomspace(0.1, 4, 30) / self.before.std(),
            key=lambda scale: likelihoods(self.before, labels, scale).mean(),
        )
        usual = likelihoods(self.before, labels, scale)
        right = self.before.argmax(axis=1) == labels
        lost = (likelihoods(scores, labels, scale) - usual).mean()
        return lost, 100 * (right.mean() - (scores.argmax(axis=1) == labels).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--multiplier", type=float, nargs="+", default=[4e-4, 8e-4])
    parser.add_argument("--only", nargs="+", choices=methods(0), default=list(methods(0)))
    parser.add_argument("--images", type=int, default=5000, help="calibration images")
    arguments = parser.parse_args()
    network = read_model(arguments.model).network
    data = load_images(arguments.data, network)
    baseline = baseline_of(network, half_mirrored(data.take(slice(0, arguments.images), data.name)))
    validation = stand_ins(data)
    before = compile_network(network).scores(validation.images).astype(np.float64)
    table = Table(baseline, validation, before)
    rows = methods(sum(each.slice_operations for each in baseline.tables))
    print("| damage model | multiplier | reduction | likelihood lost | points lost | CPU s |")
    print("|---|---|---|---|---|---|")
    for name in arguments.only:
        for multiplier in arguments.multiplier:
            print(table.row(name, multiplier, rows[name]), flush=True)


if __name__ == "__main__":
    main()
