"""What oneDNN's convolutions make of a step of fine-tuning.

    python scripts/bench_finetuning.py MODEL [--batch N] [--steps N] [--rounds N]

The rival is TensorFlow's own convolutions. Both take turns, each in a process of its own, since
TensorFlow chooses when it is imported; the ratio is of medians over all steps.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

import crshare
from crshare.network.slices import decompose
from crshare.plan.plan import SharingPlan, unshared_layer
from crshare.train.library import silent

CHOICES = {"oneDNN": "1", "TensorFlow's own": "0"}


def seconds_of_steps(path: Path, batch: int, steps: int) -> list[float]:
    """Of a network whose slices are all trained by themselves, after two steps that compile."""
    with silent():
        from crshare.train.finetune import compiled
        from crshare.train.keras_model import trainable

    model = crshare.load(path)
    plan = SharingPlan(model.weights_hash, tuple(map(unshared_layer, decompose(model.network))), {})
    network = trainable(model.network, plan).model
    compiled(network, 1e-3, 1.0)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch, *model.network.input.shape)).astype(np.float32)
    n_classes = network.output_shape[1]
    wanted = np.eye(n_classes, dtype=np.float32)[rng.integers(0, n_classes, batch)]
    found = []
    for _ in range(steps + 2):
        began = time.perf_counter()
        network.train_on_batch(images, wanted)
        found.append(time.perf_counter() - began)
    return found[2:]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--steps", type=int, default=10, help="of a process")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(*seconds_of_steps(asked.model, asked.batch, asked.steps))
        return
    seconds: dict[str, list[float]] = {name: [] for name in CHOICES}
    for _ in range(asked.rounds):
        for name, choice in CHOICES.items():
            done = subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--child"],
                env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": choice},
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            seconds[name] += map(float, done.stdout.split())
    medians = {name: median(found) for name, found in seconds.items()}
    for name, found in medians.items():
        print(f"{name:18} {found:6.3f} s a step, {found / medians['oneDNN']:5.2f} times oneDNN")


if __name__ == "__main__":
    main()
