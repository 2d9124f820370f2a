"""BinaryConv2D and BinaryDense as Ding Ke's Keras layers have them (BinaryNet, Courbariaux 2016).

Weights are H * sign(w), with sign(0) = -1: both are 2 * round((x + 1) / 2) - 1, halves to even, in
float32. H is a number, or "Glorot" for sqrt(1.5 / (inputs + outputs)); the weights are clipped to
[-H, H] in training. Many projects call their layers so; these always write H.
"""

from functools import partial
from math import sqrt

import numpy as np

from crshare.arrays import Float64Array
from crshare.frontend.config import KerasLayer, short
from crshare.frontend.dialect import Activation, Dialect, LayerClass, LayerOps, NoLibrary
from crshare.frontend.linear_layers import Kernel, Quantization, convolution, dense, signed
from crshare.thresholds.layer_ops import Binarize, fractions


def kernel(layer: KerasLayer, weight: str, stored: Float64Array) -> Kernel:
    limit = np.float32(_limit(layer, stored))
    share = np.clip((stored.astype(np.float32) / limit + np.float32(1)) / 2, 0, 1)
    magnitudes = fractions(np.array([float(limit)])) * stored.shape[-1]
    return signed(stored, np.rint(share) == 1, "binarize, sign(0) = -1", magnitudes)


def _limit(layer: KerasLayer, stored: Float64Array) -> float:
    value = layer.config.get("H", 1.0)
    if value == "Glorot":
        taps = int(np.prod(stored.shape[:-2]))
        return sqrt(1.5 / (taps * (stored.shape[-2] + stored.shape[-1])))
    number = layer.number("H", 1.0)
    if not 0 < float(np.float32(number)) < np.inf:
        raise layer.refuse(f"has H {short(value)}, which is no limit of weights; train it with 1")
    return number


def binary_tanh(owner: str) -> LayerOps:
    """+1 where the value is > 0, else -1."""
    return (Binarize(owner, zero_is_plus=False),)


HOW = Quantization(kernel)

DIALECT = Dialect(
    name="BinaryNet",
    library=NoLibrary("whose code is in no library"),
    marks=("H",),
    classes={
        "BinaryConv2D": LayerClass(partial(convolution, how=HOW)),
        "BinaryDense": LayerClass(partial(dense, how=HOW)),
    },
    activations={"binary_tanh": Activation(binary_tanh, "own.binary_tanh")},
)
