"""An .onnx file from disk, with the files beside it that hold its initializers, and back to bytes.

The bytes are read from disk once; the sandbox makes of them what they hold, or those of a changed
file. A file of initializers is read only from the model's own folder or below it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from crshare.errors import ModelFormatError, PlanError
from crshare.files import read_file_bytes
from crshare.frontend.asked import asked, is_content
from crshare.frontend.config import Weights, short
from crshare.frontend.containers import BYTES_PER_S, CHANGE_S, MAX_FILE, READ_S
from crshare.frontend.onnx.graph import EXPORT, OnnxGraph, graph_of, is_description
from crshare.frontend.onnx.reader import QUANTIZED, OnnxModel

READER = "crshare.frontend.onnx.protobuf"
MAX_BESIDE = 64  # files of initializers
NAMED = "name a model file"
EXTERNAL = b"location"  # stands in every file that keeps initializers elsewhere


@dataclass(frozen=True, slots=True, eq=False)
class OnnxFile:
    """The bytes of an .onnx file, and of the files beside it by the name that it has for them."""

    path: Path
    content: bytes
    beside: Mapping[str, bytes]

    @property
    def size(self) -> int:
        return len(self.content) + sum(map(len, self.beside.values()))


def is_onnx(path: Path) -> bool:
    return path.suffix.lower() == ".onnx" and not path.is_dir()


def load_onnx(path: Path) -> OnnxFile:
    """The bytes of an .onnx file and of its initializers; ModelFormatError where there are none."""
    if find_spec("onnx") is None:
        raise ModelFormatError(
            f"{path}: reading .onnx files needs the package onnx, which is not installed; try pip "
            'install "crshare[onnx]"'
        )
    file = OnnxFile(path, read_file_bytes(path, ModelFormatError, NAMED, MAX_FILE), {})
    if EXTERNAL not in file.content:
        return file
    names = _ask(file, "locations", _are_names, READ_S)
    if len(names) > MAX_BESIDE:
        raise ModelFormatError(
            f"{path}: keeps its initializers in {len(names)} files, where {MAX_BESIDE} are read; "
            "export it as one file"
        )
    beside: dict[str, bytes] = {}
    for name in names:
        left = MAX_FILE - sum(map(len, beside.values()))
        advice = f"put it beside the model, or {EXPORT} as one file"
        where = _beside(path, name)
        beside[name] = read_file_bytes(where, ModelFormatError, advice, left)
    return replace(file, beside=beside)


def _beside(path: Path, name: str) -> Path:
    """Where a file of initializers is; ModelFormatError where that is outside of the folder."""
    given = PurePosixPath(name)
    refusal = ModelFormatError(
        f"{path}: keeps its initializers in {short(name)}, and crshare reads them from the folder "
        "of the model only; export it as one file"
    )
    if not name or given.is_absolute() or ".." in given.parts or "\\" in name or "\0" in name:
        raise refusal
    where, folder = (path.parent / given), path.parent.resolve()
    try:
        inside = where.resolve().is_relative_to(folder)
    except (OSError, RuntimeError, ValueError) as error:
        raise refusal from error
    if not inside:
        raise refusal
    return where


def read_graph(file: OnnxFile) -> OnnxGraph:
    """The graph that the bytes hold; ModelFormatError, one sentence, where they hold none."""
    found = _ask(file, "described", is_description, READ_S, beside=dict(file.beside))
    try:
        return graph_of(found)
    except ModelFormatError as error:
        raise ModelFormatError(f"{file.path}: {error}") from error


def library_of(graph: OnnxGraph) -> str:
    """Who wrote the file, and in which words."""
    quantized = any(node.domain in QUANTIZED for node in graph.nodes)
    words = " with QONNX operators" if quantized else ""
    batch = f", for {graph.batch} images at once, each read by itself" if graph.batch > 1 else ""
    producer = graph.producer[:40] or "an unnamed program"
    return f"{producer}, ONNX opset {graph.opset}{words}{batch}"


def changed_onnx(file: OnnxFile, model: OnnxModel, changes: Mapping[str, Weights]) -> OnnxFile:
    """The file with other values in the named weights, all of it in one file."""
    listed = _listed(file.path, model, changes)
    content = _ask(file, "changed", is_content, CHANGE_S, beside=dict(file.beside), changes=listed)
    return replace(file, content=content, beside={})


def _listed(path: Path, model: OnnxModel, changes: Mapping[str, Weights]) -> list[dict[str, Any]]:
    """What changes in the stored tensors, those of one reader together."""
    uses = Counter(name for node in model.graph.nodes for name in node.inputs)
    places: dict[tuple[str, tuple[int, int]], list[Any]] = {}
    for owner, named in changes.items():
        for name, values in named.items():
            stored = model.stored.get((owner, name))
            if stored is None:
                raise PlanError(
                    f"{path}: node {owner} has no {name} of its own in the file that could be "
                    "changed; export the model with its constants folded, each for itself"
                )
            other = values != model.weights[owner][name]
            pair = (stored.places[other].reshape(-1), (values * stored.factor)[other].reshape(-1))
            places.setdefault((stored.tensor, stored.reader), []).append(pair)
    return [
        {
            "tensor": tensor,
            "places": np.concatenate([where for where, _ in pairs]),
            "values": np.concatenate([what for _, what in pairs]),
            "own": list(reader) if uses[tensor] > 1 else None,
        }
        for (tensor, reader), pairs in places.items()
    ]


def _ask(
    file: OnnxFile, function: str, sound: Callable[[Any], bool], processor_s: int, **more: object
) -> Any:
    """What the sandbox makes of the file."""
    try:
        return asked(
            f"{READER}:{function}",
            {"content": file.content, **more},
            sound,
            size=file.size,
            seconds=processor_s + file.size // BYTES_PER_S,
            what="ONNX file",
            advice=EXPORT,
        )
    except ModelFormatError as error:
        raise ModelFormatError(f"{file.path}: {error}") from error


def _are_names(answer: Any) -> bool:
    return isinstance(answer, list) and all(isinstance(name, str) for name in answer)
