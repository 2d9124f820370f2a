"""A channel that the reader chose, in place of the typical one of its layer."""

from dataclasses import replace

from crshare.errors import CrshareError
from crshare.network import Network
from crshare.page.document import Document
from crshare.plan import SharingPlan
from crshare.portrait import portray_channel
from crshare.slices import decompose


def with_channel(
    document: Document, network: Network, plan: SharingPlan, layer: str, channel: int
) -> Document:
    """The document with the sharing groups of that channel; CrshareError where there is none."""
    table = next((table for table in decompose(network) if table.layer == layer), None)
    if table is None:
        names = ", ".join(portrait.layer for portrait in document.portraits)
        raise CrshareError(f"--channel {layer}:{channel}: no such layer; there are {names}")
    seen = portray_channel(table, plan.layer(layer), channel)
    portraits = (
        replace(portrait, channel=seen) if portrait.layer == layer else portrait
        for portrait in document.portraits
    )
    return replace(document, portraits=tuple(portraits), opened=layer)
