"""A network as a short table: what each layer is, and the map that it gives."""

from crshare.frame import Cell, Frame
from crshare.network.graph import Conv, Network, Op, RealConv, Threshold


def network_frame(title: str, network: Network) -> Frame:
    records = [
        {
            "layer": layer.name,
            "operation": type(layer.op).__name__,
            "gives": "x".join(map(str, network.signals[layer.name].shape)),
            "of": network.signals[layer.name].kind.value,
            "weights": _weights(layer.op),
        }
        for layer in network.layers
    ]
    return Frame.of(title, records)


def _weights(op: Op) -> Cell:
    match op:
        case Conv() | RealConv():
            return "x".join(map(str, op.kernel.shape))
        case Threshold():
            return str(len(op.at))
        case _:
            return None
