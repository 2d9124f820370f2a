"""Each layer with binary weights in the architecture that was chosen for it, as a stage."""

from collections.abc import Callable
from dataclasses import dataclass

from crshare.errors import HardwareError
from crshare.hardware.architecture import Graph, Resources, Turns, Unit, check, clocks
from crshare.hardware.layer_input import LayerInput
from crshare.hardware.layer_stage import LayerSums
from crshare.hardware.options import Options
from crshare.hardware.turn_lanes import lanes_stage
from crshare.hardware.unit_cost import unit_cost
from crshare.hardware.unit_stage import unit_stage
from crshare.network.graph import Network, Threshold
from hwgen import Compute, MatrixVector, tally
from hwgen.targets import XILINX
from solver.adder_graph import AdderGraph, measure


@dataclass(frozen=True, slots=True)
class LoweredLayer:
    """What is known of one layer's datapath before it is synthesised.

    phases: clocks for a window. why: it is folded or not, where folding was asked for.
    architecture: graph, turns, unit or tables. clocks: from one image to the next, if no other
    layer makes it wait. block_rams: of 18 kbit. dsps: multipliers of the device.
    """

    layer: str
    method: str
    lut6: int
    full_adders: int
    additions: int
    depth: int
    phases: int = 1
    why: str = ""
    architecture: str = "graph"
    clocks: int = 1
    block_rams: int = 0
    dsps: int = 0


Settled = tuple[Compute | MatrixVector, LoweredLayer]
GraphOf = Callable[[LayerInput], AdderGraph]


