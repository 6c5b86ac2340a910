"""`nxgate plan`: whether the polls fit their links, before anything is wired."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import click
import orjson

from gateway.clock import SystemClock
from gateway.exits import FAILED
from gateway.links import connect, medium
from gateway.templates import load
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.config import Site
    from gateway.driver import Cost, Costs
    from gateway.errors import Fault
    from gateway.plant import Plant

FULL = 0.8
"""Share of a link that polls may take: the rest is for answers that are asked again, for devices
that are slower than they should be, and for writes."""


@dataclass(frozen=True, slots=True)
class Polled:
    """One group of one device: what each poll asks, and how often."""

    device: str
    group: str
    period_s: float
    where: str
    costs: tuple[Cost, ...]

    @property
    def seconds(self) -> float:
        """Of the link, for one poll."""
        return sum(cost.seconds for cost in self.costs)

    @property
    def share(self) -> float:
        """Of the link's time."""
        return self.seconds / self.period_s


def plan(site: Path, *, as_json: bool) -> int:
    """Print what each link has to carry; 0 where everything fits, 1 where something doesn't."""
    links = planned(load(site))
    if as_json:
        found = {link: _as_data(groups) for link, groups in links.items()}
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        for link, groups in links.items():
            _print(link, groups)
    return FAILED if any(_share(groups) > FULL for groups in links.values()) else 0


def planned(plant: Plant) -> dict[str, list[Polled]]:
    """Every group by its link, with its requests; opens nothing.

    Links that go over one line, at two speeds or in two protocols, are one here.
    """
    links: dict[str, list[Polled]] = defaultdict(list)
    units = connect(plant.devices, plant.drivers, SystemClock())
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for device, link, _driver in units:
        names[medium(link)][device.link] = None
    for device, link, driver in units:
        for group in device.groups:
            costs = cast("Costs", driver).costs(driver.prepare(group.tags))
            links[" + ".join(names[medium(link)])].append(
                Polled(device.name, group.name, group.period_s, device.where, costs)
            )
    return dict(links)


def crowded(site: Site, plant: Plant) -> list[Fault]:
    """A notice for each link that its polls ask too much of, at the device that asks most."""
    found = []
    for link, groups in planned(plant).items():
        if what_next := advice(groups):
            text = _(
                "the polls of {link} need {share:.0%} of its time, and may have {most:.0%} of it"
            )
            what = text.format(link=link, share=_share(groups), most=FULL)
            at = ("devices", max(groups, key=lambda polled: polled.share).device, "link")
            found.append(site.document.fault(at, "crowded-link", what, what_next))
    return found


def advice(groups: Sequence[Polled]) -> str:
    """What to change where a link is too full; "" where it isn't."""
    share = _share(groups)
    if share <= FULL:
        return ""
    most = max(groups, key=lambda polled: polled.share)
    text = _(
        "poll {times:g} times slower, or {device} ({where}) alone: its group {group} takes "
        "{share:.0%}; a faster line or one of its own would do as well"
    )
    return text.format(
        times=math.ceil(share / FULL * 10) / 10,
        device=most.device,
        where=most.where,
        group=most.group,
        share=most.share,
    )


def _share(groups: Sequence[Polled]) -> float:
    return sum(polled.share for polled in groups)


def _as_data(groups: Sequence[Polled]) -> dict[str, object]:
    return {
        "share": _share(groups),
        "fits": _share(groups) <= FULL,
        "advice": advice(groups),
        "polls": [
            {
                "device": polled.device,
                "group": polled.group,
                "period_s": polled.period_s,
                "share": polled.share,
                "requests": [
                    {
                        "request": cost.request,
                        "tags": cost.tags,
                        "sent": cost.sent,
                        "received": cost.received,
                        "ms": round(cost.seconds * 1000, 3),
                    }
                    for cost in polled.costs
                ],
            }
            for polled in groups
        ],
    }


def _print(link: str, groups: Sequence[Polled]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a display's library, loaded by displays
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None)
    heads = (_("device"), _("request"), _("tags"), _("bytes"), "ms", _("each"), _("of the link"))
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < 2 else "right")  # noqa: PLR2004
    for polled in groups:
        for cost in polled.costs:
            table.add_row(
                f"{polled.device} {polled.group}",
                cost.request,
                str(len(cost.tags)),
                f"{cost.sent}+{cost.received}",
                f"{cost.seconds * 1000:.1f}",
                f"{polled.period_s:g} s",
                f"{cost.seconds / polled.period_s:.1%}",
            )
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(link)
    console.print(table)
    share = _share(groups)
    fits = _("it fits") if share <= FULL else _("it does not fit")
    text = _("{share:.1%} of the link's time, at most {most:.0%}: {fits}")
    console.print(text.format(share=share, most=FULL, fits=fits))
    if share > FULL:
        console.print(advice(groups))
