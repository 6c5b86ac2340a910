"""A simulated week as its lines arrive, given to the engine, and what was told of it in the end."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gateway.figures.calendar import Calendar
from gateway.ids import make_key
from gateway.ledger import HORIZON_MS, Ledger
from gateway.model import LogRow, Record
from gateway.tracing.playing import Player, polls
from gateway.tracing.stage import Stage, set_up
from simulators.week.written import write_site, write_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from gateway.model import Draft
    from simulators.week.run import WorkshopWeek
    from simulators.week.written import Step

TICK_MS = 5_000
SETTLED_MS = 600_000
"""After the end of a week, all of its windows are closed."""

Key = tuple[str, str, str]
"""Asset (of a roll-up with its line in front), class, subject."""
Told = dict[Key, dict[str, Any]]
"""The body of the highest rev of each window."""


def stage_of(week: WorkshopWeek, folder: Path, steps: Sequence[Step] = ()) -> Stage:
    """A site file and a trace, read as `nxgate replay` reads them."""
    site, trace = folder / "site.yaml", folder / "trace.jsonl"
    write_site(site, week.workshop)
    write_trace(trace, week.lines, steps)
    return set_up(site, trace)


def replayed(stage: Stage, until: int) -> Told:
    """What a replay tells in the end."""
    return last_word(Player(stage).play(polls(stage), until + SETTLED_MS))


def last_word(records: Iterable[Record]) -> Told:
    """The highest rev of each window; revisions rise by one."""
    told: Told = {}
    for record in records:
        if record.cls == "oee" or record.cls.startswith("energy"):
            key = name_of(record), record.cls, record.subject
            body = json.loads(record.body)
            before = told.get(key)
            assert body["rev"] == (0 if before is None else before["rev"] + 1), key
            told[key] = body
    return told


def name_of(record: Record) -> str:
    """The asset; `line/_line` of a line's roll-up."""
    return f"{record.line}/{record.asset}" if record.asset.startswith("_") else record.asset


class Restarting:
    """A ledger with a store around it that is a list, which is stopped and started again."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._assets = stage, stage.plant.assets
        self._calendar = Calendar(ZoneInfo(stage.plant.timezone), stage.plant.rosters)
        self.ledger = Ledger(self._assets, self._calendar)
        self._rows: list[LogRow] = []
        self._records: dict[Key, Record] = {}
        self._states: dict[str, Record] = {}
        self._told: list[Record] = []
        self._now = self._ticked = 0

    def play(self, until: int, restarts: Sequence[int]) -> Told:
        """Play the trace, with a restart before the first poll after each of these times."""
        waiting = sorted(restarts, reverse=True)
        for t, asset, values in polls(self._stage):
            if t > self._now:
                self._now = t
                if t - self._ticked >= TICK_MS:
                    self._tick()
                if waiting and t >= waiting[-1]:
                    waiting.pop()
                    self._restart()
            self._keep(self.ledger.observe(asset, t, values))
        while self._now < until + SETTLED_MS:
            self._now += TICK_MS
            self._tick()
        return last_word(self._told)

    def _tick(self) -> None:
        self._ticked = self._now
        self._keep(self.ledger.advance(self._now))

    def _restart(self) -> None:
        """Stop in order, and start again from what was made durable."""
        self.ledger.rest()
        self._rows += self.ledger.take_log()
        since, heard = self._now - HORIZON_MS, self.ledger.heard()
        self._rows = [r for r in self._rows if max(e.t_ms for e in r.entries) >= since]
        self.ledger = Ledger(self._assets, self._calendar)
        statements = [r for r in self._records.values() if r.ts_ms >= since]
        self.ledger.restore(self._rows, heard, statements, self._states.values(), self._now)

    def _keep(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            place = draft.cls, draft.line, draft.asset
            key = make_key(1, len(self._told) + 1)
            record = Record(key, *place, draft.ts_ms, draft.body, draft.subject)
            self._told.append(record)
            if draft.cls == "state":
                self._states[draft.asset] = record
            elif draft.cls != "event":
                self._records[name_of(record), draft.cls, draft.subject] = record
        self._rows += self.ledger.take_log()


def by_asset(told: Told) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Asset → (class, body) of each window of the clock; an order or a product is a part."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for (asset, cls, _subject), body in told.items():
        if not {"order", "product"} & body["win"].keys():
            found[asset].append((cls, body))
    return found
