"""Files of LUT networks, whichever: told by their names, parsed in the sandbox, checked here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crshare.errors import ModelFormatError
from crshare.files import read_file_bytes
from crshare.frontend.asked import asked
from crshare.frontend.lut_container import Contents, network_of
from crshare.network.graph import Network

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


def read_lut_file(path: Path, form: Form, frames: int = 1) -> LutFile:
    """The network of a file; ModelFormatError, one sentence, where it holds none.

    frames: of the modulation, where the file does not tell.
    """
    content = read_file_bytes(path, ModelFormatError, NAMED, MAX_FILE)
    answer = _ask(path, form, content, frames)
    try:
        return LutFile(*network_of(Contents(answer["header"], answer["arrays"])))
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error


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
