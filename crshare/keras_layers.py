"""What each Keras and Larq layer class computes, as steps; a class not listed here is refused."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from crshare.errors import ModelFormatError
from crshare.keras_config import Array, Chain, KerasLayer, is_number, short
from crshare.network import Int8Array
from crshare.quantizers import (
    SIGNS,
    KernelQuantizer,
    activation,
    input_quantizer,
    kernel_quantizer,
    mean_magnitudes,
    snake_case,
)
from crshare.rationals import simplest
from crshare.steps import (
    ONE,
    Affine,
    Binarize,
    Bounds,
    Flat,
    Fractions,
    Linear,
    Pool,
    Role,
    Squash,
    Step,
    Storage,
    fractions,
)

Steps = tuple[Step, ...]
TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class Context:
    """What a layer's meaning depends on: the number of axes of its input, and declared signs."""

    rank: int
    sign_layers: Set[str]


def steps_of(chain: Chain, sign_layers: Set[str]) -> Steps:
    """The steps of all layers in order."""
    _refuse_unknown_signs(chain, sign_layers)
    steps: list[Step] = []
    rank = len(chain.input_shape) + 1
    for layer in chain.layers:
        steps += _steps_of_layer(layer, Context(rank, sign_layers))
        rank = 2 if layer.class_name == "Flatten" else rank
    return tuple(steps)


def _refuse_unknown_signs(chain: Chain, sign_layers: Set[str]) -> None:
    """A declared sign layer that is no such layer is a slip of the pen, not nothing."""
    for name in sorted(sign_layers):
        if not any(_declared(layer, {name}) or _applies(layer, name) for layer in chain.layers):
            names = dict.fromkeys(layer.class_name for layer in chain.layers)
            shown = f"; the classes of the model are {', '.join(names)}"
            raise ModelFormatError(
                f"no layer, class or activation is named {name!r}, which --sign-layer names{shown}"
            )


def _declared(layer: KerasLayer, sign_layers: Set[str]) -> bool:
    names = {layer.name, layer.class_name, layer.class_name.rsplit(">", 1)[-1]}
    return not names.isdisjoint(sign_layers)


def _applies(layer: KerasLayer, name: str) -> bool:
    value = layer.config.get("activation")
    value = value.get("config") if isinstance(value, dict) else value
    return isinstance(value, str) and snake_case(value) == snake_case(name)


def _steps_of_layer(layer: KerasLayer, context: Context) -> Steps:
    if layer.class_name in READERS:
        return READERS[layer.class_name](layer, context)
    if _declared(layer, context.sign_layers) or snake_case(layer.class_name) in SIGNS:
        return (Binarize(layer.name),)
    if layer.class_name == "Lambda":
        raise layer.refuse(
            "is a Lambda, which carries code, and crshare runs no code of a file; replace it by "
            "the layers it stands for"
        )
    if ">" in layer.class_name and not layer.weights:
        name = layer.class_name.rsplit(">", 1)[-1]
        raise layer.refuse(
            f"is of the custom class {layer.class_name}; if it gives +1 for values >= 0 and else "
            f"-1, say so with --sign-layer {name}"
        )
    raise layer.refuse(
        f"is of class {layer.class_name}, which is not read yet; crshare reads "
        f"{', '.join(sorted(READERS))}"
    )


def _convolution(layer: KerasLayer, context: Context) -> Steps:
    if layer.text("data_format", "channels_last") != "channels_last":
        raise layer.refuse("keeps channels first; crshare reads data_format 'channels_last' only")
    if layer.pair("dilation_rate", 1) != (1, 1):
        raise layer.refuse("is dilated, which is not read yet; train it with dilation_rate 1")
    if layer.config.get("groups", 1) != 1:
        raise layer.refuse("has groups of channels, which is not read yet; train it with groups 1")
    size = layer.pair("kernel_size")
    filters = layer.count("filters")
    weights = layer.weight("kernel", (*size, None, filters))
    return _linear(layer, context, weights, layer.pair("strides", 1), _padding(layer))


def _dense(layer: KerasLayer, context: Context) -> Steps:
    weights = layer.weight("kernel", (None, layer.count("units")))
    return _linear(layer, context, weights[np.newaxis, np.newaxis], (1, 1), None)


def _padding(layer: KerasLayer) -> Fraction | None:
    """None for VALID, else the value around the map."""
    return Fraction(layer.number("pad_values", 0)) if _is_same(layer) else None


def _is_same(layer: KerasLayer) -> bool:
    padding = layer.text("padding", "valid").lower()
    if padding not in ("valid", "same"):
        raise layer.refuse(f"has padding {padding!r}; crshare reads 'valid' and 'same'")
    return padding == "same"


def _linear(
    layer: KerasLayer,
    context: Context,
    weights: Array,
    strides: tuple[int, int],
    pad_value: Fraction | None,
) -> Steps:
    filters = weights.shape[-1]
    has_bias = layer.flag("use_bias", True)
    layer.expect_weights("kernel", *(("bias",) if has_bias else ()))
    bias: Steps = ()
    if has_bias:
        offset = fractions(layer.weight("bias", (filters,)))
        bias = (Affine(layer.name, Role.BIAS, offset=offset),)
    linear = _binarised(layer, weights, strides, pad_value)
    after = activation(layer, context.sign_layers)
    return (*input_quantizer(layer), linear, *bias, *after)


