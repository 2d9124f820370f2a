"""What bfloat16 makes of a training step, and what our weight gradients do for it.

    python scripts/bench_training.py [RECIPE] [--batch N] [--rounds N]

Rivals are the same recipe in float32 and in bfloat16 with oneDNN's own gradient of every kernel.
They take turns, a step each; ratios are of medians over the rounds, after two steps that compile.
"""

import argparse
import time
from statistics import median
from typing import Any

import numpy as np

from crshare.recipes import RECIPES, Recipe
from crshare.train import binary_convolution, losses
from crshare.train.loop import deterministic
from crshare.train.rates import ScaledAdam
from crshare.train.recipes import build, scales

NEVER = 0  # rows up to which a kernel's gradient is a matrix product: on no map


def compiled(recipe: Recipe, precision: str) -> Any:
    model = build(recipe, 0, precision)
    model.compile(ScaledAdam(1e-3, scales(model)), loss=losses.squared_hinge)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="?", choices=RECIPES, default="binarynet-cifar10")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    deterministic(0)
    recipe = RECIPES[arguments.recipe]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (arguments.batch, *recipe.shape)).astype(np.float32)
    wanted = losses.targets(rng.integers(0, recipe.n_classes, arguments.batch), recipe.n_classes)

    def step(model: Any) -> float:
        began = time.perf_counter()
        model.train_on_batch(images, wanted)
        return time.perf_counter() - began

    ours, wide = compiled(recipe, "bfloat16"), compiled(recipe, "float32")
    rivals = {"bfloat16": ours, "float32": wide}
    for model in rivals.values():
        step(model)
    small, binary_convolution.SMALL = binary_convolution.SMALL, NEVER
    rivals["bfloat16, oneDNN's gradients"] = compiled(recipe, "bfloat16")
    step(rivals["bfloat16, oneDNN's gradients"])  # which fixes how its gradients are computed
    binary_convolution.SMALL = small
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(arguments.rounds + 1):
        for name, model in rivals.items():
            seconds[name].append(step(model))
    medians = {name: median(found[1:]) for name, found in seconds.items()}
    print(f"{recipe.name}, steps of {arguments.batch} images, {arguments.rounds} rounds")
    for name, found in medians.items():
        print(f"{name:30} {found:7.3f} s a step, {found / medians['bfloat16']:5.2f} times bfloat16")


if __name__ == "__main__":
    main()
