"""Names from outside as names of Verilog modules and of their files: legal, short and unique.

A name that is legal and free stays as it is. The rest must differ even where a file system does not
tell capitals from small letters.
"""

import re
from collections import Counter
from collections.abc import Iterable

# Verilog-2005, and what SystemVerilog-2017 and Icarus Verilog add.
WORDS = """
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic
before begin bind bins binsof bit bool break buf bufif0 bufif1 byte case casex casez cell
chandle checker class clocking cmos config const constraint context continue cover covergroup
coverpoint cross deassign default defparam design disable dist do edge else end endcase
endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface
endmodule endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask
enum event eventually expect export extends extern final first_match for force foreach forever
fork forkjoin function generate genvar global highz0 highz1 if iff ifnone ignore_bins
illegal_bins implements implies import incdir include initial inout input inside instance int
integer interconnect interface intersect join join_any join_none large let liblist library local
localparam logic longint macromodule matches medium modport module nand negedge nettype new
nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed parameter pmos
posedge primitive priority program property protected pull0 pull1 pulldown pullup
pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime
ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always
s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
signed small soft solve specify specparam static string strong strong0 strong1 struct super
supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout time
timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef union
unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait
wait_order wand weak weak0 weak1 while wildcard wire with within wone wor wreal xnor xor
"""
KEYWORDS = frozenset(WORDS.split())
HAND_WRITTEN = ("popcount6", "window", "fifo", "maps", "gather")
BETWEEN = ("fifo", "scatter", "packets")  # hand-written, too, and only in designs that use them
FORK = "fork_stream"  # in designs whose streams have several readers
PRIMITIVES = ("LUT6_2", "CARRY4")  # of the device; what stands for them in a simulation
TESTBENCH, PINS, BOTH = "testbench", "pins", "both"  # what stands around a design in a tool
DEVICES = [  # names that Windows keeps for itself, whatever the ending of the file
    *("con", "prn", "aux", "nul"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)),
]
OURS = (
    *HAND_WRITTEN,
    *BETWEEN,
    FORK,
    *(name.lower() for name in PRIMITIVES),
    TESTBENCH,
    PINS,
    BOTH,
)
TAKEN = frozenset((*OURS, *DEVICES))
LONGEST = 128
IDENTIFIER = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{2 * LONGEST}}}")


def identifiers(names: Iterable[str]) -> tuple[str, ...]:
    """For each name an identifier of Verilog that none of the others, and nothing of ours, has."""
    taken, numbers = set(TAKEN), Counter[str]()
    found = []
    for name in names:
        word = free = _legal(name)
        while free.lower() in taken:
            numbers[word] += 1
            free = f"{word}_{numbers[word] + 1}"
        taken.add(free.lower())
        found.append(free)
    return tuple(found)


def is_identifier(text: object) -> bool:
    """Whether something from outside may stand for a module in a script."""
    return isinstance(text, str) and IDENTIFIER.fullmatch(text) is not None and _is_free(text)


def _legal(name: str) -> str:
    word = re.sub(r"\W", "_", name[:LONGEST], flags=re.ASCII)
    return word if re.match(r"[A-Za-z_]", word) and _is_free(word) else f"m_{word}"


def _is_free(word: str) -> bool:
    return word not in KEYWORDS and word.lower() not in TAKEN
