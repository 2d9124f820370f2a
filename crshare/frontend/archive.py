"""The .keras archive as bytes: its members are counted and measured before any is unpacked.

Whatever zipfile raises on a damaged one is left to the sandbox, where this runs.
"""

import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO

from crshare.errors import ModelFormatError
from crshare.frontend.config import MAX_CONFIG, RESAVE
from crshare.zip_members import packing_refused

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_BYTES = {CONFIG: MAX_CONFIG, METADATA: MAX_CONFIG, WEIGHTS: 2**28}
MOST_PACKED = 4  # of the weights' bytes to their packed ones, beyond that
MAX_OTHERS, MAX_MEMBERS = 2**28, 4096

Members = dict[str, bytes]


def read_members(content: bytes) -> Members:
    """The members that describe a model, unpacked; the metadata may be missing."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        found = _checked(archive)
        for name in (CONFIG, WEIGHTS):
            if name not in found:
                raise ModelFormatError(f"holds no {name}; {RESAVE}")
        return {name: archive.read(found[name]) for name in MAX_BYTES if name in found}


def with_member(content: bytes, name: str, replaced: bytes) -> bytes:
    """The archive with one member replaced, all others copied in their order."""
    memory = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(memory, "w") as new:
        for info in _checked(old).values():
            new.writestr(info, replaced if info.filename == name else old.read(info))
    return memory.getvalue()


def _checked(archive: zipfile.ZipFile) -> Mapping[str, zipfile.ZipInfo]:
    """The members by name, none of them too large, encrypted, or there twice."""
    members = archive.infolist()
    if refusal := next(_refusals(members), None):
        raise ModelFormatError(f"{refusal}; {RESAVE}")
    return {info.filename: info for info in members}


def _refusals(members: list[zipfile.ZipInfo]) -> Iterator[str]:
    if len(members) > MAX_MEMBERS:
        yield f"holds {len(members)} files, where {MAX_MEMBERS} are read"
    names: set[str] = set()
    left = MAX_OTHERS
    for info in members:
        name = info.filename
        most = MAX_BYTES.get(name, left)
        if name == WEIGHTS:  # an optimizer's moments may be among them
            most = max(most, MOST_PACKED * info.compress_size)
        left -= info.file_size if name not in MAX_BYTES else 0
        if name in names:
            yield f"holds two files {name}"
        if not 0 <= info.file_size <= most:
            yield f"its {name} claims {info.file_size} bytes, where {most} are read"
        if reason := packing_refused(info, "Keras"):
            yield f"its {name} {reason}"
        names.add(name)
