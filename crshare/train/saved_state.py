"""A training kept in one file after each epoch, so that one that was killed goes on from there."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.errors import CrshareError
from crshare.files import replacing

Curve = tuple[dict[str, Any], ...]


class CheckpointError(CrshareError):
    """A checkpoint is damaged, or belongs to another training."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """values: of all weights, then of the optimiser, in their order. curve: the epochs so far."""

    values: tuple[npt.NDArray[Any], ...]
    curve: Curve


def save(path: Path, key: str, kept: Checkpoint) -> None:
    """Write the file whole or not at all. key: a hash of all that the training depends on."""
    document = json.dumps({"key": key, "curve": kept.curve})
    arrays = {f"value{i}": value for i, value in enumerate(kept.values)}
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez(file, document=np.array(document), **arrays)


def load(path: Path, key: str) -> Checkpoint | None:
    """What `save` wrote, or None where there is none; CheckpointError where it is not of `key`."""
    try:
        with np.load(path, allow_pickle=False) as file:
            document = json.loads(str(file["document"]))
            values = tuple(file[f"value{i}"] for i in range(len(file.files) - 1))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path}: is no readable checkpoint ({error}); remove it to train from the start"
        ) from error
    if document["key"] != key:
        raise CheckpointError(
            f"{path}: is the checkpoint of another training (another model, plan, images or "
            "options); choose another folder, or remove it to train from the start"
        )
    return Checkpoint(values, tuple(document["curve"]))
