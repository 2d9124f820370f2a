"""A plan against the original network on images: accuracy, equality, counted operations."""

from dataclasses import replace

import numpy as np

from crshare.accuracy import Accuracy, compare
from crshare.arrays import Array
from crshare.errors import PlanError
from crshare.executor.execute import (
    SlicedCounts,
    channels,
    compile_network,
    run_layers,
    run_patterned,
    run_sliced,
)
from crshare.images.image_set import ImageSet, StreamedSet
from crshare.network.graph import INPUT, Network, Signal
from crshare.network.reference import enter
from crshare.network.slices import SliceTable, decompose
from crshare.plan.plan import LayerPlan, SharingPlan, parts_of, planned_network

STRANGE_AT = 1.5  # times the errors
KNOWN_AT = 0.75  # a network that gets this share of changed images right, of those it gets right


def knows_mirrored(network: Network, images: ImageSet) -> bool:
    """Whether mirrored images may stand for new ones: the network gets most of them right too."""
    return _knows(network, images, images.images[:, :, ::-1])


def knows_moved(network: Network, images: ImageSet) -> bool:
    """The same of images moved by a pixel, down and to the right."""
    wide = np.pad(images.images, ((0, 0), (1, 0), (1, 0), (0, 0)), mode="edge")
    return _knows(network, images, wide[:, :-1, :-1])


def _knows(network: Network, images: ImageSet, changed: Array) -> bool:
    executor = compile_network(network)
    right = executor.classify(images.images) == images.labels
    still = executor.classify(np.ascontiguousarray(changed)) == images.labels
    return bool(still.sum() >= KNOWN_AT * right.sum())


def errs_more(network: Network, images: ImageSet, views: ImageSet | StreamedSet) -> bool:
    """Whether a network errs clearly more often on views of images than on these."""
    executor = compile_network(network)
    wrong = (executor.classify(images.images) != images.labels).mean()
    wrong_now = (executor.classify(views.images) != views.labels).mean()
    return bool(wrong_now > STRANGE_AT * wrong)


def measure_accuracy(
    network: Network, plan: SharingPlan, images: ImageSet | StreamedSet
) -> tuple[Accuracy, int]:
    """Accuracy before and after, and the images whose scores are bit for bit equal."""
    before = compile_network(network).scores(images.images)
    after = compile_network(planned_network(network, plan)).scores(images.images)
    flat = [scores.reshape(len(scores), -1) for scores in (before, after)]
    one, other = (scores.argmax(axis=1) for scores in flat)
    accuracy = compare(one, other, images.labels, images.name, copies=images.copies)
    return accuracy, int((flat[0] == flat[1]).all(axis=1).sum())


def follow(network: Network, plan: SharingPlan, images: Array) -> dict[str, SlicedCounts]:
    """Run every layer by slices or patterns, as the plan says, on its inputs under the plan.

    Returns what was counted, by layer, all images together. The sums must equal those of the
    packed executor over the effective weights, and the slice operations those of the plan.
    """
    planned, counted = planned_network(network, plan), {}
    for table in decompose(network):
        layer_plan = plan.layer(table.layer)
        counts = _follow_layer(network, planned, layer_plan, table, images)
        expected = layer_plan.n_computed_taps * table.positions * len(images)
        if counts.slice_operations != expected:
            raise PlanError(
                f"layer {table.layer}: the run counted {counts.slice_operations} slice operations "
                f"and the plan {expected}; this is a fault of crshare, please report it"
            )
        counted[table.layer] = counts
    return counted


def _follow_layer(
    network: Network, planned: Network, plan: LayerPlan, table: SliceTable, images: Array
) -> SlicedCounts:
    layer = network.layer(table.layer)
    given = _native_input(planned, layer.source, images)
    sums, counts = _run_parts(network, plan, table, given)
    direct = run_layers(planned, images, start_after=INPUT, stop_at=table.layer)
    if not np.array_equal(sums, direct):
        raise PlanError(
            f"layer {table.layer}: following the plan slice by slice gives other sums than its "
            "effective weights; this is a fault of crshare, please report it"
        )
    return counts


def _run_parts(
    network: Network, plan: LayerPlan, table: SliceTable, x: Array
) -> tuple[Array, SlicedCounts]:
    """Follow a layer's patterns, or its slices, each group of channels by itself."""
    conv, given = network.conv(table.layer), network.input_of(network.layer(table.layer))
    if plan.members is not None:
        return run_patterned(
            conv,
            given,
            x,
            representatives=plan.representatives,
            use=plan.use,
            members=plan.members,
        )
    depth, n_filters = given.shape[2] // table.parts, table.n_filters
    one = Signal(given.kind, (*given.shape[:2], depth), given.bound)
    sums, counts = [], SlicedCounts(0, 0, 0, 0)
    for number, (own, part) in enumerate(parts_of(table, plan)):
        kernel = conv.kernel[..., number * n_filters : (number + 1) * n_filters]
        found, counted = run_sliced(
            replace(conv, kernel=kernel, groups=1),
            one,
            x if table.parts == 1 else channels(x, given, number * depth, depth),
            starts=own.starts,
            representatives=part.representatives,
            use=part.use,
            corrected=part.corrected,
        )
        sums.append(found)
        counts += counted
    return np.concatenate(sums, axis=3), counts


def _native_input(planned: Network, source: str, images: Array) -> Array:
    if source == INPUT:
        return enter(planned.input, images)
    return run_layers(planned, images, start_after=INPUT, stop_at=source)
