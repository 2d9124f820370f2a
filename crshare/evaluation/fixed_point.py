"""A network brought to fixed point: formats chosen on calibration images, the loss on others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crshare.accuracy import Accuracy, compare
from crshare.arrays import Array
from crshare.errors import ArgumentError, NetworkError
from crshare.executor.execute import compile_network, outputs
from crshare.images.image_set import ImageSet
from crshare.network.fixing import (
    BITS,
    LEAST_BITS,
    MOST_BITS,
    Format,
    rounded_at,
    to_fixed_point,
)
from crshare.network.gathered_scales import gathered
from crshare.network.graph import Kind, Network
from crshare.network.reference import apply

N_CALIBRATION = 256  # images that choose formats
BATCH = 32
MOST_VALUES = 2**16  # of a layer, that a batch tells
N_TRIED = 5  # places of the point: from the one at which nothing is limited, to the right


@dataclass(frozen=True, slots=True)
class Asked:
    """What values are rounded to. bits: of each; fraction: how many of them stand behind the point,
    or None where calibration images choose that for each layer."""

    bits: int = BITS
    fraction: int | None = None

    @property
    def common(self) -> Format | None:
        """The format of all layers, where it is one."""
        return None if self.fraction is None else Format(self.bits, self.fraction)

    def __str__(self) -> str:
        return f"{self.bits} bits" if self.fraction is None else str(self.common)


@dataclass(frozen=True, eq=False)
class Fixed:
    """What a network came to. formats: by the layer whose values are rounded."""

    network: Network
    formats: Mapping[str, Format]
    accuracy: Accuracy | None = None


def asked(text: str) -> Asked:
    """INTEGER.FRACTION bits, as in 4.4, the sign among the integer ones; or BITS alone."""
    before, point, behind = text.partition(".")
    numbers = [
        part for part in (before, behind) if part.isascii() and part.isdecimal() and len(part) < 3
    ]
    if len(numbers) == 1 + bool(point):
        n_bits = sum(map(int, numbers))
        if LEAST_BITS <= n_bits <= MOST_BITS:
            return Asked(n_bits, int(behind) if point else None)
    raise ArgumentError(
        f"--fixed-point {text[:40]!r}: expected INTEGER.FRACTION bits such as 4.4, or all bits "
        f"such as 8, {LEAST_BITS} to {MOST_BITS} in all"
    )


def in_fixed_point(
    network: Network,
    wanted: Asked,
    images: ImageSet | None,
    *,
    factor_bits: int = BITS,
    seed: int = 0,
) -> Fixed:
    """The network in fixed point, and what that loses on labelled images.

    images: where `wanted` leaves the points to them, a seeded choice of them sets these, and the
    others report the loss; else all report it. Raises NetworkError where they are missing, or the
    network has no real values.
    """
    whole = gathered(network)
    if not any(signal.kind is Kind.REALS for signal in whole.signals.values()):
        raise NetworkError("has no real values; it is in fixed point as it is")
    names = rounded_at(whole)
    formats = {} if wanted.common is None else dict.fromkeys(names, wanted.common)
    if wanted.common is None:
        calibration, images = _parted(images, seed)
        formats = best_formats(whole, calibration, names, wanted.bits)
    fixed = to_fixed_point(whole, formats, factor_bits)
    loss = None if images is None else _loss(network, fixed, images)
    return Fixed(fixed, formats, loss)


def _parted(images: ImageSet | None, seed: int) -> tuple[Array, ImageSet]:
    """Images that choose, and those that report."""
    if images is None or len(images) < 2:
        raise NetworkError("needs images that say where points stand; give some, or all digits")
    order = np.random.default_rng(seed).permutation(len(images))
    n_chosen = min(N_CALIBRATION, len(images) // 2)
    chosen, rest = np.sort(order[:n_chosen]), np.sort(order[n_chosen:])
    reporting = images.take(rest, f"all but {n_chosen} images of {images.name}")
    return images.images[chosen], reporting


def _loss(before: Network, after: Network, images: ImageSet) -> Accuracy:
    found = [compile_network(network).classify(images.images) for network in (before, after)]
    return compare(found[0], found[1], images.labels, images.name)


def best_formats(
    network: Network, images: Array, names: Sequence[str], bits: int
) -> dict[str, Format]:
    """For each layer the place of the point with the least mean squared error on images: what is
    rounded against what is limited."""
    greatest: dict[str, float] = dict.fromkeys(names, 0.0)
    for found in _batches(network, images, names):
        for name, values in found.items():
            greatest[name] = max(greatest[name], float(np.abs(values).max(initial=0.0)))
    tried = {name: _candidates(most, bits) for name, most in greatest.items()}
    errors = {name: np.zeros(N_TRIED) for name in names}
    for found in _batches(network, images, names):
        for name, values in found.items():
            step = -(-values.size // MOST_VALUES)
            some = values.reshape(-1)[::step]
            errors[name] += [_error(some, candidate) for candidate in tried[name]]
    return {name: tried[name][int(np.argmin(errors[name]))] for name in names}


def _batches(network: Network, images: Array, names: Sequence[str]) -> Iterator[dict[str, Array]]:
    for first in range(0, len(images), BATCH):
        yield outputs(network, images[first : first + BATCH], names)


def _candidates(greatest: float, bits: int) -> list[Format]:
    """From the point at which the greatest value still fits, one place to the right at a time."""
    whole = int(np.ceil(np.log2(greatest))) if greatest else 0
    first = min(max(bits - 1 - whole, -32), 32 - N_TRIED)
    return [Format(bits, first + more) for more in range(N_TRIED)]


def _error(values: npt.NDArray[np.float64], candidate: Format) -> float:
    return float(np.square(apply(candidate.quantise, values) - values).sum())
