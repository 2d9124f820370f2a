"""How long a training step of a network of Blend modules takes, and so an epoch.

    python scripts/bench_blend.py [RECIPE] [--precision bfloat16] [--batch N] [--rounds N]

Seconds are of processors, all threads together, so that other work on the machine counts for
little; the median over the rounds, after a step that compiles.
"""

import argparse
import time
from statistics import median

import numpy as np

from crshare.blend_recipes import BLEND_RECIPES
from crshare.recipes import FLOAT32, PRECISIONS
from crshare.train.loop import deterministic
from crshare.train.rates import ScaledAdam
from crshare.train.training import learner_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="?", choices=BLEND_RECIPES, default="blendnet20")
    parser.add_argument("--precision", choices=PRECISIONS, default=FLOAT32)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=45_000, help="of an epoch")
    arguments = parser.parse_args()
    deterministic(0)
    recipe = BLEND_RECIPES[arguments.recipe]
    learner = learner_of(recipe, 0, arguments.precision, stochastic=False)
    learner.model.compile(ScaledAdam(1e-3, {}), loss=learner.loss)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (arguments.batch, *recipe.shape)).astype(np.float32)
    wanted = learner.wanted(rng.integers(0, recipe.n_classes, arguments.batch))
    seconds = []
    for _ in range(arguments.rounds + 1):
        began = time.process_time()
        learner.model.train_on_batch(images, wanted)
        seconds.append(time.process_time() - began)
    rate = arguments.batch / median(seconds[1:])
    minutes = arguments.images / rate / 60
    print(
        f"{recipe.name} in {arguments.precision}: {rate:.0f} images a second of processor, steps "
        f"of {arguments.batch}; an epoch of {arguments.images:,} images {minutes:.1f} minutes"
    )


if __name__ == "__main__":
    main()
