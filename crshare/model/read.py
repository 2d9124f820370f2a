"""A model file as one value: its network, where it came from, and how it held its weights."""

import shlex
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.errors import ModelFormatError
from crshare.frame import Frame, Tabled
from crshare.frontend.config import Weights
from crshare.frontend.declared import NOTHING, Declared, declared
from crshare.frontend.formats import AnyFile, described, load, named
from crshare.frontend.lut_files import form_of, read_lut_file
from crshare.frontend.onnx.reader import OnnxModel
from crshare.frontend.topology import Graph
from crshare.model.declared_signs import refuse_constant_signs
from crshare.model.ties import refuse_ties
from crshare.network.graph import ClassSums, Conv, Lut, Modulate, Network, RealConv, Threshold
from crshare.network.network_frame import network_frame
from crshare.thresholds.assemble import Maps, assemble
from crshare.thresholds.layer_ops import ONE, Linear, Storage

Rescale = tuple[Fraction, Fraction]


@dataclass(frozen=True, eq=False, repr=False)
class Model(Tabled):
    """What was read of a file, and what a report or a change of the file needs to know of it.
    Of an exported network and a LUT network that is the network alone.

    linears: each linear layer as the file has it. merged: by the name of each Threshold the exact
    maps it stands for. graph: the file's layers in order, each with its weights. sign_layers,
    declared (its layers) and rescale: what the user said beside the file, as in read_model. onnx:
    what was read of an ONNX graph, which has no layers.
    """

    network: Network
    path: Path
    library: str
    linears: Mapping[str, Linear]
    merged: Mapping[str, Maps]
    graph: Graph
    sign_layers: Set[str] = frozenset()
    rescale: Rescale | None = None
    onnx: OnnxModel | None = None
    declared: Declared = field(default_factory=dict)

    def summary(self) -> Frame:
        return network_frame(f"{self.path.name}: {self.library}", self.network)

    @cached_property
    def weights(self) -> dict[str, Weights]:
        """The file's own, by its layer or node and short name."""
        if self.onnx is not None:
            return dict(self.onnx.weights)
        return {layer.name: layer.weights for layer in self.graph.layers}

    @property
    def storage(self) -> dict[str, Storage]:
        """How the file holds the weights of each linear layer."""
        return {name: linear.storage for name, linear in self.linears.items()}

    @property
    def read_with(self) -> str:
        """What the user said beside the file, as options of a command; "" for nothing."""
        words: list[str] = []
        for name in sorted(self.sign_layers):
            words += ["--sign-layer", name]
        for name, meaning in sorted(self.declared.items()):
            words += ["--layer", f"{name}={meaning.value}"]
        if self.rescale is not None:
            words += ["--rescale", "{},{}".format(*self.rescale)]
        return shlex.join([*words, *(["--features"] if self.network.input.real else [])])

    @property
    def weights_hash(self) -> str:
        return fingerprint(self.network)


def read_network(
    path: Path,
    *,
    sign_layers: Set[str] = frozenset(),
    rescale: Rescale | None = None,
    features: bool = False,
) -> Network:
    """The network of a model file; ModelFormatError, one sentence, where crshare cannot read it."""
    return read_model(path, sign_layers=sign_layers, rescale=rescale, features=features).network


def read_model(
    path: Path,
    *,
    sign_layers: Set[str] = frozenset(),
    rescale: Rescale | None = None,
    frames: int | None = None,
    layers: Declared = NOTHING,
    features: bool = False,
) -> Model:
    """As read_network, with what a report says of the file.

    sign_layers: names of layers, classes or activations that give +1 for values >= 0 and else -1.
    rescale: (scale, offset) that turn a pixel v into the scale * v + offset that the model expects.
    frames: of the modulation of a LUT network, instead of its file's own (of Verilog, which does
    not tell, 1). layers: what names of layers, classes, activations and quantizers stand for.
    features: whether the model's input is real numbers as its library gets them, and not pixels.
    """
    if form := form_of(path):
        if sign_layers or rescale or layers or features:
            raise ModelFormatError(
                f"{path}: holds its signs, its rescaling and the form of its input; leave "
                "--sign-layer, --layer, --rescale and --features out"
            )
        found = read_lut_file(path, form, frames)
        return alone(found.network, path, found.library)
    if frames is not None:
        raise ModelFormatError(f"{path}: is no LUT network; leave --frames out")
    return model_of(
        load(path), sign_layers=sign_layers, rescale=rescale, layers=layers, features=features
    )