@dataclass(frozen=True, eq=False)
class Settling:
    """graph_of: builds the adder graph of a layer's weights."""

    network: Network
    options: Options
    graph_of: GraphOf

    def __post_init__(self) -> None:
        for layer, architecture in self.options.architectures.items():
            check(self.network, layer, architecture)

    def settle(self, layer: LayerInput, threshold: Threshold | None) -> Settled:
        """The stage of a layer, if it is small enough; without a threshold it gives scores."""
        stage, lowered = self._built(layer, threshold)
        check_size(layer.name, lowered.lut6, self.options)
        return stage, lowered

    def _built(self, layer: LayerInput, threshold: Threshold | None) -> Settled:
        match self.options.architectures.get(layer.name):
            case Unit() as unit:
                return self._unit(layer, threshold, unit)
            case Turns(turns):
                return self._turns(layer, threshold, turns)
            case Graph():
                return self._unrolled(LayerSums(layer, self.graph_of(layer)), threshold, "")
            case _:
                return self._smaller(LayerSums(layer, self.graph_of(layer)), threshold)

    def _unit(self, layer: LayerInput, threshold: Threshold | None, unit: Unit) -> Settled:
        heaps = self.options.target == XILINX
        stage = unit_stage(layer, unit, threshold, self.options.per_stage, heaps=heaps)
        cost: Resources = unit_cost(self.network, layer.name, unit, self.options.target)
        lowered = LoweredLayer(
            layer.name,
            "unit",
            cost.luts,
            *(0, 0),
            max(lane.levels[-1] for lane in stage.lanes),
            phases=stage.n_words,
            architecture="unit",
            clocks=clocks(self.network, layer.name, unit),
            block_rams=cost.block_rams,
        )
        return stage, lowered

    def _turns(self, layer: LayerInput, threshold: Threshold | None, turns: int) -> Settled:
        if threshold is None or not layer.binary:
            raise HardwareError(
                f"layer {layer.name}: only layers of bits before a threshold are built in turns; "
                'give it the architecture "graph" or "unit"'
            )
        if not layer.weights.all():
            raise HardwareError(
                f"layer {layer.name}: has weights of 0, inputs that the plan leaves out, which are "
                'not built in turns; give it the architecture "graph"'
            )
        return self._in_turns(
            layer, lambda: LayerSums(layer, self.graph_of(layer)), threshold, turns
        )

    def _in_turns(
        self,
        layer: LayerInput,
        sums: Callable[[], LayerSums],
        threshold: Threshold,
        turns: int,
        unrolled: int | None = None,
    ) -> Settled:
        """On compressor trees where the device has them, which need no graph."""
        if self.options.target == XILINX:
            return self._lanes(layer, threshold, turns, unrolled)
        return self._folded(sums(), threshold, turns, unrolled)

    def _lanes(
        self, layer: LayerInput, threshold: Threshold, turns: int, unrolled: int | None
    ) -> Settled:
        stage = lanes_stage(layer, threshold, turns, self.options.per_stage)
        taken = tally(stage.netlist).chain_luts
        lowered = LoweredLayer(
            layer.name,
            "turns",
            *(taken, 0, 0),
            stage.netlist.levels[-1],
            phases=turns,
            why=_why(turns, taken, unrolled),
            architecture="turns",
            clocks=clocks(self.network, layer.name, Turns(turns)),
        )
        return stage, lowered

    def _smaller(self, sums: LayerSums, threshold: Threshold | None) -> Settled:
        """Unrolled, or in the turns of `fold` where that is smaller."""
        options = self.options
        turns = min(options.fold, len(sums.weights))  # a turn gives at least one output
        if options.fold > 1 and (threshold is None or not sums.binary):
            why = "unrolled: only layers of bits before a threshold are folded"
            return self._unrolled(sums, threshold, why)
        if options.fold > 1 and not sums.weights.all():
            return self._unrolled(sums, threshold, "unrolled: weights of 0 are not folded")
        if turns == 1 or threshold is None:
            return self._unrolled(sums, threshold, "")
        stage = sums.compute(threshold, options.per_stage)
        lut6 = tally(stage.netlist).chain_luts or measure(sums.graph).lut6
        folded = self._in_turns(sums.layer, lambda: sums, threshold, turns, lut6)
        if folded[1].lut6 < lut6:
            return folded
        why = f"unrolled: about {lut6:,} LUTs, in {turns} turns {folded[1].lut6:,}"
        return self._unrolled(sums, threshold, why)

    def _folded(
        self, sums: LayerSums, threshold: Threshold, turns: int, unrolled: int | None
    ) -> Settled:
        options = self.options
        turned = sums.turned(threshold, turns, options.method, options.goal)
        stage = sums.folded(sums.compute(threshold, options.per_stage), turned, threshold)
        why = _why(turns, turned.lut6, unrolled)
        lowered = self._lowered(sums.layer, turned.lut6, turned.graph, Turns(turns), why)
        return stage, lowered

    def _unrolled(self, sums: LayerSums, threshold: Threshold | None, why: str) -> Settled:
        stage = sums.compute(threshold, self.options.per_stage)
        lut6 = tally(stage.netlist).chain_luts or measure(sums.graph).lut6
        return stage, self._lowered(sums.layer, lut6, sums.graph, Graph(), why)

    def _lowered(
        self, layer: LayerInput, lut6: int, graph: AdderGraph, built: Graph | Turns, why: str
    ) -> LoweredLayer:
        cost = measure(graph)
        return LoweredLayer(
            layer.name,
            self.options.method,
            *(lut6, cost.full_adders, cost.additions, cost.depth),
            phases=built.turns if isinstance(built, Turns) else 1,
            why=why,
            architecture=built.kind,
            clocks=clocks(self.network, layer.name, built),
        )


def _why(turns: int, luts: int, unrolled: int | None) -> str:
    compared = f", unrolled {unrolled:,}" if unrolled else ""
    return f"in {turns} turns: about {luts:,} LUTs{compared}"


def check_size(layer: str, lut6: int, options: Options) -> None:
    """HardwareError where a layer is larger than the options allow."""
    if lut6 > options.max_luts:
        raise HardwareError(
            f"layer {layer} would take about {lut6:,} LUTs, above the limit of "
            f"{options.max_luts:,}; raise --max-luts, fold it with --fold, or choose "
            "layers with --layers"
        )
