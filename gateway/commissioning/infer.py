"""`nxgate infer`: the register behind a number on a display, and how it is to be read."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import click
import orjson

from gateway.commissioning.displays import shown
from gateway.commissioning.links import named
from gateway.commissioning.ranking import rank
from gateway.commissioning.readings import Region, region, save, saved
from gateway.commissioning.registers import read
from gateway.driver import AddressError
from gateway.errors import GatewayError
from gateway.exits import FAILED
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.commissioning.links import Named
    from gateway.commissioning.ranking import Candidate, Ranked, Seen
    from gateway.commissioning.readings import Reading
    from gateway.driver import Numbers

CLEAR = 0.95
"""Share from which on one number stands for what is shown, and no other."""
_AT_LEAST, _WORTH = 3, 0.005
"""Rows that are always shown, and the share from which on more are."""
_KEPT_WHOLE = 6
"""Columns that name the candidate."""
_TABLES = {"holding": 4, "input": 3}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found.

    Attributes:
        words: LINK, or SITE and DEVICE; none where only saved readings are looked at.
        unit: of a device on LINK.
        region: e.g. `holding:0-200`; None: that of the saved readings.
        shown: what the display shows now, None where it isn't known yet.
        earlier: files of saved readings.
        keep: the file to save this reading to.
        top: rows to print.
        at_once: registers in one request to a device on LINK; None: what the protocol allows.
    """

    words: tuple[str, ...]
    unit: int
    region: str | None
    shown: str | None
    earlier: tuple[Path, ...]
    keep: Path | None
    top: int
    as_json: bool
    timeout_s: float
    at_once: int | None = None


def infer(wanted: Wanted) -> int:
    """Rank what the number may be; 0 where something fits.

    Raises:
        ConfigError: the site file has faults.
        GatewayError: the command line can't be read, or the device.
    """
    readings = [saved(path) for path in wanted.earlier]
    about: Named | None = None
    if wanted.words:
        text = _("write e.g. nxgate infer SITE DEVICE, or a link and --unit")
        about = named(wanted.words, text)
        readings.append(_now(about, wanted, readings))
    elif readings and wanted.shown and not readings[-1].shown:
        readings[-1] = replace(readings[-1], shown=wanted.shown)
    if not readings:
        raise GatewayError(_("name a device (SITE DEVICE, or a link), or a reading with --from"))
    if wanted.keep is not None:
        save(readings[-1], wanted.keep)
        click.echo(_("kept in {path}").format(path=wanted.keep), err=True)
    if not readings[-1].shown and wanted.keep is not None:
        return 0
    seen = _seen(readings)
    ranked = rank(seen)
    while about and sys.stdin.isatty() and not wanted.as_json and not _is_clear(ranked):
        _tell(ranked, seen, wanted, _speller(about, seen))
        text = _("what does it show now, when it has changed? (Enter: enough)")
        again = click.prompt(text, default="", show_default=False, err=True)
        if not again:
            return 0 if ranked else FAILED
        readings.append(_now(about, replace(wanted, shown=again), readings))
        seen = _seen(readings)
        ranked = rank(seen)
    _tell(ranked, seen, wanted, _speller(about, seen))
    return 0 if ranked else FAILED


def _now(about: Named, wanted: Wanted, readings: Sequence[Reading]) -> Reading:
    """Read the device at this moment.

    Raises:
        GatewayError: nothing says which registers, or they can't be read.
    """
    if wanted.region is None and not readings:
        raise GatewayError(_("say which registers: e.g. --region holding:0-200"))
    where = _region(wanted.region, about) if wanted.region else readings[0].region
    if wanted.shown:
        shown(wanted.shown)  # before the device is asked
    elif wanted.keep is None:
        raise GatewayError(_("say what the display shows: e.g. --shown 231.4"))
    made = asyncio.run(read(about, wanted.unit, where, wanted.timeout_s, wanted.at_once))
    return replace(made, shown=wanted.shown or "")


def _region(text: str, about: Named) -> Region:
    """Read `holding:0-200`, or as the device's own PLC counts: `D100-130`.

    Raises:
        GatewayError: it is none.
    """
    if not hasattr(about.plugin, "run"):
        return region(text)
    try:
        table, first, last = cast("Numbers", about.plugin).run(text, about.areas)
    except AddressError as error:
        raise GatewayError(str(error)) from error
    return region(str(Region(table, first, last)))


def _seen(readings: Sequence[Reading]) -> list[Seen]:
    """Each reading with what was shown.

    Raises:
        GatewayError: one has nothing shown, or is of other registers.
    """
    regions = {reading.region for reading in readings}
    if len(regions) > 1:
        text = _("the readings are of different registers: {regions}")
        raise GatewayError(text.format(regions=", ".join(sorted(map(str, regions)))))
    if not all(reading.shown for reading in readings):
        raise GatewayError(_("a reading has nothing shown: give it with --shown"))
    return [(reading, shown(reading.shown)) for reading in readings]


