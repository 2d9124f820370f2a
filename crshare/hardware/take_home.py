"""What a hardware engineer takes home beside the Verilog: scripts of tools, constraints, ports."""

from dataclasses import dataclass

from crshare.hardware.lowering import Lowered
from crshare.hardware.ports_page import ports_page
from hwgen.axi import AxiTop
from hwgen.devices import CHIPS, DEVICES, Chip
from hwgen.targets import GENERIC

CLOCK_MHZ = 100.0
CHIP = "xc7z020"
QUARTUS_DEVICE = "5CSEBA6U23I7"


@dataclass(frozen=True, slots=True)
class Home:
    """Where a design goes. clocks: of an image, where the design was chosen for a rate."""

    clock_mhz: float = CLOCK_MHZ
    chip: str = CHIP
    clocks: int | None = None

    @property
    def device(self) -> Chip:
        return CHIPS[self.chip]


def axi_top(lowered: Lowered, home: Home) -> AxiTop:
    """The design between AXI4-Streams."""
    return AxiTop(lowered.design, home.clocks)


def axi_files(lowered: Lowered, home: Home) -> dict[str, str]:
    """The top between AXI4-Streams, and the modules that only it has."""
    return axi_top(lowered, home).files()


def scripts(lowered: Lowered, home: Home, names: list[str]) -> dict[str, str]:
    """Scripts, constraints and the page of ports. names: of the Verilog files, in `files.f`.

    Quartus reads no primitives of Xilinx devices, so there is none of its scripts for those.
    """
    top = axi_top(lowered, home)
    found = {
        "vivado.tcl": _vivado(top.name, home, names),
        "constraints.xdc": _clock(home),
        "synth.ys": _yosys(top.name, home, names),
        "README.md": ports_page(lowered, top, home.clock_mhz),
    }
    if lowered.target == GENERIC:
        found["quartus.tcl"] = _quartus(top.name, names)
        found["constraints.sdc"] = _clock(home)
    return found


def _clock(home: Home) -> str:
    period = 1000 / home.clock_mhz
    return f"create_clock -name aclk -period {period:.3f} [get_ports aclk]\n"


def _vivado(top: str, home: Home, names: list[str]) -> str:
    part = home.device.part if home.device.family in ("xilinx", "ultrascale") else CHIPS[CHIP].part
    return f"""# vivado -mode batch -source vivado.tcl
# Out of context: the streams need no pins. For a block design, add the files and {top} as a module.
cd [file dirname [file normalize [info script]]]
set part {part}
read_verilog {{{" ".join(names)}}}
read_xdc -mode out_of_context constraints.xdc
synth_design -mode out_of_context -top {top} -part $part
report_utilization -hierarchical -file utilization.rpt
opt_design
place_design
route_design
report_timing_summary -file timing.rpt
report_utilization -file utilization_placed.rpt
write_checkpoint -force {top}.dcp
"""


def _quartus(top: str, names: list[str]) -> str:
    return f"""# quartus_sh -t quartus.tcl
# The streams are virtual pins: only the clock and the reset need places.
cd [file dirname [file normalize [info script]]]
package require ::quartus::project
package require ::quartus::flow
project_new {top} -overwrite
set_global_assignment -name FAMILY "Cyclone V"
set_global_assignment -name DEVICE {QUARTUS_DEVICE}
set_global_assignment -name TOP_LEVEL_ENTITY {top}
foreach file {{{" ".join(names)}}} {{
  set_global_assignment -name VERILOG_FILE $file
}}
set_global_assignment -name SDC_FILE constraints.sdc
foreach port {{s_axis_tvalid s_axis_tready s_axis_tdata s_axis_tlast}} {{
  set_instance_assignment -name VIRTUAL_PIN ON -to $port
}}
foreach port {{m_axis_tvalid m_axis_tready m_axis_tdata m_axis_tlast}} {{
  set_instance_assignment -name VIRTUAL_PIN ON -to $port
}}
execute_flow -compile
project_close
"""


def _yosys(top: str, home: Home, names: list[str]) -> str:
    command = DEVICES[home.device.family].command
    return f"""# yosys -s synth.ys, in this folder
read_verilog {" ".join(names)}
{command} -top {top}
stat
"""
