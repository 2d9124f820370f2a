"""What operations on whole maps compute, be they layers of Keras or operations as layers."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from crshare.frontend.calls import Operand
from crshare.frontend.config import KerasLayer, is_number, short
from crshare.frontend.dialect import Context, LayerOps
from crshare.frontend.dialects.channels import pad, split, taken
from crshare.frontend.operations import ACTIVATIONS, Operation, operation_of
from crshare.thresholds.layer_ops import (
    ONE,
    ZERO,
    Affine,
    Bounds,
    Fractions,
    How,
    Joined,
    Reshaped,
    Role,
)
from crshare.thresholds.rationals import simplest


def operation(layer: KerasLayer, context: Context) -> LayerOps:
    """A layer that is an operation."""
    found = operation_of(layer)
    if found is None:
        raise layer.refuse(f"({layer.class_name}) is no operation that is read")
    if found.name in ACTIVATIONS:
        return context.activations[found.name].layer_ops(layer.name)
    return READERS[found.name](layer, found, context)


def add(layer: KerasLayer, context: Context) -> LayerOps:
    """Keras's layer Add, or x + c of Keras 3."""
    return operation(layer, context) if operation_of(layer) else (Joined(layer.name, How.ADD),)


def multiply(layer: KerasLayer, context: Context) -> LayerOps:
    """Keras's layer Multiply, or x * c of Keras 3."""
    if operation_of(layer):
        return operation(layer, context)
    return (Joined(layer.name, How.MULTIPLY),)


def reshape(layer: KerasLayer, context: Context) -> LayerOps:
    """Keras's layer Reshape, or the operation of Keras 3."""
    if operation_of(layer):
        return operation(layer, context)
    return _reshape(layer, layer.config.get("target_shape"))


def _reshape(layer: KerasLayer, target: object) -> LayerOps:
    if (
        not isinstance(target, list)
        or not all(isinstance(n, int) and not isinstance(n, bool) for n in target)
        or min(target, default=1) < -1
        or 0 in target
        or target.count(-1) > 1
    ):
        raise layer.refuse(f"reshapes to {short(target)}, which is not read")
    return (Reshaped(layer.name, tuple(target)),)


def concatenate(layer: KerasLayer, axis: object, context: Context) -> LayerOps:
    if not context.is_channels(axis):
        raise layer.refuse(f"joins along axis {short(axis)}; crshare reads the last, the channels")
    return (Joined(layer.name, How.CONCATENATE),)


def _sum(layer: KerasLayer, found: Operation, context: Context) -> LayerOps:
    if not found.constants:
        return (Joined(layer.name, How.ADD),)
    return _affine(layer, offset=_constant(layer, found))


def _difference(layer: KerasLayer, found: Operation, context: Context) -> LayerOps:
    if not found.constants:
        if len(found.values) != 2:
            raise layer.refuse(f"subtracts {len(found.values)} layers; crshare reads two")
        return (Joined(layer.name, How.SUBTRACT),)
    value = _constant(layer, found)
    if isinstance(found.values[0], Operand):
        return _affine(layer, offset=tuple(-part for part in value))
    return _affine(layer, scale=(Fraction(-1),), offset=value)


def _product(layer: KerasLayer, found: Operation, context: Context) -> LayerOps:
    if not found.constants:
        return (Joined(layer.name, How.MULTIPLY),)
    return _affine(layer, scale=_constant(layer, found))


def _quotient(layer: KerasLayer, found: Operation, context: Context) -> LayerOps:
    value = _constant(layer, found)
    if not isinstance(found.values[0], Operand) or not all(value):
        raise layer.refuse("divides by a layer or by 0, which is not read")
    return _affine(layer, scale=tuple(1 / part for part in value))


def _affine(layer: KerasLayer, scale: Fractions = ONE, offset: Fractions = ZERO) -> LayerOps:
    return (Affine(layer.name, Role.FACTOR, scale, offset=offset),)


def _constant(layer: KerasLayer, found: Operation) -> Fractions:
    """The one constant that an operation has beside one layer: a number, or one for each channel.

    The file's decimals stand for the simplest rationals that they may mean.
    """
    if len(found.constants) != 1 or len(found.values) != 2:
        raise layer.refuse(
            f"is the operation {found.name} of {len(found.values)} values, "
            f"{len(found.constants)} of them constants; crshare reads one layer and one constant"
        )
    array = np.array(found.constants[0], dtype=object)
    if array.ndim and array.size != array.shape[-1]:
        raise layer.refuse("has a constant for each position, which is not read")
    values = array.reshape(-1).tolist()
    if not values or not all(map(is_number, values)):
        raise layer.refuse(f"has the constant {short(found.constants[0])}, which is no number")
    return tuple(simplest(float(value)) for value in values)


Reader = Callable[[KerasLayer, Operation, Context], LayerOps]

READERS: dict[str, Reader] = {
    "add": _sum,
    "subtract": _difference,
    "multiply": _product,
    "divide": _quotient,
    "negative": lambda layer, _, __: _affine(layer, scale=(Fraction(-1),)),
    "identity": lambda _, __, ___: (),
    "concat": lambda layer, found, context: concatenate(layer, found.options["axis"], context),
    "reshape": lambda layer, found, _: _reshape(layer, found.options["target"]),
    "split": split,
    "slice": taken,
    "pad": pad,
    "clip": lambda layer, found, _: (
        Bounds(layer.name, *(Fraction(limit) for limit in found.options["limits"])),
    ),
}
