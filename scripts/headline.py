"""What the README claims of the CNV at losses of 1 and of 0.3 points, measured anew.

    python scripts/headline.py [--only NAME ...] [--images N] [--json FILE]

Each row is one multiplier: one at which `crshare optimize cnv_w1a1_cifar10.h5 --calib
cifar10_train10k.npz --max-acc-loss 1 --thresholds labels --solver highs` kept the upper end of the
interval on the images that chose the plan, and the first of a search with --on-average. The plan is
made anew at it (minutes on two cores) and its loss is measured on the 10,000 test images. Shares
are of the slice operations of conv2 to conv6; the share that exact sharing alone leaves stands
beside them. Ends with 1 where a claim does not hold. With --images, only so many calibration images
choose: quicker, and no claim.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from crshare.evaluation.job import job_of
from crshare.evaluation.plan_run import measure_accuracy
from crshare.files import write_text
from crshare.images.image_set import load_images
from crshare.model.read import Model, read_model
from crshare.network.slices import decompose
from crshare.plan.plan import SharingPlan, exact_layer
from crshare.planning.candidates import PreparedJob, prepared
from crshare.planning.choices import LABELS, RATES
from crshare.planning.layerwise import Method

SHARED = Path(__file__).resolve().parents[2] / "shared"
MODEL = SHARED / "models" / "cnv_w1a1_cifar10.h5"
CALIB = SHARED / "data" / "cifar10_train10k.npz"
DATA = SHARED / "data" / "cifar10_test.npz"
LAYERS = [f"conv{i}" for i in range(2, 7)]
GAP = 0.01  # of the integer program, at most


@dataclass(frozen=True, slots=True)
class Claim:
    """At this multiplier at least `reduction` of the slice operations go, for at most so many
    points: of the validation images (their interval's end where `surely`), and of test images."""

    name: str
    multiplier: float
    thresholds: str
    reduction: float
    points: float
    surely: bool


CLAIMS = (
    Claim("a point", 0.0005223303379776744, LABELS, 0.85, 1.0, surely=True),
    Claim("three tenths of a point", 0.0003, RATES, 0.75, 0.3, surely=False),
)


@dataclass(frozen=True, slots=True)
class Row:
    """Slice operations left by exact sharing and by the plan; points lost on either images."""

    name: str
    exact: float
    left: float
    validation_points: float
    test_points: float
    gap: float
    holds: bool


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=[claim.name for claim in CLAIMS])
    parser.add_argument("--images", type=int)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    model = read_model(MODEL)
    images = load_images(CALIB, model.network)
    if asked.images:
        images = images.take(slice(asked.images), f"{asked.images:,} images of {images.name}")
    job = prepared(job_of(model, images, mirror=None))
    wanted = [claim for claim in CLAIMS if not asked.only or claim.name in asked.only]
    rows = [row_of(model, job, claim) for claim in wanted]
    print("within                   exact  plan  lost (validation)  lost (test)  holds")
    for row in rows:
        lost = f"{row.validation_points:17.2f}  {row.test_points:11.2f}"
        said = "yes" if row.holds else "no"
        print(f"{row.name:24s} {row.exact:5.1%} {row.left:5.1%}  {lost}  {said}")
    if asked.json:
        write_text(asked.json, json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0 if all(row.holds for row in rows) else 1


def row_of(model: Model, job: PreparedJob, claim: Claim) -> Row:
    """The claim's plan made anew."""
    found = job.evaluate(claim.multiplier, Method("highs", thresholds=claim.thresholds))
    left, accuracy = share_left(model, found.plan), found.accuracy
    lost = measure_accuracy(model.network, found.plan, load_images(DATA, model.network))[0]
    judged = accuracy.interval[1] if claim.surely else accuracy.loss_points
    holds = (
        max(judged, lost.loss_points) <= claim.points
        and found.tally.gap <= GAP
        and 1 - left >= claim.reduction
    )
    exact = SharingPlan("", tuple(exact_layer(table) for table in decompose(model.network)))
    return Row(
        claim.name, share_left(model, exact), left, accuracy.loss_points, lost.loss_points,
        found.tally.gap, holds,
    )  # fmt: skip


def share_left(model: Model, plan: SharingPlan) -> float:
    """Of the slice operations of LAYERS."""
    tables = [table for table in decompose(model.network) if table.layer in LAYERS]
    left = sum(t.positions * plan.layer(t.layer).n_computed_taps for t in tables)
    return left / sum(table.slice_operations for table in tables)


if __name__ == "__main__":
    sys.exit(main())
