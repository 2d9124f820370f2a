"""Random models built with the real libraries: every layer and topology that a dialect knows.

A model is drawn from a seed; its weights make ties, falling channels and constant ones likely.
Imported only where a library is installed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

LIBRARIES = ("larq", "qkeras", "keras", "binarynet")
Generator = np.random.Generator
N_IMAGES = 20


def keras_for(dialect: str) -> Any:
    if dialect == "keras":
        return import_module("keras")
    for name in {"larq": ["larq"], "qkeras": ["qkeras"]}.get(dialect, []):
        import_module(name)
    return import_module("tf_keras")


def build(dialect: str, keras: Any, seed: int) -> tuple[Any, Any, frozenset[str]]:
    """A model with its weights set, images for it, and the layers that are declared signs."""
    rng = np.random.default_rng(seed)
    family = FAMILIES[dialect](keras, rng)
    model = graph(family)
    randomise(model, rng, family.plain_kernels)
    images = rng.integers(0, 256, (N_IMAGES, *model.input_shape[1:]), dtype=np.uint8)
    return model, images, family.signs


def save(dialect: str, seed: int, folder: Path) -> None:
    """A model in two containers, with images and the library's scores of them."""
    model, images, _ = build(dialect, keras_for(dialect), seed)
    scores = np.asarray(model(images.astype(np.float32), training=False))
    np.savez(folder / "known.npz", images=images, scores=scores)
    for ending in (".h5", ".keras"):
        model.save(folder / f"m{ending}")


def save_folder(seed: int, folder: Path) -> None:
    """A model of Larq as a folder of TensorFlow's, m, and as direct.h5."""
    model, _, _ = build("larq", keras_for("larq"), seed)
    model.save(folder / "m", save_format="tf")
    model.save(folder / "direct.h5")


def graph(family: "Family") -> Any:
    """Blocks of a convolution, a normalisation and what may stand around them, with shortcuts."""
    keras, rng = family.keras, family.rng
    layers = keras.layers
    size = int(rng.integers(8, 13))
    inputs = keras.Input((size, int(size - rng.integers(0, 3)), int(rng.integers(1, 4))))
    x = inputs
    if rng.random() < 0.5:
        x = layers.Rescaling(*((1 / 127.5, -1.0), (1 / 255, 0.0))[rng.integers(2)])(x)
    x = layers.BatchNormalization()(family.first(8)(x))
    for _ in range(int(rng.integers(1, 4))):
        x = block(family, x)
    if rng.random() < 0.4:
        x = layers.GlobalAveragePooling2D()(x)
    elif rng.random() < 0.4:
        x = layers.Flatten()(layers.AveragePooling2D(2)(x))
    else:
        x = layers.Flatten()(x)
    x = family.dense(5)(family.sign(x))
    return keras.Model(inputs, layers.BatchNormalization()(x))


def block(family: "Family", x: Any) -> Any:
    """One of: plain, Bi-Real shortcut, concatenation, fixed path beside (NeuroBlend), wide taps."""
    keras, rng = family.keras, family.rng
    layers = keras.layers
    channels = int(x.shape[-1])
    kind = rng.integers(5)
    before = family.sign(x)
    if kind == 0:
        y = layers.BatchNormalization()(family.conv(int(rng.integers(3, 9)))(before))
        return around(family, y)
    y = layers.BatchNormalization(scale=bool(rng.random() < 0.7))(
        family.conv(channels, same=True)(before)
    )
    if kind == 1:
        return layers.Add()([x, y])
    if kind == 2:
        return layers.Concatenate()([y, x])
    if kind == 3:
        beside = layers.BatchNormalization()(layers.Conv2D(channels, 1, use_bias=False)(x))
        return layers.Add()([around(family, y, pools=False), beside])
    return layers.Add()([before, family.sign(y)])


def around(family: "Family", y: Any, *, pools: bool = True) -> Any:
    keras, rng = family.keras, family.rng
    layers = keras.layers
    if pools and rng.random() < 0.4 and min(y.shape[1:3]) > 3:
        y = layers.MaxPooling2D(2, padding=("valid", "same")[rng.integers(2)])(y)
    choice = rng.random()
    if choice < 0.2:
        return layers.PReLU(shared_axes=[1, 2])(y)
    if choice < 0.3:
        return layers.ReLU(max_value=float(rng.choice([1.0, 6.0])))(y)
    return y


