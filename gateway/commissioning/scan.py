"""`nxgate scan`: which devices are on a link, and the piece of a site file that reads them."""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import click

from gateway.clock import SystemClock
from gateway.commissioning import out_file
from gateway.commissioning.discovering import discover
from gateway.commissioning.knowledge import gather
from gateway.commissioning.links import holder, named
from gateway.commissioning.site_piece import piece, whole
from gateway.commissioning.sweep import Manner, Sweep
from gateway.driver import AddressError
from gateway.errors import GatewayError
from gateway.exits import FAILED, INTERRUPTED
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.commissioning.links import Named
    from gateway.commissioning.sweep import Found
    from gateway.driver import Explores

BAUDS = (9600, 19200, 38400, 4800, 2400, 57600, 115200, 1200)
"""What devices are set to, the usual first."""
_LINE = 60
_BLANK = f"\r{'':<{_LINE}}\r"
"""Takes the line of progress away; terminals of Windows may know no other way."""
_SPAN = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be searched.

    Attributes:
        words: LINK, or SITE and DEVICE.
        units: e.g. `1-247` or `1,3,10-20`; None: all that the link may have.
        bauds: `all`, or speeds with commas; None: the link's own.
        parities: e.g. `N,E`.
        out: the file to be written as well.
    """

    words: tuple[str, ...]
    units: str | None
    bauds: str | None
    parities: str | None
    out: Path | None
    manner: Manner


def scan(wanted: Wanted) -> int:
    """Search a link; 0 where something was found.

    Raises:
        ConfigError: the site file has faults.
        GatewayError: the command line can't be read, the link can't be opened, or is in use.
    """
    text = _("write e.g. nxgate scan modbus+rtu:///dev/ttyUSB0?baud=9600, or SITE DEVICE")
    about = named(wanted.words, text)
    if hasattr(about.plugin, "discover"):
        return discover(about, _urls(about, wanted), wanted.out)
    if not hasattr(about.plugin, "explorer"):
        scheme = about.url.partition("://")[0]
        raise GatewayError(_("{scheme} can't be scanned").format(scheme=scheme))
    out_file.check(wanted.out)
    urls = _urls(about, wanted)
    sweep = Sweep(wanted.manner)
    code = 0
    try:
        asyncio.run(search(about, urls, wanted, sweep))
    except KeyboardInterrupt:
        code = INTERRUPTED
        click.echo(_("\nstopped; this was found until then"), err=True)
    except GatewayError as error:
        if not sweep.found:
            raise
        code = FAILED
        click.echo(f"\n{error}", err=True)
    _tell(sweep, about, wanted, urls)
    return code or (0 if sweep.found else FAILED)


async def search(about: Named, urls: Sequence[str], wanted: Wanted, sweep: Sweep) -> None:
    """Go through the units of a link, at each speed."""
    knowledge = gather(about.url, about.folder)
    for fault in knowledge.faults:
        click.echo(str(fault), err=True)
    clock, progress = SystemClock(), _Progress()
    for url in urls:
        link = about.plugin.link(url, clock)
        explorer = cast("Explores", about.plugin).explorer(link)
        known = {found.unit for found in sweep.found}
        units = [unit for unit in _units(wanted.units, explorer.units) if unit not in known]
        if units:
            try:
                await sweep.go(link, about.plugin, explorer, knowledge, units, clock, progress)
            except GatewayError as error:
                raise GatewayError(f"{error}{await holder(about)}") from error


def _urls(about: Named, wanted: Wanted) -> tuple[str, ...]:
    """The link at each speed and parity that was asked for; the link as it is where none was.

    Raises:
        GatewayError: it has neither, or they are none.
    """
    if wanted.bauds is None and wanted.parities is None:
        return (about.url,)
    spelled = re.search(r"[?&]baud=(\d+)", about.url)
    bauds = [int(spelled[1]) if spelled else BAUDS[0]]
    if wanted.bauds == "all":
        bauds = list(BAUDS)
    elif wanted.bauds is not None:
        if not re.fullmatch(r"\d+(,\d+)*", wanted.bauds):
            raise GatewayError(_("write speeds as --bauds 9600,19200, or --bauds all"))
        bauds = [int(part) for part in wanted.bauds.split(",")]
    parity = re.search(r"[?&]parity=([NEO])", about.url)
    usual = "E" if hasattr(about.plugin, "discover") else "N"
    parities = (wanted.parities or (parity[1] if parity else usual)).split(",")
    try:
        return cast("Explores", about.plugin).variants(about.url, bauds, parities)
    except AddressError as error:
        raise GatewayError(str(error)) from error


def _units(text: str | None, known: range) -> list[int]:
    """Read `1-20,33`.

    Raises:
        GatewayError: they are no units of the link.
    """
    if text is None:
        return list(known)
    found: dict[int, None] = {}
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        first = int(match[1]) if match else -1
        last = int(match[2] or first) if match else -1
        if not 0 <= first <= last <= 255:  # noqa: PLR2004 - a byte
            raise GatewayError(_("{text} names no units: write e.g. 1-20,33").format(text=text))
        found |= dict.fromkeys(range(first, last + 1))
    return list(found)


def _tell(sweep: Sweep, about: Named, wanted: Wanted, urls: Sequence[str]) -> None:
    """Print what was found, and what stood in the way."""
    fresh = [one for one in sweep.found if (one.link, one.unit) not in about.taken.values()]
    if sweep.late:
        text = _("{count} answers came late; a longer --timeout finds slow devices surely")
        click.echo(text.format(count=sweep.late), err=True)
    if sweep.noise:
        text = _(
            "on {urls} something was heard that is no answer: noise, or devices of another speed, "
            "parity or protocol; try --bauds all, --parities N,E"
        )
        click.echo(text.format(urls=", ".join(sweep.noise)), err=True)
    if not sweep.found:
        text = _(
            "nobody answers on {urls}: check power and wiring (A and B exchanged?), the devices' "
            "own settings (Modbus, not another protocol), and speeds with --bauds all"
        )
        click.echo(text.format(urls=", ".join(urls)), err=True)
        return
    if not fresh:
        click.echo(_("the site file has all of them already"), err=True)
        return
    made = whole(fresh) if about.plant is None else piece(fresh, about.taken)
    click.echo(made, nl=False)
    out_file.write(wanted.out, made)


class _Progress:
    """How far it is, on the terminal; where there is none, what was found."""

    def __init__(self) -> None:
        self._is_live = sys.stderr.isatty()
        self._count = self._done = self._found = 0

    def begin(self, url: str, count: int) -> None:
        """A link's units are gone through."""
        self._count, self._done = count, 0
        click.echo(_("{url}: {count} units").format(url=url, count=count), err=True)

    def asked(self, unit: int) -> None:
        """One more was asked."""
        self._done += 1
        if self._is_live:
            text = _("unit {unit}: {done} of {count}, {found} found").format(
                unit=unit, done=self._done, count=self._count, found=self._found
            )
            click.echo(f"\r{text:<{_LINE}}", nl=False, err=True)
            if self._done == self._count:
                click.echo(_BLANK, nl=False, err=True)

    def found(self, found: Found) -> None:
        """It answered, and was asked who it is."""
        self._found += 1
        best = found.candidates[0] if found.candidates else None
        what = _("unknown")
        if best:
            what = _("{what} ({sure})").format(what=best.hypothesis.title, sure=best.confidence)
        clear = _BLANK if self._is_live else ""
        click.echo(clear + _("unit {unit}: {what}").format(unit=found.unit, what=what), err=True)
