"""What the library's own model of a network is made of: plain data, and nothing of the file itself.

Each layer becomes a class out of CLASSES with arguments out of its fields there, each of a checked
kind. No name, code or other text of the file is handed on, and a class, function or quantizer that
stands in no table here has no blueprint. What only training needs (initializers, regularizers,
constraints, seeds) is left out.
"""

from collections.abc import Callable, Mapping, Set
from typing import Any

from crshare.frontend.config import KerasLayer, is_count, is_number, short
from crshare.frontend.dialects.qkeras import NORM_QUANTIZERS
from crshare.frontend.dialects.qkeras_values import FIELDS, quantizer
from crshare.frontend.layers import is_declared
from crshare.frontend.quantizers import LAST_ONLY, ODD, fields, snake_case, spelled
from crshare.frontend.topology import Graph
from crshare.train.library import LibraryError

Made = Mapping[str, Any]  # {"class": "layers.Dense", "arguments": {...}}, or {"function": "relu"}
Field = Callable[[KerasLayer, str, Set[str]], object]

TRAINED_ONLY = ("_initializer", "_regularizer", "_constraint")
IGNORED = frozenset(
    ["name", "trainable", "dtype", "batch_input_shape", "batch_shape"]
    + ["noise_shape", "seed", "renorm_momentum"]
)
SIGN = {"class": "own.Sign", "arguments": {}}
LARQ_FUNCTIONS = frozenset({"hard_tanh", "leaky_tanh"})
KERAS_FUNCTIONS = {"linear", "leaky_relu", "relu", "relu6"} | (ODD | LAST_ONLY) - LARQ_FUNCTIONS
LARQ_QUANTIZERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ste_sign": ("SteSign", ("clip_value",)),
    "approx_sign": ("ApproxSign", ()),
    "swish_sign": ("SwishSign", ("beta",)),
    "magnitude_aware_sign": ("MagnitudeAwareSign", ("clip_value",)),
    "ste_heaviside": ("SteHeaviside", ("clip_value",)),
    "no_op": ("NoOp", ("precision",)),
    "no_op_quantizer": ("NoOp", ("precision",)),
    **dict.fromkeys(
        ("dorefa_quantizer", "do_re_fa", "do_re_fa_quantizer"), ("DoReFa", ("k_bit", "mode"))
    ),
}
WORDS = ("auto", "auto_po2", "rnd", "floor", "weights", "activations")  # of quantizers' fields


def layers_of(graph: Graph, sign_layers: Set[str]) -> list[dict[str, Any]]:
    """Each layer: what makes it, the places of the layers that it reads (-1 is the images), and
    its weights; ModelFormatError where a layer has no blueprint."""
    place = {layer.name: position for position, layer in enumerate(graph.layers)}
    place[graph.entry] = -1
    return [
        {
            "made": made(layer, sign_layers),
            "reads": [place[name] for name in layer.reads],
            "weights": {name: array.astype("float32") for name, array in layer.weights.items()},
        }
        for layer in graph.layers
    ]


def made(layer: KerasLayer, sign_layers: Set[str]) -> Made:
    """The class and arguments that stand for a layer."""
    if is_declared(layer, sign_layers) and not layer.weights:
        return SIGN
    if quantizer_of := LARQ_QUANTIZERS.get(snake_case(layer.class_name)):
        return _larq(layer, quantizer_of, layer.config)
    if layer.class_name not in CLASSES:
        raise LibraryError(
            f"layer {layer.name} is of class {short(layer.class_name)}, whose code is in no "
            "library, and crshare runs no code of a file; verify a model without it"
        )
    home, known = CLASSES[layer.class_name]
    _refuse_others(layer, known)
    arguments = {
        key: field(layer, key, sign_layers) for key, field in known.items() if key in layer.config
    }
    return {"class": f"{home}.{layer.class_name}", "arguments": arguments}


