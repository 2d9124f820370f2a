"""Keras models of the recipes: networks of the papers on binarised networks.

M. Courbariaux et al., "Binarized Neural Networks", 2016, section 2: convolution, pooling, batch
normalisation, sign; zero padding; squared hinge loss; latent weights within [-1, 1]; Adam with
rates in proportion to Glorot's initial weights.
"""

from typing import Any

import larq
import numpy as np
import tf_keras as keras

from crshare.recipes import BFLOAT16, FLOAT32, Recipe
from crshare.train.binary_convolution import Convolution
from crshare.train.rates import glorot_scale
from crshare.train.signs import Drawn

NORM = {"momentum": 0.9, "epsilon": 1e-4}


def build(recipe: Recipe, seed: int, precision: str = FLOAT32, *, stochastic: bool = False) -> Any:
    """The Keras model: pixels [n, h, w, c] as stored to scores [n, classes].

    seed: of weights. precision: float32, or bfloat16 for what multiplies +1/-1 with +1/-1; those
    are exact in it, and their sums are accumulated in float32. The first layer, which takes pixels,
    the scores and all weights are float32 anyhow. stochastic: whether signs of activations are
    drawn (`crshare.train.signs.Drawn`). A model in bfloat16, or that draws, is for training; its
    weights fit the one in float32 that does not, which is to be saved.
    """
    narrow: dict[str, Any] = {}
    convolution = larq.layers.QuantConv2D
    if precision == BFLOAT16:
        narrow = {"dtype": keras.mixed_precision.Policy("mixed_bfloat16")}
        convolution = Convolution
    inputs = keras.Input(recipe.shape, name="pixels")
    x = keras.layers.Rescaling(1 / recipe.half, -1, name="rescaling")(inputs)
    number = 0
    for block in recipe.blocks:
        for place, filters in enumerate(block, 1):
            number += 1
            kind = convolution if number > 1 else larq.layers.QuantConv2D
            options = _binary(recipe, (seed, number), narrow, stochastic)
            x = kind(filters, 3, padding="same", name=f"conv{number}", **options)(x)
            if place == len(block):
                x = keras.layers.MaxPooling2D(2, name=f"pool{number}", **narrow)(x)
            x = keras.layers.BatchNormalization(name=f"norm{number}", **NORM, **narrow)(x)
    x = keras.layers.Flatten(name="flatten", **narrow)(x)
    for width in recipe.dense:
        number += 1
        options = _binary(recipe, (seed, number), narrow, stochastic)
        x = larq.layers.QuantDense(width, name=f"dense{number}", **options)(x)
        x = keras.layers.BatchNormalization(name=f"norm{number}", **NORM, **narrow)(x)
    number += 1
    options = _binary(recipe, (seed, number), narrow, stochastic)
    x = larq.layers.QuantDense(recipe.n_classes, name=f"dense{number}", **options)(x)
    x = keras.layers.BatchNormalization(name=f"norm{number}", **NORM)(x)
    return keras.Model(inputs, x, name=recipe.name.replace("-", "_"))


def _binary(
    recipe: Recipe, seed: tuple[int, int], narrow: dict[str, Any], stochastic: bool
) -> dict[str, Any]:
    """The options of a binary layer, number seed[1]; the first takes the pixels or their signs."""
    first = int(np.random.SeedSequence(seed).generate_state(1)[0]) >> 1
    common = {
        "use_bias": False,
        "kernel_constraint": "weight_clip",
        "kernel_initializer": keras.initializers.RandomUniform(-1.0, 1.0, seed=first),
    }
    if seed[1] == 1:
        given = {"input_quantizer": "ste_sign"} if recipe.binary_input else {}
        return {**common, "kernel_quantizer": "ste_sign", **given}
    sign = larq.quantizers.SteSign(**narrow) if narrow else "ste_sign"
    activation = Drawn(seed) if stochastic else sign
    return {**common, "kernel_quantizer": sign, "input_quantizer": activation, **narrow}


def count(model: Any) -> None:
    """Let signs that are drawn follow the steps of the model's optimiser."""
    for layer in model.layers:
        if isinstance(drawn := getattr(layer, "input_quantizer", None), Drawn):
            drawn.steps = model.optimizer.iterations


def scales(model: Any) -> dict[str, float]:
    """By the names of binary kernels, what their rates are multiplied with."""
    layers = [layer for layer in model.layers if hasattr(layer, "kernel_quantizer")]
    return {la.kernel.name: glorot_scale(tuple(la.kernel.shape)) for la in layers}
