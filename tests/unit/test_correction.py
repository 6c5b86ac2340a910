"""A wrong clock, real store and restarts together: what is told in the end is right."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from gateway.correction import Correction
from gateway.figures.calendar import Calendar
from gateway.ids import record_id
from gateway.ledger import HORIZON_MS, Ledger
from gateway.model import Batch, Record
from gateway.publishers.splitting import UNBOUNDED
from gateway.records import Records
from gateway.timekeeping.keeper import Timekeeper
from tests.kpi_traces import SHANGHAI, T0, asset, spec
from tests.machine_clock import YEAR, Machine, S
from tests.store_kit import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.destinations import Destinations

MINUTE = 60
ASSET = asset(spec(signals=("state", "count", "reject"), windows=("quarter", "hour")))
Finals = dict[str, dict[str, Any]]


@dataclass
class Platform:
    """Takes every record at once, and sorts out what counts."""

    heard: list[Record] = field(default_factory=list)
    most_body: int = UNBOUNDED

    def offer(self, records: Sequence[Record]) -> None:
        self.heard += records

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(r.body)["data"] for r in self.heard if r.cls == f"event/{kind}"]

    def finals(self) -> Finals:
        """Of each window the highest revision, but for those that an event/clock takes back."""
        found: Finals = {}
        taken_back = [
            (event["from"], event["to"])
            for event in self.events("clock")
            if abs(event["offset_ms"]) > 2000
        ]
        for record in self.heard:
            body = json.loads(record.body)
            if record.cls != "oee" or record.asset.startswith("_") or not body["final"]:
                continue
            key = record_id("gw-01", record.key)
            if body.pop("clock", None) and any(
                place(a) <= place(key) <= place(b) for a, b in taken_back
            ):
                continue
            before = found.get(record.subject)
            assert before is None or before["rev"] < body["rev"], "no revision twice"
            found[record.subject] = body
        return {
            subject: {name: value for name, value in body.items() if name != "rev"}
            for subject, body in found.items()
        }


def place(identity: str) -> tuple[int, ...]:
    return tuple(map(int, identity.split(":")[1:]))


class Process:
    """One process of a gateway, wired as the agent does it, but for devices and brokers."""

    def __init__(self, folder: Path, machine: Machine, platform: Platform) -> None:
        self.machine = machine
        self.clock = Timekeeper(machine)
        self.store = open_store(folder, clock=self.clock)
        self.ledger = Ledger([ASSET], Calendar(SHANGHAI))
        self.records = Records(self.store, self.ledger, cast("Destinations", platform), self.clock)
        self.correction = Correction(self.clock, self.store, self.ledger, self.records)
        now_ms = self.now_ms
        since_ms = now_ms - HORIZON_MS
        states = [r for r in self.store.current().values() if r.cls == "state"]
        self.ledger.restore(
            self.store.log(since_ms, self.clock.moved(since_ms)),
            self.store.last_heard(),
            self.store.statements(since_ms),
            states,
            now_ms,
        )
        self.correction.look()

    @property
    def now_ms(self) -> int:
        return self.clock.wall_ns() // 1_000_000

    async def run(self, minutes: float) -> None:
        """Poll every ten seconds, and commit every minute."""
        for poll in range(round(minutes * 6)):
            self.machine.advance(10)
            true_s = self.machine.true_ns // S - T0 // 1000
            values = {
                "state": "fault" if true_s % 1800 > 1500 else "running",
                "count": true_s // 20,
                "reject": true_s // 400,
            }
            self.records.keep(self.ledger.observe("m1", self.now_ms, values))
            self.correction.look()
            self.records.keep(self.ledger.advance(self.now_ms, waits=self.clock.waits))
            self.store.note_heard(self.ledger.heard())
            if poll % 6 == 5:
                await self.store.flush()

    async def end(self, *, orderly: bool = False) -> None:
        if orderly:
            self.ledger.rest()
            self.records.keep([])
        await self.store.close()


async def live(folder: Path, ahead_s: float, *, down_s: float = 0) -> Platform:
    """Some lives of a gateway on one boot, whose clock comes right in the second of them."""
    platform = Platform()
    machine = Machine(ahead_s, synced=not ahead_s)
    machine.true_ns = T0 * 1_000_000 + 60 * S
    for minutes in (7, 4):
        process = Process(folder, machine, platform)
        await process.run(minutes)
        await process.end()
        machine.advance(down_s)
    process = Process(folder, machine, platform)
    await process.run(2)
    machine.step(-ahead_s)
    machine.synced = True
    for minutes in (6, 3):
        await process.run(minutes)
        await process.end(orderly=True)
        process = Process(folder, machine, platform)
    await process.run(55)
    await process.end()
    return platform


def test_a_wrong_clock_and_restarts_leave_no_trace_in_the_figures(tmp_path: Path) -> None:
    async def run() -> None:
        right = await live(tmp_path / "right", 0)
        assert not right.events("clock")
        assert len(right.finals()) == 6, "five quarters and an hour"
        for number, ahead_s in enumerate((-YEAR, -3600 * 5, 600, 3 * YEAR)):
            wrong = await live(tmp_path / str(number), ahead_s)
            (event,) = wrong.events("clock")
            assert event["offset_ms"] == -ahead_s * 1000
            epochs = [place(event[end])[0] for end in ("from", "to")]
            assert epochs[1] - epochs[0] == 2, "of three processes"
            assert wrong.finals() == right.finals()
            marked = {b"unsync" in record.body for record in wrong.heard if record.cls == "state"}
            assert marked == {True, False}

    asyncio.run(run())


def test_of_an_earlier_boot_nothing_is_made_up(tmp_path: Path) -> None:
    async def run() -> None:
        platform = Platform()
        machine = Machine(-YEAR)
        process = Process(tmp_path, machine, platform)
        await process.run(3)
        await process.end()
        machine.reboot()
        machine.step(YEAR)
        machine.synced = True
        for _life in range(2):
            process = Process(tmp_path, machine, platform)
            await process.run(3)
            await process.end()
        (lost,) = platform.events("clock_lost")
        assert lost["boot"] == "boot-1"
        assert place(lost["from"])[1] == 1
        assert platform.events("clock") == []

    asyncio.run(run())


def test_an_answer_from_before_a_step_gets_the_time_after_it(tmp_path: Path) -> None:
    async def run() -> None:
        machine = Machine(-YEAR)
        process = Process(tmp_path, machine, Platform())
        await process.run(1)
        batch = Batch("plc", (), (), None, process.clock.wall_ns(), machine.mono_ns())
        machine.step(YEAR)
        machine.synced = True
        machine.advance(0.5)
        process.correction.look()
        stamped = process.correction.stamped(batch)
        assert stamped.time_ns == machine.true_ns - S // 2
        machine.advance(1)
        fresh = Batch("plc", (), (), None, process.clock.wall_ns(), machine.mono_ns())
        assert process.correction.stamped(fresh) is fresh
        await process.end()

    asyncio.run(run())
