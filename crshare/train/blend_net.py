"""Keras models of the recipes of Blend modules, with what they hand on in fixed point."""

from typing import Any

import tf_keras as keras

from crshare.blend_recipes import BlendRecipe
from crshare.train.blend import blend
from crshare.train.fixed_point import FixedPoint

MOMENTUM = 0.9  # of the moving averages of batch normalisation


def build_blend(recipe: BlendRecipe, seed: int, *, trained: bool) -> Any:
    """The Keras model: pixels [n, h, w, c] as stored to scores [n, classes].

    seed: of weights. trained: with skip paths that learn; else one of plain layers, which holds
    rounded weights and is to be saved (`plain_layers.give_weights`).
    """
    keras.utils.set_random_seed(seed)
    layers = keras.layers

    def handed_on(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
        return FixedPoint(recipe.integer_bits, recipe.fraction_bits, name=f"{name}_fixed")(x)

    inputs = keras.Input(recipe.shape, name="pixels")
    x = layers.Rescaling(1 / recipe.half, -1, name="rescaling")(inputs)
    x = layers.Conv2D(recipe.widths[0], 3, padding="same", use_bias=False, name="conv1")(x)
    x = handed_on(x, "conv1")
    for stage, width in enumerate(recipe.widths, 1):
        for place in range(1, recipe.modules + 1):
            name, strides = f"blend{stage}_{place}", 2 if stage > 1 and place == 1 else 1
            x = blend(x, width, name, strides=strides, trained=trained, momentum=MOMENTUM)
            x = handed_on(x, name)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, layers.Dense(recipe.n_classes, name="dense")(x), name="blend")
