"""Whose class an entry of a configuration names: a dialect's own, or package>Class."""

from collections.abc import Mapping
from typing import Any

from crshare.errors import DAMAGED, ModelFormatError
from crshare.frontend.config import NESTED, LayerEntry, agreed_class, short
from crshare.frontend.registry import DIALECTS

MAX_DEPTH = 50  # of models in models


def entries_of(model_config: object, depth: int = 0) -> list[LayerEntry]:
    """The layers of a model's configuration in the file's order; none where it is none."""
    if depth > MAX_DEPTH:
        raise ModelFormatError(f"its layers are nested too deep; {DAMAGED}")
    config = model_config.get("config") if isinstance(model_config, dict) else None
    entries = config.get("layers") if isinstance(config, dict) else config
    found = []
    for entry in entries if isinstance(entries, list) else []:
        kind, inner = class_and_config(entry, "a layer")
        inside = tuple(entries_of(entry, depth + 1)) if is_model(kind, inner) else ()
        found.append(LayerEntry(kind, str(name_of(entry, kind, inner)), inner, inside))
    return found


def class_and_config(entry: object, what: str) -> tuple[str, Mapping[str, Any]]:
    """The class and the fields of an entry; the list of a Sequential model, which is all that Keras
    before 2.2.3 wrote there, as its field."""
    if not isinstance(entry, dict):
        raise ModelFormatError(f"the configuration of {what} is {short(entry)}; {DAMAGED}")
    kind, config = entry.get("class_name"), entry.get("config")
    if kind == "Sequential" and isinstance(config, list):
        config = {"layers": config}
    if not isinstance(kind, str) or not isinstance(config, dict):
        raise ModelFormatError(f"the configuration of {what} lacks class or fields; {DAMAGED}")
    return _owned(agreed_class(entry, kind, what), entry.get("module")), config


def is_model(kind: str, config: Mapping[str, Any]) -> bool:
    """Whether an entry is a model: of Keras's classes, or of another with a graph of layers, as a
    class of its own has that is made of inputs and outputs."""
    graph = {"layers", "input_layers", "output_layers"} <= config.keys()
    return kind in NESTED or graph


def name_of(entry: object, kind: str, config: Mapping[str, Any]) -> object:
    """The name of a layer, which TensorFlow before 2.4 writes beside the fields of its own
    operations."""
    beside = entry.get("name") if isinstance(entry, dict) else None
    return beside if kind == "TensorFlowOpLayer" and beside else config.get("name")


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
