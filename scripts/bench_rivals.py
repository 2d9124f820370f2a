"""The cases of bench_cases.py built for each rival, and the process that times one of them.

    python scripts/bench_rivals.py RIVAL THREADS

answers each line on stdin that names a case with the seconds for an image.

    python scripts/bench_rivals.py start MODEL DATA

runs a model file over a file of images once, from nothing.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from bench_cases import CASES, Case, Conv, Dense, Pool

Run = Callable[[int], None]  # runs that many images
TURN_S = 0.3  # what one timing should take
MAX_IMAGES = 1000
LIMIT_CHAINS = 12


def ours(case: Case, n_threads: int) -> Run:
    """The executor, on uint8 images or on packed bits."""
    from crshare.executor.execute import compile_part
    from crshare.network import graph as net
    from crshare.network.bits import n_words

    rng = np.random.default_rng(0)
    layers: list[net.Layer] = []

    def add(op: net.Op) -> None:
        source = layers[-1].name if layers else net.INPUT
        layers.append(net.Layer(f"layer{len(layers)}", op, source))

    def threshold(channels: int) -> net.Threshold:
        return net.Threshold(np.zeros(channels, np.int32), np.ones(channels, np.bool_))

    if not case.pixels:
        add(threshold(case.shape[2]))
    before = case.shape
    for layer, (shape, _) in zip(case.layers, case.shapes(), strict=True):
        if isinstance(layer, Pool):
            add(net.BitPool((2, 2), (2, 2), False, np.zeros(shape[2], np.bool_)))
        else:
            size, same = (layer.size, layer.same) if isinstance(layer, Conv) else (1, False)
            if isinstance(layer, Dense) and before[:2] != (1, 1):
                add(net.Flatten())
                before = (1, 1, before[0] * before[1] * before[2])
            kernel = rng.choice(np.array([-1, 1], np.int8), (size, size, before[2], shape[2]))
            add(net.Conv(kernel, (1, 1), 1 if same else None))
            if layer is not case.layers[-1] or not case.pixels:
                add(threshold(shape[2]))
        before = shape
    network = net.Network(net.Input(case.shape, multiplier=2, offset=-255), tuple(layers))
    start = net.INPUT if case.pixels else layers[0].name
    part = compile_part(network, start=start, targets=[layers[-1].name], n_threads=n_threads)
    height, width, channels = case.shape
    values: Any
    if case.pixels:
        values = rng.integers(0, 256, (MAX_IMAGES, *case.shape)).astype(np.uint8)
    else:
        words = (MAX_IMAGES, height, width, n_words(channels))
        values = rng.integers(0, 2**64, words, dtype=np.uint64)
    return lambda n: void(part.run(values[:n]))


def limit(case: Case, n_threads: int) -> Run:
    """As many xors, population counts and additions of registers as the case needs; no memory."""
    import numba
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import intrinsic

    vector = ir.VectorType(ir.IntType(64), 8)

    @intrinsic
    def spin(context: Any, n: Any) -> Any:
        def generate(context: Any, build: Any, signature: Any, args: Any) -> Any:
            helpers: Any = cgutils
            count = helpers.get_or_insert_function(
                build.module, ir.FunctionType(vector, [vector]), "llvm.ctpop.v8i64"
            )
            slots = [helpers.alloca_once(build, vector) for _ in range(LIMIT_CHAINS + 1)]
            for i, slot in enumerate(slots):
                build.store(vector([i * 7 + 1] * 8), slot)
            with cgutils.for_range(build, args[0]):
                word = build.load(slots[-1])
                for i, slot in enumerate(slots[:-1]):
                    mixed = build.xor(word, vector([i * 0x1234567] * 8))
                    added = build.add(build.load(slot), build.call(count, [mixed]))
                    build.store(added, slot)
                build.store(build.add(word, word), slots[-1])
            total = build.load(slots[0])
            for slot in slots[1:]:
                total = build.add(total, build.load(slot))
            return build.extract_element(total, ir.IntType(32)(0))

        return types.int64(types.int64), generate

    loop = numba.njit(lambda n: spin(n))  # type: ignore[call-arg]  # numba gives the context
    return lambda n: void(loop(n * case.macs // (512 * LIMIT_CHAINS)))


def tensorflow(case: Case, n_threads: int) -> Run:
    """Float32 convolutions with ReLU, in place of signs."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(n_threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras = tf.keras
    layers: list[Any] = [keras.Input(case.shape)]
    for layer in case.layers:
        match layer:
            case Conv(filters, size, same):
                padding = "same" if same else "valid"
                layers.append(keras.layers.Conv2D(filters, size, 1, padding, activation="relu"))
            case Pool():
                layers.append(keras.layers.MaxPooling2D())
            case Dense(filters):
                layers += [keras.layers.Flatten(), keras.layers.Dense(filters, "relu")]
    model = tf.function(keras.Sequential(layers))
    images = tf.random.uniform((64, *case.shape))
    return in_batches(lambda n: model(images[:n]), 64)