def doubled(keras: Any, model: Any) -> Any:
    """The same model computing in float64; what quantizes by rounding does that in float32."""

    def twin(layer: Any) -> Any:
        made = type(layer).from_config(_in_double(layer.get_config()))
        for name, quantizer in vars(layer).items():  # qkeras's
            if name.endswith("_quantizer_internal") and quantizer is not None:
                setattr(made, name, _in_single(quantizer))
            elif name.endswith("_initializer"):
                setattr(made, name, keras.initializers.Zeros())  # the weights are set below
        if type(layer).__name__ == "Rescaling":  # TensorFlow takes a number for float32
            made.scale, made.offset = np.float64(layer.scale), np.float64(layer.offset)
        return made

    with keras.utils.custom_object_scope({"binary_tanh": binary_tanh}):
        double = keras.models.clone_model(model, clone_function=twin)
    double.set_weights([np.float64(weights) for weights in model.get_weights()])
    for layer, old in zip(double.layers, model.layers, strict=True):
        if hasattr(old, "binary_weights"):
            layer.kernel.assign(np.float64(old.binary_weights()))
    return double


def _in_double(config: Any) -> Any:
    match config:
        case dict():
            return {key: _in_double(value) for key, value in config.items()}
        case list() | tuple():
            return [_in_double(value) for value in config]
        case "float32":
            return "float64"
        case _:
            return config


def _in_single(quantizer: Any) -> Callable[[Any], Any]:
    """qkeras mixes types if it is given float64, and binary_tanh is -1 up to the last bit of 1."""
    tensorflow = import_module("tensorflow")
    return lambda x: tensorflow.cast(quantizer(tensorflow.cast(x, "float32")), "float64")