def _speller(about: Named | None, seen: Sequence[Seen]) -> Callable[[int], str]:
    """How the device itself names a register."""
    table = seen[0][0].region.table
    if about is None or not about.areas or not hasattr(about.plugin, "spell"):
        return lambda address: f"{table}:{address}"
    plugin, areas = cast("Numbers", about.plugin), about.areas
    return lambda address: plugin.spell(table, address, areas)


def _is_clear(ranked: Sequence[Ranked]) -> bool:
    return bool(ranked) and ranked[0].share >= CLEAR and not ranked[0].others


def _tell(
    ranked: Sequence[Ranked], seen: Sequence[Seen], wanted: Wanted, spell: Callable[[int], str]
) -> None:
    if wanted.as_json:
        rows = [_as_data(one, spell) for one in ranked[: wanted.top]]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    if not ranked:
        text = _(
            "nothing in {region} reads as {shown}: the number lies elsewhere, is computed by the "
            "display, or moved too fast; try other registers (input instead of holding)"
        )
        where, numbers = seen[0][0].region, ", ".join(look.text for _reading, look in seen)
        click.echo(text.format(region=where, shown=numbers), err=True)
        return
    told = [
        one
        for place, one in enumerate(ranked[: wanted.top])
        if place < _AT_LEAST or one.share >= _WORTH
    ]
    _print(told, seen, spell)
    _advise(ranked, seen)
    click.echo(_piece(ranked[0], seen, spell), nl=False)


def _print(ranked: Sequence[Ranked], seen: Sequence[Seen], spell: Callable[[int], str]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a display's library, loaded by displays
    from rich.table import Table  # noqa: PLC0415

    reading = seen[0][0]
    made = Table(box=None)
    # What a narrow terminal breaks are the last columns.
    heads = ("%", _("address"), "", _("kind"), _("byte order"), _("scale"), _("value"))
    for place, head in enumerate((*heads, _("raw registers"), _("or"))):
        made.add_column(
            head,
            justify="right" if place in {0, 5, 6} else "left",
            no_wrap=place < _KEPT_WHOLE,
            overflow="fold",
        )
    for one in ranked:
        best = one.best
        start = best.address - reading.region.first
        words = reading.words[start : start + best.decoding.width]
        made.add_row(
            f"{one.share:.0%}",
            spell(best.address),
            f"{_TABLES[reading.region.table]}x{best.address + 1:05d}",
            best.kind,
            best.decoding.order if best.decoding.width > 1 else "",
            f"{best.scale:g}",
            ", ".join(f"{value:.7g}" for value in best.values),
            " ".join(f"{word:04X}" for word in words if word is not None),
            ", ".join(_spelled(other, spell) for other in one.others[:3]),
        )
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(made)


def _advise(ranked: Sequence[Ranked], seen: Sequence[Seen]) -> None:
    """Say what would make it surer."""
    first = ranked[0]
    if first.share < CLEAR:
        text = _(
            "not clear yet: read again when the display shows another number (--save this "
            "reading, --from it then), or one with more digits"
        )
        click.echo(text, err=True)
    elif first.others and len(seen) > 0:
        text = _(
            "{kind} and {others} read the same as long as the registers beside it are 0: look "
            "again when the number is larger, or see what its neighbours are"
        )
        others = ", ".join(dict.fromkeys(str(other.kind) for other in first.others))
        click.echo(text.format(kind=first.best.kind, others=others), err=True)


def _piece(first: Ranked, seen: Sequence[Seen], spell: Callable[[int], str]) -> str:
    """The part of a site file that reads the first of the list."""
    reading, look = seen[-1]
    tag = _tag(first.best, spell(first.best.address), look.unit)
    lines = ["devices:", f"  {reading.device}:"]
    if reading.link:
        link = orjson.dumps(reading.link).decode()
        lines += [f"    link: {link}", f"    unit: {reading.unit}"]
    lines += ["    tags:", f"      found: {tag}"]
    return "\n".join(lines) + "\n"


def _tag(best: Candidate, at: str, unit: str) -> str:
    parts = [f"at: {at}", f"kind: {best.kind}"]
    width = best.decoding.width
    if best.kind is Kind.BCD and width > 1:
        parts.append(f"length: {width}")
    if width > 1 or best.decoding.order != "ABCD":
        parts.append(f"order: {best.decoding.order}")
    if best.power:
        parts.append(f"scale: {best.scale:g}" if best.power > -5 else f"scale: {best.scale:f}")  # noqa: PLR2004
    if unit:
        parts.append(f"unit: {orjson.dumps(unit).decode()}")
    return "{" + ", ".join(parts) + "}"


def _spelled(other: Candidate, spell: Callable[[int], str]) -> str:
    order = f" {other.decoding.order}" if other.decoding.width > 1 else ""
    return f"{spell(other.address)} {other.kind}{order}"


def _as_data(one: Ranked, spell: Callable[[int], str]) -> dict[str, object]:
    best = one.best
    return {
        "share": round(one.share, 4),
        "at": spell(best.address),
        "kind": best.kind,
        "order": best.decoding.order,
        "scale": best.scale,
        "values": best.values,
        "others": [_spelled(other, spell) for other in one.others],
    }
