"""Keras models of the recipes of Blend modules, with what they hand on in fixed point."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tf_keras as keras

from crshare.blend_recipes import BlendRecipe
from crshare.train.blend import blend
from crshare.train.fixed_point import FixedPoint, grid_of
from crshare.train.narrow_blend import Handing, NarrowBlend, NarrowStem, Widened


@dataclass(frozen=True, slots=True)
class Module:
    """A Blend module: its name, channels and strides."""

    name: str
    width: int
    strides: int


def modules_of(recipe: BlendRecipe) -> Iterator[Module]:
    for stage, width in enumerate(recipe.widths, 1):
        for place in range(1, recipe.modules + 1):
            strides = 2 if stage > 1 and place == 1 else 1
            yield Module(f"blend{stage}_{place}", width, strides)


def build_blend(recipe: BlendRecipe, seed: int, *, trained: bool) -> Any:
    """The Keras model: pixels [n, h, w, c] as stored to scores [n, classes].

    seed: of weights. trained: with skip paths that learn; else one of plain layers, which holds
    rounded weights and is to be saved (`plain_layers.give_weights`).
    """
    keras.utils.set_random_seed(seed)
    layers = keras.layers

    def handed_on(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(momentum=recipe.momentum, name=f"{name}_norm")(x)
        return FixedPoint(recipe.integer_bits, recipe.fraction_bits, name=f"{name}_fixed")(x)

    inputs = keras.Input(recipe.shape, name="pixels")
    x = layers.Rescaling(1 / recipe.half, -1, name="rescaling")(inputs)
    x = layers.Conv2D(recipe.widths[0], 3, padding="same", use_bias=False, name="conv1")(x)
    x = handed_on(x, "conv1")
    for module in modules_of(recipe):
        strides, momentum = module.strides, recipe.momentum
        x = blend(x, module.width, module.name, strides=strides, trained=trained, momentum=momentum)
        x = handed_on(x, module.name)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, layers.Dense(recipe.n_classes, name="dense")(x), name="blend")


def build_narrow(recipe: BlendRecipe, seed: int) -> Any:
    """The model in bfloat16, for training alone (`narrow_blend`): its weights are those of a plain
    one. It takes images of the recipe's size, or of one that is halved with as many remainders."""
    keras.utils.set_random_seed(seed)
    layers, modules = keras.layers, [*modules_of(recipe)]
    grid, size = grid_of(recipe.integer_bits, recipe.fraction_bits), recipe.shape[0]

    def handing(place: int) -> Handing:
        """To the module at that place."""
        halves = place < len(modules) and modules[place].strides == 2
        return Handing(grid, 0 if halves and size % 2 == 0 else 1, recipe.smooth, recipe.momentum)

    inputs = keras.Input((None, None, recipe.shape[-1]), name="pixels")
    x = layers.Rescaling(1 / recipe.half, -1, name="rescaling")(inputs)
    x = NarrowStem(recipe.widths[0], handing(0), "conv1")(x)
    for place, module in enumerate(modules, 1):
        size = -(-size // module.strides)
        x = NarrowBlend(module.width, module.strides, handing(place), module.name)(x)
    x = layers.GlobalAveragePooling2D(name="average")(Widened(name="widened")(x))
    return keras.Model(inputs, layers.Dense(recipe.n_classes, name="dense")(x), name="blend")
