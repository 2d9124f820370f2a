"""A netlist as Verilog lines: one line for each cell, and registers where stages meet."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from hwgen.cells import Cell, Popcount, Range, Wires, extended
from hwgen.chains import Chain, Counter, Join, Reaches
from hwgen.emitter import Emitter, bus, constant, residue
from hwgen.lookup import Lookup
from hwgen.netlist import Compare, Fixed, Head, Linear, Netlist

CHAINED = 16  # bits of a number up to which it is compared bit by bit
SHIFTED = 3  # registers in a row of which tools make a shift register in a LUT


@dataclass(frozen=True)
class Schedule:
    """Which pipeline stage makes and which reads each net; `per_stage` cells between registers.

    A cell that reads one net alone is made a stage before its first reader: one net that many such
    cells read is held in fewer registers than what they make of it.
    """

    netlist: Netlist
    per_stage: int | None

    def made(self, net: int) -> int:
        """The stage in which a net appears; inputs and the first cells are in stage 0."""
        return self._made[net]

    @cached_property
    def _made(self) -> tuple[int, ...]:
        first = [self._earliest(level) for level in self.netlist.levels]
        readers = [math.inf] * len(first)
        for head in self.netlist.heads:
            if not isinstance(head, Fixed) and head.net is not None:
                readers[head.net] = 0
        cells = list(enumerate(self.netlist.cells, start=self.netlist.n_inputs))
        for place, cell in reversed(cells):
            if len(set(cell.reads)) == 1 and readers[place] < math.inf:
                first[place] = max(first[place], int(readers[place]) - 1)
            for net in cell.reads:
                readers[net] = min(readers[net], first[place])
        return tuple(first)

    def _earliest(self, level: int) -> int:
        return 0 if self.per_stage is None or not level else (level - 1) // self.per_stage

    @cached_property
    def n_stages(self) -> int:
        nets = [head.net for head in self.netlist.heads if not isinstance(head, Fixed)]
        return 1 + max((self.made(net) for net in nets if net is not None), default=0)

    @cached_property
    def last_use(self) -> dict[int, int]:
        """The last stage that reads each net that is read."""
        last: dict[int, int] = {}
        for place, cell in enumerate(self.netlist.cells, start=self.netlist.n_inputs):
            for net in cell.reads:
                last[net] = max(last.get(net, 0), self.made(place))
        for head in self.netlist.heads:
            if not isinstance(head, Fixed) and head.net is not None:
                last[head.net] = self.n_stages - 1
        return last

    def delayed(self) -> Iterator[tuple[int, int]]:
        """Nets and the stages in which a register holds them."""
        for net, last in sorted(self.last_use.items()):
            for stage in range(self.made(net) + 1, last + 1):
                yield net, stage

    def n_registers(self) -> int:
        """Bits that registers hold: of each net those that are read, as long as they are."""
        last = dict[tuple[int, int], int]()
        for place, cell in enumerate(self.netlist.cells, start=self.netlist.n_inputs):
            for bit in self._bits_read(cell):
                last[bit] = max(last.get(bit, 0), self.made(place))
        for head in self.netlist.heads:
            if not isinstance(head, Fixed) and head.net is not None:
                last |= {bit: self.n_stages - 1 for bit in self._all_bits(head.net)}
        return sum(stage - self.made(net) for (net, _), stage in last.items())

    def _bits_read(self, cell: Cell) -> Iterator[tuple[int, int]]:
        match cell:
            case Chain() | Counter() | Reaches() | Lookup() | Popcount() | Join():
                yield from ((bit.net, bit.index) for bit in cell.bits if bit)
            case _:
                for net in cell.reads:
                    yield from self._all_bits(net)

    def _all_bits(self, net: int) -> Iterator[tuple[int, int]]:
        return ((net, index) for index in range(self.netlist.ranges[net].width))


class Datapath:
    """Writes a netlist's cells and heads into a module whose inputs are slices of `window`."""

    def __init__(self, emit: Emitter, netlist: Netlist, schedule: Schedule) -> None:
        self.emit, self.netlist, self.schedule = emit, netlist, schedule

    def name(self, net: int, stage: int) -> str:
        made = self.schedule.made(net)
        return f"n{net}" if stage == made else f"n{net}_s{stage}"

    def input_nets(self, places: list[str]) -> None:
        """Name the inputs that are read; places[k] is where input k stands."""
        for net, place in enumerate(places):
            if net in self.schedule.last_use:
                self.emit(f"wire {bus(self.netlist.ranges[net].width)} n{net} = {place};")

    def cells(self) -> None:
        for place, cell in enumerate(self.netlist.cells, start=self.netlist.n_inputs):
            if place in self.schedule.last_use:
                self.emit(*cell.verilog(place, self._wires(self.schedule.made(place))))

    def _wires(self, stage: int) -> Wires:
        return Wires(self.netlist.ranges, lambda net: self.name(net, stage))

    def registers(self, advance: str, reset: str | None = None) -> None:
        """The nets that wait for a later stage.

        reset: where there is one, it clears every third register of a row, only so that tools make
        no shift registers in LUTs: two registers stand beside each LUT and are idle.
        """
        delayed = list(self.schedule.delayed())
        for net, stage in delayed:
            self.emit(f"reg {bus(self.netlist.ranges[net].width)} n{net}_s{stage};")
        cleared = [one for one in delayed if reset and self._is_third(*one)]
        if cleared:
            with self.emit.block(f"always @(posedge aclk) if ({reset}) begin", "end"):
                for net, stage in cleared:
                    zero = constant(0, self.netlist.ranges[net].width)
                    self.emit(f"n{net}_s{stage} <= {zero};")
            self._moved(cleared, f"else if ({advance})")
        self._moved(
            [one for one in delayed if not (reset and self._is_third(*one))],
            f"always @(posedge aclk) if ({advance})",
        )

    def _is_third(self, net: int, stage: int) -> bool:
        return (stage - self.schedule.made(net)) % SHIFTED == 0

    def _moved(self, delayed: list[tuple[int, int]], when: str) -> None:
        if delayed:
            with self.emit.block(f"{when} begin", "end"):
                for net, stage in delayed:
                    self.emit(f"n{net}_s{stage} <= {self.name(net, stage - 1)};")

    def heads(self, target: str, width: int, window_class: str) -> None:
        """Drive `target`, [heads * width], in the last stage."""
        for place, head in enumerate(self.netlist.heads):
            where = f"{target}[{place}]" if width == 1 else f"{target}[{place * width} +: {width}]"
            self.emit(f"assign {where} = {self._head(head, width, window_class)};")

    def _head(self, head: Head, width: int, window_class: str) -> str:
        last = self.schedule.n_stages - 1
        match head:
            case Fixed(values):
                return self._per_class([f"1'b{int(value)}" for value in values], window_class)
            case Compare(net, at_least, per_class):
                tests = [
                    compared(self.name(net, last), self.netlist.ranges[net], limit, at_least)
                    for limit in per_class
                ]
                return self._per_class(tests, window_class)
            case Linear(net, factor):
                if net is None:
                    options = [constant(one, width) for one in head.constants]
                    return self._per_class(options, window_class)
                shift = abs(factor).bit_length() - 1
                term = extended(self.name(net, last), self.netlist.ranges[net], shift, width)
                sign = "-" if factor < 0 else "+"
                options = [residue(one, width) for one in head.constants]
                offset = self._per_class(options, window_class)
                return f"{f'({offset})' if len(set(options)) > 1 else offset} {sign} {term}"

    def _per_class(self, options: list[str], window_class: str) -> str:
        """The option of the window's class; options that are the same are asked for once."""
        if len(set(options)) == 1:
            return options[0]
        usual = max(options, key=options.count)
        others = [option for option in dict.fromkeys(options) if option != usual]
        text = usual
        for option in others:
            classes = [k for k, found in enumerate(options) if found == option]
            test = " || ".join(f"{window_class} == {k}" for k in classes)
            text = f"({test}) ? {option} : {text}"
        return text


