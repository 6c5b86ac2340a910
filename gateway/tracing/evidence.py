"""What is known of one asset's window: its log and what was told, from a trace or from a store.

A window is a function of the asset's log, so the log around it is all that an explanation needs.
The store is read beside the gateway that writes it.
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from gateway.archive.segments import pages, records, segments_of
from gateway.archive.standing import ask
from gateway.errors import GatewayError
from gateway.figures.calendar import Calendar
from gateway.figures.eras import Eras
from gateway.figures.journal import Journal
from gateway.figures.replay import replay
from gateway.figures.windows import HOUR_MS, Window
from gateway.sitefile.document import nearest
from gateway.storage.facts import Family
from gateway.storage.rows import parse_log
from gateway.tracing.playing import Player, polls
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.kpi import KpiSpec
    from gateway.model import Asset, Entry
    from gateway.plant import Plant
    from gateway.tracing.stage import Stage
    from gateway.tracing.window import Wanted

REACH_MS = 26 * HOUR_MS
"""How much of the log before and after a window is read: all that it can depend on."""
OEE = "oee"

Rows = list[tuple["Entry", ...]]


@dataclass(slots=True)
class Told:
    """What a trace or a store holds of one asset.

    Attributes:
        rows: the log, as it was written.
        bodies: oee and energy records by class, in the order in which they were told.
        now_ms: how far time has passed.
    """

    rows: Rows = field(default_factory=list)
    bodies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    now_ms: int = 0

    def hear(self, cls: str, body: bytes) -> None:
        """Take a record."""
        if cls == OEE or cls.startswith("energy/"):
            self.bodies.setdefault(cls, []).append(orjson.loads(body))


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that an explanation is made from.

    Attributes:
        window: what is explained.
        told: the statement of each class, where one was made.
        now_ms: up to when anything is known.
    """

    asset: Asset
    spec: KpiSpec
    window: Window
    journal: Journal
    eras: Eras
    calendar: Calendar
    told: Mapping[str, Mapping[str, Any]]
    now_ms: int


def of_trace(stage: Stage, asset: str) -> Told:
    """Play a trace and keep what concerns one asset."""
    found = Told()
    player = Player(stage)
    player.on_log = lambda rows: found.rows.extend(r.entries for r in rows if r.asset == asset)
    for record in player.play(polls(stage)):
        if record.asset == asset:
            found.hear(record.cls, record.body)
    found.now_ms = player.now_ms
    return found


def of_store(plant: Plant, asset: str, now_ms: int) -> Told:
    """Read what a store has of one asset, beside the gateway that writes it.

    Where none runs on it, nothing is known after the newest that the store has.

    Raises:
        GatewayError: there is no store.
    """
    folder = plant.store.path
    if not folder.is_dir():
        text = _("{path}: there is no store yet: the gateway makes it when it runs first")
        raise GatewayError(text.format(path=folder))
    found = Told(now_ms=now_ms)
    lost: list[str] = []
    newest = 0
    query = "SELECT * FROM log WHERE id > ? AND asset = ? ORDER BY id LIMIT ?"
    for segment in segments_of(folder):
        if segment.family is not Family.REST:
            continue
        for page in pages(segment, query, -1, (asset,)):
            found.rows += [row.entries for line in page if (row := parse_log(line)) is not None]
        for record in records(segment, lost):
            newest = max(newest, record.ts_ms)
            if record.asset == asset:
                found.hear(record.cls, record.body)
    if asyncio.run(ask(folder)) is None:
        newest = max(newest, *(entry.t_ms for row in found.rows for entry in row), 0)
        found.now_ms = min(now_ms, newest)
    return found


def gather(plant: Plant, name: str, told: Told, wanted: Wanted) -> Evidence:
    """Put together what is known of the window that is meant.

    Args:
        plant: the site.
        name: of the asset.
        told: what is known of it.
        wanted: the window.

    Raises:
        GatewayError: there is no such asset, or nothing of such a window.
    """
    asset = asset_of(plant, name)
    if asset.kpi is None:
        raise GatewayError(_("{asset} has no figures").format(asset=name))
    zone = ZoneInfo(plant.timezone)
    calendar = Calendar(zone, plant.rosters)
    statements = {
        cls: body
        for cls, bodies in told.bodies.items()
        if (body := wanted.newest(bodies, zone)) is not None
    }
    window = _window(asset, calendar, zone, told, statements, wanted)
    journal = Journal()
    eras = Eras(asset.kpi, asset.line, calendar, journal, None)
    replay(_around(told.rows, window), journal, eras)
    eras.begin(told.now_ms)
    same = {cls: b for cls, b in statements.items() if Window(**b["win"]) == window}
    return Evidence(asset, asset.kpi, window, journal, eras, calendar, same, told.now_ms)


def asset_of(plant: Plant, name: str) -> Asset:
    """Find an asset.

    Raises:
        GatewayError: there is none of that name.
    """
    known = {asset.name: asset for asset in plant.assets}
    if name in known:
        return known[name]
    near = nearest(name, known)
    hint = _("did you mean {near}?").format(near=near) if near else ""
    text = _("there is no asset {asset}. {hint}")
    raise GatewayError(text.format(asset=name, hint=hint).strip())


def _window(
    asset: Asset,
    calendar: Calendar,
    zone: ZoneInfo,
    told: Told,
    statements: Mapping[str, Mapping[str, Any]],
    wanted: Wanted,
) -> Window:
    """The window that is meant: the newest that was told, else one of the calendar."""
    if statements:
        newest = max(statements.values(), key=lambda body: int(body["win"]["start"]))
        return Window(**newest["win"])
    if wanted.kind in {"quarter", "hour", "shift", "day"} and told.rows:
        first = told.rows[0][0].t_ms
        for window in reversed(calendar.windows(wanted.kind, asset.line, first, told.now_ms)):
            win = {key: value for key, value in dataclasses.asdict(window).items() if value}
            if wanted.fits(win, zone):
                return window
    raise GatewayError(_("{asset}: nothing is known of such a window").format(asset=asset.name))


def _around(rows: Rows, window: Window) -> Iterable[tuple[Entry, ...]]:
    """The log that a window depends on."""
    since, until = window.start - REACH_MS, window.end + REACH_MS
    for entries in rows:
        if any(since <= entry.t_ms <= until for entry in entries):
            yield entries
