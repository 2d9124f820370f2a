"""Trains data/digits_bnn.h5, the small network of the demo, from a seed.

    python scripts/train_digits.py [--out data/digits_bnn.h5] [--epochs N] [--seed N]

The recipe is that of M. Courbariaux et al., "Binarized Neural Networks", 2016: deterministic sign,
straight-through estimator with |x| <= 1, latent weights clipped to [-1, 1], batch normalisation,
squared hinge loss on +1/-1 targets, Adam with an exponentially decaying rate, and the weights of
the epoch that does best on images held back from training: the calibration ones of
crshare.images.digits. Each epoch shifts every training image by at most one pixel. The test
images are looked at once, at the end. Needs pip install "crshare[train,demo]".

The file holds the weights as the inference uses them, +1/-1, compressed.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from crshare.executor.execute import compile_network
from crshare.files import replacing
from crshare.images.digits import digits
from crshare.images.image_set import ImageSet
from crshare.model.read import read_network

os.environ.update(TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")

ROOT = Path(__file__).resolve().parents[1]
N_CLASSES = 10
BATCH = 50
FIRST_RATE, LAST_RATE = 1e-2, 1e-5
PACKAGES = ("tensorflow-cpu", "tf_keras", "larq", "numpy", "h5py", "scikit-learn")


def build(keras: Any, larq: Any) -> Any:
    """8x8 pixels of 0 to 16, three binary convolutions, two binary dense layers."""
    layers = keras.layers
    binary = {
        "kernel_quantizer": "ste_sign",
        "kernel_constraint": "weight_clip",
        "use_bias": False,
    }
    inner = binary | {"input_quantizer": "ste_sign"}
    same = {"padding": "same", "pad_values": 1.0}
    norm = {"momentum": 0.9, "epsilon": 1e-4}
    return keras.Sequential(
        [
            layers.InputLayer((8, 8, 1), name="pixels"),
            layers.Rescaling(1 / 8, -1, name="rescaling"),
            larq.layers.QuantConv2D(32, 3, padding="same", name="conv1", **binary),
            layers.BatchNormalization(name="norm1", **norm),
            larq.layers.QuantConv2D(64, 3, name="conv2", **same, **inner),
            layers.MaxPooling2D(2, name="pool2"),
            layers.BatchNormalization(name="norm2", **norm),
            larq.layers.QuantConv2D(64, 3, padding="same", name="conv3", **inner),
            layers.BatchNormalization(name="norm3", **norm),
            layers.Flatten(name="flatten"),
            larq.layers.QuantDense(128, name="dense1", **inner),
            layers.BatchNormalization(name="norm4", **norm),
            larq.layers.QuantDense(N_CLASSES, name="dense2", **inner),
            layers.BatchNormalization(name="scores", **norm),
        ],
        name="digits_bnn",
    )


def shifted(images: Any, rng: np.random.Generator) -> Any:
    """Each image moved by -1, 0 or 1 pixel either way; what comes in is background."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    down, right = rng.integers(0, 3, (2, len(images)))
    view: Any = sliding_window_view  # numpy's stubs know only one axis
    windows = view(padded, (8, 8), axis=(1, 2))
    return windows[np.arange(len(images)), down, right].transpose(0, 2, 3, 1)


def targets(labels: Any) -> Any:
    return 2.0 * np.eye(N_CLASSES, dtype=np.float32)[labels] - 1


def n_right(model: Any, part: ImageSet) -> int:
    scores = model.predict(part.images.astype(np.float32), batch_size=500, verbose=0)
    return int((scores.argmax(axis=1) == part.labels).sum())


def train(keras: Any, model: Any, epochs: int, seed: int) -> None:
    """Fit, and leave the model with the weights of its best epoch on the calibration images."""
    parts = digits()
    rng = np.random.default_rng(seed)
    n_steps = epochs * -(-len(parts.training) // BATCH)
    rate = keras.optimizers.schedules.ExponentialDecay(FIRST_RATE, n_steps, LAST_RATE / FIRST_RATE)
    model.compile(keras.optimizers.Adam(rate), loss="squared_hinge")
    best, kept = -1, model.get_weights()
    wanted = targets(parts.training.labels)
    for epoch in range(epochs):
        images = shifted(parts.training.images, rng).astype(np.float32)
        model.fit(images, wanted, batch_size=BATCH, verbose=0)
        right = n_right(model, parts.calibration)
        if right >= best:
            best, kept = right, model.get_weights()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: {right} of {len(parts.calibration)} calibration images")
    model.set_weights(kept)


def save(larq: Any, model: Any, out: Path) -> None:
    """The file that Keras writes, with each weight compressed and all else the same."""
    import h5py

    with tempfile.TemporaryDirectory() as folder, replacing(out) as draft:
        plain = Path(folder) / "plain.h5"
        with larq.context.quantized_scope(True):
            model.save(plain, include_optimizer=False)
        with h5py.File(plain, "r") as source, h5py.File(draft, "w") as target:
            copy_attributes(source, target)
            source.visititems(lambda name, item: copy_item(name, item, target))


def copy_item(name: str, item: Any, target: Any) -> None:
    if hasattr(item, "shape"):
        small = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
        how = small | {"chunks": item.shape} if item.size >= 512 else {}
        copy = target.create_dataset(name, data=item[()], **how)
    else:
        copy = target.require_group(name)
    copy_attributes(item, copy)


def copy_attributes(source: Any, target: Any) -> None:
    for key, value in source.attrs.items():
        target.attrs[key] = value


def report(keras: Any, path: Path) -> None:
    """What the file holds and does, as Keras and as crshare read it."""
    parts = digits()
    model = keras.models.load_model(path, compile=False)
    executor = compile_network(read_network(path))
    for part in (parts.training, parts.calibration, parts.test):
        keras_right = n_right(model, part)
        our_right = int((executor.classify(part.images) == part.labels).sum())
        print(
            f"{part.name}: {len(part)} images, tf_keras {keras_right} right "
            f"({100 * keras_right / len(part):.2f} %), crshare {our_right} right "
            f"({100 * our_right / len(part):.2f} %)"
        )
    content = path.read_bytes()
    print(f"{path.name}: {len(content)} bytes, sha256 {sha256(content).hexdigest()}")
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(f"Python {platform.python_version()}, {versions}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the small network of the demo.")
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "digits_bnn.h5")
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    try:
        import larq
        import tensorflow
        import tf_keras as keras
    except ImportError as error:
        sys.exit(f'{error.name} is not installed; try pip install "crshare[train,demo]"')
    start = time.monotonic()
    keras.utils.set_random_seed(arguments.seed)
    tensorflow.config.experimental.enable_op_determinism()
    model = build(keras, larq)
    train(keras, model, arguments.epochs, arguments.seed)
    save(larq, model, arguments.out)
    print(f"trained in {time.monotonic() - start:.0f} s")
    report(keras, arguments.out)


if __name__ == "__main__":
    main()
