"""Nodes of a network while a graph is read: what is appended, and which weights can be written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from crshare.arrays import Array, Float64Array, Int64Array
from crshare.errors import DAMAGED, ModelFormatError
from crshare.frontend.config import MOST, TINY
from crshare.frontend.onnx.graph import OnnxNode
from crshare.frontend.onnx.tensors import Constant, Map, Tensor
from crshare.thresholds.layer_ops import (
    Affine,
    Average,
    Binarize,
    Flat,
    Fractions,
    Joined,
    LayerOp,
    Linear,
    Node,
    Role,
    fractions,
)

HALF = Fraction(1, 2)
MAX_WORK = 2**26  # elements of all maps together
MAX_COMPUTED, FOLDED = 2**22, 16  # of all computed constants, and times as many as the file holds
MAX_STEPS = 2**20  # exact numbers of channels, and maps before signs in each channel
FAIR_DIGITS = 2**13  # binary digits of a number that single constants make together
MAX_PLACES = 2**16  # of a map that meets a value of its own at each


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Where a weight lies in the file: flat places of a tensor, in the order of our weight.

    factor: ours is the file's value times it. reader: the node and the input that read the tensor.
    """

    tensor: str
    places: Int64Array
    reader: tuple[int, int]
    factor: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Some elements of a constant, one for each channel, and their values; one for all of them."""

    values: Float64Array
    elements: Int64Array
    constant: Constant

    @property
    def fractions(self) -> Fractions:
        """The exact values."""
        return fractions(self.values)


@dataclass(slots=True)
class Build:
    """What has been read so far.

    constants: as the file has them. batch: of images that the graph takes at once. weights and
    stored: by the name of the node and of the weight. signs: the owners of signs that give 0 for 0.
    decided: the nodes that give +1 or -1. work and computed: elements of all maps and of all
    computed constants so far. known: the constants of the file that were read. steps: of the maps
    before signs.
    """

    constants: Mapping[str, Array]
    batch: int = 1
    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, dict[str, Float64Array]] = field(default_factory=dict)
    stored: dict[tuple[str, str], Stored] = field(default_factory=dict)
    signs: list[str] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)
    work: int = 0
    computed: int = 0
    most_computed: int = MAX_COMPUTED
    steps: int = 0
    known: dict[str, Constant] = field(default_factory=dict)
    _depth: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        held = sum(array.size for array in self.constants.values())
        self.most_computed += FOLDED * held

    def append(self, owner: str, reads: tuple[str, ...], layer_ops: tuple[LayerOp, ...]) -> str:
        """The name of a new node."""
        name = f"node {owner}#{len(self.nodes)}"
        self.nodes.append(Node(name, reads, layer_ops))
        self._depth[name] = 0
        if not any(isinstance(layer_op, Linear | Joined | Average) for layer_op in layer_ops):
            self._depth[name] = self._depth.get(reads[0], 0) + len(layer_ops)
        if layer_ops and isinstance(layer_ops[-1], Binarize):
            self.decided.add(name)
        return name

    def plain(self, given: Map, owner: str) -> Map:
        """The same tensor with nothing left to do on its map."""
        if given.pad is not None:
            raise ModelFormatError(
                f"node {owner} reads a padded tensor and is no convolution, which is not read; pad "
                "right before a convolution"
            )
        return self._settled(given, owner)

    def padded(self, given: Map, owner: str) -> Map:
        """As plain, of a tensor that may be padded; what is padded stays as it is."""
        return given if given.is_plain else self._settled(given, owner)

    def _settled(self, given: Map, owner: str) -> Map:
        layer_ops: list[LayerOp] = []
        if given.sign is not None:
            self.signs.append(given.sign)
            layer_ops.append(Binarize(given.sign))
        if given.scale != 1 or given.offset != 0:
            layer_ops.append(Affine(owner, Role.FACTOR, (given.scale,), offset=(given.offset,)))
        if not layer_ops:
            return given
        found = Map(
            self.append(owner, (given.node,), tuple(layer_ops)),
            given.shape,
            given.at,
            pad=given.pad,
        )
        if given.sign is not None:
            self._count_decision(found, owner)
        return found

    def apply(self, given: Map, owner: str, *layer_ops: LayerOp) -> Map:
        """The tensor behind layer ops that keep the shape of its map."""
        before = self.plain(given, owner)
        found = replace(before, node=self.append(owner, (before.node,), layer_ops))
        if any(isinstance(layer_op, Binarize) for layer_op in layer_ops):
            self._count_decision(found, owner)
        return found

    def _count_decision(self, found: Map, owner: str) -> None:
        """Refuse chains so long that their exact thresholds would take minutes."""
        self._count_steps(self._depth[found.node] * found.shape[2], owner)

    def _count_steps(self, n: int, owner: str) -> None:
        self.steps += n
        if self.steps > MAX_STEPS:
            raise ModelFormatError(
                f"node {owner} brings the exact numbers of the graph beyond {MAX_STEPS:,} steps, "
                "channel by channel; export the model simplified"
            )

    def features(self, given: Map, owner: str) -> Map:
        """The same tensor with its map flattened."""
        before = self.plain(given, owner)
        if before.shape[0] * before.shape[1] == 1:
            return before
        node = self.append(owner, (before.node,), (Flat(f"{owner}/flatten"),))
        return Map(node, (1, 1, before.size), before.at)

    def by_channel(
        self, given: Map, node: OnnxNode, *constants: Constant
    ) -> tuple[Map, list[Spread]]:
        """Constants that meet a tensor element by element, as values for each channel of its map;
        where they differ within a channel, of the flattened map. Single values stay single."""
        before = self.plain(given, node.name)
        elements = [_elements(before, node, constant) for constant in constants]
        if not all(_same_within_channels(*pair) for pair in zip(constants, elements, strict=True)):
            if before.size > MAX_PLACES:
                raise node.refuse(
                    f"has values that differ within the {before.size:,} places of a map, where "
                    f"{MAX_PLACES:,} are read; use one value for each channel"
                )
            before = self.features(before, node.name)
        spread = []
        for constant, rows in zip(constants, elements, strict=True):
            chosen = rows.reshape(-1)[: 1 if constant.values.size == 1 else before.shape[2]]
            values = checked(node, constant.values).reshape(-1)[chosen]
            self._count_steps(len(chosen), node.name)
            spread.append(Spread(values, chosen, constant))
        return before, spread

    def keep(self, owner: str, name: str, spread: Spread, factor: int = 1) -> None:
        """Note the weight `name` of a node, and where it lies if each value is a stored one."""
        self.weights.setdefault(owner, {})[name] = spread.values * factor
        origin = spread.constant.origin
        if origin is None or not origin.same:
            return
        places = origin.places.reshape(-1)[spread.elements]
        if len(np.unique(places)) == places.size:
            self.stored[owner, name] = Stored(origin.tensor, places, origin.reader, factor)

    def is_truth(self, given: Map) -> bool:
        """Whether a tensor holds 0 and 1, as a comparison gives them."""
        halved = abs(given.scale) == given.offset == HALF
        return given.node in self.decided and given.sign is None and halved

    def count(self, node: OnnxNode, tensor: Tensor) -> None:
        """Refuse a graph whose tensors are more than a network's may be."""
        if isinstance(tensor, Map):
            self.work += tensor.at.size
            digits = max(each.denominator.bit_length() for each in (tensor.scale, tensor.offset))
            self._count_steps(digits // FAIR_DIGITS * MAX_STEPS, node.name)
        elif isinstance(tensor, Constant):
            self.computed += tensor.values.size
        self.refuse_work(node)

    def refuse_work(self, node: OnnxNode) -> None:
        """Refuse what has been counted, where it is too much."""
        for done, most in ((self.work, MAX_WORK), (self.computed, self.most_computed)):
            if done > most:
                raise node.refuse(
                    f"brings the tensors of the graph beyond {most:,} elements; export a smaller "
                    "model"
                )


def _elements(given: Map, node: OnnxNode, constant: Constant) -> Int64Array:
    """Which element of a constant each place of the map meets, [places of a channel, channels]."""
    shape, wanted = constant.values.shape, given.at.shape
    if not _fits(shape, wanted):
        raise node.refuse(
            f"meets a tensor of {list(wanted)} with constants of {list(shape)}, which do not fit; "
            f"{DAMAGED}"
        )
    numbers = np.arange(constant.values.size).reshape(shape)
    elements = np.empty(given.size, np.int64)
    elements[given.at.reshape(-1)] = np.broadcast_to(numbers, wanted).reshape(-1)
    return elements.reshape(-1, given.shape[2])


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a constant of this shape changes no extent of the tensor that it meets."""
    if len(shape) > len(wanted):
        return False
    return all(n in (1, m) for n, m in zip(shape[::-1], wanted[::-1], strict=False))


def _same_within_channels(constant: Constant, elements: Int64Array) -> bool:
    values = constant.values.reshape(-1)[elements]
    return bool((values == values[0]).all())


def checked(node: OnnxNode, values: Array) -> Float64Array:
    """Real numbers that float32 can hold; those too small for a normal one are 0."""
    if values.dtype.kind not in "fiu" or values.size == 0:
        raise node.refuse("reads a constant that holds no numbers; export the model again")
    real = values.astype(np.float64)
    if not (np.abs(real) <= MOST).all():
        raise node.refuse(
            "reads a constant that holds NaN, infinity or more than float32 can; train the model "
            "again"
        )
    return np.where(np.abs(real) < TINY, 0, real)
