"""A ledger with a store around it that is a list: what was logged and told, and restarts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.clock import ManualClock
from gateway.figures.calendar import Calendar
from gateway.ids import make_key
from gateway.ledger import GRACE_MS, HORIZON_MS, Ledger
from gateway.model import Asset, Draft, LogRow, Record, Value
from tests.kpi_traces import SHANGHAI, asset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.kpi import KpiSpec


SECOND = 1000
Given = Value | Callable[[int], Value]


@dataclass
class Rig:
    """One or more assets; the first is the one that `poll` reads."""

    assets: Sequence[Asset]
    calendar: Calendar | None = None
    clock: ManualClock = field(default_factory=ManualClock)
    rows: list[LogRow] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    heard: dict[str, int] = field(default_factory=dict)
    reach_ms: int = HORIZON_MS

    def __post_init__(self) -> None:
        self.ledger = self._start()

    @classmethod
    def of(cls, spec: KpiSpec, calendar: Calendar | None = None) -> Rig:
        return cls([asset(spec)], calendar)

    def poll(self, t_ms: int, **values: Value) -> list[Draft]:
        return self._keep(self.ledger.observe(self.assets[0].name, t_ms, values))

    def tick(self, now_ms: int, *, waits: bool = False) -> list[Draft]:
        """Let time pass; what is told of lines and the site is kept, and not returned."""
        self.clock.wall = now_ms * 1_000_000
        drafts = self._keep(self.ledger.advance(now_ms, waits=waits))
        return [draft for draft in drafts if not draft.asset.startswith("_")]

    def move(self, since_ms: int, delta_ms: int, now_ms: int) -> list[Draft]:
        """Set the clock, which was wrong by so much from a time on."""
        self.clock.wall = now_ms * 1_000_000
        return self._keep(self.ledger.move(since_ms, delta_ms, now_ms))

    def commit(self) -> None:
        """Make what was logged and heard durable."""
        self.rows += self.ledger.take_log()
        self.heard = self.ledger.heard()

    def restart(self, now_ms: int, *, graceful: bool = False) -> None:
        """Stop, orderly or not, and start again from what was made durable."""
        if graceful:
            self.ledger.rest()
            self.commit()
        self.clock.wall = now_ms * 1_000_000
        self.ledger = self._start()
        rows, statements, states = self._known(now_ms)
        now_ms = self.clock.wall_ns() // 1_000_000
        self.ledger.restore(rows, self.heard, statements, states.values(), now_ms)

    def withdraw(self) -> None:
        """Put the accounts by, as for a change while it runs."""
        self.ledger.withdraw([asset.name for asset in self.assets])
        self.commit()

    def begin_anew(self, now_ms: int) -> None:
        """Begin an account for each asset that was put by, from what was made durable."""
        calendar = self.calendar or Calendar(SHANGHAI)
        rows, statements, states = self._known(now_ms)
        accounts = {
            one.name: self.ledger.begin(
                one,
                calendar,
                [row.entries for row in rows if row.asset == one.name],
                [record for record in statements if record.asset == one.name],
                states.get(one.name),
                now_ms,
            )
            for one in self.assets
        }
        self._keep(self.ledger.replace(accounts, accounts.keys()))

    def take_back(self) -> None:
        """Go on with the accounts that were put by."""
        self._keep(self.ledger.take_back())

    def told(
        self, cls: str, kind: str | None = None, of: str | None = None
    ) -> list[dict[str, Any]]:
        """Bodies of a class, in order; of one kind of window where it is named.

        Args:
            cls: of the records.
            kind: of windows.
            of: an asset, `_line` or `_site`; None: every asset but those two.
        """
        bodies = [body for record, body in self.bodies(cls) if _is_of(record, of)]
        return [body for body in bodies if kind is None or body["win"]["kind"] == kind]

    def bodies(self, cls: str) -> list[tuple[Record, dict[str, Any]]]:
        """Every record of a class, with its body."""
        return [(record, json.loads(record.body)) for record in self.records if record.cls == cls]

    def finals(self, of: str | None = None) -> dict[tuple[str, str], dict[str, Any]]:
        """The statement of each window that counts: of the highest rev, without it."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for record in self.records:
            body = json.loads(record.body)
            if body.get("final") and _is_of(record, of):
                best = found.get((record.cls, record.subject))
                assert best is None or body["rev"] == best["rev"] + 1, "one step a restatement"
                found[record.cls, record.subject] = body
        return {
            key: {name: value for name, value in body.items() if name != "rev"}
            for key, body in found.items()
        }

    def _known(self, now_ms: int) -> tuple[list[LogRow], list[Record], dict[str, Record]]:
        """What a store would give at a start: rows, statements, states."""
        since = now_ms - self.reach_ms
        statements: dict[tuple[str, ...], Record] = {}
        states: dict[str, Record] = {}
        for record in self.records:
            if record.cls == "state":
                states[record.asset] = record
            elif record.ts_ms >= since:
                statements[record.cls, record.line, record.asset, record.subject] = record
        rows = [row for row in self.rows if max(e.t_ms for e in row.entries) >= since]
        return rows, list(statements.values()), states

    def _start(self) -> Ledger:
        calendar = self.calendar or Calendar(SHANGHAI)
        return Ledger(self.assets, calendar, grace_ms=GRACE_MS)

    def _keep(self, drafts: list[Draft]) -> list[Draft]:
        for draft in drafts:
            key = make_key(1, len(self.records) + 1)
            place = draft.cls, draft.line, draft.asset
            self.records.append(Record(key, *place, draft.ts_ms, draft.body, draft.subject))
        self.commit()
        return drafts


def _is_of(record: Record, asset: str | None) -> bool:
    return record.asset == asset if asset else not record.asset.startswith("_")


def body(rig: Rig, cls: str) -> dict[str, Any]:
    """The last record's body."""
    return rig.told(cls)[-1]


def run(rig: Rig, start: int, end: int, step: int = 10 * SECOND, **values: Given) -> None:
    """Poll from start to end, counters given as `lambda t: …`."""
    for t in range(start, end, step):
        rig.poll(t, **{name: v(t) if callable(v) else v for name, v in values.items()})
        rig.tick(t)
