"""README.md of a folder of hardware: ports, formats, and how to drive it by DMA."""

from crshare.hardware.lowering import Lowered
from crshare.network.graph import Kind
from hwgen import Decide, Entry
from hwgen.axi import AxiTop, Words

PORTS = """| port | direction | meaning |
|---|---|---|
| `aclk` | in | the one clock; everything happens at its rising edge |
| `aresetn` | in | low for one clock or more: all images under way are forgotten |
| `s_axis_tdata[{given}:0]` | in | a word of an image |
| `s_axis_tvalid`, `s_axis_tready` | in, out | a word is taken where both are high |
| `s_axis_tlast` | in | the last word of a packet; read with the last word of an image alone |
| `m_axis_tdata[{made}:0]` | out | a word of an answer |
| `m_axis_tvalid`, `m_axis_tready` | out, in | a word is taken where both are high |
| `m_axis_tlast` | out | the last word of a packet |
"""

DRIVER = """import numpy as np

def packed(images):  # integers [n, rows, columns, channels] to bytes
    lanes = images.astype(np.int64).reshape(len(images), {beats}, {channels})
    bits = ((lanes[..., None] >> np.arange({width})) & 1).astype(np.uint8)
    words = np.packbits(bits.reshape(len(images), {beats}, -1), axis=2, bitorder="little")
    return np.pad(words, ((0, 0), (0, 0), (0, {bytes} - words.shape[2]))).reshape(len(images), -1)
"""

PYNQ = """from pynq import Overlay, allocate

dma = Overlay("design.bit").axi_dma_0
given = allocate((n, {given}), np.uint8)
answers = allocate((n, {made}), np.uint8)
given[:] = {images}
dma.recvchannel.transfer(answers)
dma.sendchannel.transfer(given)
dma.sendchannel.wait()
dma.recvchannel.wait()
"""


def ports_page(lowered: Lowered, top: AxiTop, clock_mhz: float) -> str:
    """The page, in Markdown."""
    return "\n".join(
        [
            f"# {top.name}",
            "",
            f"`{top.name}` is the module to use: a network between two AXI4-Streams. `files.f` "
            "lists its Verilog.",
            *_primitives(lowered),
            "",
            PORTS.format(given=top.given.word - 1, made=top.made.word - 1),
            _packets(),
            "",
            "## What goes in",
            "",
            _stream("An image", _given_values(lowered), top.given),
            *_frames(lowered),
            "",
            "## What comes out",
            "",
            _stream("An answer", _made_values(lowered), top.made),
            "",
            "## Driving it",
            "",
            *_driver(lowered, top),
            "",
            "## Scripts",
            "",
            "`vivado -mode batch -source vivado.tcl`, `quartus_sh -t quartus.tcl` (plain Verilog "
            "alone) and `yosys -s synth.ys` synthesise it; the constraints hold a clock of "
            f"{clock_mhz:g} MHz.",
            "",
        ]
    )


def _primitives(lowered: Lowered) -> list[str]:
    if lowered.target == "generic":
        return []
    return [
        "",
        f"It is made of primitives of {lowered.target} devices. Simulators read `primitives.f`, "
        "too; tools for the device must not.",
    ]


def _packets() -> str:
    return (
        "The parameter `EVERY_IMAGE` is 1: `m_axis_tlast` comes with the last word of each answer. "
        "With 0 it comes only with the answer of an image whose last word had `s_axis_tlast`, so "
        "that a packet of many images gives one packet of answers: what a DMA engine wants that "
        "sends a whole buffer. `s_axis_tready` is low while the design cannot take more, and the "
        "design waits while `m_axis_tready` is low; no word is lost."
    )


def _stream(what: str, values: str, words: Words) -> str:
    beats, bits = _counted(words.image, "beat"), _counted(words.beat, "bit")
    return (
        f"{what} is {beats} {values} A beat is {bits} in {_counted(words.a_beat, 'word')} of "
        f"{words.word} bits, the lowest bits first; what is left of the last word is 0. So "
        f"{what.lower()} is {_counted(words.an_image, 'word')}."
    )


def _counted(n: int, what: str) -> str:
    return f"one {what}" if n == 1 else f"{n:,} {what}s"


def _given_values(lowered: Lowered) -> str:
    channels, width = lanes_in(lowered)
    first = lowered.design.stages[0]
    kind = "bits, 1 for +1 and 0 for -1"
    if isinstance(first, Entry):
        sign = "two's complement" if first.raw.low < 0 else "unsigned"
        kind = f"pixels as stored, {first.raw.low} to {first.raw.high}, {width} bits {sign}"
    return (
        f"of the positions of its map, row by row. Channel c of a position stands at bits "
        f"c*{width} and up, c from 0 to {channels - 1}: {kind}."
    )


def lanes_in(lowered: Lowered) -> tuple[int, int]:
    """Values of a beat, and bits of each."""
    first = lowered.design.stages[0]
    width = first.raw.width if isinstance(first, Entry) else 1
    return lowered.design.in_width // width, width


def _made_values(lowered: Lowered) -> str:
    last = lowered.design.stages[-1]
    if isinstance(last, Decide):
        return f"with the number of the class, 0 to {last.n_classes - 1}."
    signal = lowered.network.signals[lowered.end]
    width = lowered.design.out_width // signal.shape[2]
    kind = "bits, 1 for +1 and 0 for -1" if signal.kind is Kind.BITS else "sums, two's complement"
    if signal.kind is Kind.REALS:
        kind = f"numbers times 2**{lowered.fraction}, two's complement where any is negative"
    return f"of positions, row by row. Channel c stands at bits c*{width} and up: {kind}."


def _frames(lowered: Lowered) -> list[str]:
    if lowered.frames_sent == 1:
        return []
    return [f"Each image is sent {lowered.frames_sent} times; the beats above are of all of them."]


def _driver(lowered: Lowered, top: AxiTop) -> list[str]:
    channels, width = lanes_in(lowered)
    again = lowered.frames_sent
    code = DRIVER.format(
        beats=top.given.image // again,
        channels=channels,
        width=width,
        bytes=top.given.a_beat * top.given.word // 8,
    )
    images = "packed(images)" if again == 1 else f"np.tile(packed(images), (1, {again}))"
    pynq = PYNQ.format(given=_bytes(top.given), made=_bytes(top.made), images=images)
    answer = _counted(_bytes(top.made), "byte")
    return [
        "Images of a NumPy array as words:",
        "",
        f"```python\n{code}```",
        "",
        f"On a Zynq board with PYNQ: an AXI DMA of {top.given.word} bits (memory to stream) and "
        f"{top.made.word} bits (stream to memory), `EVERY_IMAGE` 0, its streams at those of "
        f"`{top.name}`; n images at once:",
        "",
        f"```python\n{pynq}```",
        "",
        f"Then `answers[i]` holds the answer to image i: {answer}, the lowest first.",
    ]


def _bytes(words: Words) -> int:
    return words.an_image * words.word // 8
