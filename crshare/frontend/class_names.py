"""Whose class an entry of a configuration names: a dialect's own, or package>Class."""

from collections.abc import Mapping
from typing import Any

from crshare.errors import DAMAGED, ModelFormatError
from crshare.frontend.config import LayerEntry, agreed_class, short
from crshare.frontend.registry import DIALECTS


def entries_of(model_config: object) -> list[LayerEntry]:
    """The layers of a model's configuration in the file's order; none where it is none."""
    config = model_config.get("config") if isinstance(model_config, dict) else None
    entries = config.get("layers") if isinstance(config, dict) else None
    found = []
    for entry in entries if isinstance(entries, list) else []:
        kind, inner = class_and_config(entry, "a layer")
        found.append(LayerEntry(kind, str(inner.get("name")), inner))
    return found


def class_and_config(entry: object, what: str) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(entry, dict):
        raise ModelFormatError(f"the configuration of {what} is {short(entry)}; {DAMAGED}")
    kind, config = entry.get("class_name"), entry.get("config")
    if not isinstance(kind, str) or not isinstance(config, dict):
        raise ModelFormatError(f"the configuration of {what} lacks class or fields; {DAMAGED}")
    return _owned(agreed_class(entry, kind, what), entry.get("module")), config


def _owned(name: str, module: object) -> str:
    """The class alone where it is a dialect's, else behind its package.

    A class of Keras's name that is defined elsewhere is none of Keras's.
    """
    package, _, bare = name.rpartition(">")
    if package:
        read = any(d.registered_as == package and not d.refusal for d in DIALECTS)
        return bare if read else name
    home = None if module is None else str(module).split(".")[0]
    known = any(home in d.packages or (bare in d.classes and not d.packages) for d in DIALECTS)
    return name if home is None or known else f"{module}>{name}"