def _reached(name: str, span: Range, limit: int) -> str:
    """net >= limit bit by bit, for limits within the range: tools make LUTs of it, where they make
    an adder of a comparison.

    From the lowest bit up, the bits up to a place reach those of the limit where this bit and the
    lower ones do: both, where the limit has it; one of them, where it has not.
    """
    limit += 1 << span.width - 1 if span.signed else 0
    text = ""
    for place in range(span.width):
        bit = name if span.width == 1 else f"{name}[{place}]"
        turned = "~" * (span.signed and place == span.width - 1) + bit
        if text:
            text = f"({turned} {'&' if limit >> place & 1 else '|'} {text})"
        elif limit >> place & 1:
            text = turned
    return text


def compared(name: str, span: Range, limit: int, at_least: bool) -> str:
    """net >= limit or net <= limit, decided here where the range alone decides it."""
    if limit <= span.low if at_least else limit >= span.high:
        return "1'b1"
    if limit > span.high if at_least else limit < span.low:
        return "1'b0"
    if span.width <= CHAINED:
        reached = _reached(name, span, limit if at_least else limit + 1)
        return reached if at_least else f"~{reached}".removeprefix("~~")
    sign = ">=" if at_least else "<="
    if span.signed:
        return f"($signed({name}) {sign} $signed({constant(limit, span.width)}))"
    return f"({name} {sign} {constant(limit, span.width)})"
