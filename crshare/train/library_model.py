"""A model built anew in its own library from a blueprint, and run, inside the sandbox.

TensorFlow starts here and ends with the process; the file and its text are not at hand.
"""

import operator
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from importlib import import_module
from typing import Any

import numpy as np

from crshare.arrays import Array
from crshare.train.plain_layers import short_name

BATCH = 100
OTHER_NAME = {"kernel": "depthwise_kernel", "depthwise_kernel": "kernel"}  # Keras 2's and 3's


def outputs(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Which values that enter the weights of the layers `wanted` are positive, bool [n, ...] each,
    and the scores, for integer `images` [n, h, w, c]."""
    os.environ["KERAS_HOME"] = f"{os.devnull}/keras"  # no settings of the user's
    tempfile.tempdir = asked["folder"]
    library = Library(asked["keras"])
    inputs = library.keras.Input(tuple(asked["shape"]))
    values, layers = [inputs], []  # the images stand last, at -1
    for plan in asked["layers"]:
        given = [values[place] for place in plan["reads"]]
        layer = library.make(plan["made"])
        values.insert(-1, layer(given if len(given) > 1 else given[0]))
        _set_weights(layer, plan["weights"])
        layers.append(layer)
    wanted = asked["wanted"]
    entered = [values[asked["layers"][place]["reads"][0]] for place in wanted]
    probe = library.keras.Model(inputs, [*entered, values[-2]])
    quantizers = [getattr(layers[place], "input_quantizer", None) for place in wanted]
    *bits, scores = _run(probe, asked["images"].reshape(-1, *asked["shape"]), quantizers)
    return {"bits": bits, "scores": scores}


class Library:
    """Keras 2 or 3 and what is built on it, each imported when it is first asked for."""

    def __init__(self, keras: str) -> None:
        self.tensorflow = import_module("tensorflow")
        self.keras = import_module(keras)

    def make(self, made: Any) -> Any:
        """The object that a blueprint stands for."""
        match made:
            case {"class": "own.Sign"}:
                return self._sign()
            case {"class": "own.FixedPoint", "arguments": dict(given)}:
                return self._fixed_point(**given)
            case {"class": "own.Quantized", "arguments": {"layer": layer, "input_quantizer": how}}:
                return self._quantized(self.make(layer), self.make(how))
            case {"class": "own.Operation", "arguments": dict(given)}:
                return self._operation(**given)
            case {"class": str(path), "arguments": dict(given)}:
                return self._named(path)(**{key: self.make(value) for key, value in given.items()})
            case {"function": "own.binary_tanh"}:
                where = getattr(self.keras, "ops", self.tensorflow).where
                return lambda x: where(x > 0, 1.0, -1.0)
            case {"function": str(name)} if "." in name:
                return self._named(name)
            case {"function": str(name)}:
                return self.keras.activations.get(name)
            case _:
                return made

    def _named(self, path: str) -> Any:
        home, _, name = path.rpartition(".")
        return getattr(self.keras.layers if home == "layers" else import_module(home), name)

    def _sign(self) -> Any:
        where = getattr(self.keras, "ops", self.tensorflow).where

        class Sign(self.keras.layers.Layer):  # type: ignore[misc,name-defined]
            """+1 for values >= 0, else -1."""

            def call(self, inputs: Any) -> Any:
                return where(inputs >= 0, 1.0, -1.0)

        return Sign()

    def _fixed_point(self, integer_bits: int, fraction_bits: int) -> Any:
        """As crshare.train.fixed_point, which has it for training."""
        ops = getattr(self.keras, "ops", None)
        floor = (ops or self.tensorflow).floor
        clip = ops.clip if ops else self.tensorflow.clip_by_value
        unit, top = 2.0**-fraction_bits, 2.0 ** (integer_bits - 1)

        class FixedPoint(self.keras.layers.Layer):  # type: ignore[misc,name-defined]
            """The nearest multiple of a power of two, halves up, within limits."""

            def call(self, inputs: Any) -> Any:
                return clip(floor(inputs / unit + 0.5) * unit, -top, top - unit)

        return FixedPoint()

    def _quantized(self, layer: Any, quantizer: Any) -> Any:
        """A layer behind a quantizer of its input."""

        class Quantized(self.keras.layers.Layer):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.layer, self.input_quantizer = layer, quantizer

            def call(self, inputs: Any) -> Any:
                return self.layer(self.input_quantizer(inputs))

        return Quantized()

    def _operation(self, name: str, values: list[Any], options: Mapping[str, Any]) -> Any:
        """An operation of the layers that are read, in the places of None, and of constants."""
        compute = self._function(name, options)

        class Operation(self.keras.layers.Layer):  # type: ignore[misc,name-defined]
            def call(self, inputs: Any) -> Any:
                left = iter(inputs if isinstance(inputs, list | tuple) else [inputs])
                return compute(*(next(left) if v is None else np.float32(v) for v in values))

        return Operation()

    def _function(self, name: str, options: Mapping[str, Any]) -> Any:
        ops = getattr(self.keras, "ops", None)
        tensorflow = self.tensorflow
        match name:
            case "add" | "subtract" | "multiply" | "divide":
                places = {"divide": "truediv", "subtract": "sub", "multiply": "mul"}
                return lambda *parts: reduce(getattr(operator, places.get(name, name)), parts)
            case "negative":
                return operator.neg
            case "identity":
                return lambda x: x
            case "reshape":
                shape = (-1, *options["target"])
                return lambda x: (ops or tensorflow).reshape(x, shape)
            case "concat":
                join = ops.concatenate if ops else tensorflow.concat
                return lambda *parts: join(parts, axis=options["axis"])
            case "split" | "slice":
                return _taken(**options)
            case "pad":
                pad, lines = (ops or tensorflow).pad, options["lines"]
                return lambda x: pad(x, lines)
            case "clip":
                clip = ops.clip if ops else tensorflow.clip_by_value
                return lambda x: clip(x, *options["limits"])
            case _:
                return self.keras.activations.get(name)


def _taken(
    ranges: Sequence[Sequence[int | None] | None] = (),
    parts: int | Sequence[Sequence[int | None]] = (),
    output: int = 0,
    axis: int = -1,
) -> Callable[[Any], Any]:
    """What takes some of each axis, or one of the parts of the channels."""
    if ranges:
        return lambda x: x[tuple(... if part is None else slice(*part) for part in ranges)]
    if not isinstance(parts, int):
        return lambda x: x[..., slice(*parts[output])]

    def equal(x: Any) -> Any:
        size = int(x.shape[-1]) // parts
        return x[..., output * size : (output + 1) * size]

    return equal


def _set_weights(layer: Any, weights: Mapping[str, Array]) -> None:
    names = [short_name(variable) for variable in layer.weights]
    found = [weights.get(name, weights.get(OTHER_NAME.get(name, name))) for name in names]
    if len(names) != len(weights) or any(array is None for array in found):
        raise ValueError(f"{type(layer).__name__} has the weights {names}, not {[*weights]}")
    layer.set_weights(found)


def _run(probe: Any, images: Array, quantizers: list[Any]) -> list[Array]:
    """The signs of what enters each quantizer's layer, and the scores, of all batches."""
    parts: list[list[Array]] = [[] for _ in range(len(quantizers) + 1)]
    for first in range(0, len(images), BATCH):
        given = probe(images[first : first + BATCH].astype(np.float32), training=False)
        *entered, scores = given if isinstance(given, list | tuple) else [given]
        for part, quantizer, value in zip(parts, quantizers, entered, strict=False):
            part.append(np.asarray(quantizer(value) if quantizer else value) > 0)
        parts[-1].append(np.asarray(scores))
    return [np.concatenate(part) for part in parts]
