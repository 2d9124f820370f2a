"""The images of a search: which choose a plan, and which stand for new ones and judge it."""

from collections.abc import Callable

from crshare.evaluation.plan_run import errs_more, knows_mirrored, knows_moved
from crshare.images.image_set import ImageSet, MovedSet, half_mirrored, split, stand_ins
from crshare.model.read import Model
from crshare.planning.candidates import Job

FEWEST = 2  # images that can be parted into those that choose and those that judge


def job_of(model: Model, images: ImageSet, mirror: bool | None, seed: int = 0) -> Job:
    """Mirror images where asked, or where mirrored images are as good as new ones.

    A network knows its training images too well to lose on them as it does on new ones, and a
    plan loses less on the images that chose it. Where the network also gets most mirrored images
    right, those stand for new ones, in place and moved: losses are measured on them alone, while
    slices and thresholds are chosen on both. Otherwise, unless told not to, images moved by a pixel
    do, if the network gets most of those right. seed: of the halves that judge each other's plans.
    """
    choose, judge = _roles(model, images, mirror)
    views = judge(images)
    moved = isinstance(views, MovedSet) and not views.images.mirrored
    strange = moved and errs_more(model.network, images, views)

    def job(some: ImageSet, halves: tuple[Job, Job] | None = None) -> Job:
        network, fingerprint = model.network, model.weights_hash
        return Job(network, fingerprint, choose(some), judge(some), halves, strange)

    if len(images) < FEWEST:
        return job(images)
    one, other = split(images, seed)
    return job(images, (job(one), job(other)))


def _roles(
    model: Model, images: ImageSet, mirror: bool | None
) -> tuple[Callable[[ImageSet], ImageSet], Callable[[ImageSet], ImageSet | MovedSet]]:
    """What becomes of images that choose, and of those that judge."""
    if mirror or (mirror is None and knows_mirrored(model.network, images)):
        return half_mirrored, stand_ins
    if mirror is None and knows_moved(model.network, images):
        return _as_they_are, lambda given: stand_ins(given, mirrored=False)
    return _as_they_are, _as_they_are


def _as_they_are(images: ImageSet) -> ImageSet:
    return images


def named(job: Job) -> str:
    if job.validation is job.calibration:
        return job.calibration.name
    return f"{job.calibration.name}; validation images: {job.validation.name}"
