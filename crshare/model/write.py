"""A changed network back into a copy of its file: kernels, and what moves the thresholds.

A kernel keeps the magnitudes that the file holds and takes the new signs, so that latent weights
stay latent and a scaled quantizer keeps its scale. Where a threshold moves, the batch normalisation
or bias that follows is changed in that channel; where an offset moves, beta, the bias or
the mean is, as nearly as float32 can hold it. All else stays as it is, bit for bit.
"""

from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crshare.arrays import Float64Array, Int8Array
from crshare.errors import PlanError
from crshare.files import write_bytes
from crshare.frontend.channels_first import in_file_order
from crshare.frontend.config import TINY
from crshare.frontend.declared import NOTHING, Declared
from crshare.frontend.formats import changed as changed_file
from crshare.frontend.formats import load
from crshare.frontend.lut_container import write_lut_network
from crshare.frontend.lut_files import form_of
from crshare.model.read import Model, Rescale, model_of, read_model
from crshare.model.ties import same_decisions
from crshare.network.graph import Conv, Layer, Network, Op, Scale, Threshold, alike
from crshare.thresholds.moved import Adjuster, Decision, adjuster, parameters

SINGLE = 2.0**-20  # of an offset that float32 holds about so well
Changes = dict[str, dict[str, Float64Array]]


def apply_network(
    source: Path,
    wanted: Network,
    target: Path,
    *,
    sign_layers: Set[str] = frozenset(),
    rescale: Rescale | None = None,
    layers: Declared = NOTHING,
    features: bool = False,
) -> None:
    """Write `target`, the file `source` with the kernels, thresholds and offsets of `wanted`.

    The changed bytes are read back and compared before any is written. PlanError where `wanted` is
    not the file's network with other signs and thresholds, or the file cannot express them.
    """
    if form_of(source):
        _apply_alone(source, wanted, target)
        return
    file = load(source)
    read_as: dict[str, Any] = {
        "sign_layers": sign_layers,
        "rescale": rescale,
        "layers": layers,
        "features": features,
    }
    model = model_of(file, **read_as)
    changes = in_file_order(model.graph.rows, changes_for(model, wanted))
    changed = replace(changed_file(file, model.onnx, changes), path=target)
    written = model_of(changed, **read_as)
    _refuse_difference(target, written.network, wanted)
    write_bytes(target, changed.content)


def _apply_alone(source: Path, wanted: Network, target: Path) -> None:
    """Of an exported network, which is written anew."""
    model = read_model(source)
    _refuse_other_layers(model, wanted)
    if target.suffix != ".npz":
        raise PlanError(
            f"{target}: {source} holds a network alone, which is written as .npz; name such a file"
        )
    write_lut_network(wanted, target, model.library)


def changes_for(model: Model, wanted: Network) -> Changes:
    """The weights to write, by Keras layer and short name."""
    _refuse_other_layers(model, wanted)
    changes: Changes = {}
    for old, new in zip(model.network.layers, wanted.layers, strict=True):
        match old.op, new.op:
            case Conv(_), Conv(after) if (after == 0).any():
                raise PlanError(
                    f"{model.path}: {old.name} would have weights of 0, inputs that the plan "
                    "leaves out, which a kernel read by its signs cannot hold; write the network "
                    "with `crshare export --plan`, as .npz"
                )
            case Conv(before), Conv(after) if not np.array_equal(before, after):
                owner, name = model.linears[old.name].stored
                stored = model.weights[owner][name]
                named = changes.setdefault(owner, {})
                named[name] = _resigned(stored, after.reshape(stored.shape))
            case Threshold() as before, Threshold() as after:
                _move(model, old, before, after, changes)
            case Scale() as scale, Scale(offset=offset) if (scale.offset != offset).any():
                _shift(model, old.name, scale, offset, changes)
            case _:
                pass
    return changes


def _resigned(stored: Float64Array, signs: Int8Array) -> Float64Array:
    """The stored magnitudes with other signs; a zero, which counts as +1, becomes tiny where -1."""
    flipped = np.maximum(np.abs(stored), TINY) * signs
    return np.where((stored > -TINY) == (signs > 0), stored, flipped)


