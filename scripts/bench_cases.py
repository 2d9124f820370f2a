"""The shapes that bench_executor.py times: layers and whole networks, as values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conv:
    filters: int
    size: int
    same: bool


@dataclass(frozen=True, slots=True)
class Pool:
    """2x2."""


@dataclass(frozen=True, slots=True)
class Dense:
    filters: int


Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Case:
    """An input of bits or of pixels, and layers; all but the last binarised."""

    name: str
    shape: Shape
    pixels: bool
    layers: tuple[Conv | Pool | Dense, ...]

    @property
    def macs(self) -> int:
        """Multiplications for one image."""
        return sum(macs for _, macs in self.shapes())

    def shapes(self) -> list[tuple[Shape, int]]:
        """The shape out of each layer, and its multiplications."""
        found, (h, w, c) = [], self.shape
        for layer in self.layers:
            match layer:
                case Conv(filters, size, same):
                    h, w = (h, w) if same else (h - size + 1, w - size + 1)
                    found.append(((h, w, filters), h * w * size * size * c * filters))
                    c = filters
                case Pool():
                    h, w = h // 2, w // 2
                    found.append(((h, w, c), 0))
                case Dense(filters):
                    found.append(((1, 1, filters), h * w * c * filters))
                    h, w, c = 1, 1, filters
        return found


def blocks(widths: tuple[int, ...], *, same: bool) -> tuple[Conv | Pool, ...]:
    return tuple(
        layer for width in widths for layer in (Conv(width, 3, same), Conv(width, 3, same), Pool())
    )


def chain(channels: int, side: int) -> Case:
    name = f"4 x conv {channels}, {side}x{side}"
    return Case(name, (side, side, channels), False, (Conv(channels, 3, True),) * 4)


CASES = (
    chain(128, 32),
    chain(256, 16),
    chain(512, 8),
    Case(
        "BinaryNet",
        (32, 32, 3),
        True,
        (*blocks((128, 256, 512), same=True), Dense(1024), Dense(1024), Dense(10)),
    ),
    Case(
        "CNV",
        (32, 32, 3),
        True,
        (
            *blocks((64, 128), same=False),
            Conv(256, 3, False),
            Conv(256, 3, False),
            Dense(512),
            Dense(512),
            Dense(10),
        ),
    ),
)
