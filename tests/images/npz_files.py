"""Files of arrays made byte by byte, as no numpy would write them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

PIXELS = np.arange(120, dtype=np.uint8).reshape(30, 2, 2, 1) % 17
LABELS = np.arange(30) % 3
GOOD = "{'descr': '|u1', 'fortran_order': False, 'shape': (30, 2, 2, 1), }"


def npy(header: str | bytes, content: bytes = PIXELS.tobytes(), version: int = 1) -> bytes:
    """An array in the .npy format whose header says this."""
    text = header.encode() if isinstance(header, str) else header
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + content


def npz(path: Path, members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_header(path: Path, header: str | bytes, version: int = 1) -> Path:
    """A file whose images have this header, and whose labels are good."""
    labels = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (30,)}", bytes(30))
    return npz(path, {"images.npy": npy(header, version=version), "labels.npy": labels})
