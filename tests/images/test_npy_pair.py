"""Images and labels in two .npy files that lie side by side."""

from pathlib import Path

import numpy as np
import pytest

from crshare.errors import DataError
from crshare.images.image_set import load_images, stream_images
from tests.images.test_image_set import LABELS, NETWORK, PIXELS


def save(folder: Path, images: str, labels: str) -> Path:
    np.save(folder / labels, LABELS)
    np.save(folder / images, PIXELS)
    return folder / images


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("x.npy", "y.npy"),
        ("X_test.npy", "y_test.npy"),
        ("X_test.npy", "Y_test.npy"),
        ("jets-x-train-val.npy", "jets-y-train-val.npy"),
        ("images.npy", "labels.npy"),
        ("test_images.npy", "test_labels.npy"),
        ("data2.npy", "labels2.npy"),
    ],
)
def test_labels_are_found_beside_the_images(tmp_path: Path, images: str, labels: str) -> None:
    found = load_images(save(tmp_path, images, labels), NETWORK)
    assert np.array_equal(found.images, PIXELS) and np.array_equal(found.labels, LABELS)
    assert found.name == images


def test_pairs_are_read_piece_by_piece_and_again(tmp_path: Path) -> None:
    with stream_images(save(tmp_path, "x.npy", "y.npy"), NETWORK) as streamed:
        for first, last in ((0, 2), (2, 4), (1, 3)):
            assert np.array_equal(streamed.images[first:last], PIXELS[first:last])


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as error:
        load_images(path, NETWORK)
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value).removeprefix(f"{path}: ")


def test_what_is_no_pair_is_told(tmp_path: Path) -> None:
    assert refusal(save(tmp_path, "mine.npy", "labels.npy")) == (
        "its name does not tell which file holds its labels; call the two x.npy and y.npy or "
        "images.npy and labels.npy, or give an .npz file with both"
    )
    path = save(tmp_path, "x_test.npy", "labels.npy")
    assert refusal(path) == ("its labels should lie beside it in y_test.npy, which is not there")
    np.save(tmp_path / "y_test.npy", LABELS[:3])
    assert refusal(path) == (
        "labels are int64 [3]; expected one integer class for each of the 4 images"
    )
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(path) == (
        "its images cannot be read (its shape [4, 2, 2, 1] is not that of 15 bytes); write the "
        "file again with numpy.save"
    )
    np.save(path, np.array(["a", None], object), allow_pickle=True)
    assert refusal(path) == (
        "its images cannot be read (its entries are '|O'; expected integers, float32, float64 or "
        "bool); write the file again with numpy.save"
    )
