"""Factors and offsets gathered: a Scale behind another, or behind a sum of others, becomes one.

Equal in real arithmetic; in floats the rounding is another. What is left is what hardware
multiplies with: one factor for each path into a sum.
"""

from dataclasses import replace

from crshare.network.graph import INPUT, Add, Layer, Network, Scale


def gathered(network: Network) -> Network:
    """The network with all Scales moved up into Scales that nothing else reads."""
    found: Network | None = network
    while found is not None:
        network, found = found, _step(found)
    return network


def _step(network: Network) -> Network | None:
    """One Scale less; None where none can go."""
    for layer in network.layers:
        if isinstance(layer.op, Scale) and layer.source != INPUT:
            above = network.layer(layer.source)
            if _is_only(network, above):
                if isinstance(above.op, Scale):
                    merged = replace(above, name=layer.name, op=_after(layer.op, above.op))
                    return _without(network, {layer.name: merged}, above.name)
                if isinstance(above.op, Add):
                    moved = _into(network, layer.op, above)
                    if moved is not None:
                        total = replace(above, name=layer.name)
                        return _without(network, {**moved, layer.name: total}, above.name)
    return None


def _is_only(network: Network, layer: Layer) -> bool:
    """Whether one layer reads it, and once."""
    readers = network.readers_of(layer.name)
    return len(readers) == 1 and readers[0].sources.count(layer.name) == 1


def _into(network: Network, behind: Scale, total: Layer) -> dict[str, Layer] | None:
    """The Scales that a sum adds, each with what stands behind the sum; the first takes the
    offset. None where a part is no Scale, or read elsewhere."""
    if INPUT in total.sources or len(set(total.sources)) < len(total.sources):
        return None
    parts = [network.layer(source) for source in total.sources]
    moved: dict[str, Layer] = {}
    for part in parts:
        if not isinstance(part.op, Scale) or not _is_only(network, part):
            return None
        offset = behind.scale * part.op.offset + (0 if moved else behind.offset)
        moved[part.name] = replace(part, op=Scale(behind.scale * part.op.scale, offset))
    return moved


def _after(second: Scale, first: Scale) -> Scale:
    return Scale(second.scale * first.scale, second.scale * first.offset + second.offset)


def _without(network: Network, changed: dict[str, Layer], gone: str) -> Network:
    layers = (changed.get(la.name, la) for la in network.layers if la.name != gone)
    return Network(network.input, tuple(layers))
