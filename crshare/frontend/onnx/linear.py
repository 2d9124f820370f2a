"""Convolutions and products with constants, as linear layers with their bias."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from crshare.arrays import Float64Array
from crshare.frontend.config import TINY
from crshare.frontend.linear_layers import storage_of, unquantized
from crshare.frontend.onnx.build import Build, Spread, Stored, checked
from crshare.frontend.onnx.graph import OnnxNode
from crshare.frontend.onnx.padding import (
    FIRST,
    Window,
    inside,
    is_padded,
    is_same,
    places_of,
    shape_after,
    window_of,
    with_padding,
)
from crshare.frontend.onnx.pointwise import Given, Read, a_constant, a_map
from crshare.frontend.onnx.tensors import (
    Constant,
    Map,
    Tensor,
    channels_last,
)
from crshare.network.graph import Shape
from crshare.thresholds.layer_ops import (
    Affine,
    LayerOp,
    Linear,
    Padded,
    Role,
)


def convolution(build: Build, node: OnnxNode, given: Given) -> Tensor:
    tensor, weights = a_map(node, given), a_constant(node, given, 1, "weights")
    n = weights.values.ndim - 2
    if n not in (1, 2) or tensor.at.ndim != n + 2 or 0 in weights.values.shape:
        raise node.refuse(
            f"has weights of {list(weights.values.shape)} for a tensor of "
            f"{list(tensor.at.shape)}; crshare reads convolutions of one and two dimensions"
        )
    flat = n == 1
    kernel = weights.rearranged(lambda x: (x[:, :, None] if flat else x).transpose(2, 3, 1, 0))
    inner, around, value = inside(build, node, tensor)
    size = kernel.values.shape[:2]
    if node.integers("kernel_shape", list(size)[flat:]) != list(size)[flat:]:
        raise node.refuse("has a kernel_shape that its weights have not; export the model again")
    window = window_of(node, (size[0], size[1]), inner.shape, flat)
    window, value = with_padding(node, window, around, value)
    same = is_same(window, inner.shape)
    if is_padded(window) and not same:
        inner, window = _with_lines(build, node, inner, window, value)
    linear = _linear(build, node, kernel)
    linear = replace(
        linear,
        strides=window.strides,
        pad_value=Fraction(value) if same else None,
        groups=_groups(node, kernel, inner.shape),
        dilation=window.dilation,
    )
    bias = _bias(build, node, given, linear.weights.shape[3])
    name = build.append(node.name, (inner.node,), (linear, *bias))
    span = tuple((k - 1) * d + 1 for k, d in zip(window.size, window.dilation, strict=True))
    shape = shape_after(node, inner.shape, (span[0], span[1]), window.strides, same=same)
    shape = (*shape[:2], linear.weights.shape[3])
    return Map(name, shape, places_of(shape, flat))


def _with_lines(
    build: Build, node: OnnxNode, given: Map, window: Window, value: float
) -> tuple[Map, Window]:
    """The map with lines around it that no padding of a layer adds; the window without them."""
    if not value.is_integer():
        raise node.refuse(f"pads with {value:g}, which is not read; pad with a whole number")
    owner, before, after = f"{node.name}/pad", window.before, window.after
    rows, columns = (n + a + b for n, a, b in zip(given.shape, before, after, strict=False))
    shape = (rows, columns, given.shape[2])
    lines = Padded(owner, before, after, int(value))
    found = Map(build.append(owner, (given.node,), (lines,)), shape, places_of(shape, flat=False))
    return found, replace(window, before=(0, 0), after=(0, 0))


def _groups(node: OnnxNode, kernel: Constant, shape: Shape) -> int:
    groups = node.integer("group", 1)
    depth, filters = kernel.values.shape[2:]
    if groups < 1 or filters % groups or depth * groups != shape[2]:
        raise node.refuse(
            f"has weights for {depth} channels in {groups} groups of {filters} filters, and gets "
            f"{shape[2]} channels; export the model again"
        )
    return groups


def gemm(build: Build, node: OnnxNode, given: Given) -> Tensor:
    if node.number("alpha", 1) != 1 or (len(given) > 2 and node.number("beta", 1) != 1):
        raise node.refuse("scales its product, which is not read; export it with alpha and beta 1")
    if node.integer("transA", 0):
        raise node.refuse("transposes its input, which is not read; export the model again")
    weights = a_constant(node, given, 1, "weights")
    if node.integer("transB", 0):
        weights = weights.rearranged(lambda x: x.T)
    return _dense(build, node, given, a_map(node, given), weights)


def matmul(build: Build, node: OnnxNode, given: Given) -> Tensor:
    return _dense(build, node, given[:2], a_map(node, given), a_constant(node, given, 1, "weights"))


def _dense(build: Build, node: OnnxNode, given: Given, tensor: Map, weights: Constant) -> Tensor:
    """A product with weights [inputs, units]: of all features, or of the channels at each place."""
    if weights.values.ndim != 2 or weights.values.shape[0] != tensor.at.shape[-1]:
        raise node.refuse(
            f"has weights of {list(weights.values.shape)} for a tensor of "
            f"{list(tensor.at.shape)}; export the model again"
        )
    units = weights.values.shape[1]
    if tensor.is_features:
        inner = build.features(tensor, node.name)
        order = np.argsort(inner.at.reshape(-1))
        weights = weights.rearranged(lambda x: x[order])
        shape: Shape = (1, 1, units)
    else:
        inner = build.plain(tensor, node.name)
        if not _is_last(inner):
            raise node.refuse(
                f"multiplies an axis of {list(tensor.at.shape)} that holds no channels, which is "
                f"not read; {FIRST}"
            )
        shape = (*inner.shape[:2], units)
    linear = _linear(build, node, weights.rearranged(lambda x: x[None, None]))
    name = build.append(node.name, (inner.node,), (linear, *_bias(build, node, given, units)))
    at = channels_last(shape)
    return Map(name, shape, at.reshape((*tensor.at.shape[:-1], units)))


def _is_last(given: Map) -> bool:
    """Whether a tensor has the order of its map, [1, (height,) width, channels]."""
    return given.at.shape[-1] == given.shape[2] and bool(
        (given.at.reshape(-1) == np.arange(given.size)).all()
    )


def _linear(build: Build, node: OnnxNode, kernel: Constant) -> Linear:
    """Weights [kh, kw, ci, co] as they are: +a or -a in each filter, or real."""
    build.computed += kernel.values.size
    build.refuse_work(node)
    values = checked(node, kernel.values)
    quantizer = kernel.quantizer or "none"
    found = unquantized(values, quantizer)
    linear = Linear(
        owner=node.name,
        weights=found.values,
        signs=found.signs,
        magnitudes=found.magnitudes,
        strides=(1, 1),
        pad_value=None,
        quantizer=quantizer,
        storage=found.storage,
        stored=(node.name, "kernel"),
    )
    build.weights.setdefault(node.name, {})["kernel"] = values
    origin = kernel.origin
    if origin is None or (found.signs is None and not origin.same):
        return linear
    latent = _stored_values(build, node, kernel)
    if found.signs is not None and not ((latent > -TINY) == (found.signs > 0)).all():
        return linear
    build.weights[node.name]["kernel"] = latent
    build.stored[node.name, "kernel"] = Stored(origin.tensor, origin.places, origin.reader)
    return linear if found.signs is None else replace(linear, storage=storage_of(latent))


def _stored_values(build: Build, node: OnnxNode, kernel: Constant) -> Float64Array:
    origin = kernel.origin
    assert origin is not None
    return checked(node, build.constants[origin.tensor]).reshape(-1)[origin.places]


def _bias(build: Build, node: OnnxNode, given: Given, filters: int) -> tuple[LayerOp, ...]:
    if len(given) < 3 or given[2] is None:
        return ()
    bias = a_constant(node, given, 2, "bias")
    values = checked(node, bias.values).reshape(-1)
    if len(values) not in (1, filters):
        raise node.refuse(
            f"has a bias of {list(bias.values.shape)} for {filters} filters; export the model again"
        )
    if not values.any():
        return ()
    elements = np.arange(filters) if len(values) > 1 else np.zeros(filters, np.int64)
    spread = Spread(values[elements], elements, bias)
    build.keep(node.name, "bias", spread)
    return (Affine(node.name, Role.BIAS, offset=spread.fractions),)


LINEAR: dict[str, Read] = {"Conv": convolution, "Gemm": gemm, "MatMul": matmul}
