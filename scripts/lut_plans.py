"""What plans for LUTs give: LUTs of each layer and points lost, by multiplier.

    python scripts/lut_plans.py MODEL CALIBRATION TEST --clocks 1100 --multiplier 2e-4 5e-4

`--given PLAN...` tells the same of plans that are there, such as fine-tuned ones, and makes none.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import crshare
from crshare.evaluation.job import job_of
from crshare.evaluation.plan_run import measure_accuracy
from crshare.images.image_set import ImageSet, load_images
from crshare.model.read import Model
from crshare.network.graph import Network
from crshare.network.slices import decompose
from crshare.plan.file import read_plan, write_plan
from crshare.plan.luts import LayerLuts, layer_luts, luts_together
from crshare.plan.plan import SharingPlan
from crshare.planning.candidates import prepared
from crshare.planning.choices import RATES, THRESHOLDS
from crshare.planning.layerwise import Method
from crshare.planning.measured import measured_method
from crshare.planning.objectives.luts import Luts


def luts_of(network: Network, plan: SharingPlan, goal: Luts) -> list[LayerLuts]:
    """Of the layers that the plan may change."""
    return [
        layer_luts(table, plan.layer(table.layer), network.input_of(network.layer(table.layer)))
        for table in decompose(network)
        if goal.stays_unrolled(table)
    ]


def row(name: str, found: Sequence[LayerLuts], **figures: Any) -> dict[str, Any]:
    """Of one plan: the share of the exact graph's LUTs that is left, by layer and together."""
    shares = {one.layer: one.planned / one.exact for one in (*found, luts_together(found))}
    return {"plan": name, "luts": luts_together(found).planned, "left": shares, **figures}


def measured(
    model: Model,
    calibration: ImageSet,
    test: ImageSet,
    method: Method,
    multipliers: list[float],
    plans: Path | None = None,
) -> list[dict[str, Any]]:
    """One row for each multiplier; its plan is left in `plans`, if that is a folder."""
    job = job_of(model, calibration, None)
    ready = prepared(job)

    def evaluate(asked: Sequence[float], how: Method) -> list[Any]:
        return [ready.evaluate(multiplier, how) for multiplier in asked]

    method = measured_method(method, decompose(model.network), evaluate)
    assert isinstance(method.objective, Luts)
    print(f"worth of a LUT by layer: {dict(method.objective.worth)}", flush=True)
    rows = []
    for multiplier in multipliers:
        (found,) = evaluate([multiplier], method)
        accuracy, _ = measure_accuracy(model.network, found.plan, test)
        rows.append(
            row(
                f"multiplier {multiplier:g}",
                luts_of(model.network, found.plan, method.objective),
                validation_points=found.accuracy.loss_points,
                test_points=accuracy.loss_points,
                test_interval=accuracy.interval,
            )
        )
        print(json.dumps(rows[-1]), flush=True)
        if plans:
            path = plans / f"plan-{multiplier:g}.json"
            write_plan(found.plan, model.path.name, path, read_with=model.read_with)
    return rows


def row_of_file(model: Model, path: Path, test: ImageSet, goal: Luts) -> dict[str, Any]:
    """Of a plan that was made before."""
    plan = read_plan(path, model.network, model.weights_hash)
    accuracy, _ = measure_accuracy(model.network, plan, test)
    return row(
        str(path),
        luts_of(model.network, plan, goal),
        test_points=accuracy.loss_points,
        test_interval=accuracy.interval,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("model", "calibration", "test"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--clocks", type=int, default=1, help="for an image")
    parser.add_argument("--multiplier", type=float, nargs="+", default=[3e-4])
    parser.add_argument("--images", type=int, help="calibration images, all by default")
    parser.add_argument("--thresholds", choices=THRESHOLDS, default=RATES)
    parser.add_argument("--plans", type=Path, help="a folder, for a plan of each multiplier")
    parser.add_argument("--given", type=Path, nargs="+", help="plans of MODEL, instead of new ones")
    asked = parser.parse_args()
    model = crshare.load(asked.model)
    test, goal = load_images(asked.test, model.network), Luts(clocks=asked.clocks)
    if asked.given:
        for path in asked.given:
            print(json.dumps(row_of_file(model, path, test, goal)), flush=True)
        return
    calibration = load_images(asked.calibration, model.network)
    if asked.images:
        calibration = calibration.take(slice(0, asked.images), f"the first {asked.images}")
    method = Method(objective=goal, thresholds=asked.thresholds)
    measured(model, calibration, test, method, asked.multiplier, asked.plans)


if __name__ == "__main__":
    main()
