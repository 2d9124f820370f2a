"""A layer of the file as layer ops, by the dialect that owns it; a layer without one is refused."""

from crshare.errors import ModelFormatError
from crshare.frontend.config import KerasLayer
from crshare.frontend.declared import Declared, Meaning, applies, meaning_of, with_quantizers
from crshare.frontend.dialect import Context, Dialect, LayerOps
from crshare.frontend.linear_layers import (
    FUNCTIONS,
    Quantization,
    convolution,
    dense,
    mean_magnitude,
    mean_magnitudes,
    signed,
)
from crshare.frontend.registry import ACTIVATIONS, CLASSES, DIALECTS, owner_of
from crshare.frontend.topology import Graph
from crshare.network.graph import INPUT
from crshare.thresholds.layer_ops import Binarize, Flat, Joined, Node, Reshaped

DECLARED = {
    Meaning.SIGN: Quantization(
        lambda _, __, weights: signed(weights, weights >= 0, "sign, as declared")
    ),
    Meaning.SIGNS_INPUT: Quantization(
        lambda _, __, weights: signed(weights, weights >= 0, "sign, as declared"),
        before=lambda layer: (Binarize(layer.name),),
    ),
    Meaning.SCALED_SIGN: Quantization(
        lambda _, __, weights: signed(
            weights, weights >= 0, "scaled sign, as declared", mean_magnitudes(weights)
        )
    ),
    Meaning.LAYER_SCALED_SIGN: Quantization(
        lambda _, __, weights: signed(
            weights, weights >= 0, "scaled sign, as declared", mean_magnitude(weights)
        )
    ),
}
UNDECLARED = ", whose code crshare does not run; build the model of layers that crshare reads"


def nodes_of(graph: Graph, declared: Declared) -> tuple[Node, ...]:
    """The layers in order, each as its layer ops."""
    _refuse_unknown_names(graph, declared)
    ranks = {INPUT: len(graph.input_shape) + 1}
    nodes = []
    for layer in graph.layers:
        reads = tuple(INPUT if name == graph.entry else _keyed(name) for name in layer.reads)
        context = Context(ranks[reads[0]], declared, ACTIVATIONS)
        layer_ops = _layer_ops(with_quantizers(layer, declared), context)
        if len(reads) > 1 and not any(isinstance(layer_op, Joined) for layer_op in layer_ops):
            raise layer.refuse(
                f"({layer.class_name}) reads {len(reads)} layers; crshare joins layers with Add, "
                "Subtract, Multiply and Concatenate only"
            )
        ranks[_keyed(layer.name)] = _rank(layer_ops, context.rank)
        nodes.append(Node(_keyed(layer.name), reads, layer_ops))
    return tuple(nodes)


def _rank(layer_ops: LayerOps, rank: int) -> int:
    """The number of axes that layer ops give, the images' own among them."""
    for layer_op in layer_ops:
        match layer_op:
            case Flat():
                rank = 2
            case Reshaped(_, target):
                rank = 1 + len(target)
            case _:
                pass
    return rank


def _keyed(name: str) -> str:
    """A name that cannot be taken for that of the images."""
    return f"layer {name}"


def _refuse_unknown_names(graph: Graph, declared: Declared) -> None:
    """A declared layer that is not there is a slip of the pen, not nothing."""
    for name in declared:
        one = {name: declared[name]}
        if not any(meaning_of(layer, one) or applies(layer, name) for layer in graph.layers):
            names = dict.fromkeys(layer.class_name for layer in graph.layers)
            option = "--sign-layer" if declared[name] is Meaning.SIGN else "--layer"
            raise ModelFormatError(
                f"no layer, class or activation is named {name!r}, which {option} names; the "
                f"classes of the model are {', '.join(names)}"
            )


def _declared(layer: KerasLayer, meaning: Meaning, context: Context) -> LayerOps:
    """What a layer computes that was declared to be this; the file's numbers must allow it."""
    if not layer.weights:
        if meaning not in FUNCTIONS:
            raise layer.refuse(
                f"is declared as {meaning.value}, and has no weights; declare it as "
                f"{Meaning.SIGN.value} or {Meaning.IDENTITY.value}"
            )
        return FUNCTIONS[meaning](layer.name)
    if "kernel" not in layer.weights:
        raise layer.refuse(
            f"is declared as a sign, but has weights ({', '.join(sorted(layer.weights))}) and "
            "no kernel, so it computes more; build the model of layers that crshare reads"
        )
    if meaning not in DECLARED:
        raise layer.refuse(
            f"is declared as {meaning.value}, but has a kernel, so it computes more; build the "
            "model of layers that crshare reads"
        )
    read = convolution if "filters" in layer.config else dense
    return read(layer, context, DECLARED[meaning])


def _layer_ops(layer: KerasLayer, context: Context) -> LayerOps:
    meaning = meaning_of(layer, context.declared)
    if meaning is not None:
        return _declared(layer, meaning, context)
    owner = owner_of(layer)
    if owner is None:
        raise _unknown(layer)
    return owner.classes[layer.class_name].read(layer, context)


def _unknown(layer: KerasLayer) -> ModelFormatError:
    package, _, name = layer.class_name.rpartition(">")
    if name == "Lambda" and not package:
        return layer.refuse(
            "is a Lambda, which carries code, and crshare runs no code of a file; replace it by "
            "the layers it stands for, or if it changes nothing, say so with --layer "
            f"{layer.name}=identity"
        )
    for dialect in DIALECTS:
        if dialect.refusal and dialect.registered_as == package:
            return layer.refuse(f"is {dialect.name}'s {name}, {dialect.refusal}")
        if name in dialect.classes and not package:
            return _namesake(layer, dialect)
    declaration = _declaration(layer, name)
    if package and declaration:
        return layer.refuse(f"is of the custom class {layer.class_name}{declaration}")
    return layer.refuse(
        f"is of class {layer.class_name}, which is not read yet; crshare reads "
        f"{', '.join(CLASSES)}{_what_may_be_said(layer, name)}"
    )


def _what_may_be_said(layer: KerasLayer, name: str) -> str:
    """Of a class that may be somebody's own."""
    if not layer.weights:
        return (
            f"; if it changes nothing when the model is run, say so with --layer {name}=identity, "
            f"or if it gives +1 for values >= 0 and else -1, with --sign-layer {name}"
        )
    if "kernel" in layer.weights:
        return (
            "; if it is Keras's layer with +1 for weights >= 0 and else -1, say so with "
            f"--sign-layer {name}, or if it takes the signs of its input too, with --layer "
            f"{name}=signs-input"
        )
    return ""


def _namesake(layer: KerasLayer, dialect: Dialect) -> ModelFormatError:
    """The refusal of a layer that is only called as one of a dialect's."""
    marks = " and ".join(dialect.lacking(layer.config))
    return layer.refuse(
        f"is of class {layer.class_name} without {marks}, which {dialect.name}'s layers always "
        "have, so it is another class of that name"
        f"{_declaration(layer, layer.class_name) or UNDECLARED}"
    )


def _declaration(layer: KerasLayer, name: str) -> str | None:
    """What a user may say of a class that crshare does not know, if it computes that."""
    if not layer.weights:
        return f"; if it gives +1 for values >= 0 and else -1, say so with --sign-layer {name}"
    if "kernel" in layer.weights:
        return (
            ", whose code crshare does not run; if it is Keras's layer with +1 for weights >= 0 "
            f"and else -1, say so with --sign-layer {name}"
        )
    return None
