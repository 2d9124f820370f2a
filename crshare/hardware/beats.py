"""The executor's own beats: what goes into a design, what must come out, and their testbenches."""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Array
from crshare.executor.execute import compile_network, compile_part
from crshare.hardware.lowering import Lowered
from crshare.network.bits import unpack
from crshare.network.graph import INPUT, Kind, Network
from hwgen import (
    IN_FILE,
    OUT_FILE,
    Compute,
    Decide,
    Design,
    Entry,
    MatrixVector,
    Pool,
    files,
    hex_lines,
    testbench,
)
from hwgen.axi import AxiTop, Words
from hwgen.testbench import Dut, Probe, bench_of, patience_for, stall_for


@dataclass(frozen=True, slots=True)
class Vectors:
    """What goes in and what must come out, beat after beat."""

    given: list[int]
    expected: list[int]


def vectors(lowered: Lowered, images: Array) -> Vectors:
    """The beats of these images: in as the design takes them, out as the executor gives them."""
    network, first = lowered.network, lowered.design.stages[0]
    given = _native(network, lowered.start, images)
    again = lowered.frames_sent // network.signals[lowered.start].frames
    given = np.repeat(given, again, axis=0) if again > 1 else given
    width = first.raw.width if isinstance(first, Entry) else 1
    beats_in = _beats(given, width)
    if isinstance(lowered.design.stages[-1], Decide):
        classes = compile_network(network).classify(images)
        return Vectors(beats_in, classes.tolist())
    answers = _native(network, lowered.end, images, lowered.fraction)
    channels = network.signals[lowered.end].shape[2]
    head = lowered.design.out_width // channels
    return Vectors(beats_in, _beats(answers, head))


def _native(network: Network, name: str, images: Array, fraction: int = 0) -> Array:
    """Integers [n, h, w, c]: pixels as stored, bits as 0 and 1, sums, reals * 2**fraction."""
    if name == INPUT:
        return images.astype(np.int64)
    found = compile_part(network, start=INPUT, targets=(name,)).run(images)[name]
    signal = network.signals[name]
    if signal.kind is Kind.BITS:
        return (unpack(found, signal.shape[2]) > 0).astype(np.int64)
    if signal.kind is Kind.REALS:
        return np.ldexp(found, fraction).astype(np.int64)
    return found.astype(np.int64)


def _beats(values: Array, width: int) -> list[int]:
    """Each position's channels in one number, channel c at bits c * width and up."""
    flat = values.reshape(-1, values.shape[-1]) & ((1 << width) - 1)
    bits = (flat[:, :, None] >> np.arange(width)) & 1
    packed = np.packbits(bits.reshape(len(flat), -1).astype(np.uint8), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def bench(design: Design, beats: Vectors) -> dict[str, str]:
    """All that a simulator needs: the design, its testbench, and the beats in and out."""
    given, expected = beats.given, beats.expected
    return files(design) | {
        "testbench.v": testbench(design, len(given), len(expected)),
        IN_FILE: hex_lines(given, design.in_width),
        OUT_FILE: hex_lines(expected, design.out_width),
    }


def in_words(beats: list[int], words: Words) -> list[int]:
    """Beats as the words of a stream, its TLAST above the bits of the last word of each image."""
    mask, found = (1 << words.word) - 1, list[int]()
    for place, beat in enumerate(beats, start=1):
        parts = [beat >> (words.word * part) & mask for part in range(words.a_beat)]
        parts[-1] |= (place % words.image == 0) << words.word
        found += parts
    return found


def axi_bench(lowered: Lowered, top: AxiTop, images: Array) -> dict[str, str]:
    """A testbench of the top between AXI4-Streams on these images, and the beats that it reads.

    It also looks at the streams between the layers, and says which one differs first.
    """
    beats, design = vectors(lowered, images), lowered.design
    given, made = in_words(beats.given, top.given), in_words(beats.expected, top.made)
    probes, texts = _probes(lowered, top, images)
    sizes = top.given.word + 1, top.made.word + 1
    patience = patience_for(design) + 4 * (top.given.a_beat + top.made.a_beat)
    dut = Dut(top.name, *sizes, patience, stall_for(design), packets=True, probes=probes)
    return texts | {
        "testbench.v": bench_of(dut, len(given), len(made)),
        IN_FILE: hex_lines(given, sizes[0]),
        OUT_FILE: hex_lines(made, sizes[1]),
    }


def _probes(
    lowered: Lowered, top: AxiTop, images: Array
) -> tuple[tuple[Probe, ...], dict[str, str]]:
    """What the streams behind layers of bits must carry, and the files that say so."""
    design, network = lowered.design, lowered.network
    probes, texts = list[Probe](), dict[str, str]()
    for place, stage in enumerate(design.stages[:-1]):
        layer = _bits_behind(network, stage)
        if layer is None:
            continue
        beats = _beats(_native(network, layer, images), 1)
        file, within = f"beats_{place}.hex", f"dut.u_{design.top}."
        width = stage.out_width
        valid, ready, data = (f"{within}{what}_{place}" for what in ("valid", "ready", "data"))
        probes.append(Probe(design.modules[place], valid, ready, data, width, len(beats), file))
        texts[file] = hex_lines(beats, width)
    return tuple(probes), texts


def _bits_behind(network: Network, stage: object) -> str | None:
    """The layer of the network whose bits a stage gives, where it is one."""
    if not isinstance(stage, Compute | MatrixVector | Pool):
        return None
    layer = next((layer for layer in network.layers if layer.name == stage.name), None)
    while layer is not None and network.signals[layer.name].kind is not Kind.BITS:
        readers = network.readers_of(layer.name)
        layer = readers[0] if len(readers) == 1 else None
    return None if layer is None else layer.name
