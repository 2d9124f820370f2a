"""A LUT network in training: its layers, what they give, and how gradients come back."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from crshare.arrays import Array, Float32Array, Int32Array, Int64Array, Words
from crshare.lut_recipes import Choice, Form, LutRecipe, LutStage
from crshare.network.lut_ops import even_thresholds
from crshare.train.lutnet import kernels
from crshare.train.lutnet.differentiable import Differentiable, addresses_of, look_up
from crshare.train.lutnet.form import Gradients, Kept, TableForm, Want
from crshare.train.lutnet.pooling import pool, pooled, unpool
from crshare.train.lutnet.stochastic import Stochastic
from crshare.train.lutnet.wiring import Shape, Wiring, choose, rows_of, wire
from crshare.train.lutnet.workspace import Workspace

SPREAD = 0.1  # standard deviation of a table's first entries
LEAN = SPREAD / 1.5  # by which each 1 among the inputs raises them, but for those of the last layer
FAVOUR = 0.5  # what the first connections are ahead of the others
SCORE_SAMPLES = 2048  # of all places, about; more are not looked at for gradients of scores

FORMS: dict[Form, TableForm] = {
    Form.DIFFERENTIABLE: Differentiable(),
    Form.STOCHASTIC: Stochastic(binary=False),
    Form.STOCHASTIC_BINARY: Stochastic(binary=True),
}


@dataclass(eq=False)
class Layer:
    """Tables on a map. given: the map. tables: float32 [n, 64]. connections: int32 [n, k]. scores:
    float32 [n, k, n_places] of connections that are learned; the highest are the connections."""

    stage: LutStage
    given: Shape
    tables: Float32Array
    connections: Int32Array
    scores: Float32Array | None = None
    wiring: Wiring = field(init=False)
    space: Workspace = field(default_factory=Workspace, init=False)

    def __post_init__(self) -> None:
        self.rewire()

    @property
    def size(self) -> tuple[int, int]:
        return size_of(self.stage, self.given)

    @property
    def shape(self) -> Shape:
        """Of the map that the layer gives, pooled or not."""
        return pooled(self.wiring.shape) if self.stage.pooled else self.wiring.shape

    def rewire(self) -> None:
        """Follow the scores, if there are any."""
        if self.scores is not None:
            self.connections[:] = self.scores.argmax(axis=2)
        strides = (self.stage.stride, self.stage.stride)
        self.wiring = wire(self.connections, self.given, self.size, strides)

    @property
    def parameters(self) -> list[Float32Array]:
        return [self.tables] if self.scores is None else [self.tables, self.scores]

    def score_gradients(self, samples: Array, inputs: Float32Array) -> Float32Array:
        """[n, k, n_places]: by how much the loss changes where an input reads a place instead of
        nothing, to first order, in units of its spread over the places.

        samples: that the layer read [n_rows, S]. inputs: gradients [n, 6, n_map_places, s] of the
        first of them.
        """
        assert self.scores is not None
        n, k, n_places = self.scores.shape
        places = rows_of(np.arange(n_places, dtype=np.int32), self.given, self.size)
        some = samples[:, : inputs.shape[3]]
        windows = some[places[:, None] + self.wiring.offsets].astype(np.float32)
        come = np.ascontiguousarray(inputs[:, :k]).reshape(n * k, -1)
        found: Float32Array = come @ windows.reshape(n_places, -1).T
        kernels.normalise_rows(found)
        return np.reshape(found, (n, k, n_places))


@dataclass(frozen=True, eq=False)
class Pass:
    """What a layer read and gave in a batch, before pooling."""

    layer: Layer
    samples: Array
    kept: Kept
    given: Array


@dataclass(frozen=True, eq=False)
class Net:
    """layers: in order, the last one on a map of one place. form: of the tables. at: thresholds of
    pixels, int32 [frames, depth, channels]."""

    recipe: LutRecipe
    form: Form
    at: Int32Array
    layers: tuple[Layer, ...]

    @property
    def n_frames(self) -> int:
        return len(self.at)

    @cached_property
    def table_form(self) -> TableForm:
        return FORMS[self.form]

    @property
    def parameters(self) -> list[Float32Array]:
        """What is trained: each layer's tables, then its scores."""
        return [values for layer in self.layers for values in layer.parameters]

    @property
    def state(self) -> list[Array]:
        """All that the network is: parameters, and connections that are not learned."""
        return [*self.parameters, *(layer.connections for layer in self.layers)]

    def follow(self) -> None:
        """Have connections follow changed scores."""
        for layer in self.layers:
            layer.rewire()

    def at_frame(self, frame: int) -> "Net":
        """The same layers behind one frame of the modulation."""
        return replace(self, at=self.at[frame : frame + 1])

    def forward(self, images: Array) -> tuple[Array, list[Pass]]:
        """What the last layer gives [n_nodes, images * frames], and what each layer kept."""
        samples, passes = modulate(images, self.at), []
        for layer in self.layers:
            given, kept = self.table_form.forward(layer.tables, layer.wiring, samples, layer.space)
            passes.append(Pass(layer, samples, kept, given))
            samples = pool(given, layer.wiring.shape) if layer.stage.pooled else given
        return samples, passes

    def hardened(self, images: Array, chunk: int = 250) -> list[Words]:
        """Tables of bits [n] of each layer, with the means of these images."""
        chunks = [
            modulate(images[i : i + chunk], self.at) for i in range(0, len(images), chunk)
        ]  # fmt: skip
        found = []
        for layer in self.layers:
            counts = sum(
                (addresses_of(layer.wiring, bits, Workspace())[1] for bits in chunks),
                np.zeros((layer.stage.n_nodes, kernels.N_ENTRIES), np.int64),
            )
            found.append(self.table_form.hardened(layer.tables, counts))
            chunks = [through(layer, found[-1], bits) for bits in chunks]
        return found

    def class_sums(self, words: list[Words], images: Array, chunk: int = 250) -> Int64Array:
        """Ones of each class [images, classes] of the network with these tables of bits."""
        return np.concatenate(
            [self._class_sums(words, images[i : i + chunk]) for i in range(0, len(images), chunk)]
        )

    def _class_sums(self, words: list[Words], images: Array) -> Int64Array:
        samples = modulate(images, self.at)
        for layer, tables in zip(self.layers, words, strict=True):
            samples = through(layer, tables, samples)
        return by_class(samples, self.recipe.n_classes, self.n_frames).astype(np.int64)


