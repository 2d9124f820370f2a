"""What each layer's sharing alone loses: the plan in one layer, exact sharing in all others."""

from collections.abc import Callable
from dataclasses import dataclass

from crshare.accuracy import Accuracy, compare
from crshare.executor.execute import compile_network
from crshare.images.image_set import ImageSet, StreamedSet
from crshare.network.graph import INPUT, Conv, Network
from crshare.plan.plan import SharingPlan, changed_layers, planned_network
from crshare.planning.layerwise import exact_plan

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class LayerLoss:
    """The accuracy before, and with the plan in this layer alone."""

    layer: str
    accuracy: Accuracy


def layer_losses(
    network: Network, plan: SharingPlan, images: ImageSet | StreamedSet, on_progress: Progress
) -> tuple[LayerLoss, ...]:
    """Of each layer in which the plan changes a weight. Losses of layers need not add up."""
    layers, exact = changed_layers(network, plan), exact_plan(network, plan.fingerprint)
    before = compile_network(network).classify(images.images)
    found = []
    for number, layer in enumerate(layers):
        on_progress(f"measuring {layer} alone", number / len(layers))
        shared = planned_network(network, alone(network, plan, exact, layer))
        after = compile_network(shared).classify(images.images)
        lost = compare(before, after, images.labels, images.name, copies=images.copies)
        found.append(LayerLoss(layer, lost))
    return tuple(found)


def alone(network: Network, plan: SharingPlan, exact: SharingPlan, layer: str) -> SharingPlan:
    """The plan of one layer with the threshold or offset behind it; all others share exactly."""
    layers = tuple(plan.layer(layer) if one.layer == layer else one for one in exact.layers)
    moved = {
        name: threshold
        for name, threshold in plan.thresholds.items()
        if _before(network, name) == layer
    }
    offsets = {name: x for name, x in plan.offsets.items() if _before(network, name) == layer}
    return SharingPlan(plan.fingerprint, layers, moved, offsets)


def _before(network: Network, threshold: str) -> str | None:
    """The layer with binary weights whose sums come to a threshold."""
    name = network.layer(threshold).source
    while name != INPUT:
        layer = network.layer(name)
        if isinstance(layer.op, Conv):
            return name
        name = layer.source
    return None