class Family(ABC):
    """What the layers of one library are; each method gives a new one."""

    plain_kernels = False
    signs: frozenset[str] = frozenset()

    def __init__(self, keras: Any, rng: Generator) -> None:
        self.keras, self.rng = keras, rng

    def shape(self, same: bool) -> dict[str, Any]:
        """Kernel size, padding, and strides or dilation, which Keras has not both."""
        size = tuple(int(n) for n in self.rng.integers(1, 4, 2))
        if same:
            dilation = (1, 1) if self.rng.random() < 0.7 else (2, 1)
            return {"kernel_size": size, "padding": "same", "dilation_rate": dilation}
        padding = ("valid", "same")[self.rng.integers(2)]
        strides = int(self.rng.integers(1, 3))
        return {"kernel_size": size, "padding": padding, "strides": strides}

    def pick(self, *options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    @abstractmethod
    def first(self, filters: int) -> Any: ...

    @abstractmethod
    def conv(self, filters: int, *, same: bool = False) -> Any: ...

    @abstractmethod
    def sign(self, x: Any) -> Any: ...

    @abstractmethod
    def dense(self, units: int) -> Any: ...


class Larq(Family):
    """Signs inside the layers, every quantizer of one bit, depthwise and separable layers."""

    def kernel(self) -> Any:
        larq = import_module("larq")
        return self.pick(
            "ste_sign",
            "approx_sign",
            "swish_sign",
            "magnitude_aware_sign",
            larq.quantizers.SteSign(clip_value=1.3),
            larq.quantizers.DoReFa(k_bit=1, mode="weights"),
        )

    def first(self, filters: int) -> Any:
        larq = import_module("larq")
        return larq.layers.QuantConv2D(
            filters, 3, kernel_quantizer="ste_sign", use_bias=False, padding="same"
        )

    def conv(self, filters: int, *, same: bool = False) -> Any:
        larq = import_module("larq")
        given = self.shape(same) | {"use_bias": bool(self.rng.random() < 0.4)}
        pads = {"pad_values": self.pick(0.0, 1.0, -1.0)} if given["padding"] == "same" else {}
        signed = self.pick("ste_sign", "approx_sign", larq.quantizers.SwishSign())
        if self.rng.random() < 0.2 and pads.get("pad_values", 0.0) in (0.0, 1.0):
            signed = self.pick("ste_heaviside", larq.quantizers.DoReFa(k_bit=1))
        if self.rng.random() < 0.25:
            return larq.layers.QuantSeparableConv2D(
                filters,
                input_quantizer=signed,
                depthwise_quantizer="ste_sign",
                pointwise_quantizer=self.kernel(),
                **(given | {"dilation_rate": (1, 1)}),
            )
        groups = self.pick(1, 1, 2) if filters % 2 == 0 else 1
        return larq.layers.QuantConv2D(
            filters, input_quantizer=signed, kernel_quantizer=self.kernel(), **given, **pads
        ) if groups == 1 else Depthwise(self, filters, signed, given, pads)  # fmt: skip

    def sign(self, x: Any) -> Any:
        larq = import_module("larq")
        return self.keras.layers.Activation(larq.quantizers.SteSign())(x)

    def dense(self, units: int) -> Any:
        larq = import_module("larq")
        return larq.layers.QuantDense(
            units, input_quantizer="ste_sign", kernel_quantizer=self.kernel(), use_bias=False
        )


def Depthwise(  # noqa: N802 - stands for a layer
    family: Larq, filters: int, signed: Any, given: dict[str, Any], pads: dict[str, Any]
) -> Callable[[Any], Any]:
    """A depthwise layer, and a 1x1 layer that brings the channels back to `filters`."""
    larq = import_module("larq")
    strides = given.get("strides", 1)
    del pads
    one = larq.layers.QuantDepthwiseConv2D(
        given["kernel_size"],
        strides=strides,
        padding=given["padding"],
        depth_multiplier=2,
        input_quantizer=signed,
        depthwise_quantizer=family.pick("ste_sign", "magnitude_aware_sign"),
        use_bias=given["use_bias"],
    )
    two = larq.layers.QuantConv2D(
        filters, 1, input_quantizer="ste_sign", kernel_quantizer="ste_sign", use_bias=False
    )
    return lambda x: two(family.keras.layers.BatchNormalization()(one(x)))


class QKeras(Family):
    """binary in all its spellings; fixed-point layers at the ends."""

    def kernel(self) -> Any:
        qkeras = import_module("qkeras")
        return self.pick(
            *(qkeras.binary(alpha=alpha) for alpha in (1.0, "auto", "auto_po2", None, 0.5)),
            "binary(alpha=1.0)",
            qkeras.quantized_bits(1, 0, alpha=1.0),
        )

    def first(self, filters: int) -> Any:
        qkeras = import_module("qkeras")
        quantizer = self.pick(
            qkeras.quantized_bits(4, 0, 1, alpha=1.0),
            qkeras.ternary(alpha=1.0),
            qkeras.quantized_po2(4),
            "binary(alpha=1.0)",
        )
        return qkeras.QConv2D(
            filters, 3, padding="same", kernel_quantizer=quantizer, use_bias=False
        )

    def conv(self, filters: int, *, same: bool = False) -> Any:
        qkeras = import_module("qkeras")
        given = self.shape(same) | {"use_bias": bool(self.rng.random() < 0.4)}
        if given["use_bias"]:
            given["bias_quantizer"] = self.pick(
                None, qkeras.quantized_po2(4), qkeras.quantized_bits(6, 2, alpha=1.0)
            )
        return qkeras.QConv2D(filters, kernel_quantizer=self.kernel(), **given)

    def sign(self, x: Any) -> Any:
        qkeras = import_module("qkeras")
        quantizer = self.pick(
            "binary(alpha=1.0)", qkeras.binary(alpha=1.0), "binary(use_01=1, alpha=1.0)",
            qkeras.binary(alpha=0.5),
        )  # fmt: skip
        if self.rng.random() < 0.2:
            x = qkeras.QBatchNormalization()(x)
        return qkeras.QActivation(quantizer)(x)

    def dense(self, units: int) -> Any:
        qkeras = import_module("qkeras")
        return qkeras.QDense(units, kernel_quantizer=self.kernel(), use_bias=False)


class Plain(Family):
    """Keras's own layers with +1/-1 weights, groups among them, and a custom sign."""

    plain_kernels = True
    signs = frozenset({"Sign"})

    def first(self, filters: int) -> Any:
        return self.keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)

    def conv(self, filters: int, *, same: bool = False) -> Any:
        given = self.shape(same) | {"use_bias": bool(self.rng.random() < 0.4)}
        if self.rng.random() < 0.2 and given.get("strides", 1) == 1:
            return self.keras.layers.SeparableConv2D(filters, **given)
        return self.keras.layers.Conv2D(filters, **given)

    def sign(self, x: Any) -> Any:
        return sign_class(self.keras)()(x)

    def dense(self, units: int) -> Any:
        return self.keras.layers.Dense(units, use_bias=False)


def sign_class(keras: Any) -> type:
    tensorflow = import_module("tensorflow")

    class Sign(keras.layers.Layer):  # type: ignore[misc]
        """+1 where the value is >= 0, else -1."""

        def call(self, inputs: Any) -> Any:
            return tensorflow.where(inputs >= 0, 1.0, -1.0)

    return Sign


