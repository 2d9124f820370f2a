"""Runs a Network on packed bits: the plan of steps, the batches, the threads.

A convolution and its threshold run as one step, so do a modulation and a Flatten, and a Flatten
before a dense layer runs as none: the dense kernel reads the map as it lies. Batches are sized by
the network, so memory does not grow with the data set. Every result equals reference.run, bit for
bit.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array, Words
from crshare.errors import NetworkError
from crshare.executor.kernels.batches import Scratch, Sliced, map_batches, usable_cores
from crshare.executor.kernels.counting import Histogram, Pooling, firing_counts, sum_histograms
from crshare.executor.kernels.lookup import ready_flat
from crshare.executor.kernels.native import Run, enter, ready, ready_fused, values_of
from crshare.executor.kernels.patterned import run_patterned
from crshare.executor.kernels.sliced import SlicedCounts, run_sliced
from crshare.executor.kernels.unpacked import channels
from crshare.executor.kernels.variants import Variant, best_variant, host_features
from crshare.network.bits import n_words
from crshare.network.graph import (
    INPUT,
    Conv,
    Flatten,
    Kind,
    Layer,
    Modulate,
    Network,
    Signal,
    Threshold,
)

__all__ = [
    "Executor",
    "Histogram",
    "Pooling",
    "SlicedCounts",
    "channels",
    "compile_network",
    "compile_part",
    "firing_counts",
    "last_cut",
    "layer_bits",
    "map_bytes",
    "outputs",
    "run_layers",
    "run_onward",
    "run_patterned",
    "run_sliced",
    "sum_histograms",
    "usable_cores",
]


BATCH_BYTES = 8 * 2**20  # of maps that one thread holds at a time
NEAR_BYTES = 2**20  # of the two maps that a step works on, to stay in a core's own cache
MAX_BATCH = 256


@dataclass(frozen=True, slots=True)
class Step:
    """One native array to the next: `name` is the layer whose output it gives."""

    name: str
    sources: tuple[str, ...]
    run: Run


@dataclass(frozen=True, eq=False)
class Executor:
    """A network, or the part of it between `start` and `targets`, ready to run.

    Native arrays are described in kernels/native.py: words for BITS.
    """

    network: Network
    start: str
    targets: tuple[str, ...]
    steps: tuple[Step, ...]
    n_threads: int

    def scores(self, images: Sliced) -> Array:
        """The last layer's output for integer images [n, h, w, c], as the reference gives it:
        [n, h, w, c], or [n, c] where that is 1x1."""
        name = self.targets[-1]
        scores = values_of(self.run(images)[name], self.network.signals[name])
        return scores[:, 0, 0] if scores.shape[1:3] == (1, 1) else scores

    def classify(self, images: Sliced) -> npt.NDArray[np.int64]:
        """The class with the greatest score, the first of equals: int64 [n]."""
        scores = self.scores(images)
        flat = scores.reshape(len(scores), int(np.prod(scores.shape[1:])))
        best: npt.NDArray[np.int64] = flat.argmax(axis=1)
        return best

    def run(self, values: Sliced) -> dict[str, Array]:
        """Native outputs of the targets, for images or for native values of layer `start`."""
        none = self.run_batch(values[:0], Scratch())
        per = {name: self._frames(name) for name in none}
        n = len(values) // self._frames(self.start)
        found = {name: np.empty((n * per[name], *x.shape[1:]), x.dtype) for name, x in none.items()}

        def keep(rows: slice, batch: Array, scratch: Scratch) -> None:
            first = rows.start // self._frames(self.start)
            for name, x in self.run_batch(batch, scratch).items():
                found[name][first * per[name] :][: len(x)] = x

        size = self.batch_size * self._frames(self.start)
        for _ in map_batches(values, size, self.n_threads, keep):
            pass
        return found

    def _frames(self, name: str) -> int:
        """Maps of one image: several behind a modulation in time."""
        return self.network.signals[name].frames

    def run_batch(self, values: Array, scratch: Scratch) -> dict[str, Array]:
        first = values
        if self.start == INPUT:
            first = enter(self.network.input, values, scratch.step(INPUT))
        results = {self.start: first}
        for step in self.steps:
            given = (results[source] for source in step.sources)
            results[step.name] = step.run(*given, scratch.step(step.name))
        return {name: results[name] for name in self.targets}

    @property
    def batch_size(self) -> int:
        """Images that fit into BATCH_BYTES with all maps, and into NEAR_BYTES with any two."""
        sizes = {name: map_bytes(signal) for name, signal in self.network.signals.items()}
        names = {self.start, *(step.name for step in self.steps)}
        needed = sum(sizes[name] for name in names)
        at_work = ((*step.sources, step.name) for step in self.steps)
        near = max((sum(sizes[name] for name in maps) for maps in at_work), default=1)
        return max(1, min(MAX_BATCH, BATCH_BYTES // needed, NEAR_BYTES // near))


def compile_network(network: Network, *, n_threads: int | None = None) -> Executor:
    """Make a whole network ready to run; n_threads: by default one for each usable core."""
    last = network.layers[-1].name if network.layers else INPUT
    return compile_part(network, start=INPUT, targets=(last,), n_threads=n_threads)


def compile_part(
    network: Network,
    *,
    start: str,
    targets: Iterable[str],
    n_threads: int | None = None,
    variant: Variant | None = None,
) -> Executor:
    """Make ready what leads from the output of layer `start` to the outputs of `targets`.

    NetworkError where a target is no layer, or does not follow from `start`.
    """
    names = tuple(dict.fromkeys(targets))
    for name in names:
        _expect_path(network, start, name)
    chosen = variant or best_variant(host_features())
    steps: dict[str, Step] = {}
    pending = [name for name in names if name != start]
    while pending:
        name = pending.pop()
        if name not in steps:
            steps[name] = _step(network, name, start, names, chosen)
            pending += [source for source in steps[name].sources if source != start]
    ordered = tuple(steps[layer.name] for layer in network.layers if layer.name in steps)
    return Executor(network, start, names, ordered, n_threads or usable_cores())


def outputs(
    network: Network, images: Array, names: Iterable[str], *, n_threads: int | None = None
) -> dict[str, Array]:
    """The named layers' outputs as the reference gives them."""
    part = compile_part(network, start=INPUT, targets=names, n_threads=n_threads)
    return {name: values_of(x, network.signals[name]) for name, x in part.run(images).items()}


