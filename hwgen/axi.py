"""The top that a design is taken home by: AXI4-Streams of whole bytes, TLAST behind an image.

A beat of the design is one word of its stream or several, the lowest bits first; each beat begins
with a word of its own. Words have 8, 16, 32, ... bits, as DMA engines have them.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from hwgen.design import Design
from hwgen.emitter import Emitter, bus, constant
from hwgen.errors import NetlistError
from hwgen.identifiers import BETWEEN, identifiers
from hwgen.stream import count
from hwgen.windowing import counter_width

RTL = Path(__file__).with_name("rtl")
USUAL_WORD = 64
WIDEST_WORD = 1024  # bits; what AXI DMA engines take
IMAGES = 8  # bits of the number of images that may be under way at once
SHORT = 1  # bits of the places of a queue that only cuts the path of the handshake


@dataclass(frozen=True, slots=True)
class Words:
    """How beats lie in a stream. beat: bits of one. word: bits of a word, a power of two of bytes.
    image: beats of an image."""

    beat: int
    word: int
    image: int

    def __post_init__(self) -> None:
        if self.word < 8 or self.word & (self.word - 1) or min(self.beat, self.image) < 1:
            raise NetlistError(f"a stream has words of 8, 16, 32, ... bits, not of {self.word}")

    @property
    def a_beat(self) -> int:
        """Words of a beat."""
        return -(-self.beat // self.word)

    @property
    def an_image(self) -> int:
        """Words of an image."""
        return self.a_beat * self.image


def words_of(beat: int, image: int, clocks: int | None = None) -> Words:
    """Words of up to 64 bits, and wider ones only where beats are, to bring an image in time.

    clocks: that an image may take; without them, as wide as beats are.
    """
    word = 8
    while word < WIDEST_WORD and _is_slow(Words(beat, word, image), clocks):
        word *= 2
    return Words(beat, word, image)


def _is_slow(words: Words, clocks: int | None) -> bool:
    slow = words.word < USUAL_WORD or clocks is None or words.an_image > clocks
    return words.a_beat > 1 and slow


@dataclass(frozen=True)
class AxiTop:
    """A design between two streams of words. clocks: an image, where the rate is known."""

    design: Design
    clocks: int | None = None

    @property
    def name(self) -> str:
        """A module's name that no other has."""
        return identifiers([*self.design.modules, f"{self.design.top}_axi"])[-1]

    @property
    def given(self) -> Words:
        return words_of(self.design.in_width, self.design.beats_in, self.clocks)

    @property
    def made(self) -> Words:
        return words_of(self.design.out_width, self.design.beats_out, self.clocks)

    def files(self) -> dict[str, str]:
        """The top and the modules that only it has, by the names of their files."""
        found = {f"{name}.v": (RTL / f"{name}.v").read_text(encoding="utf-8") for name in BETWEEN}
        return found | {f"{self.name}.v": axi_module(self)}


def axi_module(top: AxiTop) -> str:
    """Words in, beats through the design, words out; TLAST by `packets`."""
    emit, given, made = Emitter(), top.given, top.made
    emit("/* verilator lint_off UNUSED */  // bits that fill words up")
    emit.comment(f"{top.design.name} between AXI4-Streams: {given.an_image} words of {given.word}")
    emit.comment(f"bits in and {made.an_image} of {made.word} bits out for each image.")
    emit.comment("EVERY_IMAGE 1: TLAST with the last word of each image; 0: only where the image")
    emit.comment("came in with TLAST, so that a packet of many images gives one packet back.")
    with _module(emit, top):
        _given(emit, given)
        _design(emit, top.design)
        _made(emit, made)
        _packets(emit, given, made)
    return str(emit)


def _module(emit: Emitter, top: AxiTop) -> AbstractContextManager[None]:
    ports = [
        "input  wire aclk",
        "input  wire aresetn",
        "input  wire s_axis_tvalid",
        "output wire s_axis_tready",
        f"input  wire {bus(top.given.word)} s_axis_tdata",
        "input  wire s_axis_tlast",
        "output wire m_axis_tvalid",
        "input  wire m_axis_tready",
        f"output wire {bus(top.made.word)} m_axis_tdata",
        "output wire m_axis_tlast",
    ]
    return emit.module(f"{top.name} #(parameter EVERY_IMAGE = 1)", ports)