def _move(
    model: Model, layer: Layer, before: Threshold, after: Threshold, changes: Changes
) -> None:
    """Add the parameters of the channels whose decision changes."""
    bound = model.network.input_of(layer).bound
    channels = np.flatnonzero(~same_decisions(before, after, bound))
    if not len(channels):
        return
    found = adjuster(model.merged[layer.name]) if before.adjustable else None
    if found is None:
        raise PlanError(
            f"{model.path}: {layer.name} has no batch normalization or bias that can move its "
            "thresholds; keep the thresholds of this layer"
        )
    owner = found.layer_op.owner
    named = changes.setdefault(owner, {})
    for channel in channels.tolist():
        wanted = Decision(int(after.at[channel]), bool(after.rising[channel]))
        for name, value in _parameters(model, found, channel, wanted, bound).items():
            array = named.setdefault(name, model.weights[owner][name].copy())
            array[channel] = value


def _shift(model: Model, layer: str, before: Scale, offset: Float64Array, changes: Changes) -> None:
    """Move a layer's beta, bias or mean; what reads back is compared in the end."""
    stored, by = model.weights.get(layer, {}), offset - before.offset
    name = next((name for name in ("beta", "bias", "moving_mean") if name in stored), None)
    if name is None or stored[name].shape != by.shape:
        raise PlanError(
            f"{model.path}: {layer} has no beta, bias or mean that can hold the plan's offset; "
            "write the network with `crshare export --plan`, as .npz"
        )
    if name == "moving_mean":
        by = -by / np.where(before.scale, before.scale, 1.0)
    changes.setdefault(layer, {})[name] = stored[name] + by


def _parameters(
    model: Model, found: Adjuster, channel: int, wanted: Decision, bound: int
) -> dict[str, float]:
    """The new parameters, less those that the file has none of and needs none of."""
    owner = found.layer_op.owner
    given = parameters(found, channel, wanted, bound)
    if "gamma" in given and "gamma" not in model.weights[owner]:
        raise PlanError(
            f"{model.path}: layer {owner} has no gamma that could turn the threshold of channel "
            f"{channel} around; keep its direction"
        )
    return {name: value for name, value in given.items() if name in model.weights[owner]}


def _refuse_other_layers(model: Model, wanted: Network) -> None:
    same = [la.name for la in model.network.layers] == [la.name for la in wanted.layers]
    same = same and model.network.input == wanted.input
    same = same and model.network.signals == wanted.signals
    pairs = zip(model.network.layers, wanted.layers, strict=same)
    if not same or not all(_alike(old.op, new.op) for old, new in pairs):
        raise PlanError(
            f"{model.path}: the network to write is not this file's with other signs and "
            "thresholds; make the plan from this file"
        )


def _alike(old: Op, new: Op) -> bool:
    match old, new:
        case Conv(), Conv():
            return alike(replace(old, kernel=new.kernel), new)
        case Threshold(), Threshold():
            return True
        case Scale(), Scale():
            return alike(replace(old, offset=new.offset), new)
        case _:
            return old is new or alike(old, new)


def _refuse_difference(target: Path, written: Network, wanted: Network) -> None:
    for found, layer in zip(written.layers, wanted.layers, strict=True):
        match found.op, layer.op:
            case Threshold() as one, Threshold() as other:
                same = bool(same_decisions(one, other, wanted.input_of(layer).bound).all())
                advice = "its parameters are too large for float32"
            case Scale() as one, Scale() as other:
                same = alike(replace(one, offset=other.offset), other)
                same = same and np.allclose(one.offset, other.offset, SINGLE, SINGLE)
                advice = "its offset does not follow from beta, a bias or a mean alone"
            case one, other:
                same = alike(one, other)
                advice = "keep the directions of the thresholds before it"
        if not same:
            raise PlanError(
                f"{target}: {layer.name} cannot be written so that it reads back the same; {advice}"
            )
