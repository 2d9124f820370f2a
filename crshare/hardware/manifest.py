"""A folder of generated files: what is ours by name and content is replaced, all else is left.

`manifest.json` lists every file with its SHA-256. While files are exchanged it lists the content
before and after, so that a run that is killed leaves a folder which the next one still knows.
"""

import json
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from crshare.errors import OutputError
from crshare.files import read_file_bytes
from crshare.strict_json import JsonError, parse_json

MANIFEST = "manifest.json"
FORMAT = "crshare-files"
DRAFT = ".crshare-"  # what a run that was killed may leave
OWN = re.compile(  # all that is ever written
    r"[A-Za-z_]\w*\.v|files\.f|primitives\.f|report\.json|README\.md|synth\.ys|"
    r"(vivado|quartus)\.tcl|constraints\.(xdc|sdc)|beats_\w+\.hex",
    re.ASCII,
)
HASH = re.compile(r"[0-9a-f]{64}")
MAX_MANIFEST, MAX_FILE = 2**24, 2**32
ADVICE = "move it away or choose another place"

Listed = dict[str, set[str]]  # for each file the contents, as hashes, in which it is ours


def listed(folder: Path) -> Listed:
    """What is ours in a folder that is to be written; OutputError where it must be left alone."""
    if not os.path.lexists(folder):
        return {}
    if not folder.is_dir():
        raise OutputError(f"{folder}: is no folder; choose another place")
    if not os.path.lexists(folder / MANIFEST):
        _refuse_unless_empty(folder)
        return {}
    found = _read(folder / MANIFEST)
    for name, hashes in found.items():
        path = folder / name
        if os.path.lexists(path) and not _is_one_of(path, hashes):
            raise OutputError(f"{path}: was changed since crshare wrote it; {ADVICE}")
    return found


def replace_files(folder: Path, contents: Mapping[str, str]) -> int:
    """Put all files into a folder, and take out those of ours that it held, or change nothing.

    How many files there are then, the manifest included.
    """
    before = listed(folder)
    for name in contents.keys() - before.keys():
        if os.path.lexists(folder / name):
            raise OutputError(
                f"{folder / name}: is in the way, and no file that crshare wrote; {ADVICE}"
            )
    with _draft_in(folder) as draft:
        for name, text in contents.items():
            (draft / name).write_text(text, encoding="utf-8")
        after = {name: {_hash((draft / name).read_bytes())} for name in contents}
        (draft / "both").write_text(_text(_both(before, after)), encoding="utf-8")
        (draft / MANIFEST).write_text(_text(after), encoding="utf-8")
        (draft / "both").replace(folder / MANIFEST)
        for name in contents:
            (draft / name).replace(folder / name)
        for name in before.keys() - after.keys():
            (folder / name).unlink(missing_ok=True)
        (draft / MANIFEST).replace(folder / MANIFEST)
    return len(contents) + 1


@contextmanager
def _draft_in(folder: Path) -> Iterator[Path]:
    """A folder for files before they take their places; both are gone after an error."""
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=DRAFT) as name:
            yield Path(name)
    except OSError as error:
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another place"
        ) from error


def _refuse_unless_empty(folder: Path) -> None:
    try:
        names = [path.name for path in folder.iterdir() if not path.name.startswith(DRAFT)]
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be read ({error.strerror or error}); choose another place"
        ) from error
    if {"files.f", "report.json"} <= set(names):
        raise OutputError(
            f"{folder}: has no {MANIFEST}, which tells what crshare wrote and may replace; remove "
            "the folder, if an earlier crshare wrote it, or choose another place"
        )
    if names:
        raise OutputError(
            f"{folder}: is not empty and holds no generated hardware; choose another place"
        )


def _read(path: Path) -> Listed:
    text = read_file_bytes(path, OutputError, ADVICE, MAX_MANIFEST)
    try:
        found = parse_json(text)
    except JsonError as error:
        raise OutputError(f"{path}: {error}; {ADVICE}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT or not _is_listed(found):
        raise OutputError(f"{path}: is no list of files that crshare wrote; {ADVICE}")
    return {name: set(hashes) for name, hashes in found["files"].items()}


def _is_listed(found: dict[str, object]) -> bool:
    files = found.get("files")
    return isinstance(files, dict) and all(
        OWN.fullmatch(name)
        and isinstance(hashes, list)
        and all(isinstance(one, str) and HASH.fullmatch(one) for one in hashes)
        for name, hashes in files.items()
    )


def _both(before: Listed, after: Listed) -> Listed:
    found: Listed = defaultdict(set)
    for files in (before, after):
        for name, hashes in files.items():
            found[name] |= hashes
    return found


def _text(files: Listed) -> str:
    facts = {name: sorted(hashes) for name, hashes in sorted(files.items())}
    return json.dumps({"format": FORMAT, "version": 1, "files": facts}, indent=1) + "\n"


def _is_one_of(path: Path, hashes: set[str]) -> bool:
    is_link = path.is_symlink()
    return not is_link and _hash(read_file_bytes(path, OutputError, ADVICE, MAX_FILE)) in hashes


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()