class BinaryNet(Family):
    """Layers as Ding Ke's BinaryNet for Keras has them, written anew from their formulas."""

    def first(self, filters: int) -> Any:
        return self._conv2d()(filters, 3, padding="same", use_bias=False)

    def conv(self, filters: int, *, same: bool = False) -> Any:
        given = self.shape(same) | {"use_bias": bool(self.rng.random() < 0.4)}
        return self._conv2d()(filters, H=self.pick(1.0, "Glorot", 0.7), **given)

    def _conv2d(self) -> Any:
        return binary_layers(self.keras)[0]

    def sign(self, x: Any) -> Any:
        return self.keras.layers.Activation(binary_tanh)(x)

    def dense(self, units: int) -> Any:
        return binary_layers(self.keras)[1](units, use_bias=False)


def binary_tanh(x: Any) -> Any:
    tensorflow = import_module("tensorflow")
    return 2 * tensorflow.round(tensorflow.clip_by_value((x + 1) / 2, 0, 1)) - 1


def binary_layers(keras: Any) -> tuple[type, type]:
    """BinaryConv2D and BinaryDense: weights H * binary_tanh(W / H)."""

    def limit(layer: Any, kernel: Any) -> float:
        if layer.H != "Glorot":
            return float(np.float32(layer.H))
        taps = int(np.prod(kernel.shape[:-2]))
        return float(np.float32(np.sqrt(1.5 / (taps * (kernel.shape[-2] + kernel.shape[-1])))))

    tensorflow = import_module("tensorflow")

    class BinaryConv2D(keras.layers.Conv2D):  # type: ignore[misc]
        def __init__(self, *args: Any, H: Any = 1.0, **kwargs: Any) -> None:  # noqa: N803
            super().__init__(*args, **kwargs)
            self.H = H

        def binary_weights(self) -> Any:
            h = limit(self, self.kernel)
            return h * binary_tanh(self.kernel / h)

        def call(self, inputs: Any) -> Any:
            sums = self.convolution_op(inputs, self.binary_weights())
            return tensorflow.nn.bias_add(sums, self.bias) if self.use_bias else sums

        def get_config(self) -> Any:
            return super().get_config() | {"H": self.H}

    class BinaryDense(keras.layers.Dense):  # type: ignore[misc]
        def __init__(self, *args: Any, H: Any = 1.0, **kwargs: Any) -> None:  # noqa: N803
            super().__init__(*args, **kwargs)
            self.H = H

        def binary_weights(self) -> Any:
            return binary_tanh(self.kernel)

        def call(self, inputs: Any) -> Any:
            return tensorflow.matmul(inputs, self.binary_weights())

        def get_config(self) -> Any:
            return super().get_config() | {"H": self.H}

    return BinaryConv2D, BinaryDense


FAMILIES: dict[str, Callable[[Any, Generator], Family]] = {
    "larq": Larq,
    "qkeras": QKeras,
    "keras": Plain,
    "binarynet": BinaryNet,
}


def randomise(model: Any, rng: Generator, plain_kernels: bool) -> None:
    """Weights of all signs, and parameters that make ties likely, gammas of zero among them."""
    for layer in model.layers:
        new = []
        for variable in layer.weights:
            shape, name = tuple(variable.shape), variable.name.split("/")[-1].split(":")[0]
            real = type(layer).__name__ == "Conv2D" and tuple(layer.kernel_size) == (1, 1)
            plain = plain_kernels and not (real and rng.random() < 0.5)
            new.append(drawn(name, shape, rng, plain=plain))
        if new:
            layer.set_weights(new)


def drawn(name: str, shape: tuple[int, ...], rng: Generator, *, plain: bool) -> Any:
    if "kernel" in name and plain:
        values = rng.choice([-1.0, 1.0], shape)
    elif "kernel" in name:
        values = rng.choice([-1, 1, 0.5, 0.01], shape) * rng.random(shape)
        values = np.where(rng.random(shape) < 0.02, 0.0, values)
    elif name == "gamma":
        values = rng.choice([-2, -0.3, 0, 0.7, 1], shape)
    elif name == "moving_variance":
        values = rng.choice([0.2, 1, 30.0], shape)
    elif name == "moving_mean":
        values = rng.integers(-6, 7, shape) / rng.choice([1, 2, 3], shape)
    elif name == "alpha":
        values = rng.choice([-0.5, 0.0, 0.25], shape)
    else:
        values = rng.choice([0, 0, 0.5, -0.25, 1], shape)
    return np.asarray(values, np.float32)
