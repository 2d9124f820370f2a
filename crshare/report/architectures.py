"""The architectures that were chosen, as tables for a terminal and as facts for JSON."""

from typing import Any

from rich.console import RenderableType
from rich.text import Text

from crshare.hardware.architecture import Architecture, Channels, Graph, Resources, Turns, Unit
from crshare.hardware.choice import Choice
from crshare.hardware.choosing import Chosen
from crshare.hardware.shown import choice_rows, rate_of
from crshare.report.figures import change
from crshare.report.rates import Rates, at
from crshare.report.responsive_table import Fitting, table_of
from crshare.screen import line
from hwgen.devices import CHIPS


def choice_table(chosen: Chosen) -> Fitting:
    """Each layer's architecture, its clocks and what it takes, by estimate."""
    table = table_of("Architectures, by estimate", "Layer", "Architecture")
    multiplied = chosen.choice.resources.dsps > 0
    for name in (
        "Clocks an\nimage",
        "LUTs",
        "Regis-\nters",
        "Block RAM\n(18 kbit)",
        *(["DSPs"] if multiplied else []),
        "LUTs of\nall",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    whole = chosen.choice.resources.luts
    for layer, architecture, clocks, taken in choice_rows(chosen.choice):
        share = f"{100 * taken.luts / max(1, whole):.0f} %"
        figures = [*_figures(taken), *([f"{taken.dsps:,}"] if multiplied else [])]
        table.add_row(layer, architecture, f"{clocks:,}", *figures, share)
    return Fitting(table, n_keys=2)


def _figures(taken: Resources) -> list[str]:
    return [f"{n:,}" for n in (taken.luts, taken.registers, taken.block_rams)]


def choice_tables(chosen: Chosen) -> list[RenderableType]:
    """The table, the rate, and the share of the device."""
    return [choice_table(chosen), *choice_lines(chosen)]


def choice_lines(chosen: Chosen) -> list[Text]:
    """The rate, and the share of the device."""
    goal = chosen.goal
    found = [f"{rate_of(chosen.choice, goal.clock_mhz)}."]
    if goal.chip is not None:
        shares = ", ".join(
            f"{100 * part:.0f} % of the {name}" for name, part in _shares(chosen).items()
        )
        found.append(f"On {goal.chip}: {shares}.")
    return [line(text) for text in found]


def _shares(chosen: Chosen) -> dict[str, float]:
    chip, taken = CHIPS[str(chosen.goal.chip)], chosen.choice.resources
    blocks = max(1, chip.block_rams_18k)
    multiplied = {"DSPs": taken.dsps / max(1, chip.dsps)} if taken.dsps else {}
    return {
        "LUTs": taken.luts * chip.luts_a_lut6 / chip.luts,
        "registers": taken.registers / chip.registers,
        "block RAM": taken.block_rams / blocks,
        **multiplied,
    }


def curve_table(curve: tuple[Choice, ...]) -> Fitting:
    """LUTs against clocks an image."""
    table = table_of("The least LUTs at other rates, by estimate", "Clocks an image")
    for name in ("LUTs", "Regis-\nters", "Block RAM\n(18 kbit)"):
        table.add_column(name, justify="right", no_wrap=True)
    for choice in curve:
        table.add_row(f"{choice.clocks:,}", *_figures(choice.resources))
    return Fitting(table)


def rates_table(rates: Rates) -> Fitting:
    """LUTs against clocks of exact sharing and of a plan, all of their graphs built."""
    table = table_of("The least LUTs at other rates", "Clocks an image")
    names = ["Exact", *(["Plan", "Beyond\nexact"] if rates.planned else [])]
    for name in (*names, "Block RAM\n(18 kbit)"):
        table.add_column(name, justify="right", no_wrap=True)
    for clocks in rates.clocks:
        exact, planned = at(rates.exact, clocks), at(rates.planned, clocks)
        cells = [f"{exact.luts:,}" if exact else "-"]
        if rates.planned:
            cells += [f"{planned.luts:,}" if planned else "-"]
            cells += [change(planned.luts, exact.luts) if exact and planned else "-"]
        last = planned or exact
        table.add_row(f"{clocks:,}", *cells, f"{last.block_rams_18k:,}" if last else "-")
    return Fitting(table)


def choice_facts(chosen: Chosen) -> dict[str, Any]:
    """Everything as JSON."""
    goal, choice = chosen.goal, chosen.choice
    return {
        "asked": {
            "clocks": goal.clocks,
            "device": goal.chip,
            "utilisation": goal.utilisation if goal.chip else None,
            "clock_mhz": goal.clock_mhz,
        },
        "clocks": choice.clocks,
        "slowest": choice.slowest,
        "images_per_second": chosen.images_per_second,
        "resources": _taken(choice.resources),
        "device_shares": _shares(chosen) if goal.chip else None,
        "layers": {
            layer: {
                **_folding(priced.architecture),
                "clocks": priced.clocks,
                **_taken(priced.resources),
                "share": priced.resources.luts / max(1, choice.resources.luts),
                "built": priced.exact,
            }
            for layer, priced in choice.layers
        },
        "around": {"clocks": choice.around.clocks, **_taken(choice.around.resources)},
        "curve": curve_facts(chosen.curve),
    }


def curve_facts(curve: tuple[Choice, ...]) -> list[dict[str, int]]:
    """LUTs against clocks."""
    return [{"clocks": one.clocks, **_taken(one.resources)} for one in curve]


def _taken(taken: Resources) -> dict[str, int]:
    return {
        "luts": taken.luts,
        "registers": taken.registers,
        "block_rams_18k": taken.block_rams,
        **({"dsps": taken.dsps} if taken.dsps else {}),
    }


def _folding(architecture: Architecture) -> dict[str, Any]:
    match architecture:
        case Graph():
            return {"architecture": "graph"}
        case Turns(turns) | Channels(turns):
            return {"architecture": architecture.kind, "turns": turns}
        case Unit(pe, simd, memory, slices):
            own = {"slices": True} if slices else {}
            return {"architecture": "unit", "pe": pe, "simd": simd, "memory": memory, **own}
