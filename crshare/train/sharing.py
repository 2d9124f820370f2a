"""A binary layer of a plan as a Keras layer: one latent value for each weight that is computed.

All users of a representative add their gradients to it, with the sign by which they take it.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from crshare.arrays import Float32Array, Int8Array, Int32Array
from crshare.network.graph import Conv, extent
from crshare.network.slices import SliceTable, kernel_of
from crshare.plan.plan import LayerPlan, Members
from crshare.train.constraints import Clip
from crshare.train.signs import weight_sign

SURE, UNSURE = 0.2, 0.05  # latent size where all users agree with the plan's weight, or none does


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each weight of a layer is taken from.

    entries: int8 [entries], the weights of all representatives one after the other. index: int32
    [inputs, filters], the entry that a weight takes; signs: +1, or -1 where it takes the inverse,
    and 0 where a plan of patterns leaves the input out.
    """

    entries: Int8Array
    index: Int32Array
    signs: Int8Array

    def taken(self, entries: Int8Array) -> Int8Array:
        """What each filter takes of other entries: [inputs, filters]."""
        return self.signs * entries[self.index]


def layout_of(plan: LayerPlan) -> Layout:
    if plan.members is not None:
        return _layout_of_patterns(plan, plan.members)
    sizes = [patterns.shape for patterns in plan.representatives]
    starts = np.cumsum([0, *(n * taps for n, taps in sizes)])
    index, signs = [], []
    for (_, taps), start, use in zip(sizes, starts[:-1], plan.use, strict=True):
        firsts = start + (np.abs(use) - 1) * taps
        index.append(firsts + np.arange(taps)[:, None])
        signs.append(np.tile(np.sign(use), (taps, 1)))
    return Layout(
        np.concatenate([patterns.reshape(-1) for patterns in plan.representatives]),
        np.concatenate(index).astype(np.int32),
        np.concatenate(signs).astype(np.int8),
    )


def _layout_of_patterns(plan: LayerPlan, members: Members) -> Layout:
    """Zeros are signs, so that no training brings an input back."""
    n_filters = sum(map(len, members))
    index = np.zeros((plan.use.shape[1], n_filters), np.int32)
    start = 0
    for patterns, use, own in zip(plan.representatives, plan.use, members, strict=True):
        index[:, own] = start + np.maximum(np.abs(use) - 1, 0)[:, None] * len(own)
        index[:, own] += np.arange(len(own), dtype=np.int32)
        start += patterns.size
    entries = np.concatenate([patterns.reshape(-1) for patterns in plan.representatives])
    kept = np.where(entries == 0, 1, entries).astype(np.int8)  # where 0, its users' signs are
    signs = (plan.taken * kept[index]).astype(np.int8)
    return Layout(kept, index, signs)


def first_latents(layout: Layout, own: Int8Array) -> Float32Array:
    """Latent values to start from: the plan's weights, the smaller the fewer of their users have
    that weight themselves, since those may turn at less cost."""
    flat, counted = layout.index.reshape(-1), np.abs(layout.signs).reshape(-1).astype(float)
    users = np.bincount(flat, counted, len(layout.entries))
    given = (layout.signs * own).reshape(-1).astype(float)
    votes = np.bincount(flat, given, len(layout.entries))
    agreement = np.maximum(layout.entries * votes / np.maximum(users, 1), 0)
    sizes = UNSURE + (SURE - UNSURE) * agreement
    latents: Float32Array = (layout.entries * sizes).astype(np.float32)
    return latents


class SharedConv(keras.layers.Layer):  # type: ignore[misc]
    """The sums of a binary convolution (or dense layer) whose weights are shared as planned.

    Corrected slices keep their own weights, which are not trained.
    """

    def __init__(self, conv: Conv, table: SliceTable, plan: LayerPlan, **options: Any) -> None:
        super().__init__(**options)
        self.conv, self.table, self.plan = conv, table, plan
        self.layout = layout_of(plan)
        self._own = self._kernel(table.matrix)
        self._fixed = self._kernel(plan.exact(table))
        self._index, self._signs = self._kernel(self.layout.index), self._kernel(self.layout.signs)

    def _kernel(self, matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """From [inputs, filters] as in a slice table to [kh, kw, inputs of a group, filters]."""
        return kernel_of(matrix, self.conv.kernel.shape, self.conv.groups)

    def build(self, shape: Any) -> None:
        latents = first_latents(self.layout, self.table.matrix)
        self.latents = self.add_weight(
            "latents", latents.shape, None, lambda *_, **__: latents, constraint=Clip()
        )
        super().build(shape)

    def kernel(self) -> Any:
        """The weights that are applied, +1/-1."""
        shared = tf.gather(weight_sign(self.latents), self._index)
        kernel = shared * tf.constant(self._signs, self.dtype)
        if self._fixed.any():
            kernel = tf.where(self._fixed, tf.constant(self._own, self.dtype), kernel)
        return kernel

    def call(self, inputs: Any) -> Any:
        conv, x = self.conv, padded(inputs, self.conv)
        maps = tf.split(x, conv.groups, axis=3)
        kernels = tf.split(self.kernel(), conv.groups, axis=3)
        sums = [
            tf.nn.conv2d(part, kernel, conv.strides, "VALID", dilations=conv.dilation)
            for part, kernel in zip(maps, kernels, strict=True)
        ]
        return sums[0] if len(sums) == 1 else tf.concat(sums, axis=3)

    def trained_plan(self) -> LayerPlan:
        """The plan with the weights of now: who takes which representative stays as it is."""
        entries = np.where(self.latents.numpy() >= 0, 1, -1).astype(np.int8)
        if self.plan.members is not None:
            old = np.concatenate([patterns.reshape(-1) for patterns in self.plan.representatives])
            entries[old == 0] = 0
        sizes = [patterns.size for patterns in self.plan.representatives]
        parts = np.split(entries, np.cumsum(sizes)[:-1])
        patterns = tuple(
            part.reshape(old.shape)
            for part, old in zip(parts, self.plan.representatives, strict=True)
        )
        return replace(self.plan, representatives=patterns)


def padded(x: Any, conv: Conv) -> Any:
    """Maps with the value around them that the convolution pads with."""
    if conv.pad_value is None:
        return x
    around = margins(tuple(x.shape[1:3]), conv)
    return tf.pad(x, around, constant_values=conv.pad_value)


def margins(size: tuple[int, int], conv: Conv) -> list[tuple[int, int]]:
    """What TensorFlow's SAME adds before and after each axis of [n, h, w, c]."""
    around = [(0, 0)]
    for length, window, stride in zip(size, conv.window, conv.strides, strict=False):
        positions, before = extent(length, window, stride, same=True)
        total = max((positions - 1) * stride + window - length, 0)
        around.append((before, total - before))
    return [*around, (0, 0)]
