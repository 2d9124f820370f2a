"""How layers become datapaths: what the user chooses, within its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crshare.errors import HardwareError
from crshare.hardware.architecture import Architecture
from crshare.limits import LEVELS, LUTS, TURNS
from hwgen.targets import GENERIC, TARGETS, XILINX
from solver.choices import ADDER_LUTS, LUT6

ADDERS, PRODUCTS, EITHER = "adders", "dsp", "auto"
SKIPS = (ADDERS, PRODUCTS, EITHER)
"""How weights in fixed point are applied: as additions of shifted numbers, by multipliers, or as is
cheaper for each layer, where architectures are chosen for a rate (else as additions)."""


@dataclass(frozen=True, slots=True)
class Options:
    """How layers become datapaths. target: what the Verilog is for. method, measure: of the adder
    graph; without a measure, the target's. per_stage: LUTs or adders in a row between registers.
    max_luts: estimated LUT6 above which a layer is refused. fold: turns in which a layer may give
    its outputs, where that takes fewer LUTs. architectures: of layers by their names; what is not
    named is a graph, or in turns by `fold`. skip: of layers with weights in fixed point without an
    architecture, one of SKIPS."""

    target: str = GENERIC
    method: str = "auto"
    measure: str | None = None
    per_stage: int = 3
    max_luts: int = 100_000
    fold: int = 1
    architectures: Mapping[str, Architecture] = field(default_factory=dict)
    skip: str = EITHER

    def __post_init__(self) -> None:
        LEVELS.check("per_stage", self.per_stage)
        LUTS.check("max_luts", self.max_luts)
        TURNS.check("fold", self.fold)
        if self.target not in TARGETS:
            raise HardwareError(f"target {self.target!r} is none of {', '.join(TARGETS)}")
        if self.skip not in SKIPS:
            raise HardwareError(f"skip {str(self.skip)[:40]!a}: expected one of {', '.join(SKIPS)}")
        if self.measure == LUT6 and self.target != XILINX:
            raise HardwareError(
                f"--measure {LUT6} counts sites of compressor trees, which --target {XILINX} has; "
                f"take {ADDER_LUTS} for {self.target}"
            )

    @property
    def goal(self) -> str:
        """What adder graphs have least of."""
        return self.measure or (LUT6 if self.target == XILINX else ADDER_LUTS)
