"""A channel that the reader chose, in place of the typical one of its layer."""

from dataclasses import replace

from crshare.errors import CrshareError
from crshare.network.graph import Network
from crshare.network.slices import decompose
from crshare.plan.plan import SharingPlan
from crshare.report.page.document import Document
from crshare.report.slice_statistics import channel_statistics


def with_channel(
    document: Document, network: Network, plan: SharingPlan, layer: str, channel: int
) -> Document:
    """The document with the sharing groups of that channel; CrshareError where there is none."""
    table = next((table for table in decompose(network) if table.layer == layer), None)
    if table is None:
        names = ", ".join(statistics.layer for statistics in document.portraits)
        raise CrshareError(f"--channel {layer}:{channel}: no such layer; there are {names}")
    seen = channel_statistics(table, plan.layer(layer), channel)
    portraits = (
        replace(statistics, channel=seen) if statistics.layer == layer else statistics
        for statistics in document.portraits
    )
    return replace(document, portraits=tuple(portraits), opened=layer)
