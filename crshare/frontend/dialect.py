"""What a dialect of Keras files is: its layers, how they are known, and what library runs them.

A dialect is data. A reader turns a layer's configuration into exact layer ops. The fields that may
reach a library are named, each with its kind; no other field does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from crshare.frontend.config import KerasLayer, LayerEntry
from crshare.frontend.declared import Declared
from crshare.frontend.quantizers import Named, named_quantizer
from crshare.thresholds.layer_ops import LayerOp

LayerOps = tuple[LayerOp, ...]

KERNEL, DEPTHWISE_KERNEL = ("kernel", "bias"), ("depthwise_kernel", "bias")
TWO_KERNELS = ("depthwise_kernel", "pointwise_kernel", "bias")


class Field(Enum):
    """Of what kind the value of a field must be so that it may reach a library."""

    FLAG = auto()
    NUMBER = auto()
    SIZE = auto()
    SIZES = auto()
    AXES = auto()
    SHAPE = auto()
    LINES = auto()
    PADDING = auto()
    CHANNELS_LAST = auto()
    SCALAR = auto()
    QUANTIZER = auto()
    ACTIVATION = auto()


@dataclass(frozen=True, slots=True)
class LibraryClass:
    """A class of a library by its full name, and the keys that it may be given, scalars all.

    words: the texts that may stand there.
    """

    path: str
    keys: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Activation:
    """A function that a layer names: its layer ops, by the layer's name, and the library's own.

    made: a class, the full name of a function, a name among Keras's own, or None.
    """

    layer_ops: Callable[[str], LayerOps]
    made: LibraryClass | str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a layer's meaning depends on: the number of axes of its input, what the user declared,
    and the activations of all dialects."""

    rank: int
    declared: Declared
    activations: Mapping[str, Activation]

    def is_channels(self, axis: object) -> bool:
        """Whether an axis is the last one."""
        return not isinstance(axis, bool) and axis in (-1, self.rank - 1)


Reader = Callable[[KerasLayer, Context], LayerOps]


@dataclass(frozen=True, slots=True)
class LayerClass:
    """A class of layers. home: where the library has it, if not with its other layers.

    variables: in the order in which Keras makes them. flags: the fields of the configuration that
    say whether a variable is there, where one does.
    """

    read: Reader
    fields: Mapping[str, Field] = field(default_factory=dict)
    variables: tuple[str, ...] = KERNEL
    flags: Mapping[str, str] = field(default_factory=dict)
    home: str | None = None


@dataclass(frozen=True, slots=True)
class Library:
    """What runs a dialect. layers: the module of its layers, "layers" for those of Keras itself,
    "own" for those that crshare makes where it runs a model.

    package: what must be installed beside Keras. keras: the one it stands on; None is the one that
    wrote the file.
    """

    layers: str = "layers"
    package: str | None = None
    keras: str | None = None


@dataclass(frozen=True, slots=True)
class NoLibrary:
    """Why nothing runs a dialect, as said of one of its layers."""

    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """The layers of one library.

    packages: the modules that its classes come from; none where everybody has a copy of their own.
    registered_as: the package of their registered names. marks: the fields that its layers always
    write, which tell them from others of the same name. quantizer_at: what a layer names under a
    key. refusal: why none of its layers is read, where that is so.
    """

    name: str
    library: Library | NoLibrary
    classes: Mapping[str, LayerClass] = field(default_factory=dict)
    activations: Mapping[str, Activation] = field(default_factory=dict)
    quantizers: Mapping[str, LibraryClass] = field(default_factory=dict)
    quantizer_at: Callable[[KerasLayer, str], Named | None] = named_quantizer
    packages: tuple[str, ...] = ()
    registered_as: str | None = None
    marks: tuple[str, ...] = ()
    refusal: str | None = None

    def recognises(self, layer: KerasLayer | LayerEntry) -> bool:
        """Whether a layer is one of this dialect's, and not only called so."""
        return layer.class_name in self.classes and not self.lacking(layer.config)

    def lacking(self, config: Mapping[str, Any]) -> list[str]:
        """The marks that a configuration is without."""
        return [mark for mark in self.marks if mark not in config]
