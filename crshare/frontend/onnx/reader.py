"""The graph of an .onnx file as the nodes of a network: from the images to the scores.

Constants are computed, and what the network computes becomes layer ops of the same kinds as those
of Keras files. Nodes that do not lead to the scores are left out.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from math import prod

import numpy as np

from crshare.arrays import Array, Float64Array, Int64Array
from crshare.errors import DAMAGED, ModelFormatError
from crshare.frontend.config import is_count, short
from crshare.frontend.onnx.build import Build, Stored
from crshare.frontend.onnx.constants import KNOWN, evaluate, known
from crshare.frontend.onnx.graph import EXPORT, OnnxGraph, OnnxNode
from crshare.frontend.onnx.linear import LINEAR
from crshare.frontend.onnx.paths import (
    STANDARD,
    behind,
    needed_of,
    scores_of,
    straight_through,
)
from crshare.frontend.onnx.pointwise import POINTWISE, Given, Read, a_map
from crshare.frontend.onnx.pools import POOLS
from crshare.frontend.onnx.shapes import MOVES, of_one_image, shape_of
from crshare.frontend.onnx.signs import SIGNS
from crshare.frontend.onnx.tensors import (
    Constant,
    Map,
    Tensor,
    channels_first,
    channels_last,
)
from crshare.network.graph import INPUT, Shape
from crshare.thresholds.layer_ops import Binarize, Node

QUANTIZED = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")
QONNX = ("BipolarQuant", "IntQuant", "MultiThreshold", "Quant")
MAX_IMAGE = 2**22  # values of one image


@dataclass(frozen=True, slots=True, eq=False)
class Entered:
    """A tensor that weights read. map: what it holds of the network."""

    tensor: str
    map: Map


@dataclass(frozen=True, slots=True, eq=False)
class OnnxModel:
    """What was read of a graph.

    shape: [h, w, c] of an image. images: where each element of the graph's input lies in it.
    weights and stored: by node and name, as in Build. signs: the owners of signs that give 0 for 0.
    needed: the nodes that lead to `scores`, the tensor of the scores. aliases: tensors that are
    read as others. entered: by each node of weights the tensor that it reads. axes: of each tensor
    that the network computes.
    """

    graph: OnnxGraph
    shape: Shape
    images: Int64Array
    nodes: tuple[Node, ...]
    weights: Mapping[str, Mapping[str, Float64Array]]
    stored: Mapping[tuple[str, str], Stored]
    signs: tuple[str, ...]
    needed: tuple[OnnxNode, ...]
    scores: str
    aliases: Mapping[str, str]
    entered: Mapping[str, Entered]
    axes: Mapping[str, int]


def model_of(graph: OnnxGraph, sign_layers: Set[str]) -> OnnxModel:
    """The nodes of a graph; ModelFormatError, one sentence, where crshare cannot read it."""
    _refuse_unknown_signs(graph, sign_layers)
    aliases = straight_through(graph)
    scores = scores_of(graph, aliases)
    needed = needed_of(graph, scores, aliases)
    build = Build({**graph.constants, **_constants_of_nodes(graph)}, batch=graph.batch)
    given = _input(graph, needed)
    tensors: dict[str, Tensor] = {graph.input: given}
    for node in needed:
        inputs = [_read(build, tensors, node, slot, aliases) for slot in range(len(node.inputs))]
        found = _through(build, node, inputs, sign_layers)
        build.count(node, found)
        tensors[node.outputs[0]] = found
    _finish(build, tensors.get(scores), scores)
    return OnnxModel(
        graph,
        given.shape,
        given.at,
        tuple(build.nodes),
        build.weights,
        build.stored,
        tuple(dict.fromkeys(build.signs)),
        tuple(needed),
        scores,
        aliases,
        _entered(needed, tensors, aliases),
        {name: each.at.ndim for name, each in tensors.items() if isinstance(each, Map)},
    )


def _entered(
    nodes: Sequence[OnnxNode], tensors: Mapping[str, Tensor], aliases: Mapping[str, str]
) -> dict[str, Entered]:
    """What the nodes of weights read."""
    found = {}
    for node in nodes:
        name = behind(aliases, node.inputs[0]) if node.inputs else ""
        tensor = tensors.get(name)
        if node.op in LINEAR and isinstance(tensor, Map):
            found[node.name] = Entered(name, tensor)
    return found


def _through(
    build: Build, node: OnnxNode, inputs: Sequence[Tensor | None], sign_layers: Set[str]
) -> Tensor:
    """What a node gives."""
    if not sign_layers.isdisjoint({node.name, node.op}):
        tensor = a_map(node, inputs)
        if sum(each is not None for each in inputs) > 1:
            raise node.refuse("is declared as a sign, and reads more than one tensor")
        return build.apply(tensor, node.name, Binarize(node.name))
    _refuse_unknown(node)
    if node.op == "Shape":
        return _shape(node, inputs)
    if all(isinstance(each, Constant) for each in inputs if each is not None):
        return evaluate(node, [each if isinstance(each, Constant) else None for each in inputs])
    if node.op in MOVES:
        return MOVES[node.op](node, of_one_image(node, inputs, build.batch))
    if node.op not in READERS:
        raise node.refuse("is read of constants only, not of what the network computes")
    return READERS[node.op](build, node, inputs)


def _shape(node: OnnxNode, inputs: Given) -> Tensor:
    tensor = inputs[0] if inputs else None
    if not isinstance(tensor, Map | Constant):
        raise node.refuse(f"reads no tensor of known shape; {EXPORT}")
    return Constant(np.array(shape_of(tensor), np.int64))


def _refuse_unknown(node: OnnxNode) -> None:
    known = node.op in QONNX if node.domain in QUANTIZED else node.domain in STANDARD
    if known and (node.op in READ):
        return
    whose = f" of {short(node.domain)}" if node.domain not in STANDARD else ""
    raise node.refuse(
        f"is an operator{whose} that is not read yet; if it gives +1 for values >= 0 and else -1, "
        f"say so with --sign-layer {node.op}"
    )


def _refuse_unknown_signs(graph: OnnxGraph, sign_layers: Set[str]) -> None:
    names = {name for node in graph.nodes for name in (node.name, node.op)}
    for name in sorted(sign_layers - names):
        operators = ", ".join(sorted({node.op for node in graph.nodes}))
        raise ModelFormatError(
            f"no node or operator is named {name!r}, which --sign-layer names; the operators of "
            f"the model are {operators}"
        )


def _read(
    build: Build,
    tensors: Mapping[str, Tensor],
    node: OnnxNode,
    slot: int,
    aliases: Mapping[str, str],
) -> Tensor | None:
    """What an input of a node holds; None where it is left out."""
    name = behind(aliases, node.inputs[slot])
    if not name:
        return None
    if name in build.constants:
        if name not in build.known:
            build.known[name] = known(name, build.constants[name])
        return build.known[name].read_by((node.place, slot))
    if name not in tensors:
        raise node.refuse(f"reads {short(name)}, which nothing above it gives; {DAMAGED}")
    return tensors[name]


def _constants_of_nodes(graph: OnnxGraph) -> dict[str, Array]:
    """The tensors of Constant nodes, as if they were initializers."""
    return {
        node.outputs[0]: node.attributes["value"]
        for node in graph.nodes
        if node.op == "Constant"
        and node.outputs
        and isinstance(node.attributes.get("value"), np.ndarray)
    }


def _input(graph: OnnxGraph, nodes: Sequence[OnnxNode]) -> Map:
    """The images as the graph's input has them."""
    name, shape = graph.input, graph.input_shape
    extents = shape[1:]
    if not 2 <= len(shape) <= 4 or not all(is_count(extent) for extent in extents):
        raise ModelFormatError(
            f"its input {short(name)} has the shape {short(list(shape))}, where [batch, channels, "
            "height, width], [batch, channels, length] or [batch, inputs] of fixed size is read; "
            "export it for one size of images"
        )
    sizes = tuple(int(extent) for extent in extents)
    if prod(sizes) > MAX_IMAGE:
        raise ModelFormatError(
            f"its input {short(name)} holds images of {short(list(sizes))}, too "
            f"large; export a model of at most {MAX_IMAGE:,} values an image"
        )
    if len(sizes) == 1:
        return Map(INPUT, (1, 1, sizes[0]), np.arange(sizes[0])[None])
    first = _channels_come_first(graph, nodes, sizes)
    ordered = (*sizes[1:], sizes[0]) if first else sizes
    height, width, channels = (1,) * (3 - len(ordered)) + ordered
    of_map = (height, width, channels)
    at = channels_first(of_map) if first else channels_last(of_map)
    return Map(INPUT, of_map, at.reshape((1, *sizes)))


