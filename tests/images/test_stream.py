"""Images come from the file in slices, and refuse what they cannot read."""

from pathlib import Path

import numpy as np
import pytest

from crshare.errors import DataError
from crshare.images.stream import ImageStream


@pytest.mark.parametrize("compressed", [False, True])
def test_slices_are_those_of_the_array(tmp_path: Path, compressed: bool) -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 3, 2)).astype(np.uint8)
    path = tmp_path / "images.npz"
    (np.savez_compressed if compressed else np.savez)(path, images=images, labels=np.zeros(50))
    with ImageStream(path) as stream:
        assert len(stream) == 50
        for rows in (slice(0, 7), slice(7, 20), slice(30, 90), slice(5, 6), slice(0, 0)):
            assert np.array_equal(stream[rows], images[rows])


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, pixels=np.zeros(3), images=np.array([{}], object))
    with pytest.raises(DataError, match="^.*other.npz: array 'labels' cannot be read"):
        ImageStream(path, "labels")
    with pytest.raises(DataError, match="^.*other.npz: array 'images' cannot be read .object"):
        ImageStream(path)
    with pytest.raises(DataError, match="^.*none.npz: array 'images' cannot be read"):
        ImageStream(tmp_path / "none.npz")
