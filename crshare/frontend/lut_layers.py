"""Plain layers of tables, as other projects' files hold them, to a network on images."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, prod

from crshare.arrays import Int32Array, Words
from crshare.errors import ModelFormatError
from crshare.network.graph import INPUT, Flatten, Input, Layer, Lut, Network, Op, Shape
from crshare.network.lut_ops import class_sums, modulation


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """As of a Lut. connections: int32 [nodes, k] to nodes of the layer before; tables: uint64."""

    connections: Int32Array
    tables: Words


def network_of_tables(
    shape: Sequence[int], tables: Sequence[Tables], frames: int, n_classes: int
) -> Network:
    """Pixels from 0 to 255 over `frames`, layers of tables, and plain sums by class.

    shape: of an image, channels first as BinaryBrain has them, or the number of its pixels.
    """
    given = image_shape(shape)
    ops: list[Op] = [modulation(frames, given[2]), Flatten()]
    ops += [Lut(layer.connections, layer.tables) for layer in tables]
    ops.append(class_sums(n_classes, frames))
    names = ["modulation", "flatten", *(f"lut{k}" for k in range(len(tables))), "classes"]
    sources = [INPUT, *names]
    layers = (Layer(*parts) for parts in zip(names, ops, sources, strict=False))
    return Network(Input(given), tuple(layers))


def image_shape(shape: Sequence[int]) -> Shape:
    """[height, width, channels] of BinaryBrain's [channels, height, width] or number of pixels."""
    if any(not 0 < size <= 2**16 for size in shape) or len(shape) not in (1, 3):
        raise ModelFormatError(f"has images of shape {list(shape)}, which are none")
    if len(shape) == 1:
        side = isqrt(prod(shape))
        return (side, side, 1) if side**2 == shape[0] else (1, 1, shape[0])
    channels, height, width = shape
    if channels > 1:
        raise ModelFormatError(
            f"has images of {channels} channels, which BinaryBrain flattens in another order than "
            "crshare; one is read"
        )
    return height, width, channels
