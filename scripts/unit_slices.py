"""What slices stored in matrix-vector units save, where block RAM is scarce.

    python scripts/unit_slices.py MODEL CALIBRATION TEST [--multiplier P ...] [--blocks N ...]

For each multiplier a plan of slices is made on the first calibration images, half of them mirrored,
and measured on the test images. A row is the least LUTs at so many clocks an image within so many
block RAMs of 18 kbit, of exact sharing and of the plan, all by estimate, and the layers whose unit
stores slices.
"""

import argparse
from pathlib import Path

import crshare
from crshare.hardware.architecture import Unit
from crshare.hardware.choice import Budget, Choice, cheapest
from crshare.hardware.choosing import Chooser
from crshare.hardware.options import Options
from crshare.images.image_set import half_mirrored
from crshare.model.read import Model
from crshare.plan.plan import SharingPlan
from crshare.planning.baseline import baseline_of
from crshare.planning.layerwise import Method, plan_at
from crshare.report.figures import change
from hwgen.targets import XILINX


def slices_in(choice: Choice) -> str:
    """The layers whose unit stores slices."""
    stored = [
        layer
        for layer, priced in choice.layers
        if isinstance(priced.architecture, Unit) and priced.architecture.slices
    ]
    return ", ".join(stored) or "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("model", "calibration", "test"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--multiplier", type=float, nargs="+", default=[8e-4])
    parser.add_argument("--images", type=int, default=1000, help="calibration images")
    parser.add_argument("--blocks", type=int, nargs="+", default=[20, 40, 60, 80])
    parser.add_argument("--clocks", type=int, nargs="+", default=[20_000, 100_000, 400_000])
    arguments = parser.parse_args()
    model = crshare.load(arguments.model)
    data = crshare.load_images(model, arguments.calibration)
    test = crshare.load_images(model, arguments.test)
    chosen_on = half_mirrored(data.take(slice(0, arguments.images), data.name))
    baseline = baseline_of(model.network, chosen_on)
    print("| multiplier | points lost | block RAMs | clocks | exact | plan | | slices stored |")
    print("|---|---|---|---|---|---|---|---|")
    for multiplier in arguments.multiplier:
        method = Method(solver="lagrangian")
        plan, _, _ = plan_at(baseline, model.weights_hash, multiplier, method)
        lost = crshare.evaluate(model, plan, test).accuracy.loss_points
        for blocks in arguments.blocks:
            for clocks in arguments.clocks:
                exact, planned = (_least(model, given, blocks, clocks) for given in (None, plan))
                if exact and planned:
                    luts = exact.resources.luts, planned.resources.luts
                    print(
                        f"| {multiplier:g} | {lost:.2f} | {blocks} | {clocks:,} | {luts[0]:,} | "
                        f"{luts[1]:,} | {change(luts[1], luts[0])} | {slices_in(planned)} |",
                        flush=True,
                    )


def _least(model: Model, plan: SharingPlan | None, blocks: int, clocks: int) -> Choice | None:
    chooser = Chooser(model.network, plan, Options(XILINX))
    return cheapest(chooser.question(Budget(block_rams=blocks), {}), clocks)


if __name__ == "__main__":
    main()
