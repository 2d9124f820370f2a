"""Which nodes of an .onnx graph lead to the scores, and which tensors have several names."""

from collections.abc import Mapping

from crshare.errors import ModelFormatError
from crshare.frontend.config import short
from crshare.frontend.onnx.graph import EXPORT, OnnxGraph, OnnxNode

STANDARD = ("", "ai.onnx")
RANKING = ("ArgMax", "TopK")  # they read the scores, and only the scores' order counts
ONE_WAY = "crshare reads models of one input and one output"


def behind(aliases: Mapping[str, str], name: str) -> str:
    return aliases.get(name, name)


def straight_through(graph: OnnxGraph) -> dict[str, str]:
    """What a straight-through estimator leaves behind: (a - b) + b is a."""
    givers = {name: node for node in graph.nodes for name in node.outputs}
    found: dict[str, str] = {}
    for node in graph.nodes:
        pairs = (node.inputs, node.inputs[::-1]) if node.op == "Add" and node.outputs else ()
        for pair in pairs:
            before = givers.get(pair[0]) if len(pair) == 2 else None
            if (
                before is not None
                and _takes_away(before, pair[1])
                and _in_order(givers, before, node)
            ):
                name = before.inputs[0]
                found[node.outputs[0]] = found.get(name, name)
                break
    return found


def _takes_away(node: OnnxNode, name: str) -> bool:
    return node.op == "Sub" and node.inputs[1:] == (name,)


def _in_order(givers: Mapping[str, OnnxNode], before: OnnxNode, node: OnnxNode) -> bool:
    """Whether a node, what it reads and what that reads stand one below the other."""
    first = givers.get(before.inputs[0])
    return before.place < node.place and (first is None or first.place < before.place)


def scores_of(graph: OnnxGraph, aliases: Mapping[str, str]) -> str:
    """The tensor of the scores: the graph's output, or what a ranking at the end reads."""
    givers = {name: node for node in graph.nodes for name in node.outputs}
    ends = {_ranked(givers, behind(aliases, name)) for name in graph.outputs}
    if len(ends) > 1:
        found = ", ".join(map(short, graph.outputs[:4]))
        raise ModelFormatError(f"the graph gives out {found}; {ONE_WAY}")
    return behind(aliases, ends.pop())


def _ranked(givers: Mapping[str, OnnxNode], name: str) -> str:
    node = givers.get(name)
    if node is None or node.op not in RANKING or not node.inputs or node.domain not in STANDARD:
        return name
    if node.integer("largest", 1) == 0:
        raise node.refuse("ranks the least scores first, which is not read; rank the greatest")
    return node.inputs[0]


def needed_of(graph: OnnxGraph, scores: str, aliases: Mapping[str, str]) -> list[OnnxNode]:
    """The nodes that lead to the scores, in the order of the file."""
    wanted = {scores}
    found = []
    for node in reversed(graph.nodes):
        if wanted.isdisjoint(node.outputs):
            continue
        if not node.outputs or node.outputs[0] not in wanted:
            raise node.refuse(
                f"gives more than one tensor that is used, which is not read; {EXPORT}"
            )
        if any(wanted & set(node.outputs[1:])):
            raise node.refuse(
                f"gives more than one tensor that is used, which is not read; {EXPORT}"
            )
        found.append(node)
        wanted |= {behind(aliases, name) for name in node.inputs}
    return found[::-1]
