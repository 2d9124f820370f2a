"""Files of LUT networks, whichever: told by their names, parsed in the sandbox, checked here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crshare.errors import ModelFormatError
from crshare.files import read_file_bytes
from crshare.frontend.asked import asked
from crshare.frontend.lut_container import Contents, network_of
from crshare.network.graph import INPUT, ClassSums, Modulate, Network, Op
from crshare.network.lut_ops import even_thresholds

MAX_FILE = 2**28  # bytes
BYTES_PER_S = 2**19  # of text, on a busy machine
READ_S = 5  # of a processor, for a small file
NAMED = (
    "name a network that crshare export wrote (.npz), or a LUT network (.bb_net, BinaryBrain's .v)"
)
READER = "crshare.frontend.lut_contents"


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of file: the sandbox's function for it, and what it is called."""

    function: str
    what: str


FORMS: dict[str, Form] = {
    ".npz": Form("npz", "network of crshare export"),
    ".bb_net": Form("bb_net", "file of BinaryBrain"),
    ".v": Form("verilog", "Verilog of a LUT network"),
}


@dataclass(frozen=True, slots=True)
class LutFile:
    """A network and who wrote it."""

    network: Network
    library: str


def form_of(path: Path) -> Form | None:
    """The kind of file that a name tells, a .gz left out; None for a model of another kind."""
    name = path.name.removesuffix(".gz")
    return next((form for ending, form in FORMS.items() if name.endswith(ending)), None)


def read_lut_file(path: Path, form: Form, frames: int | None = None) -> LutFile:
    """The network of a file; ModelFormatError, one sentence, where it holds none.

    frames: of the modulation, instead of the file's own; None is 1 where the file does not tell.
    """
    content = read_file_bytes(path, ModelFormatError, NAMED, MAX_FILE)
    answer = _ask(path, form, content, frames or 1)
    try:
        network, library = network_of(Contents(answer["header"], answer["arrays"]))
        return LutFile(network if frames is None else over_frames(network, frames), library)
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error


def over_frames(network: Network, frames: int) -> Network:
    """The same tables behind a modulation of another number of frames; ModelFormatError where the
    thresholds of the file's own are not spread evenly, since it is not known which others suit."""
    if not any(isinstance(layer.op, Modulate) for layer in network.layers):
        raise ModelFormatError("has no modulation over frames; leave --frames out")
    ops: dict[str, Op] = {}
    for layer in network.layers:
        match layer.op:
            case Modulate(at) as op if op.frames != frames:
                own, asked_for = (
                    even_thresholds(
                        n, *at.shape[1:], low=network.input.low, high=network.input.high
                    )
                    for n in (op.frames, frames)
                )
                if layer.source != INPUT or not np.array_equal(own, at):
                    raise ModelFormatError(
                        f"its modulation {layer.name} has no even thresholds of pixels, which "
                        "another number of frames could have as well; leave --frames out"
                    )
                ops[layer.name] = Modulate(asked_for)
            case ClassSums(weights, offsets, own_frames) if own_frames != frames:
                if offsets.any():
                    raise ModelFormatError(
                        f"{layer.name} adds offsets that are those of {own_frames} frames; leave "
                        "--frames out"
                    )
                ops[layer.name] = ClassSums(weights, offsets, frames)
    return network.replace(ops)


def _ask(path: Path, form: Form, content: bytes, frames: int) -> Any:
    """What the sandbox makes of the file."""
    try:
        return asked(
            f"{READER}:{form.function}",
            {"content": content, "frames": frames},
            _sound,
            size=len(content),
            seconds=READ_S + len(content) // BYTES_PER_S,
            what=form.what,
            advice=NAMED,
            always=True,
        )
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error


def _sound(answer: Any) -> bool:
    match answer:
        case {"header": dict(), "arrays": dict() as arrays}:
            return all(
                isinstance(name, str) and isinstance(array, np.ndarray)
                for name, array in arrays.items()
            )
        case _:
            return False
