"""Write a many-class set of images: the digits of MNIST, turned or not, dark on light or not.

    python scripts/write_turned_digits.py SHARED FOLDER

SHARED: the folder with `data/mnist_train.npz` and `data/mnist_test.npz`. Each image is halved in
size, and turned by a quarter, inverted, both or neither, as a seed says; digit, turn and inversion
make 40 classes. FOLDER gets `turned_train.npz` (60,000 images) and `turned_test.npz` (10,000).
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array
from crshare.files import replacing

SEED = 0
WAYS = 4  # turned or not, inverted or not
N_DIGITS = 10


def turned(
    images: npt.NDArray[np.uint8], labels: Array, seed: int
) -> tuple[npt.NDArray[np.uint8], Array]:
    """Images [n, 14, 14, 1] of [n, 28, 28, 1], and their classes: 10 * way + digit."""
    ways = np.random.default_rng(seed).integers(0, WAYS, len(images))
    means = images.reshape(len(images), 14, 2, 14, 2, 1).mean(axis=(2, 4))
    small = np.rint(means).astype(np.uint8)
    small[ways % 2 == 1] = np.rot90(small[ways % 2 == 1], axes=(1, 2))
    small[ways >= 2] = 255 - small[ways >= 2]
    return small, N_DIGITS * ways + labels.astype(np.int64)


def write(source: Path, path: Path, seed: int) -> None:
    with np.load(source) as file:
        images, labels = turned(file["images"], file["labels"], seed)
    with replacing(path) as draft, draft.open("wb") as out:
        np.savez_compressed(out, images=images, labels=labels)
    print(f"Wrote {len(images):,} images to {path}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(("train", "test")):
        source = asked.shared / "data" / f"mnist_{part}.npz"
        write(source, asked.folder / f"turned_{part}.npz", SEED + number)


if __name__ == "__main__":
    main()
