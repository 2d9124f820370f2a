"""Image files: what is read, what is split, and what each unfit file is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.errors import DataError
from crshare.images.image_set import (
    FORM,
    NAMES,
    ImageSet,
    MovedImages,
    gathered,
    half_mirrored,
    load_images,
    split,
    stand_ins,
    stream_images,
)
from crshare.network.graph import INPUT, Conv, Input, Layer, Network

NETWORK = Network(
    Input((2, 2, 1), low=0, high=16),
    (Layer("dense", Conv(np.ones((2, 2, 1, 3), np.int8)), INPUT),),
)
PIXELS = np.arange(16, dtype=np.uint8).reshape(4, 2, 2, 1)
LABELS = np.array([0, 1, 2, 0])


def write(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_a_digest_is_of_values_not_of_types() -> None:
    pixels = np.arange(24).reshape(2, 3, 4, 1)
    labels = np.array([0, 1])
    first = ImageSet("a", pixels.astype(np.uint8), labels)
    assert first.digest == ImageSet("b", pixels.astype(np.int16), labels).digest
    assert first.digest != ImageSet("a", pixels[::-1].astype(np.uint8), labels).digest
    assert first.digest != ImageSet("a", pixels.astype(np.uint8), labels[::-1]).digest
    assert first.digest != ImageSet("a", pixels.reshape(2, 4, 3, 1), labels).digest


def test_images_and_labels_are_read(tmp_path: Path) -> None:
    found = load_images(write(tmp_path / "a.npz", images=PIXELS, labels=LABELS), NETWORK)
    assert found.name == "a.npz"
    assert np.array_equal(found.images, PIXELS)
    assert found.labels.dtype == np.int64


@pytest.mark.parametrize("names", NAMES, ids=" ".join)
def test_arrays_are_found_by_the_names_that_people_give_them(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    others = {"x_train": PIXELS[::-1], "y_train": LABELS[::-1]}
    path = write(tmp_path / "a.npz", **{names[0]: PIXELS, names[1]: LABELS}, **others)
    found = load_images(path, NETWORK)
    assert np.array_equal(found.images, PIXELS) and np.array_equal(found.labels, LABELS)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_sets_are_taken_batch_by_batch_or_image_by_image(n: int) -> None:
    batches = [(PIXELS[i : i + n], LABELS[i : i + n]) for i in range(0, len(PIXELS), n)]
    for pairs in (batches, zip(PIXELS, LABELS, strict=True)):
        images, labels = gathered("mine", pairs)
        assert np.array_equal(images, PIXELS) and np.array_equal(labels, LABELS)


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([], "holds no images"),
        ([PIXELS], f"gives no pairs of images and labels; {FORM}"),
        (
            [(PIXELS, LABELS), (PIXELS[:, :1], LABELS)],
            "its images differ in shape (all the input array dimensions except for the "
            "concatenation axis must match exactly, but along dimension 1, the array at index 0 "
            f"has size 2 and the array at index 1 has size 1); {FORM}",
        ),
    ],
)
def test_sets_that_hold_no_images_are_told(pairs: list[Any], sentence: str) -> None:
    with pytest.raises(DataError) as error:
        gathered("mine", pairs)
    assert str(error.value) == f"mine: {sentence}"


def test_maps_without_a_channel_axis_are_grey(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", images=PIXELS[..., 0], labels=LABELS)
    assert np.array_equal(load_images(path, NETWORK).images, PIXELS)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (
            {"images": PIXELS},
            "holds no array named 'labels'; expected an .npz file with arrays `images` [n,h,w,c] "
            "and `labels` [n]",
        ),
        (
            {"images": PIXELS[:, :1], "labels": LABELS},
            "images are [4, 1, 2, 1]; this model expects [n, 2, 2, 1]",
        ),
        (
            {"images": PIXELS / 16, "labels": LABELS},
            "images are float64 from 0 to 0.9375; crshare expects integers as stored (uint8 "
            "pixels), with the scaling in the model's Rescaling layer or given by --rescale: "
            "multiply what is from 0 to 1 by 16 and cast it to uint8; or if the model takes them "
            "as they are (features of sensors, say), say so with --features",
        ),
        (
            {"images": PIXELS, "labels": LABELS[:3]},
            "labels are int64 [3]; expected one integer class for each of the 4 images",
        ),
        ({"images": PIXELS[:0], "labels": LABELS[:0]}, "holds no images"),
        (
            {"images": PIXELS + 2, "labels": LABELS},
            "pixels run from 2 to 17; expected 0 to 16",
        ),
        (
            {"images": PIXELS, "labels": LABELS + 1},
            "label 3, but the model has 3 classes (0 upwards)",
        ),
        (
            {"images": PIXELS, "labels": LABELS - 1},
            "label -1, but the model has 3 classes (0 upwards)",
        ),
    ],
)
def test_each_unfit_file_is_told_what_is_wrong(
    tmp_path: Path, arrays: dict[str, Any], sentence: str
) -> None:
    path = write(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError) as error:
        load_images(path, NETWORK)
    assert str(error.value) == f"{path}: {sentence}"


def test_halves_share_no_image_and_depend_on_the_seed_alone() -> None:
    numbered = ImageSet("n.npz", np.arange(11).reshape(11, 1, 1, 1), np.arange(11))
    calibration, test = split(numbered, seed=3)
    assert sorted([*calibration.labels, *test.labels]) == list(range(11))
    assert len(calibration) == 5
    assert split(numbered, seed=3)[0].labels.tolist() == calibration.labels.tolist()
    assert split(numbered, seed=4)[0].labels.tolist() != calibration.labels.tolist()
    assert calibration.name == "a random half of n.npz (seed 3)"


def test_one_image_cannot_be_split() -> None:
    one = ImageSet("n.npz", np.zeros((1, 1, 1, 1), np.uint8), np.zeros(1, np.int64))
    with pytest.raises(DataError, match=r"^n.npz: one image cannot be split; give --calib and"):
        split(one, seed=0)


def test_every_second_image_is_mirrored_left_to_right() -> None:
    mixed = half_mirrored(ImageSet("n.npz", PIXELS, LABELS))
    assert np.array_equal(mixed.images[0], PIXELS[0])
    assert mixed.images[1, :, :, 0].tolist() == [[5, 4], [7, 6]]
    assert PIXELS[1, :, :, 0].tolist() == [[4, 5], [6, 7]]


def test_stand_ins_are_mirrored_and_moved_by_a_pixel_to_all_sides() -> None:
    square = np.array([[1, 2, 3], [4, 5, 6]], np.uint8).reshape(1, 2, 3, 1)
    found = stand_ins(ImageSet("n.npz", np.concatenate([square, square + 10]), np.array([7, 8])))
    assert found.images[:9][..., 0].tolist() == [
        [[3, 2, 1], [6, 5, 4]], [[3, 3, 2], [6, 6, 5]], [[2, 1, 1], [5, 4, 4]],
        [[3, 2, 1], [3, 2, 1]], [[3, 3, 2], [3, 3, 2]], [[2, 1, 1], [2, 1, 1]],
        [[6, 5, 4], [6, 5, 4]], [[6, 6, 5], [6, 6, 5]], [[5, 4, 4], [5, 4, 4]],
    ]  # fmt: skip
    assert np.array_equal(found.images[9:18], found.images[:9] + 10)
    assert found.labels.tolist() == [7] * 9 + [8] * 9
    assert (len(found), len(found.images), found.copies) == (18, 18, 9)


def test_stand_ins_need_not_be_mirrored() -> None:
    images = np.random.default_rng(1).integers(0, 256, (3, 4, 3, 2)).astype(np.uint8)
    given = ImageSet("n.npz", images, np.arange(3))
    mirrored = ImageSet("n.npz", images[:, :, ::-1], np.arange(3))
    found, other = stand_ins(given, mirrored=False), stand_ins(mirrored)
    assert np.array_equal(found.images[:27], other.images[:27])
    assert np.array_equal(found.images[:27][::9], images)
    assert found.name == "n.npz, in place and moved by a pixel to all sides"


def test_stand_ins_in_batches_are_those_in_one() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 2)).astype(np.uint8)
    moved = stand_ins(ImageSet("n.npz", images, np.zeros(5, np.int64))).images
    whole = moved[: len(moved)]
    assert whole.shape == (45, 4, 3, 2)
    for size in (1, 4, 9, 10, 44, 100):
        batches = [moved[start : start + size] for start in range(0, len(moved), size)]
        assert np.array_equal(np.concatenate(batches), whole)
    assert moved[:0].shape == moved[50:60].shape == (0, 4, 3, 2)


def test_streamed_batches_are_the_images_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", images=PIXELS[..., 0], labels=LABELS)
    with stream_images(path, NETWORK) as streamed:
        assert len(streamed) == len(streamed.images) == 4
        assert np.array_equal(streamed.images[2:4], PIXELS[2:4])
        assert np.array_equal(streamed.images[0:3], PIXELS[0:3])
        assert streamed.images[:0].shape == (0, 2, 2, 1)
        assert streamed.labels.tolist() == LABELS.tolist()


def test_a_damaged_array_is_named(tmp_path: Path) -> None:
    pixels = np.zeros((5000, 2, 2, 1), np.uint8)
    path = write(tmp_path / "a.npz", images=pixels, labels=np.zeros(5000, np.int64))
    content = bytearray(path.read_bytes())
    content[1000] ^= 1  # a pixel: the sum of the archive's member no longer agrees
    path.write_bytes(content)
    with pytest.raises(
        DataError, match=r"array 'images' is damaged \(.+\); write the file again with "
    ):
        load_images(path, NETWORK)


@pytest.mark.parametrize("mirrored", [True, False])
def test_versions_by_rows_in_any_order_are_those_of_the_slice(mirrored: bool) -> None:
    images = MovedImages(np.random.default_rng(0).integers(0, 256, (5, 4, 3, 2)), mirrored)
    rows = np.array([44, 3, 3, 17, 0])
    np.testing.assert_array_equal(images[rows], images[:][rows])
    assert images[np.zeros(0, np.int64)].shape == (0, 4, 3, 2)


def test_a_half_holds_all_versions_of_every_second_image() -> None:
    images = ImageSet("some", np.arange(7 * 4).reshape(7, 2, 2, 1), np.arange(7))
    whole, halves = stand_ins(images), [stand_ins(images).half(first) for first in (0, 1)]
    assert [len(half) for half in halves] == [4 * whole.copies, 3 * whole.copies]
    for first, half in enumerate(halves):
        wanted = np.arange(first, 7, 2).repeat(whole.copies)
        np.testing.assert_array_equal(half.labels, wanted)
        rows = (np.arange(7) % 2 == first).repeat(whole.copies)
        np.testing.assert_array_equal(half.images[:], whole.images[:][rows])
