"""Random models as people build them: models in models, operations as layers, reshapes, gates.

Built with the real libraries from a seed; imported only where one is installed.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tests.library_models import N_IMAGES, randomise, sign_class

Generator = np.random.Generator


class Field:
    """What models of one kind are made of, in tf_keras with Larq or in Keras 3."""

    def __init__(self, library: str, rng: Generator) -> None:
        self.keras = import_module("keras" if library == "keras" else "tf_keras")
        self.larq: Any = import_module("larq") if library == "larq" else None
        self.tensorflow = import_module("tensorflow")
        self.layers, self.rng = self.keras.layers, rng
        self.sign = sign_class(self.keras)

    def conv(self, filters: int, size: int = 3, **given: Any) -> list[Any]:
        """Of signs with signs: one layer of Larq, or two."""
        given = {"padding": "same", "use_bias": False} | given
        if self.larq is None:
            return [self.sign(), self.layers.Conv2D(filters, size, **given)]
        signs = {"kernel_quantizer": "ste_sign", "input_quantizer": "ste_sign"}
        return [self.larq.layers.QuantConv2D(filters, size, **signs, **given)]

    def through(self, layers: list[Any], x: Any) -> Any:
        for layer in layers:
            x = layer(x)
        return x

    def norm(self) -> Any:
        return self.layers.BatchNormalization()

    def pick(self, *options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def row(self, filters: int) -> list[Any]:
        return [*self.conv(filters), self.norm(), self.layers.ReLU(max_value=self.pick(None, 2.0))]


def nested(field: Field, x: Any) -> Any:
    """Rows and graphs of layers as layers, in each other, with names that stand twice."""
    channels = int(x.shape[-1])
    block = field.keras.Sequential([*field.row(channels), *field.conv(channels)])
    inner = field.keras.Input(tuple(x.shape[1:]))
    y = field.through([*field.conv(channels), field.norm()], inner)
    y = field.layers.Add()([y, inner])
    graph = field.keras.Model(inner, y)
    around = field.keras.Sequential([graph, field.norm()]) if field.pick(True, False) else graph
    y = field.layers.Add()([block(x), x]) if field.pick(True, False) else block(x)
    return around(y)


def operated(field: Field, x: Any) -> Any:
    """Arithmetic on layers, with numbers and arrays."""
    y = field.through([*field.conv(int(x.shape[-1])), field.norm()], x)
    each = field.rng.choice([-1.0, 0.5, 2.0], int(x.shape[-1])).astype(np.float32)
    for number in field.rng.integers(0, 7, 3).tolist():
        y = [
            lambda v: v + x,
            lambda v: v * 0.5,
            lambda v: 1.0 - v,
            lambda v: v / 3,
            lambda v: -v,
            lambda v: v * each,
            lambda v: v - 0.25,
        ][number](y)
    return y


def reshaped(field: Field, x: Any) -> Any:
    """Lines of zeros, pools and reshapes that add axes."""
    channels = int(x.shape[-1])
    sides = field.pick(1, ((1, 1), (1, 1)), ((0, 1), (0, 1)), ((2, 0), (1, 0)))
    x = field.layers.ZeroPadding2D(sides)(x)
    conv = field.conv(channels, padding="valid", strides=field.pick(1, 2))
    x = field.through([*conv, field.norm()], x)
    if field.pick(True, False):
        x = field.layers.GlobalMaxPooling2D()(x)
        return field.layers.Reshape((1, 1, channels))(x)
    return field.layers.Reshape(tuple(int(n) for n in x.shape[1:]))(x)


def gated(field: Field, x: Any) -> Any:
    """Sums of a binary convolution gated by what a small real network makes of their input."""
    channels = int(x.shape[-1])
    y = field.through(field.conv(channels), x)
    z = field.layers.GlobalAveragePooling2D()(x)
    z = field.layers.Dense(3, activation="relu", use_bias=False)(z)
    z = field.layers.Dense(channels, activation="sigmoid", use_bias=False)(z)
    gate = field.layers.Reshape((1, 1, channels))(z)
    return field.layers.Add()([field.layers.Multiply()([y, gate]), x])


def two_bits(field: Field, x: Any) -> Any:
    """Binary weights on activations of two bits or three (DoReFa), which only Larq has."""
    quantizer = field.larq.quantizers.DoReFa(k_bit=field.pick(2, 3), mode="activations")
    given = {"padding": field.pick("same", "valid"), "use_bias": False}
    conv = field.larq.layers.QuantConv2D(
        int(x.shape[-1]), 3, input_quantizer=quantizer, kernel_quantizer="ste_sign", **given
    )
    return field.norm()(conv(x))


def improved(field: Field, x: Any) -> Any:
    """MeliusNet's blocks: groups by splitting, new channels joined, and added to the last ones."""
    ops = getattr(field.keras, "ops", None)
    join = ops.concatenate if ops else field.tensorflow.concat
    pad = ops.pad if ops else field.tensorflow.pad
    split = ops.split if ops else field.tensorflow.split
    halves = [field.layers.Conv2D(3, 3, padding="same")(part) for part in split(x, 2, axis=-1)]
    y = join([x, field.through([*field.conv(4), field.norm()], join(halves, -1))], -1)
    z = field.through([*field.conv(4), field.norm()], y)
    y = y + pad(z, [[0, 0], [0, 0], [0, 0], [int(y.shape[-1]) - 4, 0]])
    ends = [2, int(y.shape[-1]) - 2]
    sizes = ends if ops else [2, -1, 2]
    first, middle, last = split(y, sizes, axis=3)
    wide = pad(middle[:, :, :, :1], [[0, 0]] * 3 + [[1, 1]])
    return join([last, first, middle[:, :, :, 1:], wide], -1)


