"""Operations that take channels apart or add some of 0: tf.split, x[..., a:b], tf.pad."""

from crshare.frontend.config import KerasLayer, is_count, short
from crshare.frontend.dialect import Context, LayerOps
from crshare.frontend.operations import Operation
from crshare.thresholds.layer_ops import Filled, Padded, Part, Taken

WHOLE = ([None, None], [0, None])


def split(layer: KerasLayer, found: Operation, context: Context) -> LayerOps:
    """One of the parts; parts are a number of equal ones, or the first and last channel of each."""
    axis, parts = found.options["axis"], found.options["parts"]
    if not context.is_channels(axis):
        raise layer.refuse(f"splits axis {short(axis)}; crshare reads the last, the channels")
    n = parts if isinstance(parts, int) else len(parts)
    if layer.output >= n:
        raise layer.refuse(f"gives {n} parts, and part {layer.output + 1} is read")
    if isinstance(parts, int):
        return (Part(layer.name, layer.output, parts),)
    start, stop = parts[layer.output]
    return (Taken(layer.name, start, stop),)


def taken(layer: KerasLayer, found: Operation, context: Context) -> LayerOps:
    """All of every axis but the last."""
    ranges = found.options["ranges"]
    place = ranges.index(None) if None in ranges else len(ranges)
    before, behind = ranges[:place], ranges[place + 1 :]
    left = context.rank - len(before) - len(behind)
    all_axes = [*before, *([[None, None]] * left), *behind]
    if left < 0 or None in behind or any(part not in WHOLE for part in all_axes[:-1]):
        raise layer.refuse("takes a part of its maps; crshare reads x[..., a:b], some channels")
    start, stop = all_axes[-1]
    return (Taken(layer.name, start, stop),)


def pad(layer: KerasLayer, found: Operation, context: Context) -> LayerOps:
    """Lines and channels of 0: [[0, 0], [top, bottom], [left, right], [first, last]]."""
    lines = found.options["lines"]
    pairs = lines if isinstance(lines, list) else []
    if len(pairs) != context.rank or not all(_is_pair(pair) for pair in pairs):
        raise layer.refuse(f"pads by {short(lines)}, where two numbers for each axis should stand")
    images, *sides, channels = pairs
    if images != [0, 0]:
        raise layer.refuse("adds images, which is not read")
    rows, columns = ([[0, 0]] * 2 + sides)[-2:]
    around = Padded(layer.name, (rows[0], columns[0]), (rows[1], columns[1]))
    filled = Filled(layer.name, *channels)
    return (*((around,) if any(rows + columns) else ()), *((filled,) if any(channels) else ()))


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and is_count(value + 1)
