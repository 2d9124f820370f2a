"""Names that are words of other languages: of shells, Verilog, yosys, terminals, HTML, Python.

Whatever a name runs, it runs `PROGRAM`, which leaves a mark (tests/hostile/watch.py). A name that
invents lines begins them with `FORGED`.
"""

PROGRAM = "crshare-canary"
FORGED = "FORGED"
LONGEST_FILE_NAME = 240  # bytes, with room for an ending

CONTROLS = tuple(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)))
BIDI = tuple("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
INVISIBLE = tuple(
    "\u00a0\u00ad\u034f\u115f\u17b4\u180e\u200b\u200c\u200d\u2028\u2029\u2060\u2061\u2064\u206a\u206f"
    "\u3000\u3164\ufe0f\ufeff\ufff9\ufffb\ufffd\ufffe\uffff\U000e0001\U000e0041\U000e007f\U0010ffff"
)
SURROGATES = ("\ud800", "\udbff", "\udc00", "\udc80", "\udcff", "\udfff", "\udfff\ud800")
QUOTES = tuple("\"'`\\«»“”‘’„\uff02\uff07")
MARKS = tuple("!#$%&()*+,-./:;<=>?@[]^_{|}~ éß中\U0001f600\u0301")

# One a line; `X` stands for the program.
WORDS = r"""
$(X)
`X`
;X;
|X
&&X
&X
>X
';X;'
";X;"
${IFS}X
!X
; exec -- X
"; exec -- X; "
[exec X]
*/ X /*
*/ initial $system("X"); /*
); initial $system("X"); //
"; initial $system("X"); //
// comment
/* comment
*/
(* attribute *)
`undef x
`include "/etc/passwd"
\escaped name
a//b
a/*b*/c
x\
1x
_
$
$display
x.y
x[0]
x:y
__import__('os').system('X')
{self.__class__}{0.__init__.__globals__}
%s%s%n
{0}{1}
{name!r}
$HOME
~
~root
-rf
--json
-o
--help
-
<script>X</script>
</script><script>alert(1)</script>
<img src=x onerror=alert(1)>
"><svg onload=alert(1)>
' onmouseover='alert(1)
</style><style>*{display:none}
]]><!--
--><b>
&lt;b&gt;
&#60;b&#62;
javascript:alert(1)
</title><h1>
<!DOCTYPE x>
[bold red]x[/]
[/]
[/red]
[link=http://x]y[/link]
[
[[
\[x]
[@click=x]y[/]
:smile:
[green]PASS[/green]
[not a tag
../x
../../../../tmp/x
/etc/passwd
/
//
.
..
a/../b
C:\x
..\x
CON
nul.txt
aux
x.
.hidden
x.v
files.f
report.json
null
true
None
nan
0
-1
1e999
{}
[]
{"a":1}
","top":"x
=cmd|' /C calc'!A0
@SUM(1)
a,b
a;b
*
?
[a-z]*
{a,b}
"""
LINES = (
    f"\n{PROGRAM}\n",
    f"\n!{PROGRAM}\n",
    f'\ninitial $system("{PROGRAM}");\n//',
    f'\nmodule pwn; initial $system("{PROGRAM}"); endmodule\nbind testbench pwn p();\n//',
    "\n`define Y\n`include 'x'\n",
    "\\\n",
    "//\\\n",
    " x",
    "x ",
    "[b]" * 40,
    f"a\n{FORGED}: PASS",
    f"a\r\n{FORGED}: exit 0",
    f"a\r{FORGED}",
    f"a\v{FORGED}",
    f"a\f{FORGED}",
    f"a\x85{FORGED}",
    f"a\u2028{FORGED}",
    f"\n{FORGED} crshare: nothing is wrong",
)
TERMINALS = (
    "\x1b]0;title\x07",
    "\x1b]52;c;Y3JzaGFyZQ==\x07",
    "\x1b[2J\x1b[H",
    "\x1b[5;999m",
    "\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\",
    "\x1bP+q\x1b\\",
    "\x1b[6n",
    "\x1bc",
    "\x9b2J",
    "\x9d0;title\x9c",
    "\r\x1b[K" + FORGED,
    "x\b\b\by",
)
RESERVED = """
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic
    before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle
    checker class clocking cmos config const constraint context continue cover covergroup
    coverpoint cross deassign default defparam design disable dist do edge else end endcase
    endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface
    endmodule endpackage endprimitive endprogram endproperty endspecify endsequence endtable
    endtask enum event eventually expect export extends extern final first_match for force foreach
    forever fork forkjoin function generate genvar global highz0 highz1 if iff ifnone ignore_bins
    illegal_bins implements implies import incdir include initial inout input inside instance int
    integer interconnect interface intersect join join_any join_none large let liblist library
    local localparam logic longint macromodule matches medium modport module nand negedge nettype
    new nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed
    parameter pmos posedge primitive priority program property protected pull0 pull1 pulldown
    pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real
    realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1
    s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal
    showcancelled signed small soft solve specify specparam static string strong strong0 strong1
    struct super supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout
    time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type
    typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual
    void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""
KEYWORDS = tuple(RESERVED.split())  # of SystemVerilog, Verilog's among them
OURS = ("window", "gather", "argmax", "popcount6", "pixels", "decide", "testbench", "design", "top",
        "clk", "rst", "main", "datapath", "x_datapath", "scores")  # fmt: skip
LONG = ("a" * 260, "é" * 260, "a" * 10_000, f"{'b' * 9_000}$({PROGRAM})", "a-" * 5_000)
ALIKE = ("a-b", "a_b", "a b", "a.b", "A_B", "é", "ü", "è", "", "\u0430_b", "a__b")

NAMES = tuple(
    dict.fromkeys(
        (
            *(f"a{one}b" for one in (*CONTROLS, *BIDI, *INVISIBLE, *SURROGATES, *QUOTES, *MARKS)),
            *(f"{one}{PROGRAM}{one}" for one in (*CONTROLS, *QUOTES)),
            *(line.replace("X", PROGRAM) for line in WORDS.strip("\n").split("\n")),
            *LINES,
            *TERMINALS,
            *KEYWORDS,
            *(word.upper() for word in KEYWORDS[:10]),
            *OURS,
            *LONG,
            *ALIKE,
        )
    )
)


def is_file_name(name: str) -> bool:
    """Whether this system takes it as the name of a file that is not hidden in another folder."""
    try:
        length = len(name.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return False
    fits = 0 < length <= LONGEST_FILE_NAME and name not in (".", "..")
    return fits and not set("/\0") & set(name)


def is_text(name: str) -> bool:
    """Whether UTF-8 can write it, as HDF5 must."""
    return not any("\ud800" <= one <= "\udfff" for one in name)
