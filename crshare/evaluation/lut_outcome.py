"""The jobs of LUT networks: analyze, optimize and evaluate, with results as values."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import crshare
from crshare.accuracy import Accuracy, compare
from crshare.errors import ModelFormatError, OutputError
from crshare.executor.execute import compile_network
from crshare.files import replacing
from crshare.frontend.lut_container import write_lut_network
from crshare.frontend.lut_files import FORMS, read_lut_file
from crshare.images.image_set import ImageSet, StreamedSet, split
from crshare.limits import POINTS
from crshare.model.read import Model, fingerprint
from crshare.network.graph import Network
from crshare.network.lut_rewiring import LayerNodes, nodes_of
from crshare.plan.lut_plan import LutPlan, plan_between, shared_network
from crshare.planning.luts.search import Search, search

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Measured:
    """accuracy: of a plan against the original. n_equal: images whose scores are all the same."""

    accuracy: Accuracy
    n_equal: int


@dataclass(frozen=True, eq=False)
class LutOutcome:
    """What an optimization of a LUT network found.

    before: its nodes; `left` of them remain by exact sharing. after: those of the planned network.
    found: the search, None where only exact sharing was asked for. measured: on test images.
    """

    model: Model
    plan: LutPlan
    before: tuple[LayerNodes, ...]
    after: tuple[LayerNodes, ...]
    found: Search | None
    measured: Measured | None

    @property
    def n_nodes(self) -> int:
        return sum(layer.n_nodes for layer in self.before)

    @property
    def n_exact(self) -> int:
        """Tables that exact sharing leaves."""
        return sum(layer.left for layer in self.before)

    @property
    def n_planned(self) -> int:
        """Tables that the plan leaves."""
        return sum(layer.left for layer in self.after)


@dataclass(frozen=True, eq=False)
class LutEvaluation:
    """A plan on images: its tables by layer, before and after, and what it loses."""

    model: Model
    before: tuple[LayerNodes, ...]
    after: tuple[LayerNodes, ...]
    measured: Measured


def optimize_luts(
    model: Model,
    calibration: ImageSet | None,
    test: ImageSet | None,
    max_loss_points: float,
    on_progress: Progress,
    *,
    confident: bool = True,
    seed: int = 0,
) -> LutOutcome:
    """The plan of the fewest tables within the loss; without images, or with none to lose, exact
    sharing alone.

    calibration: a seeded half of it chooses what nodes become, the other half (validation images)
    how many do. test: other images, which report the loss.
    """
    POINTS.check("max_loss_points", max_loss_points)
    network, found = model.network, None
    if calibration is not None and max_loss_points > 0:
        choosing, validation = split(calibration, seed)
        found = search(
            network,
            choosing,
            validation,
            max_loss_points,
            on_progress,
            confident=confident,
            seed=seed,
        )
    planned = found.chosen.network if found and found.chosen else network
    plan = plan_between(network, planned, model.path.name, model.weights_hash)
    on_progress("measuring the plan", 0.0)
    return LutOutcome(
        model=model,
        plan=plan,
        before=tuple(nodes_of(network)),
        after=tuple(nodes_of(planned)),
        found=found,
        measured=None if test is None else measure(network, plan, test),
    )


def evaluate_luts(model: Model, plan: LutPlan, images: ImageSet | StreamedSet) -> LutEvaluation:
    """A plan's tables and its accuracy on images."""
    after = shared_network(model.network, plan)
    return LutEvaluation(
        model=model,
        before=tuple(nodes_of(model.network)),
        after=tuple(nodes_of(after)),
        measured=measure(model.network, plan, images),
    )


def measure(network: Network, plan: LutPlan, images: ImageSet | StreamedSet) -> Measured:
    """The network with a plan, its dead nodes left out, against the network."""
    before, after = (
        compile_network(one).scores(images.images)
        for one in (network, shared_network(network, plan))
    )
    first, second = (scores.argmax(axis=1) for scores in (before, after))
    accuracy = compare(first, second, images.labels, images.name)
    return Measured(accuracy, int(np.all(before == after, axis=1).sum()))


def apply_luts(model: Model, plan: LutPlan, output: Path) -> None:
    """Write the network with a plan as a container, and read it again; ModelFormatError where its
    name is no .npz."""
    if output.suffix != ".npz":
        raise ModelFormatError(
            f"{output}: a LUT network is written as a container; name a file that ends in .npz"
        )
    network = shared_network(model.network, plan)
    with replacing(output) as draft:
        write_lut_network(network, draft, f"crshare {crshare.__version__}")
        again = read_lut_file(draft, FORMS[".npz"]).network
        if fingerprint(again) != fingerprint(network):
            raise OutputError(f"{output}: does not hold what was written; is the disk sound?")