def _binarised(
    layer: KerasLayer, weights: Array, strides: tuple[int, int], pad_value: Fraction | None
) -> Linear:
    """The layer's weights through its own quantizer; a plain layer may hold +a/-a per filter.

    What is too small for a normal float32 counts as 0, and so as +1, as TensorFlow takes it.
    """
    quantizer = kernel_quantizer(layer)
    weights = np.where(np.abs(weights) < TINY, 0, weights)
    magnitudes = np.abs(weights).reshape(-1, weights.shape[-1])
    even = bool((magnitudes == magnitudes[0]).all() and magnitudes.all())
    storage = Storage.BINARY if even else Storage.LATENT
    signs: Int8Array | None = np.where(weights >= 0, 1, -1).astype(np.int8)
    scales: Fractions = ONE
    match quantizer:
        case KernelQuantizer.NONE if even:
            scales = fractions(magnitudes[0])
        case KernelQuantizer.NONE:
            signs, storage = None, Storage.REAL
        case KernelQuantizer.SIGN:
            weights = np.where(weights >= 0, 1.0, -1.0)
        case KernelQuantizer.MAGNITUDE_AWARE_SIGN:
            scales = mean_magnitudes(weights)
            weights = np.where(weights >= 0, 1.0, -1.0) * np.array([float(s) for s in scales])
    quantised = quantizer is not KernelQuantizer.NONE
    scales = ONE if set(scales) == {Fraction(1)} else scales
    return Linear(
        layer.name, weights, signs, scales, strides, pad_value, quantised=quantised, storage=storage
    )


def _batch_norm(layer: KerasLayer, context: Context) -> Steps:
    _refuse_other_axis(layer, context.rank)
    variance = layer.weight("moving_variance", (None,))
    n = (len(variance),)
    mean = layer.weight("moving_mean", n)
    known = ["moving_mean", "moving_variance"]
    gamma, beta = np.ones(n), np.zeros(n)
    if layer.flag("scale", True):
        gamma, known = layer.weight("gamma", n), [*known, "gamma"]
    if layer.flag("center", True):
        beta, known = layer.weight("beta", n), [*known, "beta"]
    layer.expect_weights(*known)
    epsilon = Fraction(layer.number("epsilon", 1e-3))
    radicand = tuple(value + epsilon for value in fractions(variance))
    if min(radicand) <= 0:
        raise layer.refuse("has a variance that is not positive; train the model again")
    scale, center, offset = fractions(gamma), fractions(mean), fractions(beta)
    return (Affine(layer.name, Role.BATCH_NORM, scale, center, radicand, offset),)


def _refuse_other_axis(layer: KerasLayer, rank: int) -> None:
    axis = layer.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if isinstance(axis, bool) or axis not in (-1, rank - 1):
        found = short(layer.config.get("axis"))
        raise layer.refuse(f"normalises axis {found}; crshare reads the last axis, the channels")


def _max_pooling(layer: KerasLayer, context: Context) -> Steps:
    if context.rank != 4 or layer.text("data_format", "channels_last") != "channels_last":
        raise layer.refuse("pools something else than [height, width, channels], which is not read")
    size = layer.pair("pool_size", 2)
    strides = size if layer.config.get("strides") is None else layer.pair("strides")
    return (Pool(layer.name, size, strides, _is_same(layer)),)


def _rescaling(layer: KerasLayer, context: Context) -> Steps:
    """v * scale + offset; the file's decimals stand for the simplest rationals they may mean."""
    fields = (layer.config.get("scale"), layer.config.get("offset", 0.0))
    if not all(is_number(value) for value in fields):
        raise layer.refuse(
            f"has scale {short(fields[0])} and offset {short(fields[1])}; crshare reads one number "
            "for each: rescale all channels alike"
        )
    scale, offset = (simplest(layer.number(key, 0.0)) for key in ("scale", "offset"))
    return (Affine(layer.name, Role.FACTOR, (scale,), offset=(offset,)),)


def _flatten(layer: KerasLayer, context: Context) -> Steps:
    if layer.text("data_format", "channels_last") != "channels_last":
        raise layer.refuse("keeps channels first; crshare reads data_format 'channels_last' only")
    return (Flat(layer.name),)


def _activation(layer: KerasLayer, context: Context) -> Steps:
    if _declared(layer, context.sign_layers):
        return (Binarize(layer.name),)
    return activation(layer, context.sign_layers)


def _relu(layer: KerasLayer, context: Context) -> Steps:
    if layer.number("threshold", 0) != 0 or layer.config.get("negative_slope") not in (None, 0):
        raise layer.refuse(
            "is a ReLU with a threshold or a slope, which is not read yet; train it without"
        )
    limit = layer.config.get("max_value")
    high = None if limit is None else Fraction(layer.number("max_value", 0))
    return (Bounds(layer.name, Fraction(0), high),)


def _softmax(layer: KerasLayer, context: Context) -> Steps:
    return (Squash(layer.name, "softmax", odd=False),)


def _nothing(layer: KerasLayer, context: Context) -> Steps:
    return ()


READERS: dict[str, Callable[[KerasLayer, Context], Steps]] = {
    "QuantConv2D": _convolution,
    "Conv2D": _convolution,
    "QuantDense": _dense,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "MaxPooling2D": _max_pooling,
    "Rescaling": _rescaling,
    "Flatten": _flatten,
    "Activation": _activation,
    "ReLU": _relu,
    "Softmax": _softmax,
    **dict.fromkeys(
        (
            "ActivityRegularization",
            "AlphaDropout",
            "Dropout",
            "GaussianDropout",
            "GaussianNoise",
            "Identity",
            "SpatialDropout2D",
        ),
        _nothing,
    ),
}
