"""A gateway's figures in a life with everything in it: real store, real time keeping, crashes.

`Life` is wired as the agent does it, but for devices and publishers. What counts in the end is
what is in the store; `fold` makes the same windows from its log alone.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, cast

from gateway.correction import Correction
from gateway.errors import NotEntered
from gateway.ledger import HORIZON_MS, Ledger
from gateway.publishers.splitting import UNBOUNDED
from gateway.records import Records
from gateway.store import Store
from gateway.timekeeping.keeper import Timekeeper
from tests.kpi_traces import T0, asset
from tests.machine_clock import Machine
from tests.store_kit import KEEP_S, read_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gateway.destinations import Destinations
    from gateway.figures.calendar import Calendar
    from gateway.kpi import KpiSpec
    from gateway.model import Record, Value

NAME = "m1"
STEP_S = 10
Terms = tuple["KpiSpec", "Calendar"]
Statements = dict[tuple[str, str], dict[str, Any]]


class Nobody:
    """Publishers, where there are none."""

    most_body = UNBOUNDED

    def offer(self, records: Sequence[Record]) -> None:
        """Whatever is told is in the store."""


class Life:
    """One asset from its first poll on, whatever becomes of the process.

    Args:
        folder: for stores; a crash goes on with a copy of what was on disk.
        terms: the first settings.
    """

    def __init__(self, folder: Path, terms: Terms) -> None:
        self.machine = Machine(synced=True)
        self.machine.true_ns = (T0 + 60_000) * 1_000_000
        self.terms = terms
        self.was_set = False
        self._folder = folder
        self._lives = 0
        self._start()

    @property
    def now_ms(self) -> int:
        return self.clock.wall_ns() // 1_000_000

    def poll(self, values: Mapping[str, Value], late_s: float = 0) -> None:
        t_ms = self.now_ms - round(late_s * 1000)
        self.records.keep(self.ledger.observe(NAME, t_ms, values))

    def tick(self, seconds: float = STEP_S) -> None:
        """Let time pass, and do what is done each second."""
        self.machine.advance(seconds)
        self.correction.look()
        self.records.keep(self.ledger.advance(self.now_ms, waits=self.clock.waits))
        self.store.note_heard(self.ledger.heard())

    def enter(self, said: Mapping[str, Value], late_s: float) -> None:
        """Say something of the asset, as a command does."""
        now_ms = self.now_ms
        try:
            drafts, _unused = self.ledger.enter(NAME, now_ms - round(late_s * 1000), said, now_ms)
        except NotEntered:
            return
        self.records.keep(drafts)

    def set_clock(self, ahead_s: float) -> None:
        """Set the machine's clock, wrongly for all that anybody knows, and vouch for it."""
        self.machine.step(ahead_s - self.machine.ahead_ns / 1_000_000_000)
        self.machine.synced = True
        self.was_set = True

    async def commit(self) -> None:
        await self.store.flush()

    async def stop(self) -> None:
        """Stop in order."""
        self.ledger.rest()
        self.records.keep(self.ledger.advance(self.now_ms, waits=self.clock.waits))
        self.store.note_heard(self.ledger.heard())
        await self.store.close()

    async def restart(self, terms: Terms, *, orderly: bool, down_s: float) -> None:
        """End the process, in order or with all that wasn't committed lost, and start again."""
        if orderly:
            await self.stop()
        else:
            self._lives += 1
            shutil.copytree(self._path(self._lives - 1), self._path())
            await self.store.close()
        self.machine.advance(down_s)
        self.terms = terms
        self._start()

    async def reload(self, terms: Terms, meanwhile: Sequence[Mapping[str, Value]]) -> None:
        """Take other settings while it runs; what is polled meanwhile is held."""
        self.ledger.withdraw([NAME])
        self.records.keep([])
        await self.store.flush()
        now_ms = self.now_ms
        since_ms = now_ms - HORIZON_MS
        rows, told = await self.store.recall(since_ms, [NAME], self.clock.moved(since_ms))
        for values in meanwhile:
            self.tick(1)
            self.poll(values)
        spec, calendar = self.terms = terms
        one = asset(spec)
        state = self.store.current().get(("state", one.line, NAME))
        entries = [row.entries for row in rows]
        account = self.ledger.begin(one, calendar, entries, told, state, now_ms)
        self.records.keep(self.ledger.replace({NAME: account}, [NAME]))

    def take_back(self, meanwhile: Sequence[Mapping[str, Value]]) -> None:
        """Begin to take other settings, and go on with the old ones after all."""
        self.ledger.withdraw([NAME])
        for values in meanwhile:
            self.tick(1)
            self.poll(values)
        self.records.keep(self.ledger.take_back())

    async def told(self) -> list[tuple[str, str, dict[str, Any]]]:
        """All windows told, in order: class, subject, body."""
        return [
            (record.cls, record.subject, json.loads(record.body))
            for record in await read_all(self.store)
            if record.cls == "oee" or record.cls.startswith("energy/")
            if record.asset == NAME
        ]

    def fold(self) -> Statements:
        """What the durable log alone says of every window, as one who reads it now sees it."""
        now_ms, spec_calendar = self.now_ms, self.terms
        ledger = Ledger([asset(spec_calendar[0])], spec_calendar[1])
        since_ms = now_ms - HORIZON_MS
        rows = list(self.store.log(since_ms, self.clock.moved(since_ms)))
        ledger.restore(rows, self.store.last_heard(), (), (), now_ms)
        found: Statements = {}
        for _call in range(60):
            for draft in ledger.advance(now_ms):
                body = json.loads(draft.body)
                if draft.asset == NAME and body.get("final"):
                    assert body["rev"] == 0, "told once"
                    found[draft.cls, draft.subject] = body
        return found

    def _path(self, life: int | None = None) -> Path:
        return self._folder / str(self._lives if life is None else life)

    def _start(self) -> None:
        spec, calendar = self.terms
        self.clock = Timekeeper(self.machine)
        self.store = Store.open(
            self._path(),
            "gw-01",
            size_bytes=1 << 30,
            keep_s=KEEP_S,
            commit_s=3600.0,
            clock=self.clock,
        )
        self.ledger = Ledger([asset(spec)], calendar)
        self.records = Records(self.store, self.ledger, cast("Destinations", Nobody()), self.clock)
        self.correction = Correction(self.clock, self.store, self.ledger, self.records)
        now_ms = self.now_ms
        since_ms = now_ms - HORIZON_MS
        self.ledger.restore(
            self.store.log(since_ms, self.clock.moved(since_ms)),
            self.store.last_heard(),
            self.store.statements(since_ms),
            [r for r in self.store.current().values() if r.cls == "state"],
            now_ms,
        )
        self.correction.look()


def is_nothing(body: dict[str, Any]) -> bool:
    """Whether a statement takes back one before: nothing of an order or product is left."""
    win = body["win"]
    if win["start"] == win["end"]:
        return "order" in win
    times = body.get("time_s")
    nothing = not body["use"] if times is None else not any(times.values())
    return "product" in win and "order" not in win and nothing