def _refuse_others(layer: KerasLayer, known: Mapping[str, Field]) -> None:
    """A field that no class has and that says something may change what the library computes."""
    for key, value in layer.config.items():
        inert = key in IGNORED or str(key).endswith(TRAINED_ONLY) or value in (None, False)
        if key not in known and not inert:
            raise _refusal(layer, key)


def _refusal(layer: KerasLayer, key: str) -> LibraryError:
    value = short(layer.config.get(key))
    return LibraryError(
        f"layer {layer.name} ({layer.class_name}) has {short(key)} {value}, which crshare does not "
        "hand to a library; save the model without it"
    )


def _checked(holds: Callable[[Any], bool]) -> Field:
    """A field whose value is handed on if it is of a kind, or nothing."""

    def field(layer: KerasLayer, key: str, _: Set[str]) -> object:
        value = layer.config[key]
        if value is not None and not holds(value):
            raise _refusal(layer, key)
        return value

    return field


def _is_axis(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -8 < value < 8


def _all(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """One value of a kind, or a list of a few."""
    return lambda value: (
        all(map(holds, value)) and len(value) < 8 if isinstance(value, list) else holds(value)
    )


def _is_padding(value: object) -> bool:
    return isinstance(value, str) and value.lower() in ("valid", "same")


def _function(layer: KerasLayer, key: str, sign_layers: Set[str]) -> object:
    """An activation: a sign, a quantizer, or a function of Keras or Larq."""
    found = spelled(layer, key)
    name = snake_case(found or "linear")
    if name in {snake_case(given) for given in sign_layers}:
        return SIGN
    if name in LARQ_QUANTIZERS:
        return _larq(layer, LARQ_QUANTIZERS[name], fields(layer, key))
    if name in LARQ_FUNCTIONS:
        return {"function": f"larq.activations.{name}"}
    if name not in KERAS_FUNCTIONS:
        raise _refusal(layer, key)
    return {"function": name}


def _larq_quantizer(layer: KerasLayer, key: str, _: Set[str]) -> object:
    found = spelled(layer, key)
    if found is None:
        return None
    if snake_case(found) not in LARQ_QUANTIZERS:
        raise _refusal(layer, key)
    return _larq(layer, LARQ_QUANTIZERS[snake_case(found)], fields(layer, key))


def _larq(layer: KerasLayer, known: tuple[str, tuple[str, ...]], given: Mapping[str, Any]) -> Made:
    name, keys = known
    return _of_scalars(layer, f"larq.quantizers.{name}", {k: given[k] for k in keys if k in given})


def _qkeras_quantizer(layer: KerasLayer, key: str, sign_layers: Set[str]) -> object:
    """A quantizer of QKeras with all of its fields; an activation may be a plain function."""
    found = quantizer(layer, key, None)
    if found is None:
        return None
    if found.name in FIELDS:
        return _of_scalars(layer, f"qkeras.{found.name}", found.fields)
    if key == "activation":
        return _function(layer, key, sign_layers)
    raise _refusal(layer, key)


def _of_scalars(layer: KerasLayer, path: str, given: Mapping[str, Any]) -> Made:
    for key, value in given.items():
        if not (value is None or isinstance(value, bool) or is_number(value) or value in WORDS):
            raise LibraryError(
                f"layer {layer.name} has a quantizer with {short(key)} {short(value)}, which "
                "crshare does not hand to a library; save the model without it"
            )
    return {"class": path, "arguments": dict(given)}


FLAG, NUMBER = _checked(lambda value: isinstance(value, bool)), _checked(is_number)
SIZE, SIZES = _checked(is_count), _checked(_all(is_count))
AXES, PADDING = _checked(_all(_is_axis)), _checked(_is_padding)
LAST = _checked(lambda value: value == "channels_last")

WINDOW: dict[str, Field] = {"strides": SIZES, "padding": PADDING, "data_format": LAST}
POOL = WINDOW | {"pool_size": SIZES}
LINEAR: dict[str, Field] = {"use_bias": FLAG, "activation": _function}
TAPS = WINDOW | LINEAR | {"kernel_size": SIZES, "dilation_rate": SIZES, "groups": SIZE}
CONV, DEPTHWISE = TAPS | {"filters": SIZE}, TAPS | {"depth_multiplier": SIZE}
SEPARABLE = CONV | DEPTHWISE
DENSE = LINEAR | {"units": SIZE}
NORM: dict[str, Field] = {
    "axis": AXES, "momentum": NUMBER, "epsilon": NUMBER, "center": FLAG, "scale": FLAG,
}  # fmt: skip


def _quantized(known: Mapping[str, Field], quantize: Field, *keys: str) -> dict[str, Field]:
    return {**known, **dict.fromkeys(keys, quantize)}


def _of_larq(known: Mapping[str, Field], *parts: str) -> tuple[str, dict[str, Field]]:
    keys = (f"{part}_quantizer" for part in ("input", *parts))
    pads: dict[str, Field] = {"pad_values": NUMBER} if "kernel_size" in known else {}
    return "larq.layers", _quantized(known, _larq_quantizer, *keys) | pads


def _of_qkeras(known: Mapping[str, Field], *keys: str) -> tuple[str, dict[str, Field]]:
    return "qkeras", _quantized(known, _qkeras_quantizer, *keys)


CLASSES: dict[str, tuple[str, Mapping[str, Field]]] = {
    **dict.fromkeys(("Conv1D", "Conv2D"), ("layers", CONV)),
    "DepthwiseConv2D": ("layers", DEPTHWISE),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), ("layers", SEPARABLE)),
    "Dense": ("layers", DENSE),
    **dict.fromkeys(("QuantConv1D", "QuantConv2D"), _of_larq(CONV, "kernel")),
    "QuantDepthwiseConv2D": _of_larq(DEPTHWISE, "depthwise"),
    **dict.fromkeys(
        ("QuantSeparableConv1D", "QuantSeparableConv2D"),
        _of_larq(SEPARABLE, "depthwise", "pointwise"),
    ),
    "QuantDense": _of_larq(DENSE, "kernel"),
    **dict.fromkeys(
        ("QConv1D", "QConv2D"),
        _of_qkeras(CONV, "kernel_quantizer", "bias_quantizer", "activation"),
    ),
    "QDepthwiseConv2D": _of_qkeras(
        DEPTHWISE, "depthwise_quantizer", "bias_quantizer", "activation"
    ),
    "QDense": _of_qkeras(DENSE, "kernel_quantizer", "bias_quantizer", "activation"),
    "QActivation": _of_qkeras({}, "activation"),
    "QBatchNormalization": _of_qkeras(
        NORM, *(key for key, _ in NORM_QUANTIZERS.values()), "inverse_quantizer"
    ),
    "BatchNormalization": ("layers", NORM),
    **dict.fromkeys(
        ("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), ("layers", POOL)
    ),
    **dict.fromkeys(
        ("GlobalAveragePooling1D", "GlobalAveragePooling2D"),
        ("layers", {"data_format": LAST, "keepdims": FLAG}),
    ),
    **dict.fromkeys(("Add", "Identity"), ("layers", {})),
    "Concatenate": ("layers", {"axis": AXES}),
    "Rescaling": ("layers", {"scale": NUMBER, "offset": NUMBER}),
    "Flatten": ("layers", {"data_format": LAST}),
    "Activation": ("layers", {"activation": _function}),
    "ReLU": ("layers", {"max_value": NUMBER, "negative_slope": NUMBER, "threshold": NUMBER}),
    "LeakyReLU": ("layers", {"alpha": NUMBER, "negative_slope": NUMBER}),
    "PReLU": ("layers", {"shared_axes": AXES}),
    "Softmax": ("layers", {"axis": AXES}),
    "ActivityRegularization": ("layers", {"l1": NUMBER, "l2": NUMBER}),
    **dict.fromkeys(("AlphaDropout", "Dropout", "GaussianDropout"), ("layers", {"rate": NUMBER})),
    "SpatialDropout2D": ("layers", {"rate": NUMBER, "data_format": LAST}),
    "GaussianNoise": ("layers", {"stddev": NUMBER}),
}