def larq(case: Case, n_threads: int, *, indirect: bool) -> Run:
    """The Larq Compute Engine, fed with floats as it wants them."""
    import larq as lq
    import larq_compute_engine as lce
    import tensorflow as tf
    from larq_compute_engine.tflite.python.interpreter import Interpreter

    def options(first: bool) -> dict[str, Any]:
        quantizer = None if first and case.pixels else "ste_sign"
        clip = {"kernel_quantizer": "ste_sign", "kernel_constraint": "weight_clip"}
        return {"input_quantizer": quantizer, "use_bias": False, **clip}

    layers: list[Any] = [tf.keras.Input(case.shape)]
    for i, layer in enumerate(case.layers):
        match layer:
            case Conv(filters, size, same):
                pad = {"padding": "same", "pad_values": 1.0 if i else 0.0}
                layers.append(
                    lq.layers.QuantConv2D(filters, size, **(pad if same else {}), **options(i == 0))
                )
            case Pool():
                layers.insert(-1, tf.keras.layers.MaxPooling2D())
                continue
            case Dense(filters):
                layers += [
                    tf.keras.layers.Flatten(),
                    lq.layers.QuantDense(filters, **options(False)),
                ]
        layers.append(tf.keras.layers.BatchNormalization(scale=False))
    model = lce.convert_keras_model(tf.keras.Sequential(layers))
    interpreter = Interpreter(model, num_threads=n_threads, use_indirect_bgemm=indirect)
    images = np.random.default_rng(0).normal(size=(32, *case.shape)).astype(np.float32)
    return in_batches(lambda n: interpreter.predict(images[:n]), 32)


def torch_int8(case: Case, n_threads: int) -> Run:
    """Quantised convolutions with ReLU between them, on channels-last maps."""
    import torch

    torch.set_num_threads(n_threads)
    torch.backends.quantized.engine = "onednn"
    ops = torch.ops.quantized
    steps: list[Callable[[Any], Any]] = []

    def weights(*shape: int) -> Any:
        return torch.quantize_per_tensor(torch.randn(*shape), 0.05, 0, torch.qint8)

    def convolve(packed: Any, x: Any) -> Any:
        return ops.conv2d_relu(x, packed, 0.1, 64)

    def multiply(packed: Any, x: Any) -> Any:
        return ops.linear(x.flatten(1), packed, 0.1, 64)

    channels = case.shape[2]
    before = case.shape
    for layer, (shape, _) in zip(case.layers, case.shapes(), strict=True):
        match layer:
            case Conv(filters, size, same):
                pad = [size // 2] * 2 if same else [0, 0]
                packed = ops.conv2d_prepack(
                    weights(filters, before[2], size, size), None, [1, 1], pad, [1, 1], 1
                )
                steps.append(partial(convolve, packed))
            case Pool():
                steps.append(lambda x: torch.nn.functional.max_pool2d(x, 2))
            case Dense(filters):
                packed = ops.linear_prepack(weights(filters, int(np.prod(before))), None)
                steps.append(partial(multiply, packed))
        before = shape
    floats = torch.rand(32, channels, *case.shape[:2]).to(memory_format=torch.channels_last)
    images = torch.quantize_per_tensor(floats, 0.01, 64, torch.quint8)

    def run(n: int) -> None:
        for i in range(0, n, 32):
            x = images[: min(32, n - i)]
            for step in steps:
                x = step(x)

    return run


def in_batches(run: Callable[[int], Any], size: int) -> Run:
    """As many images as asked for, at most `size` at a time."""

    def whole(n: int) -> None:
        for i in range(0, n, size):
            run(min(size, n - i))

    return whole


def void(_: Any) -> None:
    """Drop a result."""


RIVALS: dict[str, Callable[[Case, int], Run]] = {
    "crshare": ours,
    "limit": limit,
    "lce": partial(larq, indirect=False),
    "lce-indirect": partial(larq, indirect=True),
    "tensorflow": tensorflow,
    "torch-int8": torch_int8,
}


def timed(run: Run, n: int) -> tuple[float, float]:
    """Wall and processor seconds for an image."""
    wall, processor = time.perf_counter(), time.process_time()
    run(n)
    return (time.perf_counter() - wall) / n, (time.process_time() - processor) / n


def serve(rival: str, n_threads: int) -> None:
    """Answer each case named on stdin."""
    prepared: dict[str, tuple[Run, int]] = {}
    build = RIVALS[rival]
    for line in sys.stdin:
        case = next(case for case in CASES if case.name == line.strip())
        if case.name not in prepared:
            run = build(case, n_threads)
            run(8)
            per_image, _ = timed(run, 8)
            prepared[case.name] = run, max(1, min(MAX_IMAGES, round(TURN_S / per_image)))
        run, n = prepared[case.name]
        wall, processor = timed(run, n)
        answer = {"wall_s": wall, "processor_s": processor, "images": n}
        print(json.dumps(answer), file=sys.__stdout__, flush=True)


def start(model: str, data: str) -> None:
    """One whole run of a model file in this fresh process, with what it took."""
    begun = time.perf_counter()
    import resource
    from pathlib import Path

    from crshare.executor.execute import compile_network
    from crshare.images.npz import Npz
    from crshare.model.read import read_network

    executor = compile_network(read_network(Path(model)))
    with Npz(Path(data)) as arrays:
        images, labels = arrays["images"], arrays["labels"][:].reshape(-1)
        ready = time.perf_counter()
        right = int((executor.classify(images[:1]) == labels[:1]).sum())
        compiled = time.perf_counter()
        right = int((executor.classify(images) == labels).sum())
    answer = {
        "read_s": ready - begun,
        "first_image_s": compiled - ready,
        "all_images_s": time.perf_counter() - compiled,
        "processor_s": time.process_time(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "right": right,
        "images": len(labels),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    if sys.argv[1] == "start":
        start(*sys.argv[2:])
    else:
        serve(sys.argv[1], int(sys.argv[2]))
