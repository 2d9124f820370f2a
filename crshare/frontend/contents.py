"""What the bytes of model files hold, and the bytes of changed ones: the sandbox's side.

Each function takes and gives values that cross its wall. What a damaged file raises here is told
by the sandbox; the sentences of these modules name no file.
"""

from contextlib import suppress
from typing import Any

from crshare.errors import ModelFormatError
from crshare.frontend.archive import CONFIG, METADATA, WEIGHTS, read_members, with_member
from crshare.frontend.class_names import entries_of
from crshare.frontend.config import LayerEntry, parsed, parsed_model
from crshare.frontend.hdf5 import (
    change_weights,
    change_whole,
    read_config,
    read_weights,
    read_whole,
)


def whole(payload: Any) -> Any:
    """The configuration's text, the version of Keras and the weights of an .h5."""
    config, version = read_config(payload["content"])
    layers: list[LayerEntry] = []
    with suppress(ModelFormatError):  # the caller parses it as well, and tells
        layers = _layers(config)
    return config, version, read_whole(payload["content"], layers)


def archive(payload: Any) -> Any:
    """The same of a .keras archive."""
    members = read_members(payload["content"])
    metadata = parsed(METADATA, members[METADATA]) if METADATA in members else None
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    found = read_weights(members[WEIGHTS], _layers(members[CONFIG]))
    return members[CONFIG], str(version or "of unknown version"), found


def weights(payload: Any) -> Any:
    """The weights of a file that holds nothing else, for the layers of a configuration's text."""
    return read_weights(payload["content"], _layers(payload["config"]))


def changed_whole(payload: Any) -> bytes:
    """An .h5 with other values in the weights that `changes` names."""
    content = payload["content"]
    return change_whole(content, _layers(read_config(content)[0]), payload["changes"])


def changed_archive(payload: Any) -> bytes:
    """The same of a .keras archive."""
    members = read_members(payload["content"])
    layers = _layers(members[CONFIG])
    replaced = change_weights(members[WEIGHTS], layers, payload["changes"])
    return with_member(payload["content"], WEIGHTS, replaced)


def _layers(config: bytes) -> list[LayerEntry]:
    return entries_of(parsed_model("configuration", config))