KINDS: dict[str, Callable[[Field, Any], Any]] = {
    "nested": nested,
    "operated": operated,
    "reshaped": reshaped,
    "gated": gated,
    "two_bits": two_bits,
    "improved": improved,
}


def build(library: str, kind: str, seed: int) -> tuple[Any, Any]:
    """A model with its weights set, and images for it."""
    rng = np.random.default_rng(seed)
    field = Field(library, rng)
    layers, keras = field.layers, field.keras
    inputs = keras.Input((6, 6, 2))
    x = field.norm()(layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs))
    for _ in range(2):
        if x.shape[1] > 1:
            x = KINDS[kind](field, x)
    x = layers.Reshape((-1,))(x) if field.pick(True, False) else layers.Flatten()(x)
    model = own_class(keras)(inputs, layers.Dense(5)(x))
    for layer in everything(model):
        randomise(layer, rng, plain_kernels=True)
    images = rng.integers(0, 256, (N_IMAGES, *model.input_shape[1:]), dtype=np.uint8)
    return model, images


def save(library: str, kinds: Sequence[str], folder: Path) -> None:
    """A model of each kind in two containers, with images and the library's scores of them."""
    for kind in kinds:
        model, images = build(library, kind, 0)
        scores = np.asarray(model(images.astype(np.float32), training=False))
        np.savez(folder / f"{kind}0.npz", images=images, scores=scores)
        for ending in (".h5", ".keras"):
            model.save(folder / f"{kind}0{ending}")


def own_class(keras: Any) -> type:
    """A class of one's own that is made of inputs and outputs."""

    class OwnModel(keras.Model):  # type: ignore[misc]
        """As BinaryDenseNet of Larq Zoo."""

    return OwnModel


def everything(model: Any) -> list[Any]:
    """The model and the models in it, for their own layers' weights."""
    inside = [layer for layer in model.layers if hasattr(layer, "layers")]
    return [part for layer in inside for part in everything(layer)] + [Leaves(model)]


class Leaves:
    """The layers of a model that are no models."""

    def __init__(self, model: Any) -> None:
        self.layers = [layer for layer in model.layers if not hasattr(layer, "layers")]