def backward(passes: list[Pass], upstream: Float32Array, *, scores: bool) -> Iterator[list[Array]]:
    """The gradients of each layer's tables, and of scores if asked for, the last layer first.

    upstream: at what the last layer gave.
    """
    for number in range(len(passes) - 1, -1, -1):
        passed, layer = passes[number], passes[number].layer
        if layer.stage.pooled:
            upstream = unpool(passed.given, layer.wiring.shape, upstream)
        looked_at = max(16, SCORE_SAMPLES // len(layer.wiring.offsets))
        has_scores = scores and layer.scores is not None
        want = Want(rows=number > 0, inputs=looked_at if has_scores else 0)
        found = passed.kept.backward(upstream, want)
        yield _of_parameters(passed, found)
        if found.rows is not None:
            upstream = found.rows


def _of_parameters(passed: Pass, found: Gradients) -> list[Array]:
    if found.inputs is None:
        return [found.tables]
    return [found.tables, passed.layer.score_gradients(passed.samples, found.inputs)]


def through(layer: Layer, words: Words, bits: Array) -> Array:
    """Bits behind a layer with tables of bits."""
    space = Workspace()
    given = look_up(addresses_of(layer.wiring, bits, space)[0], words, space)
    return pool(given, layer.wiring.shape) if layer.stage.pooled else given


def by_class(samples: Array, n_classes: int, n_frames: int) -> Array:
    """Sums [images, classes] of samples [n_nodes, images * frames] over frames and over the nodes
    n of each class n % n_classes."""
    n_nodes, n_samples = samples.shape
    parts = samples.reshape(n_nodes // n_classes, n_classes, n_samples // n_frames, n_frames)
    kind = np.float32 if samples.dtype.kind == "f" else np.int64
    sums: Array = parts.sum(axis=(0, 3), dtype=kind).T
    return sums


def modulate(images: Array, at: Int32Array) -> Array:
    """Pixels [n, h, w, c] to bits [depth * c * h * w, n * frames]: value >= at[frame, d, c]."""
    bits = images[:, None, :, :, None, :] >= at[:, None, None]
    n, n_frames, height, width = bits.shape[:4]
    rows = bits.reshape(n * n_frames, height, width, -1).transpose(3, 1, 2, 0)
    return np.ascontiguousarray(rows.reshape(-1, n * n_frames)).view(np.uint8)


def build(recipe: LutRecipe, form: Form, choice: Choice, n_frames: int, seed: int) -> Net:
    """A network of the recipe before training. choice: for stages that name none."""
    rng = np.random.default_rng(seed)
    height, width, n_channels = recipe.shape
    shape: Shape = (height, width, n_channels * recipe.depth)
    layers = []
    for stage in recipe.stages:
        lean = 0 if stage is recipe.stages[-1] else LEAN
        layers.append(_layer(stage, shape, stage.choice or choice, lean, rng))
        shape = layers[-1].shape
    at = even_thresholds(n_frames, recipe.depth, n_channels)
    return Net(recipe, form, at, tuple(layers))


def _layer(
    stage: LutStage, given: Shape, choice: Choice, lean: float, rng: np.random.Generator
) -> Layer:
    """lean: as LEAN; where it is not 0, nodes begin as noisy majorities of their inputs."""
    rows, columns = size_of(stage, given)
    n_places = rows * columns * given[2]
    connections = choose(choice, stage.n_nodes, n_places, rng)
    n_ones = np.array([k.bit_count() for k in range(kernels.N_ENTRIES)])
    tables = rng.normal(0.5, SPREAD, (stage.n_nodes, kernels.N_ENTRIES)) + lean * (n_ones - 3.0)
    scores = None
    if choice is Choice.LEARNED:
        scores = rng.normal(0, 1e-2, (*connections.shape, n_places)).astype(np.float32)
        np.put_along_axis(scores, connections[:, :, None], np.float32(FAVOUR), axis=2)
    return Layer(stage, given, tables.astype(np.float32), connections, scores)


def size_of(stage: LutStage, given: Shape) -> tuple[int, int]:
    """The window of a stage on a map."""
    return given[:2] if stage.size is None else (stage.size, stage.size)
