"""Keras and Larq run model files, or build random ones and run them: for tests.library_process.

What is written for a model holds for each linear layer NAME what enters it before its own sign,
under NAME, or, where only that is asked for, the packed signs of it; and the model's output under
"scores".
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

LINEAR = ("QuantConv2D", "QuantDense", "Conv2D", "Dense")
BATCH = 250


@dataclass(frozen=True)
class Case:
    """A model file, images (.npy), and what the library makes of them (.npz)."""

    model: Path
    images: Path
    out: Path


def run(keras: Any, model: Any, images: Any, out: Path, *, packed: bool = False) -> None:
    linear = [layer for layer in model.layers if type(layer).__name__ in LINEAR]
    probe = keras.Model(model.inputs, [*(layer.input for layer in linear), model.outputs[0]])
    names = [layer.name for layer in linear]
    parts: dict[str, list[Any]] = {name: [] for name in (*names, "scores")}
    for start in range(0, len(images), BATCH):
        values = probe(images[start : start + BATCH].astype(np.float32), training=False)
        for name, value in zip(parts, values, strict=True):
            value = np.asarray(value)
            small = packed and name != "scores"
            parts[name].append(np.packbits(value >= 0, axis=-1) if small else value)
    np.savez(out, **{name: np.concatenate(values) for name, values in parts.items()})


def run_cases(library: str, cases: list[Case], packed: bool) -> None:
    keras = keras_of(library)
    for case in cases:
        model = keras.models.load_model(case.model, compile=False, custom_objects=signs(keras))
        run(keras, model, np.load(case.images), case.out, packed=packed)


def signs(keras: Any) -> dict[str, type]:
    """The custom sign layer of the Keras 3 models."""

    class Sign(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return keras.ops.where(inputs >= 0, 1.0, -1.0)

    return {"bnn>Sign": Sign, "Sign": Sign}


def build(library: str, folder: Path, seeds: range) -> list[Case]:
    """Random models, with what the library makes of random images."""
    keras, cases = keras_of(library), list[Case]()
    for seed in seeds:
        case = Case(*(folder / f"{seed}{end}" for end in (".h5", ".npy", ".npz")))
        rng = np.random.default_rng(seed)
        model = (
            larq_model(keras, rng, plain=seed % 2 == 0)
            if library == "larq"
            else keras_model(keras, rng)
        )
        randomise(model, rng)
        images = rng.integers(0, 256, (40, *model.input_shape[1:]), dtype=np.uint8)
        np.save(case.images, images)
        if library == "larq" and seed % 5 == 4:
            import larq

            with larq.context.quantized_scope(True):
                model.save(case.model)
        else:
            model.save(case.model)
        run(keras, model, images, case.out)
        cases.append(case)
    return cases


def larq_model(keras: Any, rng: np.random.Generator, *, plain: bool) -> Any:
    """Random kernels, paddings, strides, pools, quantizers, and where the signs stand.

    tf_keras 2.21 cannot load what it saved with larq's hard_tanh: `plain` models are without.
    """
    import larq

    size = int(rng.integers(17, 21))
    model = keras.Sequential([keras.layers.InputLayer((size, size, int(rng.integers(1, 4))))])
    if rng.random() < 0.5:
        model.add(keras.layers.Rescaling(*((1 / 127.5, -1), (1 / 255, 0))[rng.integers(2)]))
    signed = True  # whether the next layer needs no quantizer: pixels, or an activation before it
    for position in range(3):
        quantizer = None if signed else ("ste_sign", "approx_sign", "swish_sign")[rng.integers(3)]
        kernel_quantizer = "ste_sign" if rng.random() < 0.6 else "magnitude_aware_sign"
        activation = larq.quantizers.SteSign() if rng.random() < 0.15 else None
        same = bool(rng.random() < 0.6)
        pads = (0.0, 1.0, -1.0) if position else (0.0,)
        padding = {"pad_values": pads[rng.integers(len(pads))]} if same else {}
        conv = larq.layers.QuantConv2D(
            int(rng.integers(3, 9)),
            tuple(rng.integers(1, 4, 2).tolist()),
            strides=int(rng.integers(1, 3)) if position else 1,
            padding="same" if same else "valid",
            use_bias=bool(rng.random() < 0.4),
            input_quantizer=quantizer,
            kernel_quantizer=kernel_quantizer,
            activation=activation,
            **padding,
        )
        model.add(conv)
        bounded = "tanh" if plain else "hard_tanh"
        signed = between(keras, larq, model, rng, pool=position != 1, bounded=bounded)
        if activation and not signed and rng.random() < 0.5:
            model.add(keras.layers.Activation(larq.quantizers.ApproxSign()))
            signed = True
    model.add(keras.layers.Flatten())
    quantizer = None if signed else "ste_sign"
    model.add(larq.layers.QuantDense(5, input_quantizer=quantizer, kernel_quantizer="ste_sign"))
    model.add(keras.layers.BatchNormalization(scale=bool(rng.random() < 0.5)))
    model.add(keras.layers.Activation("softmax"))
    return model


def between(
    keras: Any, larq: Any, model: Any, rng: np.random.Generator, *, pool: bool, bounded: str
) -> bool:
    """What may stand between two layers; tells whether it ends in a sign."""
    layers = keras.layers
    norm = layers.BatchNormalization(
        scale=bool(rng.random() < 0.7), center=bool(rng.random() < 0.8)
    )
    parts = [norm]
    if rng.random() < 0.3:
        parts.append(layers.Activation(("tanh", bounded)[rng.integers(2)]))
    elif rng.random() < 0.2:
        ways = (layers.Activation("relu"), layers.ReLU(), layers.ReLU(max_value=6.0))
        parts.insert(0, ways[rng.integers(3)])
    if pool:
        padding = ("valid", "same")[rng.integers(2)]
        at = int(rng.integers(len(parts) + 1))
        parts.insert(at, layers.MaxPooling2D(2, int(rng.integers(1, 3)), padding=padding))
    if rng.random() < 0.3:
        parts.append(layers.Dropout(0.3))
    signed = bool(rng.random() < 0.3)
    if signed:
        parts.append(layers.Activation(larq.quantizers.SteSign()))
    for part in parts:
        model.add(part)
    return signed


def keras_model(keras: Any, rng: np.random.Generator) -> Any:
    """A Keras 3 model, Sequential or functional, of plain layers and a custom sign."""
    layers, sign = keras.layers, signs(keras)["Sign"]
    keras.saving.register_keras_serializable("bnn")(sign)
    chain = [
        layers.Rescaling(1 / 255),
        layers.Conv2D(6, 3, padding="same", use_bias=bool(rng.random() < 0.5)),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        sign(),
        layers.Conv2D(7, 3, strides=int(rng.integers(1, 3)), use_bias=False),
        layers.MaxPooling2D(padding="same"),
        layers.BatchNormalization(),
        layers.ReLU() if rng.random() < 0.3 else layers.Dropout(0.5),
        layers.BatchNormalization(),
        sign(),
        layers.Flatten(),
        layers.Dense(4, use_bias=False),
        layers.BatchNormalization(),
    ]
    inputs = keras.Input((10, 10, 2))
    if rng.random() < 0.5:
        return keras.Sequential([inputs, *chain])
    x = inputs
    for layer in chain:
        x = layer(x)
    return keras.Model(inputs, x)


def randomise(model: Any, rng: np.random.Generator) -> None:
    """Weights of all signs; parameters that make ties likely, gammas of zero among them."""
    for layer in model.layers:
        new = []
        for variable in layer.weights:
            shape, name = tuple(variable.shape), variable.name.split("/")[-1].split(":")[0]
            new.append(drawn(name, shape, rng, plain=not type(layer).__name__.startswith("Quant")))
        if new:
            layer.set_weights(new)


def drawn(name: str, shape: tuple[int, ...], rng: np.random.Generator, *, plain: bool) -> Any:
    match name:
        case "kernel" if plain:
            values = rng.choice([-1.0, 1.0], shape)
        case "kernel":
            values = rng.choice([-1, 1, 0.5, 0], shape) * rng.random(shape)
        case "gamma":
            values = rng.choice([-2, -0.3, 0, 0.7, 1], shape)
        case "moving_variance":
            values = rng.choice([0.2, 1, 30.0], shape)
        case "moving_mean":
            values = rng.integers(-6, 7, shape) / rng.choice([1, 2, 3], shape)
        case _:
            values = rng.choice([0, 0, 0.5, -0.25, 1], shape)
    return np.asarray(values, np.float32)


def keras_of(library: str) -> Any:
    """Keras 3, or Keras 2 where Larq is in it."""
    if library == "larq":
        import_module("larq")
    return import_module("tf_keras" if library == "larq" else "keras")
