"""Options of `crshare generate` that choose architectures for a rate or a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crshare.cli.arguments import OUT_FILE, ChoiceOf, number
from crshare.limits import CLOCKS, FPS, MEGAHERTZ, SHARE

if TYPE_CHECKING:
    from rich.console import RenderableType

    from crshare.hardware.choosing import Chooser, Chosen
    from crshare.hardware.goal import Goal
    from crshare.hardware.lowering import Report
    from crshare.report.rates import Rates


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say. only_estimate: nothing is written. picture: of the curve."""

    clocks: int | None
    fps: float | None
    device: str | None
    utilisation: float
    clock_mhz: float
    only_estimate: bool
    picture: Path | None

    @property
    def chooses(self) -> bool:
        """Whether more is wanted than the curve."""
        return self.only_estimate or self.picture is None

    def goal(self) -> Goal | None:
        from crshare.hardware.goal import Goal

        return Goal.of(self.clocks, self.fps, self.device, self.utilisation, self.clock_mhz)


def choice_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options, which the command gets as one value, `asked`."""

    @wraps(command)
    def gathered(
        *args: Any,
        clocks: int | None,
        fps: float | None,
        device: str | None,
        utilisation: float,
        clock_mhz: float,
        only_estimate: bool,
        picture: Path | None,
        **others: Any,
    ) -> None:
        asked = Asked(clocks, fps, device, utilisation, clock_mhz, only_estimate, picture)
        command(*args, asked=asked, **others)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


_OPTIONS = (
    click.option(
        "--clocks",
        type=number(CLOCKS),
        metavar="N",
        help="Choose each layer's architecture: least LUTs at N clocks an image or fewer.",
    ),
    click.option(
        "--fps",
        type=number(FPS),
        metavar="F",
        help="The same, for F images a second at --clock.",
    ),
    click.option(
        "--device",
        type=ChoiceOf("hwgen.devices", "CHIPS"),
        metavar="NAME",
        help="Choose what this device holds, the fewest clocks where no rate is named; "
        "xc7a35t, xc7z020, xczu3eg, ecp5-85k, ... (docs/hardware.md).",
    ),
    click.option(
        "--utilisation",
        type=number(SHARE),
        default=0.8,
        show_default=True,
        metavar="SHARE",
        help="Of the device's LUTs, registers and block RAM.",
    ),
    click.option(
        "--clock",
        "clock_mhz",
        type=number(MEGAHERTZ),
        default=100,
        show_default=True,
        metavar="MHZ",
        help="Of the constraints, and of --fps.",
    ),
    click.option(
        "--estimate",
        "only_estimate",
        is_flag=True,
        help="Show the choice, or LUTs against clocks where none is asked for; write nothing.",
    ),
    click.option(
        "--curve",
        "picture",
        type=OUT_FILE,
        metavar="FILE.svg",
        help="Draw LUTs against clocks, with and without --plan, all graphs built.",
    ),
)


def target_of(asked: Asked, target: str) -> str:
    """Of a device that has primitives those, unless --target says something else."""
    from crshare.hardware.goal import target_for

    source = click.get_current_context().get_parameter_source("target")
    given = source is click.core.ParameterSource.COMMANDLINE
    return target if given else target_for(asked.device, target)


def rates_of(asked: Asked, chooser: Chooser, fingerprint: str, show: Report) -> Rates | None:
    """LUTs against clocks with and without the plan, drawn where a picture is asked for."""
    if asked.picture is None:
        return None
    from dataclasses import replace

    from crshare.files import write_text
    from crshare.hardware.choice import Budget
    from crshare.hardware.goal import Goal
    from crshare.report.page.html import drawing_style
    from crshare.report.page.rate_plot import rate_plot
    from crshare.report.rates import Rates, limit_of, points_of

    goal = asked.goal() or Goal()
    budget = Budget(block_rams=goal.budget.block_rams)
    unplanned = replace(chooser, plan=None)
    clocks = sorted({*unplanned.rates(), *chooser.rates()})
    exact = unplanned.built_curve(budget, clocks, show)
    planned = chooser.built_curve(budget, clocks, show) if chooser.plan else ()
    rates = Rates(
        fingerprint=fingerprint,
        target=chooser.options.target,
        exact=points_of(exact),
        planned=points_of(planned),
        limit=limit_of(goal.chip, goal.utilisation) if goal.chip else None,
    )
    write_text(asked.picture, rate_plot(rates).standalone(drawing_style()))
    return rates


def estimates(
    chosen: Chosen | None, rates: Rates | None, chooser: Chooser
) -> tuple[dict[str, Any], list[RenderableType]]:
    """What is shown and not built: the choice and other rates, as JSON and for a terminal."""
    from dataclasses import asdict

    from crshare.report.architectures import (
        choice_facts,
        choice_tables,
        curve_facts,
        curve_table,
        rates_table,
    )

    facts: dict[str, Any] = {}
    tables: list[RenderableType] = []
    if chosen is not None:
        facts, tables = choice_facts(chosen), choice_tables(chosen)
    if rates is not None:
        return facts | {"rates": asdict(rates)}, [*tables, rates_table(rates)]
    curve = chosen.curve if chosen else chooser.curve()
    return facts | {"curve": curve_facts(curve)}, [*tables, curve_table(curve)]
