"""The dialects that crshare reads, and to which of them a layer belongs.

A new dialect is its module in dialects/ and its place in DIALECTS.
"""

from collections.abc import Mapping, Sequence

from crshare.frontend.config import KerasLayer, LayerEntry
from crshare.frontend.dialect import KERNEL, Activation, Dialect
from crshare.frontend.dialects import binarynet, hgq, keras, larq, own, qkeras

DIALECTS: tuple[Dialect, ...] = (
    keras.DIALECT,
    larq.DIALECT,
    qkeras.DIALECT,
    binarynet.DIALECT,
    hgq.DIALECT,
    own.DIALECT,
)
ACTIVATIONS: Mapping[str, Activation] = {
    name: found for dialect in DIALECTS for name, found in dialect.activations.items()
}
CLASSES: tuple[str, ...] = tuple(sorted({name for d in DIALECTS for name in d.classes}))


def owner_of(layer: KerasLayer, dialects: Sequence[Dialect] = DIALECTS) -> Dialect | None:
    """The one dialect that recognises a layer; None where it is nobody's."""
    owners = [dialect for dialect in dialects if dialect.recognises(layer)]
    if len(owners) > 1:
        names = " and ".join(dialect.name for dialect in owners)
        raise layer.refuse(
            f"is of class {layer.class_name}, which {names} both have, and its configuration does "
            "not tell whose it is; save the model with one of these classes renamed"
        )
    return owners[0] if owners else None


def variable_names(layer: LayerEntry, n: int) -> list[str]:
    """What the n variables of a layer are called, in the order in which Keras makes them."""
    known = next((d.classes[layer.class_name] for d in DIALECTS if d.recognises(layer)), None)
    variables, flags = (known.variables, known.flags) if known else (KERNEL, {})
    names = [name for name in variables if layer.config.get(flags.get(name, ""), True)]
    return [*names[:n], *(f"variable {i}" for i in range(len(names), n))]
