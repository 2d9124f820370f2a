"""Emits LLVM IR for a register tile: its values, loads and logic."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils as numba_cgutils

from crshare.executor.kernels.variants import Tile

PARITY, MAJORITY, CARRY = 0x96, 0xE8, 0x3A  # three-operand logic as truth tables

INT64 = ir.IntType(64)
cgutils: Any = numba_cgutils  # numba annotates it in part


class Emitter:
    """Writes the LLVM IR of one tile."""

    def __init__(self, builder: Any, tile: Tile) -> None:
        self.builder = builder
        self.tile = tile
        self.scalar = ir.IntType(tile.element)
        self.vector = ir.VectorType(self.scalar, tile.lanes)
        self.cells = [(p, v) for p in range(tile.positions) for v in range(tile.vectors)]

    def load(self, address: Any, kind: Any, align: int, *index: Any) -> Any:
        pointer = self.builder.inttoptr(address, kind.as_pointer())
        for step in index:
            pointer = self.builder.gep(pointer, [step])
        return self.builder.load(pointer, align=align)

    def splat(self, value: Any, lanes: int | None = None) -> Any:
        kind = ir.VectorType(value.type, lanes or self.tile.lanes)
        single = self.builder.insert_element(kind(ir.Undefined), value, ir.IntType(32)(0))
        mask = ir.VectorType(ir.IntType(32), kind.count)
        return self.builder.shuffle_vector(single, kind(ir.Undefined), mask(None))

    def constant(self, value: int) -> Any:
        return self.vector([value] * self.tile.lanes)

    def states(self) -> dict[tuple[int, int], Any]:
        slots = {cell: cgutils.alloca_once(self.builder, self.vector) for cell in self.cells}
        for slot in slots.values():
            self.builder.store(self.constant(0), slot)
        return slots

    def popcount(self, value: Any) -> Any:
        name = f"llvm.ctpop.v{self.tile.lanes}i{self.tile.element}"
        kind = ir.FunctionType(self.vector, [self.vector])
        return self.builder.call(
            cgutils.get_or_insert_function(self.builder.module, kind, name), [value]
        )

    def logic(self, table: int, a: Any, b: Any, c: Any) -> Any:
        """Three-operand logic by truth table, in one instruction where the processor has it."""
        if self.tile.ternary:
            name = "llvm.x86.avx512.pternlog.q.512"
            kind = ir.FunctionType(self.vector, [self.vector] * 3 + [ir.IntType(32)])
            function = cgutils.get_or_insert_function(self.builder.module, kind, name)
            return self.builder.call(function, [a, b, c, ir.IntType(32)(table)])
        return self.plain_logic(table, a, b, c)

    def plain_logic(self, table: int, a: Any, b: Any, c: Any) -> Any:
        build = self.builder
        if table == PARITY:
            return build.xor(build.xor(a, b), c)
        if table == MAJORITY:
            return build.or_(build.and_(a, b), build.and_(c, build.or_(a, b)))
        return build.xor(c, build.and_(a, build.xor(c, build.not_(b))))

    def window(self, spots: Any, x: Any, position: int) -> Any:
        """Where the window of a position begins."""
        base = self.load(spots, INT64, 8, INT64(3 * position))
        pointer = self.builder.inttoptr(x, self.scalar.as_pointer())
        return self.builder.gep(pointer, [base])

    def word(self, start: Any, offset: Any) -> Any:
        pointer = self.builder.gep(start, [offset])
        return self.splat(self.builder.load(pointer, align=self.tile.element // 8))

    def weights(self, address: Any, k: Any) -> list[Any]:
        """The weights of all the tile's filters for the k-th word of the window, masks behind."""
        first = self.builder.mul(k, INT64(self.tile.rows))
        align = self.tile.lanes * self.tile.element // 8
        return [
            self.load(address, self.vector, align, self.builder.add(first, INT64(v)))
            for v in range(self.tile.rows)
        ]

    def mixed(self, word: Any, rows: list[Any], v: int) -> Any:
        """A window word against the v-th weights; 0 where the weight is 0."""
        found = self.builder.xor(word, rows[v])
        return self.builder.and_(found, rows[self.tile.vectors + v]) if self.tile.masked else found
