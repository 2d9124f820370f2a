"""The file of --folding: for each layer that it names, an architecture, by hand.

{"conv1": {"architecture": "graph"}, "conv2": {"architecture": "turns", "turns": 4},
 "conv3": {"architecture": "unit", "pe": 16, "simd": 32, "memory": "block"},
 "bn1": {"architecture": "channels", "turns": 8}}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crshare.errors import CrshareError, HardwareError
from crshare.files import read_file_bytes
from crshare.hardware.architecture import Architecture, Channels, Graph, Turns, Unit, check
from crshare.network.graph import Network
from crshare.printable import printable
from crshare.strict_json import JsonError, parse_json

MAX_BYTES = 2**20
ADVICE = "write the file as docs/hardware.md shows it"
KINDS: dict[str, type[Architecture]] = {
    "graph": Graph,
    "turns": Turns,
    "unit": Unit,
    "channels": Channels,
}
FIELDS = {
    "graph": set[str](),
    "turns": {"turns"},
    "unit": {"pe", "simd", "memory", "slices"},
    "channels": {"turns"},
}
OPTIONAL = {"memory", "slices"}


def read_folding(path: Path, network: Network) -> dict[str, Architecture]:
    """The architectures by layer; HardwareError where a name or a number does not fit."""
    content = read_file_bytes(path, HardwareError, ADVICE, MAX_BYTES)
    try:
        found = parse_json(content)
    except JsonError as error:
        raise HardwareError(f"{path}: {error}; {ADVICE}") from error
    if not isinstance(found, dict):
        raise HardwareError(f"{path}: is no object of layers; {ADVICE}")
    made = {}
    for layer, fields in found.items():
        try:
            made[layer] = _architecture(fields)
            check(network, layer, made[layer])
        except CrshareError as error:
            raise HardwareError(f"{path}: {_named(layer, str(error))}") from error
    return made


def _named(layer: str, said: str) -> str:
    return said if layer[:60] in said else f"{printable(layer, 60)}: {said}"


def _architecture(fields: Any) -> Architecture:
    kind = fields.get("architecture") if isinstance(fields, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise HardwareError(
            f'its "architecture" is {str(kind)[:40]!a}; take one of {", ".join(KINDS)}'
        )
    given = fields.keys() - {"architecture"}
    for name in sorted(given - FIELDS[kind]):
        raise HardwareError(f"a {kind} has no {name[:40]!a}; {ADVICE}")
    for name in sorted(FIELDS[kind] - OPTIONAL - given):
        raise HardwareError(f"a {kind} needs {name!a}; {ADVICE}")
    return KINDS[kind](**{name: fields[name] for name in given})