def _given(emit: Emitter, words: Words) -> None:
    """Streams `word`, behind the port, and `beat`, as wide as whole words."""
    _wires(emit, "word", words.word)
    _wires(emit, "beat", words.word * words.a_beat)
    emit("wire open, s_ready;", "assign s_axis_tready = s_ready && open;")
    taken = ("s_axis_tvalid && open", "s_ready", "s_axis_tdata")
    _part(emit, "fifo", f".WIDTH({words.word}), .INDEX({SHORT})", taken, _stream("word"))
    if words.a_beat == 1:
        emit("assign beat_valid = word_valid, word_ready = beat_ready, beat_data = word_data;")
    else:
        _part(emit, "gather", _grouping(words), _stream("word"), _stream("beat"))


def _design(emit: Emitter, design: Design) -> None:
    """The design from `beat` to `made`."""
    width = design.in_width
    _wires(emit, "made", design.out_width)
    with emit.block(f"{design.top} u_{design.top} (", ");"):
        emit(".aclk(aclk), .aresetn(aresetn),")
        emit(".s_axis_tvalid(beat_valid), .s_axis_tready(beat_ready),")
        emit(f".s_axis_tdata(beat_data[{width - 1}:0]), .m_axis_tvalid(made_valid),")
        emit(".m_axis_tready(made_ready), .m_axis_tdata(made_data)")


def _made(emit: Emitter, words: Words) -> None:
    """The stream `made` as words, `answer`, and out of the port."""
    whole = words.word * words.a_beat
    _wires(emit, "answer", words.word)
    emit(f"wire {bus(whole)} padded = {_padded('made_data', words.beat, whole)};")
    wide = ("made_valid", "made_ready", "padded")
    if words.a_beat == 1:
        emit("assign answer_valid = made_valid, made_ready = answer_ready, answer_data = padded;")
    else:
        _part(emit, "scatter", _grouping(words), wide, _stream("answer"))
    port = ("m_axis_tvalid", "m_axis_tready", "m_axis_tdata")
    _part(emit, "fifo", f".WIDTH({words.word}), .INDEX({SHORT})", _stream("answer"), port)


def _padded(name: str, width: int, whole: int) -> str:
    return name if width == whole else f"{{{whole - width}'d0, {name}}}"


def _packets(emit: Emitter, given: Words, made: Words) -> None:
    counter = counter_width(max(given.an_image, made.an_image))
    sizes = (
        f"{count(counter)}.PLACE({IMAGES}), .WORDS_IN({constant(given.an_image, counter)}), "
        f".WORDS_OUT({constant(made.an_image, counter)})"
    )
    with emit.block(f"packets #(.EVERY_IMAGE(EVERY_IMAGE), {sizes}) u_packets (", ");"):
        emit(".clk(aclk), .rst(!aresetn), .s_open(open), .s_last(s_axis_tlast),")
        emit(".s_taken(s_axis_tvalid && s_axis_tready), .m_last(m_axis_tlast),")
        emit(".m_taken(m_axis_tvalid && m_axis_tready)")


def _grouping(words: Words) -> str:
    counter = counter_width(words.a_beat)
    return f"{count(counter)}.WIDTH({words.word}), .BEATS({constant(words.a_beat, counter)})"


def _stream(name: str) -> tuple[str, str, str]:
    return f"{name}_valid", f"{name}_ready", f"{name}_data"


def _wires(emit: Emitter, name: str, width: int) -> None:
    emit(f"wire {name}_valid, {name}_ready;", f"wire {bus(width)} {name}_data;")


def _part(
    emit: Emitter,
    module: str,
    settings: str,
    given: tuple[str, str, str],
    made: tuple[str, str, str],
) -> None:
    """A module between two streams: of each the signals valid, ready and data."""
    with emit.block(f"{module} #({settings}) u_{module}_{made[0]} (", ");"):
        emit(".clk(aclk), .rst(!aresetn),")
        emit(f".s_valid({given[0]}), .s_ready({given[1]}), .s_data({given[2]}),")
        emit(f".m_valid({made[0]}), .m_ready({made[1]}), .m_data({made[2]})")
