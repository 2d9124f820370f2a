"""Models that keep channels first, as the same models with channels last.

Keras's convolutional kernels are the same in both orders. What differs is moved here: shapes, axes,
slopes by position, and what reads a map that was flattened with its channels first, whose weights
stand in another order. A layer that takes such maps for maps with channels last is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from crshare.arrays import Int64Array
from crshare.errors import DAMAGED
from crshare.frontend.config import KerasLayer, Weights, is_count, short
from crshare.frontend.operations import operation_of
from crshare.frontend.topology import Graph

FIRST, LAST = "channels_first", "channels_last"
BUILD = "build the model with channels last"

Rows = Mapping[tuple[str, str], Int64Array]


@dataclass(frozen=True, slots=True)
class Order:
    """What a layer gives in the file's model: maps of these channels, which stand first; or, where
    `flat`, the values of such a map in a row."""

    channels: int
    flat: bool = False


@dataclass(slots=True)
class _Walk:
    """orders: of each layer so far; None where channels stand last, or there is one value of each.
    rows: of weights that have another order now, which of the file's rows stands in each place."""

    orders: dict[str, Order | None]
    rows: dict[tuple[str, str], Int64Array] = field(default_factory=dict)


def channels_last(graph: Graph) -> Graph:
    """The graph with all maps [height, width, channels]; itself where they are that."""
    if not any(_keeps_first(layer) for layer in graph.layers):
        return graph
    shape = graph.input_shape
    is_map = len(shape) > 1
    walk = _Walk({graph.entry: Order(shape[0]) if is_map else None})
    layers = tuple(_moved(layer, walk) for layer in graph.layers)
    last = layers[-1]
    if walk.orders[last.name] is not None:
        raise last.refuse(
            f"gives out maps with channels first, or their values in a row; {BUILD}, or end it "
            "with a dense layer or a global pooling"
        )
    moved = (*shape[1:], shape[0]) if is_map else shape
    return replace(graph, input_shape=moved, layers=layers, rows=walk.rows, channels_first=is_map)


def _keeps_first(layer: KerasLayer) -> bool:
    return layer.config.get("data_format") == FIRST and layer.class_name != "Flatten"


def _moved(layer: KerasLayer, walk: _Walk) -> KerasLayer:
    given = [walk.orders[name] for name in layer.reads]
    order = given[0]
    if any(other is None for other in given) and any(given):
        raise layer.refuse(f"joins maps with channels first and other values; {BUILD}")
    if order is None:
        found, after = _of_others(layer)
    elif order.flat:
        found, after = _of_row(layer, given, order, walk)
    else:
        found, after = _of_map(layer, given, order)
    walk.orders[layer.name] = after
    return found


def _of_others(layer: KerasLayer) -> tuple[KerasLayer, Order | None]:
    """Of values in no such order: a reshape makes maps of one channel of them."""
    target = layer.config.get("target_shape")
    if layer.class_name != "Reshape" or not isinstance(target, list) or len(target) < 2:
        return layer, None
    if target[0] != 1 and any(n != 1 for n in target[1:]):
        raise layer.refuse(
            f"reshapes rows to {short(target)}, maps of several channels, which stand first; "
            f"{BUILD}"
        )
    if not is_count(target[0]):
        raise layer.refuse(f"reshapes to {short(target)}, which is not read")
    return _with(layer, target_shape=[*target[1:], target[0]]), Order(target[0])


def _of_row(
    layer: KerasLayer, given: Sequence[Order | None], order: Order, walk: _Walk
) -> tuple[KerasLayer, Order | None]:
    """Of a map's values in a row: what has weights for each gets them in the order of the map with
    channels last."""
    if any(other != order for other in given) or layer.class_name in ("Concatenate", "Reshape"):
        raise layer.refuse(f"joins or reshapes rows of maps with channels first; {BUILD}")
    _refuse_constants(layer)
    kernel = layer.weights.get("kernel")
    is_dense = kernel is not None and kernel.ndim == 2
    names = ["kernel"] if is_dense else list(layer.weights)
    changed = {}
    for name in names:
        array = layer.weights[name]
        if (not is_dense and array.ndim != 1) or array.shape[0] % order.channels:
            raise layer.refuse(
                f"has a weight {short(name)} of shape {list(array.shape)} behind a map of "
                f"{order.channels} channels, which stand first; {DAMAGED}"
            )
        places = np.arange(array.shape[0]).reshape(order.channels, -1).T.reshape(-1)
        changed[name] = array[places]
        walk.rows[layer.name, name] = places
    return replace(layer, weights={**layer.weights, **changed}), None if is_dense else order


