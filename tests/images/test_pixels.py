"""Arrays from Python are checked as those of a file: what fits, and what each other is told."""

from typing import Any

import numpy as np
import pytest

from crshare.errors import DataError
from crshare.images.image_set import ImageSet, image_set
from crshare.network.graph import INPUT, Conv, Input, Layer, Network

SHAPE = (2, 3, 1)
PIXELS = np.arange(24, dtype=np.uint8).reshape(4, *SHAPE) * 10
LABELS = np.array([0, 1, 2, 0])
STORED = (
    "crshare expects integers as stored (uint8 pixels), with the scaling in the model's Rescaling "
    "layer or given by --rescale"
)
UNSCALED = (
    "; or if the model takes them as they are (features of sensors, say), say so with --features"
)
SCALED = f"{STORED}: multiply what is from 0 to 1 by 255 and cast it to uint8{UNSCALED}"


def network(height: int, width: int, channels: int, low: int = 0, high: int = 255) -> Network:
    conv = Conv(np.ones((height, width, channels, 3), np.int8))
    given = Input((height, width, channels), low=low, high=high)
    return Network(given, (Layer("dense", conv, INPUT),))


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "i8", "u8", ">i4", "f4", "f8"])
def test_whole_numbers_of_any_type_are_pixels(kind: str) -> None:
    found = image_set(PIXELS.astype(kind), LABELS.astype("u1"), network(*SHAPE), "mine")
    assert np.array_equal(found.images, PIXELS)
    assert found.images.dtype.kind in "iu"
    assert found.images.dtype.isnative
    assert (found.name, found.labels.dtype) == ("mine", np.dtype(np.int64))
    assert np.array_equal(found.labels, LABELS)


def test_lists_are_arrays_too() -> None:
    found = image_set(PIXELS.tolist(), LABELS.tolist(), network(*SHAPE), "mine")
    assert np.array_equal(found.images, PIXELS)


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ((4, 2, 3), (2, 3, 1)),
        ((4, 6), (1, 1, 6)),
        ((4, 3, 2), (1, 3, 2)),
        ((4, 1, 2, 3), (2, 3, 1)),
    ],
)
def test_axes_of_one_entry_may_be_left_out(
    given: tuple[int, ...], shape: tuple[int, int, int]
) -> None:
    found = image_set(PIXELS.reshape(given), LABELS, network(*shape), "mine")
    assert np.array_equal(found.images, PIXELS.reshape(4, *shape))


def test_labels_may_stand_in_a_column() -> None:
    found = image_set(PIXELS, LABELS[:, None], network(*SHAPE), "mine")
    assert np.array_equal(found.labels, LABELS)


def test_pixels_of_0_and_1_are_taken_where_the_input_has_no_others() -> None:
    bits = (PIXELS > 100).astype(float)
    found = image_set(bits, LABELS, network(*SHAPE, high=1), "mine")
    assert np.array_equal(found.images, bits)


def test_a_model_of_rows_takes_maps_row_by_row() -> None:
    found = image_set(PIXELS, LABELS, network(1, 1, 6), "mine")
    assert np.array_equal(found.images, PIXELS.reshape(4, 1, 1, 6))
    with pytest.raises(DataError, match=r"^mine: images are \[4, 1, 3, 1\]; .* expects \[n, 6\]$"):
        image_set(PIXELS[:, :1], LABELS, network(1, 1, 6), "mine")


