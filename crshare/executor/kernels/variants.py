"""Which shape of kernel suits the processor: register width, tile, depth of carry-save adding."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from numba.core.registry import cpu_target


@dataclass(frozen=True, slots=True)
class Tile:
    """One register block: `positions` x `vectors` accumulators of `lanes` filters each.

    element: bits of a lane; 64 counts disagreeing bits of words, 16 and 32 add up integers.
    levels: carry-save adders before a population count, each halving their number. ternary: the
    processor has three-operand logic (AVX-512). masked: each weight word is followed by a mask of
    the weights that are not 0.
    """

    element: int
    lanes: int
    positions: int
    vectors: int
    levels: int = 0
    ternary: bool = False
    masked: bool = False

    @property
    def filters(self) -> int:
        """Filters that one tile computes."""
        return self.lanes * self.vectors

    @property
    def rows(self) -> int:
        """Vectors that the weights of one window word take."""
        return self.vectors * (2 if self.masked else 1)


@dataclass(frozen=True, slots=True)
class Variant:
    """The tiles of one class of processor, and the LLVM features that it must have."""

    name: str
    needs: frozenset[str]
    bits: Tile
    int16: Tile
    int32: Tile

    def available(self, features: frozenset[str]) -> bool:
        return self.needs <= features


VARIANTS = (
    Variant(
        "avx512-vpopcnt",
        frozenset({"avx512f", "avx512bw", "avx512vpopcntdq"}),
        Tile(64, lanes=8, positions=8, vectors=2),
        Tile(16, lanes=32, positions=8, vectors=2),
        Tile(32, lanes=16, positions=8, vectors=2),
    ),
    Variant(
        "avx512",
        frozenset({"avx512f", "avx512bw"}),
        Tile(64, lanes=8, positions=2, vectors=2, levels=2, ternary=True),
        Tile(16, lanes=32, positions=8, vectors=2),
        Tile(32, lanes=16, positions=8, vectors=2),
    ),
    Variant(
        "avx2",
        frozenset({"avx2"}),
        Tile(64, lanes=4, positions=1, vectors=2, levels=2),
        Tile(16, lanes=16, positions=4, vectors=2),
        Tile(32, lanes=8, positions=4, vectors=2),
    ),
    Variant(
        "portable",
        frozenset(),
        Tile(64, lanes=2, positions=2, vectors=4),
        Tile(16, lanes=8, positions=4, vectors=2),
        Tile(32, lanes=4, positions=4, vectors=2),
    ),
)


@cache
def host_features() -> frozenset[str]:
    """What LLVM says that this processor has, as far as numba compiles for it."""
    codegen: Any = cpu_target.target_context.codegen()
    _, _, features = codegen.magic_tuple()
    return frozenset(name[1:] for name in features.split(",") if name.startswith("+"))


def best_variant(features: frozenset[str]) -> Variant:
    """The first variant in order of preference that a processor with `features` can run."""
    return next(variant for variant in VARIANTS if variant.available(features))