def _of_map(
    layer: KerasLayer, given: Sequence[Order | None], order: Order
) -> tuple[KerasLayer, Order | None]:
    if any(other is None or other.flat for other in given):
        raise layer.refuse(f"joins maps and rows of maps with channels first; {BUILD}")
    name = layer.class_name.rsplit(">", 1)[-1]
    if name in MAPS:
        return MAPS[name](layer, order)
    if name == "Concatenate":
        return _joined(layer, [each for each in given if each is not None])
    _refuse_constants(layer)
    kernel = layer.weights.get("kernel")
    if "data_format" not in layer.config:
        if kernel is not None:
            raise layer.refuse(f"multiplies the last axis of maps with channels first; {BUILD}")
        return layer, order
    if layer.config["data_format"] != FIRST:
        raise layer.refuse(
            f"has data_format {short(layer.config['data_format'])} and reads maps with channels "
            f"first; {BUILD}"
        )
    return _with(layer, data_format=LAST), _after(layer, name, order)


def _after(layer: KerasLayer, name: str, order: Order) -> Order | None:
    """What a layer of windows gives."""
    if name.startswith("Global"):
        return order if layer.config.get("keepdims") is True else None
    if "filters" in layer.config:
        return Order(layer.count("filters"))
    return Order(order.channels * layer.positive("depth_multiplier", 1))


def _flat(layer: KerasLayer, order: Order) -> tuple[KerasLayer, Order | None]:
    """Keras moves the channels last before it flattens, where it is told that they stand first."""
    is_told = layer.config.get("data_format") == FIRST
    return _with(layer, data_format=LAST), None if is_told else replace(order, flat=True)


def _reshaped(layer: KerasLayer, order: Order) -> tuple[KerasLayer, Order | None]:
    target = layer.config.get("target_shape")
    if not isinstance(target, list) or len(target) != 1:
        raise layer.refuse(
            f"reshapes maps with channels first to {short(target)}, where only flattening is read; "
            f"{BUILD}"
        )
    return layer, replace(order, flat=True)


def _normalised(layer: KerasLayer, order: Order) -> tuple[KerasLayer, Order | None]:
    axis = layer.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if isinstance(axis, bool) or axis != 1:
        found = short(layer.config.get("axis"))
        raise layer.refuse(
            f"normalises axis {found} of maps with channels first; crshare reads axis 1, the "
            "channels"
        )
    return _with(layer, axis=-1), order


def _sloped(layer: KerasLayer, order: Order) -> tuple[KerasLayer, Order | None]:
    """A PReLU, whose slopes [channels, height, width] are one for each channel."""
    alpha = layer.weights.get("alpha")
    moved = {} if alpha is None or not alpha.ndim else {"alpha": np.moveaxis(alpha, 0, -1)}
    axes = layer.config.get("shared_axes")
    if isinstance(axes, list) and alpha is not None:
        axes = [alpha.ndim if n == 1 else n - 1 for n in axes if isinstance(n, int)]
    return replace(_with(layer, shared_axes=axes), weights={**layer.weights, **moved}), order


def _joined(layer: KerasLayer, given: Sequence[Order]) -> tuple[KerasLayer, Order | None]:
    axis = layer.config.get("axis", -1)
    if isinstance(axis, bool) or axis != 1:
        raise layer.refuse(
            f"joins along axis {short(axis)} maps with channels first; crshare reads axis 1, the "
            "channels"
        )
    return _with(layer, axis=-1), Order(sum(order.channels for order in given))


def _refuse_constants(layer: KerasLayer) -> None:
    """An operation with an array of numbers, whose order is another."""
    found = operation_of(layer)
    if found is not None and (
        found.name in ("reshape", "concat")
        or any(isinstance(value, list) for value in found.constants)
    ):
        raise layer.refuse(f"is an operation on the axes of maps with channels first; {BUILD}")


def _with(layer: KerasLayer, **fields: Any) -> KerasLayer:
    return replace(layer, config={**layer.config, **fields})


MAPS: Mapping[str, Callable[[KerasLayer, Order], tuple[KerasLayer, Order | None]]] = {
    "Flatten": _flat,
    "Reshape": _reshaped,
    "BatchNormalization": _normalised,
    "QBatchNormalization": _normalised,
    "PReLU": _sloped,
}


def in_file_order(rows: Rows, changes: Mapping[str, Weights]) -> dict[str, dict[str, Any]]:
    """Changed weights, by layer and name, as the file has them."""
    found: dict[str, dict[str, Any]] = {}
    for layer, named in changes.items():
        for name, array in named.items():
            places = rows.get((layer, name))
            if places is not None:
                array = array[np.argsort(places)]
            found.setdefault(layer, {})[name] = array
    return found
