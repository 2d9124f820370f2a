"""Trains two small networks with shortcuts on CIFAR-10 images, as examples of mixed precision.

    python scripts/train_shortcuts.py IMAGES.npz FOLDER [EPOCHS]        needs the extra `train`

bireal.h5: sign, binary convolution, batch normalisation, and the block's real input added (Liu et
al. 2018). blend.h5: binary convolution in the main path, a convolution in fixed point with four
fractional bits in the skip path, batch normalisation on both, added (NeuroBlend, Fayyazi et al.
2023).
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

FRACTION = 16  # steps of a fixed-point weight in 1
SEED = 0


def bireal(keras: Any, larq: Any) -> Any:
    def block(x: Any, filters: int) -> Any:
        y = binary(larq, filters)(x)
        return keras.layers.Add()([x, keras.layers.BatchNormalization()(y)])

    return network(keras, larq, block)


def blend(keras: Any, larq: Any) -> Any:
    def block(x: Any, filters: int) -> Any:
        main = keras.layers.BatchNormalization()(binary(larq, filters)(x))
        skip = keras.layers.Conv2D(filters, 1, use_bias=False)(x)
        return keras.layers.Add()([main, keras.layers.BatchNormalization()(skip)])

    return network(keras, larq, block)


def binary(larq: Any, filters: int) -> Any:
    return larq.layers.QuantConv2D(
        filters,
        3,
        padding="same",
        pad_values=1.0,
        use_bias=False,
        input_quantizer="approx_sign",
        kernel_quantizer="ste_sign",
        kernel_constraint="weight_clip",
    )


def network(keras: Any, larq: Any, block: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(inputs)
    x = layers.Conv2D(32, 3, padding="same", use_bias=False)(x)
    x = layers.MaxPooling2D(2)(layers.BatchNormalization()(x))
    x = block(block(x, 32), 32)
    x = layers.Concatenate()([layers.AveragePooling2D(2)(x), layers.MaxPooling2D(2)(x)])
    x = block(block(x, 64), 64)
    x = layers.GlobalAveragePooling2D()(x)
    del larq
    return keras.Model(inputs, layers.Dense(10)(x))


def train(keras: Any, model: Any, images: Any, labels: Any, epochs: int) -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss=loss, metrics=["accuracy"])
    model.fit(images.astype(np.float32), labels, batch_size=50, epochs=epochs, verbose=2)
    for layer in model.layers:
        if type(layer).__name__ == "Conv2D" and layer.kernel_size == (1, 1):
            kernel = layer.get_weights()[0]
            layer.set_weights([np.rint(kernel * FRACTION) / FRACTION])


def main(data: str, folder: str, epochs: str = "1") -> None:
    import larq
    import tf_keras as keras

    with np.load(data) as file:
        images, labels = file["images"], file["labels"]
    for build in (bireal, blend):
        keras.utils.set_random_seed(SEED)
        model = build(keras, larq)
        train(keras, model, images, labels, int(epochs))
        model.save(Path(folder) / f"{build.__name__}.h5")


if __name__ == "__main__":
    main(*sys.argv[1:])
