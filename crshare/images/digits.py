"""The embedded example: where the small trained model lies, and the images that go with it.

The images are the handwritten digits that scikit-learn carries, 8x8 pixels of 0 to 16. One seeded
split serves scripts/train_digits.py and the demo, so the network and the plan have seen
no test image.
"""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from crshare.errors import CrshareError
from crshare.images.image_set import ImageSet

MODEL = "digits_bnn.h5"
SPLIT_SEED = 0
N_TRAINING = 800
N_CALIBRATION = 300


@dataclass(frozen=True, slots=True)
class Digits:
    """The digits in three parts that share no image."""

    training: ImageSet
    calibration: ImageSet
    test: ImageSet


def demo_model() -> Path:
    """The model file, in the checkout or where pip put it; CrshareError where it is in neither."""
    beside = Path(__file__).resolve().parents[2] / "data" / MODEL
    for path in (beside, *_installed()):
        if path.is_file():
            return path
    raise CrshareError(
        f"the example model {MODEL} is neither in {beside.parent} nor installed; "
        "install crshare anew, or name a model of your own"
    )


def demo_model_or_none() -> Path | None:
    """The model file, where there is one."""
    try:
        return demo_model()
    except CrshareError:
        return None


def demo_images() -> tuple[ImageSet, ImageSet]:
    """The calibration images, which choose a plan, and the test images, which report on it."""
    parts = digits()
    return parts.calibration, parts.test


def digits() -> Digits:
    """All 1,797 digits, shuffled by a seed and parted; CrshareError without scikit-learn."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise CrshareError(
            "the example images come with scikit-learn, which is not installed; "
            'try pip install "crshare[demo]", or name a model and images of your own'
        ) from error
    bunch = load_digits()
    every = ImageSet(
        "handwritten digits of scikit-learn",
        bunch.images.astype(np.uint8)[..., None],
        bunch.target.astype(np.int64),
    )
    order = np.random.default_rng(SPLIT_SEED).permutation(len(every))
    training, calibration, test = np.split(order, [N_TRAINING, N_TRAINING + N_CALIBRATION])
    return Digits(
        every.take(training, "training digits of scikit-learn"),
        every.take(calibration, "calibration digits of scikit-learn"),
        every.take(test, "test digits of scikit-learn"),
    )


def _installed() -> list[Path]:
    """Files of that name that pip installed with this distribution."""
    try:
        files = metadata.files("crshare") or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())).resolve() for file in files if file.name == MODEL]
