"""What the bytes of files of LUT networks hold: the sandbox's side.

Each function gives a header and arrays as lut_container has them. What a damaged file raises here
is told by the sandbox; the sentences of this module name no file.
"""

import gzip
import zipfile
from io import BytesIO
from typing import Any

import numpy as np

from crshare.errors import ModelFormatError
from crshare.frontend.bb_net import read_bb_net
from crshare.frontend.lut_container import contents_of
from crshare.frontend.verilog_luts import read_verilog
from crshare.network.graph import Network
from crshare.strict_json import JsonError, parse_json
from crshare.zip_members import packing_refused

MAX_MEMBERS, MAX_UNPACKED, MAX_HEADER = 2**16, 2**28, 2**24
MAX_TEXT = 2**28  # bytes of an unpacked .gz
GZIP = b"\x1f\x8b"


def npz(payload: Any) -> Any:
    """The header and arrays of a container."""
    with zipfile.ZipFile(BytesIO(payload["content"])) as archive:
        members = _checked(archive.infolist())
        arrays = {name[:-4]: _array(archive.read(info)) for name, info in members.items()}
    header = arrays.pop("header", None)
    if header is None or header.dtype != np.uint8 or header.size > MAX_HEADER:
        raise ModelFormatError("holds no header of a network, an array of uint8")
    try:
        return {"header": parse_json(header.tobytes()), "arrays": arrays}
    except JsonError as error:
        raise ModelFormatError(f"its header is none ({error})") from error


def bb_net(payload: Any) -> Any:
    """The same of a file that BinaryBrain saved."""
    return _crossing(read_bb_net(payload["content"]), "BinaryBrain")


def verilog(payload: Any) -> Any:
    """The same of a file of Verilog that BinaryBrain exported, packed by gzip or not."""
    text = plain(payload["content"]).decode("latin-1")
    return _crossing(read_verilog(text, payload["frames"]), "BinaryBrain, Verilog")


def _crossing(network: Network, written_by: str) -> Any:
    found = contents_of(network, written_by)
    return {"header": found.header, "arrays": dict(found.arrays)}


def _checked(members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    left = MAX_UNPACKED
    for info in members:
        name = info.filename
        left -= info.file_size
        if not name.endswith(".npy") or name in found or len(found) >= MAX_MEMBERS or left < 0:
            raise ModelFormatError("holds what no network has, or too much of it")
        if reason := packing_refused(info, "numpy"):
            raise ModelFormatError(f"its {name} {reason}")
        found[name] = info
    return found


def _array(content: bytes) -> Any:
    return np.load(BytesIO(content), allow_pickle=False)


def plain(content: bytes) -> bytes:
    """The text of a file, unpacked where it is a .gz; no more than MAX_TEXT bytes of it."""
    if content[:2] != GZIP:
        return content
    with gzip.GzipFile(fileobj=BytesIO(content)) as packed:
        text = packed.read(MAX_TEXT + 1)
    if len(text) > MAX_TEXT:
        raise ModelFormatError(f"unpacks to more than {MAX_TEXT:,} bytes")
    return text
