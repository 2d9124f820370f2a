"""Trains two small networks with shortcuts on CIFAR-10 images, as examples of mixed precision.

    python scripts/train_shortcuts.py IMAGES.npz FOLDER [EPOCHS [WIDTH]]    needs the extra `train`

bireal.h5: sign, binary convolution, batch normalisation, and the block's real input added (Liu et
al. 2018). blend.h5: binary convolution in the main path, a convolution in fixed point with four
fractional bits in the skip path, batch normalisation on both, added (NeuroBlend, Fayyazi et al.
2023).
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from crshare.train.blend import blend
from crshare.train.plain_layers import give_weights

import larq  # isort: skip  # crshare.train says which Keras it is to use
import tf_keras as keras  # isort: skip

SEED = 0

Block = Callable[..., Any]


def bireal(x: Any, filters: int, name: str, *, trained: bool) -> Any:
    """As `blend`; it is of plain layers anyhow."""
    del trained
    y = larq.layers.QuantConv2D(
        filters,
        3,
        padding="same",
        pad_values=1.0,
        use_bias=False,
        input_quantizer="approx_sign",
        kernel_quantizer="ste_sign",
        kernel_constraint="weight_clip",
        name=f"{name}_main",
    )(x)
    norm = keras.layers.BatchNormalization(name=f"{name}_norm")
    return keras.layers.Add(name=name)([x, norm(y)])


BLOCKS: dict[str, Block] = {"bireal": bireal, "blend": blend}


def network(block: Block, width: int, *, trained: bool) -> Any:
    layers = keras.layers
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1.0, name="rescaling")(inputs)
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, name="conv1")(x)
    x = layers.BatchNormalization(name="conv1_norm")(x)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    for name in ("block1", "block2"):
        x = block(x, width, name, trained=trained)
    means, most = layers.AveragePooling2D(2, name="means"), layers.MaxPooling2D(2, name="most")
    x = layers.Concatenate(name="both")([means(x), most(x)])
    for name in ("block3", "block4"):
        x = block(x, 2 * width, name, trained=trained)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, layers.Dense(10, name="dense")(x))


def train(block: Block, width: int, images: Any, labels: Any, epochs: int) -> Any:
    """The trained network of these blocks, in plain layers."""
    model, plain = (network(block, width, trained=trained) for trained in (True, False))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss=loss, metrics=["accuracy"])
    model.fit(images.astype(np.float32), labels, batch_size=50, epochs=epochs, verbose=2)
    give_weights(model, plain)
    return plain


def main(data: str, folder: str, epochs: str = "1", width: str = "32") -> None:
    with np.load(data) as file:
        images, labels = file["images"], file["labels"]
    for name, block in BLOCKS.items():
        keras.utils.set_random_seed(SEED)
        model = train(block, int(width), images, labels, int(epochs))
        model.save(Path(folder) / f"{name}.h5")


if __name__ == "__main__":
    main(*sys.argv[1:])
