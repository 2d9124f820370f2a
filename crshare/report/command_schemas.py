"""What `report`, `export` and `generate` write as JSON, field by field."""

from dataclasses import dataclass, field
from typing import Any

from crshare.hardware.rtl import Verdict
from crshare.hardware.settling import LoweredLayer
from crshare.network.fixing import Format
from crshare.report.schema import MeasuredAccuracy
from crshare.typed_json import Count
from hwgen import Tally


@dataclass(frozen=True, kw_only=True)
class PageWritten:
    """What `crshare report --json` writes: the page, its sections, and files of figures."""

    page: str
    model: str
    sections: tuple[str, ...]
    figures: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkWritten:
    """What `crshare export --json` writes: the file, and the layers in it.

    formats: in fixed point, by the layer whose values are rounded. accuracy: before and after that.
    """

    output: str
    layers: tuple[str, ...]
    formats: dict[str, Format] = field(default_factory=dict)
    accuracy: MeasuredAccuracy | None = None


@dataclass(frozen=True, kw_only=True)
class HardwareReport:
    """What `crshare generate --json` writes, and report.json of its folder but for `verified`.

    modules: of stages. latency_clocks: of an image, pipeline registers left out. layers: those with
    weights. cells: by layer. verified: what simulators said. choice, rates: where architectures
    were chosen or a curve was asked for; docs/hardware.md describes them.
    """

    top: str
    target: str
    shares: str
    modules: dict[str, str]
    beats_in: Count
    beats_out: Count
    latency_clocks: Count
    layers: tuple[LoweredLayer, ...]
    cells: dict[str, Tally]
    verified: tuple[Verdict, ...] = ()
    choice: dict[str, Any] = field(default_factory=dict)
    rates: dict[str, Any] = field(default_factory=dict)
