"""What Verilog is written for: any tool, or devices whose primitives it names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """devices: those of `devices` that have its primitives."""

    what: str
    devices: tuple[str, ...] = ()


XILINX, GENERIC = "xilinx", "generic"
TARGETS = {
    GENERIC: Target("plain Verilog-2005, for every tool and device"),
    XILINX: Target("compressor trees of LUT6_2 and CARRY4", ("xilinx", "ultrascale")),
}
