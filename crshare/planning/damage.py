"""The protocol of damage models: a layer's weights at a multiplier, and what moves behind them."""

from dataclasses import dataclass
from typing import Protocol

from crshare.arrays import Array, Int8Array
from crshare.network.graph import Network, Scale, Threshold
from crshare.network.slices import SliceTable
from crshare.planning.baseline import BaselineLayer
from crshare.planning.group_problem import Solve
from crshare.planning.target import Target


@dataclass(frozen=True, eq=False)
class LayerState:
    """A layer about to be planned, the layers before it being planned already.

    baseline: the layer in the original network. network: the network as it is by now. inputs: the
    layer's inputs in it on the calibration images, and whether they differ from the original ones
    (changed). seed: of samples.
    """

    baseline: BaselineLayer
    original: Network
    network: Network
    inputs: Array
    changed: bool
    seed: int


class Opening(Protocol):
    """What a damage model asks of an objective."""

    def opening_cost(self, table: SliceTable, group: int) -> int:
        """Of one representative more in a group, for one image and one output position."""


class DamageModel(Protocol):
    """What an error of a layer's sums costs. A new one is one class; `Method` takes a value of it.

    Its repr names it and its settings: candidates of a search are kept under it.
    """

    def plans(self, baseline_layer: BaselineLayer) -> bool:
        """Whether the layer may share similar slices; one that may not shares exactly."""

    def aim(self, state: LayerState) -> Target:
        """What an error of the layer's sums costs, as a form of its weights."""

    def weights(
        self, state: LayerState, objective: Opening, multiplier: float, solve: Solve
    ) -> Int8Array:
        """The layer's effective weights, int8 [inputs, filters].

        multiplier: damage that one unit of the objective is worth. solve: who solves the last
        problem of each group.
        """

    def threshold(self, state: LayerState, planned: Network) -> Threshold | None:
        """Where the layer's threshold moves in the planned network; None where it stays."""

    def norm(self, state: LayerState, planned: Network) -> Scale | None:
        """The norm behind the layer's sums with another offset; None where it stays."""