def _channels_come_first(
    graph: OnnxGraph, nodes: Sequence[OnnxNode], sizes: tuple[int, ...]
) -> bool:
    """As what reads the images says: a convolution or a pool has channels first, a Transpose of
    them to the front has them last. Where nothing says so, one to four channels tell."""
    names = {graph.input}
    for node in nodes:
        if names.isdisjoint(node.inputs[:1]):
            continue
        if node.op == "Conv" or (node.op in POOLS and node.op not in ("Concat", "Pad")):
            return True
        if node.op == "Transpose":
            return node.attributes.get("perm") != [0, len(sizes), *range(1, len(sizes))]
        if node.op in POINTWISE or node.op in SIGNS or node.op == "Pad":
            names |= set(node.outputs)
    return len(sizes) == 3 and not (sizes[-1] <= 4 < sizes[0])


def _finish(build: Build, tensor: Tensor | None, name: str) -> None:
    """Do what is left to do on the scores, which must come in the order of their map."""
    if not isinstance(tensor, Map):
        raise ModelFormatError(
            f"the graph gives out {short(name)}, which is not computed from its input; {EXPORT}"
        )
    last = build.plain(tensor, "scores")
    if not (last.at.reshape(-1) == np.arange(last.size)).all():
        raise ModelFormatError(
            f"the graph gives out {short(name)} in another order than height, width, channels, "
            "which is not read; end the model with a flat list of scores"
        )
    if build.nodes and build.nodes[-1].name != last.node:
        build.append("scores", (last.node,), ())


READERS: Mapping[str, Read] = {**POINTWISE, **SIGNS, **LINEAR, **POOLS}
READ = frozenset((*READERS, *MOVES, *KNOWN, "Shape"))