def alone(network: Network, path: Path, library: str) -> Model:
    """A network of no layers of a file: its linear layers hold what they multiply with."""
    linears = {
        layer.name: _linear(layer.name, layer.op)
        for layer in network.layers
        if isinstance(layer.op, Conv | RealConv)
    }
    return Model(network, path, library, linears, {}, Graph((), "", ()))


def _linear(name: str, op: Conv | RealConv) -> Linear:
    is_real = isinstance(op, RealConv)
    pad_value = (0 if op.same else None) if isinstance(op, RealConv) else op.pad_value
    return Linear(
        owner=name,
        weights=op.kernel.astype(np.float64),
        signs=None if isinstance(op, RealConv) else op.kernel,
        magnitudes=ONE,
        strides=op.strides,
        pad_value=None if pad_value is None else Fraction(pad_value),
        quantizer="none",
        storage=Storage.REAL if is_real else Storage.BINARY,
        stored=(name, "kernel"),
        groups=1 if isinstance(op, RealConv) else op.groups,
        dilation=(1, 1) if isinstance(op, RealConv) else op.dilation,
    )


def model_of(
    file: AnyFile,
    *,
    sign_layers: Set[str] = frozenset(),
    rescale: Rescale | None = None,
    layers: Declared = NOTHING,
    features: bool = False,
) -> Model:
    """As read_model, of a file whose bytes are at hand."""
    if features and rescale is not None:
        raise ModelFormatError(
            f"{file.path}: --features are what the model takes, and --rescale is of pixels; give "
            "one of both"
        )
    found, path = described(file, sign_layers, layers), file.path
    with named(path):
        assembly = assemble(found.shape, rescale, found.nodes, features=features)
        refuse_ties(found, assembly, rescale, features=features)
        given = declared(sign_layers, layers)
        refuse_constant_signs(found.graph, given, assembly.network)
    layer_ops = (layer_op for node in found.nodes for layer_op in node.layer_ops)
    linears = {layer_op.owner: layer_op for layer_op in layer_ops if isinstance(layer_op, Linear)}
    network = assembly.network
    if found.channels_first:
        network = replace(network, input=network.input.coming_first())
    return Model(
        network=network,
        path=path,
        library=found.library,
        linears=linears,
        merged=assembly.merged,
        graph=found.graph,
        sign_layers=sign_layers,
        rescale=rescale,
        onnx=found.onnx,
        declared=layers,
    )


def fingerprint(network: Network) -> str:
    """A hash of kernels, thresholds and tables in order: it binds a plan to its network."""
    digest = sha256()
    for layer in network.layers:
        match layer.op:
            case Conv(kernel):
                digest.update(
                    _described(layer.name, "kernel", np.packbits(kernel > 0), kernel.shape)
                )
            case Threshold(at, rising):
                digest.update(_described(layer.name, "at", at.astype("<i4"), at.shape))
                digest.update(_described(layer.name, "rising", np.packbits(rising), rising.shape))
            case Lut(connections, tables):
                for what, array in (("connections", connections), ("tables", tables)):
                    digest.update(_described(layer.name, what, array, array.shape))
            case Modulate(at):
                digest.update(_described(layer.name, "at", at, at.shape))
            case ClassSums(weights, offsets):
                both = np.stack([weights, offsets])
                digest.update(_described(layer.name, "sums", both, both.shape))
            case _:
                pass
    return digest.hexdigest()


def _described(name: str, what: str, array: npt.NDArray[Any], shape: tuple[int, ...]) -> bytes:
    text = f"{name}\0{what}\0{shape}\0"
    return text.encode("utf-8", "surrogatepass") + array.tobytes()
