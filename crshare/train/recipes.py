"""Networks that are trained from nothing, by name: those of the papers on binarised networks.

M. Courbariaux et al., "Binarized Neural Networks", 2016, section 2: convolution, pooling, batch
normalisation, sign; zero padding; squared hinge loss; latent weights within [-1, 1]; Adam with
rates in proportion to Glorot's initial weights.
"""

from dataclasses import dataclass
from typing import Any

import larq
import numpy as np
import tf_keras as keras

from crshare.errors import CrshareError
from crshare.train.binary_convolution import Convolution
from crshare.train.rates import glorot_scale
from crshare.train.signs import Drawn

NORM = {"momentum": 0.9, "epsilon": 1e-4}


class RecipeError(CrshareError):
    """No recipe has that name."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """shape: of an image. blocks: filters of 3x3 convolutions, each block ends in 2x2 pooling.
    dense: widths of the dense layers before the last. half: the pixel value that becomes 0."""

    name: str
    shape: tuple[int, int, int]
    blocks: tuple[tuple[int, ...], ...]
    dense: tuple[int, ...]
    half: float = 127.5
    n_classes: int = 10
    first_rate: float = 1e-3
    last_rate: float = 3e-7


def _binarynet(name: str, width: int, dense: int) -> Recipe:
    blocks = tuple((width * k, width * k) for k in (1, 2, 4))
    return Recipe(name, (32, 32, 3), blocks, (dense, dense))


RECIPES = {
    recipe.name: recipe
    for recipe in (
        _binarynet("binarynet-cifar10", 128, 1024),
        _binarynet("binarynet-half-cifar10", 64, 512),
        _binarynet("binarynet-svhn", 64, 1024),
        Recipe("mnist-mlp", (28, 28, 1), (), (4096, 4096, 4096), first_rate=3e-3),
        Recipe("mnist-mlp-half", (28, 28, 1), (), (2048, 2048, 2048), first_rate=3e-3),
        Recipe("digits", (8, 8, 1), ((16, 32),), (64,), half=8.0, first_rate=3e-3),
    )
}


def recipe_of(name: str) -> Recipe:
    """RecipeError where there is none of that name."""
    if name not in RECIPES:
        raise RecipeError(f"no recipe is named {name!r}; choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def build(
    recipe: Recipe, seed: int, precision: str = "float32", *, stochastic: bool = False
) -> Any:
    """The Keras model: pixels [n, h, w, c] as stored to scores [n, classes].

    seed: of weights. precision: float32, or bfloat16 for what multiplies +1/-1 with +1/-1; those
    are exact in it, and their sums are accumulated in float32. The first layer, which takes pixels,
    the scores and all weights are float32 anyhow. stochastic: whether signs of activations are
    drawn (`crshare.train.signs.Drawn`). A model in bfloat16, or that draws, is for training; its
    weights fit the one in float32 that does not, which is to be saved.
    """
    narrow: dict[str, Any] = {}
    convolution = larq.layers.QuantConv2D
    if precision == "bfloat16":
        narrow = {"dtype": keras.mixed_precision.Policy("mixed_bfloat16")}
        convolution = Convolution
    inputs = keras.Input(recipe.shape, name="pixels")
    x = keras.layers.Rescaling(1 / recipe.half, -1, name="rescaling")(inputs)
    number = 0
    for block in recipe.blocks:
        for place, filters in enumerate(block, 1):
            number += 1
            kind = convolution if number > 1 else larq.layers.QuantConv2D
            options = _binary((seed, number), narrow, stochastic)
            x = kind(filters, 3, padding="same", name=f"conv{number}", **options)(x)
            if place == len(block):
                x = keras.layers.MaxPooling2D(2, name=f"pool{number}", **narrow)(x)
            x = keras.layers.BatchNormalization(name=f"norm{number}", **NORM, **narrow)(x)
    x = keras.layers.Flatten(name="flatten", **narrow)(x)
    for width in recipe.dense:
        number += 1
        options = _binary((seed, number), narrow, stochastic)
        x = larq.layers.QuantDense(width, name=f"dense{number}", **options)(x)
        x = keras.layers.BatchNormalization(name=f"norm{number}", **NORM, **narrow)(x)
    number += 1
    options = _binary((seed, number), narrow, stochastic)
    x = larq.layers.QuantDense(recipe.n_classes, name=f"dense{number}", **options)(x)
    x = keras.layers.BatchNormalization(name=f"norm{number}", **NORM)(x)
    return keras.Model(inputs, x, name=recipe.name.replace("-", "_"))


def _binary(seed: tuple[int, int], narrow: dict[str, Any], stochastic: bool) -> dict[str, Any]:
    """The options of a binary layer, number seed[1]; the first takes the pixels."""
    first = int(np.random.SeedSequence(seed).generate_state(1)[0]) >> 1
    common = {
        "use_bias": False,
        "kernel_constraint": "weight_clip",
        "kernel_initializer": keras.initializers.RandomUniform(-1.0, 1.0, seed=first),
    }
    if seed[1] == 1:
        return {**common, "kernel_quantizer": "ste_sign"}
    sign = larq.quantizers.SteSign(**narrow) if narrow else "ste_sign"
    given = Drawn(seed) if stochastic else sign
    return {**common, "kernel_quantizer": sign, "input_quantizer": given, **narrow}


def count(model: Any) -> None:
    """Let signs that are drawn follow the steps of the model's optimiser."""
    for layer in model.layers:
        if isinstance(drawn := getattr(layer, "input_quantizer", None), Drawn):
            drawn.steps = model.optimizer.iterations


def scales(model: Any) -> dict[str, float]:
    """By the names of binary kernels, what their rates are multiplied with."""
    layers = [layer for layer in model.layers if hasattr(layer, "kernel_quantizer")]
    return {la.kernel.name: glorot_scale(tuple(la.kernel.shape)) for la in layers}
