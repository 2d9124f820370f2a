"""The cells of compressor trees: carry chains, full adders, and the wires around them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hwgen.cells import Bit, Range, Tally, Wires
from hwgen.emitter import bus
from hwgen.links import Link, LinkKind, Passed, Wire, added, positions
from hwgen.lut_tables import INPUTS, Site

PER_CELL = 4  # positions of one CARRY4


@dataclass(frozen=True, slots=True)
class Chain:
    """Links from the lowest column up. carry_in: the carry into the first: a bit, 0 or 1.

    Its net: the sum bits of all links, then the carry out, then the bit that the last link routes
    on, if it does; the carry and the routed bit are of one weight. Or the highest bit alone: the
    sum bit of a last link of parity, else the carry out.
    """

    links: tuple[Link, ...]
    carry_in: Bit | int = 0
    top_alone: bool = False

    @property
    def n_positions(self) -> int:
        return sum(link.positions for link in self.links)

    @property
    def _ends_in_parity(self) -> bool:
        return self.links[-1].kind is LinkKind.PARITY

    @property
    def range(self) -> Range:
        """All values of the bits of its net."""
        routes = self.links[-1].kind is LinkKind.TERNARY
        n_bits = 1 if self.top_alone else self.n_positions + 1 + routes
        return Range(0, (1 << n_bits) - 1)

    @property
    def bits(self) -> tuple[Bit, ...]:
        first = (self.carry_in,) if isinstance(self.carry_in, Bit) else ()
        return (*first, *(bit for link in self.links for bit in link.bits))

    @property
    def reads(self) -> tuple[int, ...]:
        return tuple(bit.net for bit in self.bits)

    def value(self, values: Sequence[int]) -> int:
        found, passed = list[int](), Passed(_carried(self.carry_in, values))
        for link in self.links:
            sums, passed = added(link, values, passed)
            found += sums
        if self.top_alone:
            return found[-1] if self._ends_in_parity else passed.carry
        ends = [passed.carry] if passed.routed is None else [passed.carry, passed.routed]
        return sum(bit << place for place, bit in enumerate([*found, *ends]))

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        """Links by kind and columns: add n3 ~n4 | six n5 n6 ... carry n7."""
        words = [_link_text(link) for link in self.links]
        carry = self.carry_in.text() if isinstance(self.carry_in, Bit) else str(self.carry_in)
        return f"{'top of ' * self.top_alone}chain {carry} -> {' | '.join(words)}"

    def tally(self, width: int) -> Tally:
        return Tally(chains=1, chain_luts=self.n_positions)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        """LUT6_2 for every position, and a CARRY4 for every four."""
        n = self.n_positions
        lines = [f"wire {bus(n)} s{net}, d{net}, t{net}, o{net}, c{net};"]
        place, routed = 0, None
        for link in self.links:
            for found in positions(link, routed, wires):
                upper, lower = f"s{net}[{place}]", f"t{net}[{place}]"
                lines.append(found.site.verilog(f"l{net}_{place}", upper, lower, wires))
                lines.append(f"assign d{net}[{place}] = {found.di or lower};")
                routed = Wire(lower) if found.routes else None
                place += 1
        lines += self._carry_cells(net, wires)
        if self.top_alone:
            wire = "o" if self._ends_in_parity else "c"
            return [*lines, f"wire n{net} = {wire}{net}[{n - 1}];"]
        ends = [routed.called] if routed else []
        parts = ", ".join([*ends, f"c{net}[{n - 1}]", f"o{net}"])
        return [*lines, f"wire {bus(self.range.width)} n{net} = {{{parts}}};"]

    def _carry_cells(self, net: int, wires: Wires) -> list[str]:
        lines, n = list[str](), self.n_positions
        for first in range(0, n, PER_CELL):
            size = min(PER_CELL, n - first)
            above = f"c{net}[{first - 1}]" if first else "1'b0"
            begin = "1'b0" if first else _carry_name(self.carry_in, wires)
            pad = f"{PER_CELL - size}'d0, " if size < PER_CELL else ""
            d, s = (f"{{{pad}{wire}{net}[{first} +: {size}]}}" for wire in "ds")
            name = f"k{net}_{first}"
            lines.append(f"wire [3:0] {name}_o, {name}_c;")
            ports = f".CO({name}_c), .O({name}_o), .CI({above}), .CYINIT({begin})"
            lines.append(f"CARRY4 {name} ({ports}, .DI({d}), .S({s}));")
            for wire in "oc":
                taken = f"{name}_{wire}[{size - 1}:0]"
                lines.append(f"assign {wire}{net}[{first} +: {size}] = {taken};")
        return lines


def _link_text(link: Link) -> str:
    columns = ", ".join(" ".join(bit.text() for bit in column) for column in link.columns)
    extra = f" + {link.extra.text()}" if link.extra else ""
    return f"{link.kind.value} {columns}{extra}" + (f" + {link.constant}" if link.constant else "")


def _carried(carry_in: Bit | int, values: Sequence[int]) -> int:
    return carry_in.value(values) if isinstance(carry_in, Bit) else carry_in


def _carry_name(carry_in: Bit | int, wires: Wires) -> str:
    if isinstance(carry_in, int):
        return f"1'b{carry_in}"
    return "~" * carry_in.inverted + carry_in.name(wires)


@dataclass(frozen=True, slots=True)
class Counter:
    """How many of up to three bits, or of up to two and a constant 1, are 1: one LUT site."""

    bits: tuple[Bit, ...]
    constant: int = 0

    @property
    def reads(self) -> tuple[int, ...]:
        return tuple(bit.net for bit in self.bits)

    def value(self, values: Sequence[int]) -> int:
        return sum(bit.value(values) for bit in self.bits) + self.constant

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return "full adder " + " ".join([*(b.text() for b in self.bits), *("1" * self.constant)])

    def tally(self, width: int) -> Tally:
        return Tally(chains=1, chain_luts=1)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        one = self.constant
        site = Site(self.bits, lambda bits: sum(bits) + one & 1, lambda bits: sum(bits) + one >> 1)
        lines = site.verilog(f"l{net}", f"n{net}[0]", f"n{net}[1]", wires)
        return [f"wire [1:0] n{net};", lines]


@dataclass(frozen=True, slots=True)
class Reaches:
    """Whether the sum of at most six bits, each of a weight, reaches a limit: one LUT."""

    bits: tuple[Bit, ...]
    weights: tuple[int, ...]
    limit: int

    @property
    def reads(self) -> tuple[int, ...]:
        return tuple(bit.net for bit in self.bits)

    def value(self, values: Sequence[int]) -> int:
        return self._reached(tuple(bit.value(values) for bit in self.bits))

    def _reached(self, bits: tuple[int, ...]) -> int:
        total = sum(bit * weight for bit, weight in zip(bits, self.weights, strict=True))
        return int(total >= self.limit)

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        terms = zip(self.weights, self.bits, strict=True)
        return " + ".join(f"{weight} {bit.text()}" for weight, bit in terms) + f" >= {self.limit}"

    def tally(self, width: int) -> Tally:
        return Tally(chains=1, chain_luts=1)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        site = Site(self.bits, self._reached)
        return [f"wire n{net}, t{net};", site.verilog(f"l{net}", f"n{net}", f"t{net}", wires)]


@dataclass(frozen=True, slots=True)
class ByClass:
    """A number for each class of windows. net: the input that is the class."""

    net: int
    numbers: tuple[int, ...]

    @property
    def reads(self) -> tuple[int, ...]:
        return (self.net,)

    def value(self, values: Sequence[int]) -> int:
        return self.numbers[values[self.net]]

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return f"n{self.net} of " + " ".join(map(str, self.numbers))

    @property
    def _class_bits(self) -> int:
        return max(1, (len(self.numbers) - 1).bit_length())

    def tally(self, width: int) -> Tally:
        """Two bits a site while five inputs tell the class, one where six do."""
        sites = -(-width // self._bits_a_site) << max(0, self._class_bits - INPUTS)
        return Tally(chain_luts=sites)

    @property
    def _bits_a_site(self) -> int:
        return 2 if self._class_bits < INPUTS else 1

    def verilog(self, net: int, wires: Wires) -> list[str]:
        width, lines = wires.ranges[net].width, [f"wire {bus(wires.ranges[net].width)} n{net};"]
        if self._class_bits > INPUTS:
            return [*lines, *self._cases(net, width, wires)]
        given = tuple(Bit(self.net, False, place) for place in range(self._class_bits))
        step = self._bits_a_site
        for place in range(0, width, step):
            read = step == 2 and place + 1 < width
            lower = f"n{net}[{place + 1}]" if read else f"t{net}_{place}"
            if not read:
                lines.append(f"wire t{net}_{place};")
            site = Site(given, self._bit(place), self._bit(place + 1) if step == 2 else None)
            upper = f"n{net}[{place}]" if width > 1 else f"n{net}"
            lines.append(site.verilog(f"l{net}_{place}", upper, lower, wires))
        return lines

    def _bit(self, place: int) -> Callable[[tuple[int, ...]], int]:
        def found(bits: tuple[int, ...]) -> int:
            number = sum(bit << k for k, bit in enumerate(bits))
            return self.numbers[number] >> place & 1 if number < len(self.numbers) else 0

        return found

    def _cases(self, net: int, width: int, wires: Wires) -> list[str]:
        """A table of all classes, for tools to make gates of."""
        numbers = sum(number << width * place for place, number in enumerate(self.numbers))
        size = width * len(self.numbers)
        table = f"localparam {bus(size)} T{net} = {size}'h{numbers:x};"
        return [table, f"assign n{net} = T{net}[{wires.name(self.net)} * {width} +: {width}];"]


@dataclass(frozen=True, slots=True)
class Join:
    """Bits, the lowest first, as one number: wires. None: a bit that is 0."""

    bits: tuple[Bit | None, ...]

    @property
    def reads(self) -> tuple[int, ...]:
        return tuple(bit.net for bit in self.bits if bit)

    def value(self, values: Sequence[int]) -> int:
        return sum(bit.value(values) << place for place, bit in enumerate(self.bits) if bit)

    @property
    def levels(self) -> int:
        return 0

    def text(self) -> str:
        return "join " + " ".join(bit.text() if bit else "0" for bit in self.bits)

    def tally(self, width: int) -> Tally:
        return Tally()

    def verilog(self, net: int, wires: Wires) -> list[str]:
        parts = [
            "~" * bit.inverted + bit.name(wires) if bit else "1'b0" for bit in reversed(self.bits)
        ]
        return [f"wire {bus(wires.ranges[net].width)} n{net} = {{{', '.join(parts)}}};"]