def layer_bits(
    network: Network, images: Array, name: str, *, n_threads: int | None = None
) -> Words:
    """The output of a BITS layer as words [n, h, w, words]."""
    if network.signals[name].kind is not Kind.BITS:
        raise NetworkError(f"layer {name} gives {network.signals[name].kind.value}, not bits")
    return run_layers(network, images, start_after=INPUT, stop_at=name, n_threads=n_threads)


def run_layers(
    network: Network,
    values: Array,
    *,
    start_after: str,
    stop_at: str,
    n_threads: int | None = None,
) -> Array:
    """Native output of layer `stop_at` from native values of layer `start_after` (or images)."""
    part = compile_part(network, start=start_after, targets=(stop_at,), n_threads=n_threads)
    return part.run(values)[stop_at]


def run_onward(
    network: Network, images: Array, at: str, values: Array, to: Iterable[str]
) -> dict[str, Array]:
    """Native outputs of the layers `to`: from the values of layer `at` where they are enough, else
    from the images."""
    targets = tuple(to)
    if not all(leads_to(network, at, target) for target in targets):
        at, values = INPUT, images
    return compile_part(network, start=at, targets=targets).run(values)


def last_cut(network: Network, name: str) -> str:
    """The last layer, or INPUT, from whose output that of layer `name` and of the whole network
    follow: no path goes around it."""
    places = [layer.name for layer in network.layers]
    for cut in reversed(places[: places.index(name) + 1]):
        if leads_to(network, cut, name) and leads_to(network, cut, places[-1]):
            return cut
    return INPUT


def leads_to(network: Network, start: str, target: str) -> bool:
    """Whether the output of `target` can be made from that of `start` alone."""
    by_name = {layer.name: layer for layer in network.layers}
    pending, seen = [target], {start}
    while pending:
        name = pending.pop()
        if name not in seen:
            if name not in by_name:
                return False
            seen.add(name)
            pending += by_name[name].sources
    return True


def _expect_path(network: Network, start: str, target: str) -> None:
    if not leads_to(network, start, target):
        raise NetworkError(f"layer {target!r} does not follow from {start!r}")


def _step(
    network: Network, name: str, start: str, targets: tuple[str, ...], variant: Variant
) -> Step:
    """The step that gives the output of layer `name`, and takes in what it can of those above."""
    layer = _layer(network, name)
    op, kept = layer.op, {start, *targets}
    if isinstance(op, Threshold) and layer.source not in kept:
        above = _layer(network, layer.source)
        if isinstance(above.op, Conv) and len(network.readers_of(above.name)) == 1:
            conv, source = _unflattened(network, above, above.op, start)
            run = ready_fused(conv, op, network.signals[source], variant)
            return Step(name, (source,), run)
    if isinstance(op, Flatten) and layer.source not in kept:
        above = _layer(network, layer.source)
        if isinstance(above.op, Modulate) and len(network.readers_of(above.name)) == 1:
            return Step(name, above.sources, ready_flat(above.op, network.signals[above.source]))
    if isinstance(op, Conv):
        conv, source = _unflattened(network, layer, op, start)
        return Step(name, (source,), ready(conv, variant, network.signals[source]))
    given = (network.signals[source] for source in layer.sources)
    return Step(name, layer.sources, ready(op, variant, *given))


def _unflattened(network: Network, layer: Layer, conv: Conv, start: str) -> tuple[Conv, str]:
    """A dense layer behind a Flatten of bits, as a convolution of the map before it."""
    bits = network.input_of(layer).kind is Kind.BITS
    if layer.source not in (start, INPUT) and bits and conv.is_standard:
        flat = _layer(network, layer.source)
        if isinstance(flat.op, Flatten) and conv.kernel.shape[:2] == (1, 1):
            shape = network.signals[flat.source].shape
            return Conv(conv.kernel.reshape(*shape, conv.kernel.shape[3])), flat.source
    return conv, layer.source


def _layer(network: Network, name: str) -> Layer:
    return next(layer for layer in network.layers if layer.name == name)


def map_bytes(signal: Signal) -> int:
    """About the size of an image's maps: reals as 8 bytes, integers as 4, bits as words."""
    height, width, channels = signal.shape
    height *= signal.frames
    match signal.kind:
        case Kind.BITS:
            return height * width * 8 * n_words(channels)
        case Kind.INTEGERS:
            return height * width * 4 * channels
        case Kind.REALS:
            return height * width * 8 * channels
