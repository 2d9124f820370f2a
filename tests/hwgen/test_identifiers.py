"""Any names become legal, unique modules and files, and no text of theirs becomes Verilog."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crshare.hardware.beats import Vectors, bench
from hwgen import Design, Entry, Gather, NetlistError, Pool, Range, Windowing, files
from hwgen.emitter import Emitter, constant
from hwgen.identifiers import HAND_WRITTEN, KEYWORDS, LONGEST, identifiers
from hwgen.simulate import simulate
from hwgen.testbench import testbench as bench_of
from hwgen.testbench import verdict

ATTACKS = [
    "conv\nmodule pwn; initial $system(1); endmodule\n//",
    "conv\r`include x",
    "*/ endmodule /*",
    "conv\u2028module x; endmodule",
    "conv\x85`define wire reg",
    "\\",
    "ends in a backslash\\",
    "`define wire reg",
    "\x00\x1b[2J",
    "\ud800",
    "\u202ereversed",
    "verilator lint_off WIDTH",
    "verilator unknown_command",
    " synopsys translate_off",
    "pragma protect begin",
    "",
    "x" * 10_000,
    "é",
    "ü",
]


def legal(name: str) -> bool:
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
    return plain is not None and name not in KEYWORDS and len(name) <= LONGEST + 16


@pytest.mark.slow
@given(st.lists(st.one_of(st.text(), st.sampled_from([*ATTACKS, *KEYWORDS, *HAND_WRITTEN]))))
def test_any_names_become_legal_names_that_differ_in_more_than_capitals(names: list[str]) -> None:
    found = identifiers(names)
    assert all(map(legal, found))
    lowered = [name.lower() for name in found]
    assert len(set(lowered)) == len(names)
    assert not set(lowered) & {*HAND_WRITTEN, "testbench"}


@pytest.mark.slow
@given(st.sets(st.from_regex(r"\A[a-z][a-z0-9_]{0,30}\Z").filter(lambda w: w not in KEYWORDS)))
def test_legal_names_stay_as_they_are(names: set[str]) -> None:
    ordinary = sorted(
        names - {*HAND_WRITTEN, "testbench", "pins", "both", "con", "prn", "aux", "nul"}
    )
    ordinary = [name for name in ordinary if not re.fullmatch(r"(com|lpt)\d", name)]
    assert identifiers(ordinary) == tuple(ordinary)


def test_names_that_become_one_are_numbered() -> None:
    assert identifiers(["a-b", "a_b", "A_b", "output", "1bit", "window", "pins"]) == (
        *("a_b", "a_b_2", "A_b_3", "m_output", "m_1bit", "m_window", "m_pins"),
    )


def test_many_names_that_become_one_take_no_time_of_their_square() -> None:
    assert len(set(identifiers(["é"] * 20_000))) == 20_000


def design(names: Sequence[str], top: str) -> Design:
    """A row of stages that change nothing: thresholds of bits are left to other tests."""
    bit = Range(0, 1)
    pools = [Pool(name, Windowing((2, 2), (1, 1)), (False, True)) for name in names]
    return Design(top, (Entry("pixels", 2, bit, bit, 1, 0), *pools, Gather("all", 4, 2)), 4, 1)


def simulated(made: Design, given: list[int], expected: list[int]) -> bool:
    """Whether Icarus finds the beats that are expected."""
    contents = bench(made, Vectors(given, expected))
    assert "".join(contents.values()).isascii()
    (said,) = simulate("icarus", contents, 60)
    return verdict(said, len(expected), "icarus")


@pytest.mark.needs_tool("iverilog")
def test_a_design_of_hostile_names_is_simulated() -> None:
    names = ["output", "window", "pixels", "a-b", "a_b", "A_B", "testbench", *ATTACKS]
    made = design(names, "conv\nendmodule")
    assert len(files(made)) == len(HAND_WRITTEN) + len(made.stages) + 1
    assert simulated(made, [1, 0, 2, 3], [0b11100001])


@pytest.mark.parametrize("name", ATTACKS)
def test_a_name_reaches_nothing_but_the_comment_of_one_line(name: str) -> None:
    def code(name: str) -> dict[str, str]:
        made = files(design([name], "dut"))
        own = made.pop(f"{identifiers([name])[0]}.v")
        texts = {**made, "own": own, "bench": bench_of(design([name], "dut"), 1, 1)}
        plain = {key: re.sub(r"//[^\n]*", "//", text) for key, text in texts.items()}
        module = re.compile(rf"\b(u_)?{identifiers([name])[0]}\b")
        return {key: module.sub(r"\1plain", text) for key, text in plain.items()}

    hostile = code(name)
    assert all(text.isascii() and text.isprintable() for text in "".join(hostile.values()).split())
    assert hostile == code("plain")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("conv1: 8 outputs.", "// conv1: 8 outputs."),
        ("a\nb\\`\u202e", "// a<a>b<5c><60><202e>"),
        ("Verilator lint_off", "// - Verilator lint_off"),
    ],
)
def test_comments_are_one_line_of_printable_text(text: str, line: str) -> None:
    emit = Emitter()
    emit.comment(text)
    assert str(emit) == line + "\n"


@pytest.mark.parametrize(("value", "width"), [(65_536, 16), (-2, 1), (8, 3), (-9, 4)])
def test_a_constant_that_would_be_cut_is_refused(value: int, width: int) -> None:
    with pytest.raises(NetlistError) as error:
        constant(value, width)
    assert str(error.value) == f"{value} does not fit in {width} bits; this is a fault of crshare"
    assert constant(-1, 1) == "1'd1"


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize(
    ("columns", "pads", "strides"),
    [
        (65_535, (0, 0, 0, 0), (1, 3)),
        (65_536, (0, 0, 0, 0), (1, 2)),
        (65_535, (1, 1, 0, 0), (1, 2)),
        (8, (0, 0, 0, 0), (1, 70_000)),
    ],
)
def test_rows_and_columns_of_any_number_are_counted(
    columns: int, pads: tuple[int, int, int, int], strides: tuple[int, int]
) -> None:
    """Any bit of each window of a map as wide as sixteen bits count, or wider."""
    windowing = Windowing((1, columns), (1, 2), strides, pads)
    bits = [int(place % 7 == 0) for place in range(columns)]
    padded = [0] * pads[1] + bits
    row = [padded[first] | padded[first + 1] for first in range(0, len(padded) - 1, strides[1])]
    row = row[: windowing.output[1]]
    expected = ([0] * len(row)) * pads[0] + row
    made = Design("dut", (Pool("pool", windowing, (False,)),), columns, len(expected))
    assert simulated(made, bits, expected)


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("beats", [65_535, 65_536])
def test_beats_of_any_number_are_gathered(beats: int) -> None:
    bits = [int(place % 5 == 0) for place in range(beats)]
    whole = int("".join(map(str, reversed(bits))), 2)
    made = Design("dut", (Gather("all", beats, 1),), beats, 1)
    assert simulated(made, bits, [whole])


@pytest.mark.parametrize("text", ["a" * 4001, "\n" * 4001, "pragma " * 4001])
def test_comments_are_no_longer_than_tools_read(text: str) -> None:
    emit = Emitter()
    emit.comment(text)
    (line,) = str(emit).splitlines()
    assert len(line) <= 4010
    assert line.endswith("...")
