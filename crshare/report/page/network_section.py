"""The network as boxes in its order: what each layer is, the map that it gives, and its LUTs."""

from collections.abc import Mapping
from math import log2

from crshare.plan.luts import LayerLuts
from crshare.report.drawn import DrawnLayer
from crshare.report.page.document import Document
from crshare.report.page.markup import Markup, element
from crshare.report.page.section import Section
from crshare.report.page.svg import Drawing

TALL, DEEP = 56.0, 6.0  # of a drawn map at most: pixels, and pixels for each doubling of channels


def network_section(document: Document) -> Section | None:
    layers = document.report.network
    if not layers:
        return None
    plan = document.plan
    found = {one.layer: one for one in document.luts or (plan.luts if plan else ())}
    largest = max(layer.height for layer in layers)
    boxes, before = [], ""
    for layer in layers:
        boxes.append(_box(layer, before, largest, found, unrolled=_unrolled(document)))
        before = layer.name
    note = (
        "Each box is a layer with the map that it gives: its height, and to the right its "
        "channels, by doublings. A threshold stands in the box of the layer whose sums it reads."
    )
    drawn = element("ol", *boxes, class_="network")
    return Section("network", "The network", note, drawn)


def _unrolled(document: Document) -> set[str]:
    """Layers that are built as one graph, one window a clock, as far as the report knows."""
    return {one.layer for one in document.plan.luts} if document.plan else set()


def _box(
    layer: DrawnLayer,
    before: str,
    largest: int,
    luts: Mapping[str, LayerLuts],
    *,
    unrolled: set[str],
) -> Markup:
    lines = [element("b", layer.name), element("span", layer.does)]
    lines.append(element("span", f"{layer.height} × {layer.width} × {layer.channels:,} {layer.of}"))
    if layer.reads != (before,) and before:
        lines.append(element("span", f"reads {' + '.join(layer.reads)}"))
    if layer.name in unrolled:
        lines.append(element("span", "unrolled, one window a clock"))
    if layer.name in luts:
        lines.append(element("span", _said(luts[layer.name])))
    kind = "binary" if layer.is_binary else None
    return element("li", _map(layer, largest).markup(), element("div", *lines), class_=kind)


def _said(luts: LayerLuts) -> str:
    return f"LUTs {luts.unshared:,} → {luts.exact:,} → {luts.planned:,}"


def _map(layer: DrawnLayer, largest: int) -> Drawing:
    """Height by its share of the greatest, channels by doublings."""
    height = max(4.0, TALL * layer.height / largest)
    width = 4.0 + DEEP * log2(max(1, layer.channels))
    words = f"a map of {layer.height} by {layer.width} with {layer.channels:,} channels"
    drawing = Drawing(f"map-{layer.name}", 76, TALL + 2, f"{layer.name} gives {words}", layer.does)
    drawing.rect(1, (TALL - height) / 2 + 1, width, height, "map")
    return drawing