NAN = np.where(PIXELS > 100, np.nan, 1.0)
ONE_CLASS = "expected one integer class for each of the 4 images"
FORM = "expected pixels [n, height, width, channels] and labels [n]"
UNFIT: list[tuple[Any, Any, str]] = [
    (PIXELS / 255, LABELS, f"images are float64 from 0 to 0.901961; {SCALED}"),
    (PIXELS / 127.5 - 1, LABELS, f"images are float64 from -1 to 0.803922; {SCALED}"),
    ((PIXELS > 100) * 1.0, LABELS, f"images are float64 from 0 to 1; {SCALED}"),
    (PIXELS + 0.5, LABELS, f"images are float64 from 0.5 to 230.5; {SCALED}"),
    (NAN, LABELS, f"images are float64 from nan to nan; {SCALED}"),
    (PIXELS + np.inf, LABELS, "pixels run from inf to inf; expected 0 to 255"),
    (PIXELS - 1.0, LABELS, "pixels run from -1.0 to 229.0; expected 0 to 255"),
    (PIXELS * 2**40, LABELS, f"pixels run from 0 to {230 * 2**40}; expected 0 to 255"),
    (PIXELS > 100, LABELS, f"images are bool; {STORED}"),
    (PIXELS.astype("m8[s]"), LABELS, f"images are timedelta64[s]; {STORED}"),
    (PIXELS.astype("M8[s]"), LABELS, f"images are datetime64[s]; {STORED}"),
    (PIXELS.astype(complex), LABELS, f"images are complex128; {STORED}"),
    (PIXELS.astype(object), LABELS, f"images are object; {STORED}"),
    (PIXELS.astype(str), LABELS, f"images are <U3; {STORED}"),
    (PIXELS[:, :1], LABELS, "images are [4, 1, 3, 1]; this model expects [n, 2, 3, 1]"),
    (PIXELS[0, 0, 0, 0], LABELS, f"images are no array; {FORM}"),
    (PIXELS[:0], LABELS[:0], "holds no images"),
    (PIXELS, LABELS[:3], f"labels are int64 [3]; {ONE_CLASS}"),
    (PIXELS, 3, f"labels are no array; {FORM}"),
    (PIXELS, LABELS * 1.0, f"labels are float64 [4]; {ONE_CLASS}"),
    (PIXELS, LABELS > 0, f"labels are bool [4]; {ONE_CLASS}"),
    (PIXELS, LABELS.astype("m8[s]"), f"labels are timedelta64[s] [4]; {ONE_CLASS}"),
    (PIXELS, LABELS + 1, "label 3, but the model has 3 classes (0 upwards)"),
    (PIXELS, LABELS - 1, "label -1, but the model has 3 classes (0 upwards)"),
    (PIXELS, np.array([0, 0, 0, 2**63], np.uint64),
     f"label {2**63}, but the model has 3 classes (0 upwards)"),
    (PIXELS, np.eye(3)[LABELS] / 2,
     "labels are [4, 3], one-hot by their shape, and hold rows that are not one 1 among zeros; "
     "give the classes themselves: labels.argmax(axis=1)"),
]  # fmt: skip


@pytest.mark.parametrize(("pixels", "labels", "sentence"), UNFIT, ids=range(len(UNFIT)))
def test_each_unfit_array_is_told_what_is_wrong(pixels: Any, labels: Any, sentence: str) -> None:
    with pytest.raises(DataError) as error:
        image_set(pixels, labels, network(*SHAPE), "mine")
    assert str(error.value) == f"mine: {sentence}"


@pytest.mark.parametrize("kind", ["u1", "i8", "f4", "f8", "?"])
def test_one_hot_labels_are_classes(kind: str) -> None:
    found = image_set(PIXELS, np.eye(3)[LABELS].astype(kind), network(*SHAPE), "mine")
    assert np.array_equal(found.labels, LABELS) and found.labels.dtype == np.int64


def test_ragged_lists_are_told() -> None:
    with pytest.raises(DataError, match=r"^mine: images are no array \(.+\); expected pixels"):
        image_set([[1, 2], [3]], LABELS, network(*SHAPE), "mine")


MADE = "; make sets of images with crshare.image_set or crshare.load_images"
BY_HAND: list[tuple[Any, Any, str]] = [
    (PIXELS / 255, LABELS, "images are no array of integers or float32"),
    (PIXELS.tolist(), LABELS, "images are no array of integers or float32"),
    (PIXELS.astype("m8[s]"), LABELS, "images are no array of integers or float32"),
    (PIXELS[0], LABELS, "images are [2, 3, 1]"),
    (PIXELS, LABELS * 1.0, "labels are no array of integers"),
    (PIXELS, LABELS[:, None], "labels are [4, 1]"),
    (PIXELS, LABELS[:3], "labels are [3]"),
]


@pytest.mark.parametrize(("pixels", "labels", "sentence"), BY_HAND, ids=range(len(BY_HAND)))
def test_a_set_made_by_hand_refuses_to_be_wrong(pixels: Any, labels: Any, sentence: str) -> None:
    with pytest.raises(DataError) as error:
        ImageSet("mine", pixels, labels)
    assert str(error.value) == f"mine: {sentence}{MADE}"
