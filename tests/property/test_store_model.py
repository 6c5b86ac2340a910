"""The store against a list: whatever happens in whatever order, what was committed is there."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import tempfile
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from gateway.errors import StoreError
from gateway.model import Draft, LogRow, Record
from gateway.storage import commits
from gateway.storage.facts import Family
from gateway.storage.shelf import Shelf
from tests.store_kit import NOW_MS, counted, open_store, read_all, state, telemetry

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from gateway.storage.segment import Segment
    from gateway.store import Dropped, Store

SIZE = 200_000
SEGMENT = 30_000
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - syncs cost nothing there
PUBLISHERS = ("one", "two")
RING = {"FULL_BYTES": 12_000, "_LEAST_RING": 4_000, "_SLACK": 500}


SEGMENT_OF = Shelf._segment


def _segment_of(
    shelf: Shelf, machine: StoreMachine, family: Family, records: list[Record], next_key: int
) -> Segment:
    """Stand before the shelf's own way to what it writes to."""
    if machine.broken == "all" or (machine.broken and family is Family.TELEMETRY):
        raise sqlite3.OperationalError("disk I/O error")
    return SEGMENT_OF(shelf, family, records, next_key)


class StoreMachine(RuleBasedStateMachine):
    """Appends, commits, acknowledges, restarts and crashes, on a disk that fails at times.

    Attributes:
        given: every record whose key was ever given, by key.
        committed: keys that a flush has returned for.
        gone: committed keys that the store no longer has.
        acked, saved: acknowledgements by publisher: all, and those that a flush returned for.
        declared: what a publisher was told that it will never get.
        broken: what the disk refuses: nothing, all, or telemetry only (`half` of each batch).
        half: True where a commit was left half done.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="nxgate-model-", dir=MEMORY))
        self.life = 0
        self.loop = asyncio.new_event_loop()
        self.patches: list[Any] = [
            patch.object(commits, name, value) for name, value in RING.items()
        ]
        self.patches.append(patch.object(Shelf, "_segment", partialmethod(_segment_of, self)))
        for each in self.patches:
            each.start()
        self.given: dict[int, Record] = {}
        self.committed: set[int] = set()
        self.gone: set[int] = set()
        self.acked: dict[str, set[int]] = {name: set() for name in PUBLISHERS}
        self.saved: dict[str, set[int]] = {name: set() for name in PUBLISHERS}
        self.declared: list[Dropped] = []
        self.broken = ""
        self.half = False
        self.rows = 0
        self.rows_committed = 0
        self.number = 0
        self.store: Store

    @initialize()
    def first_start(self) -> None:
        self.start()

    def start(self) -> None:
        self.store = open_store(self.folder, size_bytes=SIZE, segment_bytes=SEGMENT)
        assert self.store.last_key > max(self.given, default=0), "no key is used twice"
        self.store.on_drop.append(self.declare)
        self.compare(self.run(read_all(self.store)))
        for name in PUBLISHERS:
            position = self.store.position(name)
            for key in self.saved[name] - self.gone:
                assert position.is_acked(key), "a saved acknowledgement is kept"
            for key in self.committed - self.gone - self.acked[name]:
                assert not position.is_acked(key), "a position is never ahead"
            # What the other side said and a crash took from us, it will be asked again.
            self.acked[name] = {k for k in self.acked[name] if position.is_acked(k)}

    @property
    def folder(self) -> Path:
        return self.root / str(self.life)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever work returns
        return self.loop.run_until_complete(work)

    def declare(self, dropped: Dropped) -> None:
        self.declared.append(dropped)
        body = f'{{"first":{dropped.first}}}'.encode()
        self.keep(self.store.append([Draft("event/gap", "_gw", "gw-01", NOW_MS, body)]))

    def keep(self, records: list[Record]) -> None:
        for record in records:
            assert record.key not in self.given
            self.given[record.key] = record

    @rule(
        kinds=st.lists(st.booleans(), max_size=12),
        size=st.integers(0, 3000),
        rows=st.integers(0, 2),
    )
    def append(self, kinds: list[bool], size: int, rows: int) -> None:
        drafts = []
        for kind in kinds:
            self.number += 1
            draft = telemetry(self.number, size=size) if kind else state(self.number, size=size)
            drafts.append(draft)
        lines = [counted(self.rows + n) for n in range(rows)]
        self.rows += rows

        async def work() -> None:
            self.keep(self.store.append(drafts, lines))

        self.run(work())

    @rule()
    def flush(self) -> None:
        given, rows = set(self.given), self.rows
        acked = {name: set(keys) for name, keys in self.acked.items()}
        try:
            self.run(self.store.flush())
        except StoreError:
            assert self.broken
            self.half = self.half or self.broken == "half"
            return
        self.half = False
        self.note_committed(given)
        self.rows_committed = rows
        self.saved = acked

    @rule(how=st.sampled_from(["all", "half"]))
    def break_disk(self, how: str) -> None:
        self.broken = how

    @rule()
    def mend_disk(self) -> None:
        self.broken = ""

    @precondition(lambda self: self.broken)
    @rule()
    def lose_patience(self) -> None:
        """What a timer does after five seconds without a commit."""
        self.flush()
        if self.store.status().failing is not None:

            async def work() -> None:
                self.store._commits._go_on_without()

            self.run(work())
            assert self.store.ring
            assert self.store._commits.bytes <= RING["FULL_BYTES"]

    @rule(
        how=st.sampled_from(["all", "half"]),
        sizes=st.lists(st.integers(0, 3000), min_size=3, max_size=12),
        data=st.data(),
    )
    def outage(self, how: str, sizes: list[int], data: st.DataObject) -> None:
        """Go on for longer than memory lasts."""
        self.broken = how
        self.append([True, False], sizes[0], 1)
        self.lose_patience()
        for size in sizes:
            self.append([True, False, True], size, 1)
            self.acknowledge("one", data)
        if how == "half":
            self.flush()
        self.broken = ""
        self.flush()

    @precondition(lambda self: self.broken == "all" and not self.half)
    @rule()
    def stop_with_a_broken_disk(self) -> None:
        """What only memory had is lost with it."""
        waits = self.store._commits.bytes
        try:
            self.run(self.store.close())
        except StoreError:
            pass
        else:
            assert not waits
        self.broken = ""
        self.rows = self.rows_committed
        self.forget_uncommitted()
        self.start()

    @rule(name=st.sampled_from(PUBLISHERS), data=st.data())
    def acknowledge(self, name: str, data: st.DataObject) -> None:
        open_keys = sorted(set(self.given) - self.acked[name] - self.gone)[-40:]
        some = data.draw(st.lists(st.sampled_from(open_keys), max_size=20)) if open_keys else []

        async def work() -> None:
            position = self.store.position(name)
            for key in some:
                position.ack(key)
                assert position.is_acked(key)

        self.run(work())
        self.acked[name] |= set(some)

    @rule(name=st.sampled_from(PUBLISHERS))
    def acknowledge_everything(self, name: str) -> None:
        everything = set(self.given) - self.gone

        async def work() -> None:
            position = self.store.position(name)
            for key in sorted(everything):
                position.ack(key)

        self.run(work())
        self.acked[name] |= everything

    @rule()
    def restart(self) -> None:
        self.broken = ""
        self.half = False
        given, rows = set(self.given), self.rows
        self.run(self.store.close())
        self.note_committed(given)
        self.rows_committed = rows
        self.saved = {name: set(keys) for name, keys in self.acked.items()}
        self.forget_uncommitted()  # declared in the last commit, with no other to follow
        self.start()

    @precondition(lambda self: not self.half)
    @rule()
    def crash(self) -> None:
        """Go on with the files as a kill would leave them now."""
        before = self.folder
        self.life += 1
        shutil.copytree(before, self.folder)
        for index in self.folder.glob("*-shm"):  # lives in memory, and a reboot takes it
            index.unlink()
        self.broken = ""
        old = self.store
        old.on_drop.clear()
        self.rows = self.rows_committed
        self.forget_uncommitted()
        self.start()
        self.run(old.close())

    def note_committed(self, given: set[int]) -> None:
        """Note what a commit has: all that was given before, and gaps declared with it."""
        reached = self.store.committed_key
        assert max(given, default=0) <= reached
        self.committed |= {key for key in self.given if key <= reached}

    def forget_uncommitted(self) -> None:
        for key in set(self.given) - self.committed:
            del self.given[key]

    @precondition(lambda self: self.committed)
    @rule(limit=st.integers(1, 50))
    def read(self, limit: int) -> None:
        async def work() -> list[Record]:
            return await read_all(self.store, limit=limit)

        self.compare(self.run(work()))

    def compare(self, found: list[Record]) -> None:
        keys = [record.key for record in found]
        assert keys == sorted(set(keys)), "in order, and once"
        for record in found:
            assert record == self.given[record.key], "as it was given"
        missing = self.committed - set(keys)
        assert self.gone <= missing, "what is gone stays gone"
        for key in missing - self.gone:
            record = self.given[key]
            for name in PUBLISHERS:
                assert key in self.acked[name] or self.was_declared(name, record), "told"
        self.gone = missing

    def compare_log(self, found: list[LogRow]) -> None:
        """What lacks at its beginning went with old records; elsewhere it says "unknown"."""
        expected, is_unknown = 0, any(self.given[key].cls == "state" for key in self.gone)
        for row in found:
            (entry,) = row.entries
            if entry.value is None:
                is_unknown = True
                continue
            number = int(entry.value)
            assert row == counted(number)
            assert number == expected or (is_unknown and number > expected)
            expected, is_unknown = number + 1, False
        assert expected == self.rows or is_unknown

    def was_declared(self, name: str, record: Record) -> bool:
        return any(
            d.publisher == name and d.cls == record.cls and d.first <= record.key <= d.last
            for d in self.declared
        )

    @invariant()
    def positions_hold_what_was_acknowledged(self) -> None:
        if not self.given:
            return
        for name in PUBLISHERS:
            position = self.store.position(name)
            ranges = position.ranges
            assert all(lo <= hi for lo, hi in ranges)
            assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(ranges))
            assert not ranges or ranges[0][0] > position.low + 1

    def teardown(self) -> None:
        self.broken = ""
        if hasattr(self, "store"):
            self.restart()
            self.compare(self.run(read_all(self.store)))
            self.compare_log(list(self.store.log(0)))
            last = 0
            while last != self.store.last_key:  # a commit may cost a segment, and declares that
                last = self.store.last_key
                for name in PUBLISHERS:
                    self.acknowledge_everything(name)
                self.flush()
                self.flush()
            for name in PUBLISHERS:
                position = self.store.position(name)
                assert (position.low, position.ranges) == (self.store.last_key, [])
                assert position.pending(self.store.last_key) == 0
            self.run(self.store.close())
        self.loop.close()
        for each in self.patches:
            each.stop()
        shutil.rmtree(self.root)


TestStoreModel = StoreMachine.TestCase
TestStoreModel.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking syncs a disk for minutes
    suppress_health_check=[HealthCheck.too_slow],
)
