"""Every format of model files behind one face: bytes from disk, what they describe, changed bytes.

Which format a file is of, its name tells: .onnx, and all else as Keras has it.
"""

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crshare.errors import DAMAGED, ModelFormatError, NetworkError
from crshare.frontend.channels_first import channels_last
from crshare.frontend.config import Weights
from crshare.frontend.containers import ModelFile, changed_file, load_file, read_file
from crshare.frontend.declared import NOTHING, Declared, Meaning, declared
from crshare.frontend.layers import nodes_of
from crshare.frontend.onnx.files import (
    OnnxFile,
    changed_onnx,
    is_onnx,
    library_of,
    load_onnx,
    read_graph,
)
from crshare.frontend.onnx.reader import OnnxModel
from crshare.frontend.onnx.reader import model_of as onnx_model_of
from crshare.frontend.topology import Graph, graph_of
from crshare.network.graph import Shape
from crshare.thresholds.layer_ops import Node

AnyFile = ModelFile | OnnxFile
NO_LAYERS = Graph((), "", ())


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """What a file says of its network. shape: of an image. signs: the owners of signs that give 0
    for 0, and are read as +1 there. graph: of a Keras file. onnx: of an ONNX file. channels_first:
    whether images come so."""

    library: str
    shape: Shape
    nodes: tuple[Node, ...]
    graph: Graph
    signs: tuple[str, ...] = ()
    onnx: OnnxModel | None = None
    channels_first: bool = False


def load(path: Path) -> AnyFile:
    """The bytes of a model file; ModelFormatError where there are none."""
    return load_onnx(path) if is_onnx(path) else load_file(path)


def described(
    file: AnyFile, sign_layers: Set[str], declared_layers: Declared = NOTHING
) -> Described:
    """What the bytes describe; ModelFormatError, one sentence, where that is no network."""
    if isinstance(file, OnnxFile):
        graph = read_graph(file)
        with named(file.path):
            _refuse_meanings(declared_layers)
            model = onnx_model_of(graph, sign_layers | declared_layers.keys())
        return Described(library_of(graph), model.shape, model.nodes, NO_LAYERS, model.signs, model)
    found = read_file(file)
    with named(file.path):
        layers = channels_last(graph_of(found.config, found.weights))
        nodes = nodes_of(layers, declared(sign_layers, declared_layers))
        return Described(
            found.library,
            _map_shape(layers.input_shape),
            nodes,
            layers,
            channels_first=layers.channels_first,
        )


def _refuse_meanings(given: Declared) -> None:
    """A node of ONNX is a sign or what its operator says."""
    for name, meaning in given.items():
        if meaning is not Meaning.SIGN:
            raise ModelFormatError(
                f"--layer {name}={meaning.value} stands for layers of Keras; a node of an ONNX "
                "graph can be declared as a sign only"
            )


def changed(file: AnyFile, onnx: OnnxModel | None, changes: Mapping[str, Weights]) -> AnyFile:
    """The file with other values in the named weights, as bytes; onnx: what was read of a graph."""
    if isinstance(file, OnnxFile) and onnx is not None:
        return changed_onnx(file, onnx, changes)
    assert isinstance(file, ModelFile)
    return changed_file(file, changes)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """What is refused in the block is refused of this file."""
    try:
        yield
    except (ModelFormatError, NetworkError) as error:
        raise ModelFormatError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ModelFormatError(f"{path}: its layers are nested too deep; {DAMAGED}") from error


def _map_shape(shape: tuple[int, ...]) -> Shape:
    """[inputs] and [width, channels] as maps of height 1."""
    height, width, channels = (1,) * (3 - len(shape)) + shape
    return height, width, channels
