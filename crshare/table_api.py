"""The jobs of LUT networks as Python functions, offered by `import crshare` beside those of api.

model = crshare.load("network.npz")
outcome = crshare.optimize_tables(model, max_loss_points=0.5, choosing=training, reporting=test)
evaluation = crshare.evaluate_tables(model, outcome.plan, test)
"""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from crshare.errors import PlanError
from crshare.evaluation.lut_outcome import (
    LutEvaluation,
    LutOutcome,
    apply_luts,
    evaluate_luts,
    optimize_luts,
)
from crshare.images.image_set import ImageSet, fitting
from crshare.jobs import images_for
from crshare.model.read import Model
from crshare.plan.lut_plan import LutPlan, is_lut_network, read_lut_plan, write_lut_plan

Progress = Callable[[str, float], None]


def silent(what: str, done: float) -> None:
    """No progress."""


def expect_tables(model: Model) -> None:
    """PlanError where a model is planned by slices."""
    if not is_lut_network(model.network):
        raise PlanError(
            f"{model.path.name}: is no LUT network, whose tables this plans; use the function "
            "without _tables in its name"
        )


def expect_weights(model: Model) -> None:
    """PlanError where a model is planned by tables."""
    if is_lut_network(model.network):
        raise PlanError(
            f"{model.path.name}: is a LUT network; use the functions whose names end in _tables"
        )


def optimize_tables(
    model: Model,
    *,
    max_loss_points: float,
    choosing: ImageSet | None = None,
    reporting: ImageSet | None = None,
    confident: bool = True,
    seed: int = 0,
    on_progress: Progress = silent,
) -> LutOutcome:
    """The plan of a LUT network with the fewest tables found within the loss, in points.

    choosing: calibration images, a seeded half of which chooses what nodes become and the other
        half how many do. reporting: test images, which report the loss. If one set is given, each
        is a seeded half of it; without images, or with nothing to lose, exact sharing is planned.
    confident: the upper end of the loss's 95 % interval keeps the budget, or its middle.
    Raises PlanError where the network is none of tables.
    """
    expect_tables(model)
    calib, data = (
        None if one is None else fitting(one, model.network) for one in (choosing, reporting)
    )
    calibration, test = images_for(calib, data, seed)
    return optimize_luts(
        model, calibration, test, max_loss_points, on_progress, confident=confident, seed=seed
    )


def evaluate_tables(model: Model, plan: LutPlan, images: ImageSet) -> LutEvaluation:
    """The tables by layer before and after a plan, and what it loses on images."""
    expect_tables(model)
    return evaluate_luts(model, plan, fitting(images, model.network))


def apply_tables(model: Model, plan: LutPlan, path: str | PathLike[str]) -> None:
    """Write the network of a plan, without the nodes that are gone, as a container (.npz)."""
    expect_tables(model)
    apply_luts(model, plan, Path(path))


def load_plan_tables(model: Model, path: str | PathLike[str]) -> LutPlan:
    """Read a plan.json made for this LUT network; PlanError where it is not."""
    expect_tables(model)
    return read_lut_plan(Path(path), model.network, model.weights_hash)


def save_plan_tables(plan: LutPlan, path: str | PathLike[str]) -> None:
    """Write a plan as `crshare optimize` does; OutputError where it cannot be written."""
    write_lut_plan(plan, Path(path))
