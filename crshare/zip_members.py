"""What keeps a member of a zip archive from being read, whoever wrote it."""

import zipfile

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1  # a bit of a member's flags


def packing_refused(info: zipfile.ZipInfo, writer: str) -> str | None:
    """Why a member cannot be unpacked: a clause without its subject. writer: who made the file."""
    if info.flag_bits & ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in METHODS:
        return f"is packed by method {info.compress_type}, which {writer} does not use"
    return None
