"""Which module knows a layer class; a class that none knows is refused."""

from collections.abc import Callable, Set
from functools import partial

from crshare.errors import ModelFormatError
from crshare.frontend.config import KerasLayer
from crshare.frontend.dialects import plain, qkeras
from crshare.frontend.dialects.binarynet import BINARYNET
from crshare.frontend.dialects.larq import LARQ
from crshare.frontend.dialects.plain import DECLARED, PLAIN
from crshare.frontend.dialects.qkeras import QKERAS
from crshare.frontend.linear_layers import Context, Steps, convolution, dense, depthwise, separable
from crshare.frontend.quantizers import SIGNS, STRICT_SIGNS, activation, snake_case
from crshare.frontend.topology import Graph
from crshare.network.graph import INPUT
from crshare.thresholds.layer_ops import Binarize, Joined, Node

Reader = Callable[[KerasLayer, Context], Steps]


def nodes_of(graph: Graph, sign_layers: Set[str]) -> tuple[Node, ...]:
    """The layers in order, each as its steps."""
    _refuse_unknown_signs(graph, sign_layers)
    ranks = {INPUT: len(graph.input_shape) + 1}
    nodes = []
    for layer in graph.layers:
        reads = tuple(INPUT if name == graph.entry else _keyed(name) for name in layer.reads)
        context = Context(ranks[reads[0]], sign_layers)
        steps = _steps_of_layer(layer, context)
        if len(reads) > 1 and not any(isinstance(step, Joined) for step in steps):
            raise layer.refuse(
                f"({layer.class_name}) reads {len(reads)} layers; crshare joins layers with Add "
                "and Concatenate only"
            )
        ranks[_keyed(layer.name)] = 2 if _flattens(layer) else context.rank
        nodes.append(Node(_keyed(layer.name), reads, steps))
    return tuple(nodes)


def _keyed(name: str) -> str:
    """A name that cannot be taken for that of the images."""
    return f"layer {name}"


def _flattens(layer: KerasLayer) -> bool:
    pools_all = layer.class_name.startswith("GlobalAverage") and not layer.flag("keepdims", False)
    return layer.class_name == "Flatten" or pools_all


def _refuse_unknown_signs(graph: Graph, sign_layers: Set[str]) -> None:
    """A declared sign layer that is no such layer is a slip of the pen, not nothing."""
    for name in sorted(sign_layers):
        if not any(is_declared(layer, {name}) or _applies(layer, name) for layer in graph.layers):
            names = dict.fromkeys(layer.class_name for layer in graph.layers)
            shown = f"; the classes of the model are {', '.join(names)}"
            raise ModelFormatError(
                f"no layer, class or activation is named {name!r}, which --sign-layer names{shown}"
            )


def is_declared(layer: KerasLayer, sign_layers: Set[str]) -> bool:
    names = {layer.name, layer.class_name, layer.class_name.rsplit(">", 1)[-1]}
    return not names.isdisjoint(sign_layers)


def _applies(layer: KerasLayer, name: str) -> bool:
    value = layer.config.get("activation")
    value = value.get("config") if isinstance(value, dict) else value
    return isinstance(value, str) and snake_case(value) == snake_case(name)


def _steps_of_layer(layer: KerasLayer, context: Context) -> Steps:
    declared = is_declared(layer, context.sign_layers)
    if layer.class_name in READERS and not declared:
        return READERS[layer.class_name](layer, context)
    name = snake_case(layer.class_name)
    if declared and "kernel" in layer.weights:
        return (convolution if "filters" in layer.config else dense)(layer, context, DECLARED)
    if declared or name in SIGNS:
        return (Binarize(layer.name),)
    if name in STRICT_SIGNS:
        return (Binarize(layer.name, zero_is_plus=False),)
    raise _unknown(layer)


def _unknown(layer: KerasLayer) -> ModelFormatError:
    if layer.class_name == "Lambda":
        return layer.refuse(
            "is a Lambda, which carries code, and crshare runs no code of a file; replace it by "
            "the layers it stands for"
        )
    name = layer.class_name.rsplit(">", 1)[-1]
    if layer.class_name.startswith("hgq>"):
        return layer.refuse(
            f"is HGQ2's {name}, whose weights are fixed-point numbers; none of HGQ2's widths is "
            "+1/-1, so crshare has nothing to share; train it with Larq or QKeras"
        )
    if ">" in layer.class_name and not layer.weights:
        return layer.refuse(
            f"is of the custom class {layer.class_name}; if it gives +1 for values >= 0 and else "
            f"-1, say so with --sign-layer {name}"
        )
    if ">" in layer.class_name and "kernel" in layer.weights:
        return layer.refuse(
            f"is of the custom class {layer.class_name}, whose code crshare does not run; if it "
            "is Keras's layer with +1 for weights >= 0 and else -1, say so with --sign-layer "
            f"{name}"
        )
    return layer.refuse(
        f"is of class {layer.class_name}, which is not read yet; crshare reads "
        f"{', '.join(sorted(READERS))}"
    )


def _activation(layer: KerasLayer, context: Context) -> Steps:
    return activation(layer, context.sign_layers)


READERS: dict[str, Reader] = {
    **dict.fromkeys(("Conv1D", "Conv2D"), partial(convolution, dialect=PLAIN)),
    "DepthwiseConv2D": partial(depthwise, dialect=PLAIN),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), partial(separable, dialect=PLAIN)),
    "Dense": partial(dense, dialect=PLAIN),
    **dict.fromkeys(("QuantConv1D", "QuantConv2D"), partial(convolution, dialect=LARQ)),
    "QuantDepthwiseConv2D": partial(depthwise, dialect=LARQ),
    **dict.fromkeys(
        ("QuantSeparableConv1D", "QuantSeparableConv2D"), partial(separable, dialect=LARQ)
    ),
    "QuantDense": partial(dense, dialect=LARQ),
    **dict.fromkeys(("QConv1D", "QConv2D"), partial(convolution, dialect=QKERAS)),
    "QDepthwiseConv2D": partial(depthwise, dialect=QKERAS),
    "QDense": partial(dense, dialect=QKERAS),
    "QActivation": qkeras.activation_layer,
    "QBatchNormalization": qkeras.batch_norm,
    "BinaryConv2D": partial(convolution, dialect=BINARYNET),
    "BinaryDense": partial(dense, dialect=BINARYNET),
    "BatchNormalization": plain.batch_norm,
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D"), plain.max_pooling),
    **dict.fromkeys(("AveragePooling1D", "AveragePooling2D"), plain.average_pooling),
    **dict.fromkeys(("GlobalAveragePooling1D", "GlobalAveragePooling2D"), plain.global_average),
    "Add": plain.add,
    "Concatenate": plain.concatenate,
    "Rescaling": plain.rescaling,
    "Flatten": plain.flatten,
    "Activation": _activation,
    "ReLU": plain.relu,
    "LeakyReLU": plain.leaky_relu,
    "PReLU": plain.prelu,
    "Softmax": plain.softmax,
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
        plain.nothing,
    ),
}
