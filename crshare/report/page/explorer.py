"""Any channel of any layer to look at: what a plan computes there, and who takes it."""

import json
from collections.abc import Sequence
from typing import Any

from crshare.plan.file import PlannedLayer
from crshare.report.page.document import Document
from crshare.report.page.markup import Markup, element, joined
from crshare.report.page.section import Section, noted

MOST = 4_000_000  # characters of all layers together; larger ones are left out


def explorer(document: Document) -> Section | None:
    shown = fitting(document.planned)
    if not shown:
        return None
    columns = {portrait.layer: portrait.shape[1] for portrait in document.portraits}
    layers = [_explored(layer, columns.get(layer.name, 1)) for layer in shown]
    choices = (element("option", layer.name, value=str(place)) for place, layer in enumerate(shown))
    picker = element(
        "p",
        element("label", "Layer ", element("select", *choices, id="layer")),
        element("label", " channel ", _number()),
        element("span", "", id="last-channel", class_="muted"),
        class_="picker",
    )
    body = element(
        "div",
        picker,
        element("ul", "", id="slices", class_="glyphs"),
        element("div", json.dumps(layers, separators=(",", ":")), id="explored", hidden=True),
        id="explorer",
        hidden=True,
    )
    return Section("channels", "Any channel", _note(document, shown), _whole(body))


def _whole(body: Markup) -> Markup:
    without = noted("This part needs the page's script, which this browser does not run.")
    return element("div", element("noscript", without), body)


def _number() -> Markup:
    return element("input", id="channel", type="number", min="0", value="0", step="1")


def _note(document: Document, shown: Sequence[PlannedLayer]) -> Markup:
    left_out = [one.name for one in document.planned if one not in shown]
    return joined(
        [
            "Each slice that the plan computes in this channel, and the filters that take it; a "
            "minus sign means its negation. ",
            element("code", "crshare report --channel"),
            " draws which filters it only resembles.",
            f" Too large for this page: {', '.join(left_out)}." if left_out else "",
        ]
    )


def fitting(layers: Sequence[PlannedLayer]) -> tuple[PlannedLayer, ...]:
    """The smallest layers that fit the page together, in the plan's order."""
    kept, left = set[str](), MOST
    for layer in sorted(layers, key=_size):
        left -= _size(layer)
        if left >= 0:
            kept.add(layer.name)
    return tuple(layer for layer in layers if layer.name in kept)


def _size(layer: PlannedLayer) -> int:
    """About so many characters."""
    return sum(
        sum(len(signs) + 3 for signs in group.representatives) + 4 * len(group.use)
        for group in layer.groups
    )


def _explored(layer: PlannedLayer, columns: int) -> dict[str, Any]:
    of_patterns = any(group.filters for group in layer.groups)
    return {
        "users": "inputs" if of_patterns else "filters",
        "columns": len(layer.groups[0].filters) if of_patterns else columns,
        "groups": [[group.representatives, group.use] for group in layer.groups],
    }
