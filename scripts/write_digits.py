"""Write the test digits of the example network, for commands that want a file.

    python scripts/write_digits.py FILE.npz

The images come with scikit-learn (extra `demo`); the network in data/ was neither trained on these
697 nor are plans for it chosen on them.
"""

import argparse
from pathlib import Path

import numpy as np

import crshare
from crshare.files import replacing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    path = parser.parse_args().file
    _, test = crshare.demo_images()
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, images=test.images, labels=test.labels)
    print(f"Wrote {len(test)} images to {path}.")


if __name__ == "__main__":
    main()
