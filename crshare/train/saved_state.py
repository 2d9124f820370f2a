"""The state of a training, saved after each epoch, so that a killed one continues from there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.errors import CrshareError
from crshare.files import open_regular, replacing

ANEW = "remove it to train from the start"
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
    if not path.exists():
        return None
    with open_regular(path, CheckpointError, ANEW) as opened:
        try:
            with np.load(opened, allow_pickle=False) as file:
                document = json.loads(str(file["document"]))
                values = tuple(file[f"value{i}"] for i in range(len(file.files) - 1))
            found_key, curve = document["key"], tuple(document["curve"])
        except Exception as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise CheckpointError(
                f"{path}: is no readable checkpoint ({reason}); {ANEW}"
            ) from error
    if found_key != key:
        raise CheckpointError(
            f"{path}: is the checkpoint of another training (another model, plan, images or "
            f"options); choose another folder, or {ANEW}"
        )
    return Checkpoint(values, curve)
