"""A damaged store: what is intact is kept, what isn't is told, and it opens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.storage.segment import Segment
from tests.store_kit import (
    NOW_MS,
    counted,
    files,
    keys,
    open_store,
    read_all,
    segments,
    state,
    telemetry,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Record
    from gateway.store import Dropped

PAGE = 4096


def make(path: Path, *, acked: int = 0) -> list[Record]:
    """A store of several segments; the publisher `cluster` has the first `acked` records."""

    async def run() -> list[Record]:
        store = open_store(path, segment_bytes=60_000)
        position = store.position("cluster")
        records: list[Record] = []
        for number in range(10):
            drafts = [telemetry(10 * number + n, size=1000) for n in range(10)]
            drafts[5:5] = [state(number, f"press-{number}", size=1000) for _ in range(10)]
            records += store.append(drafts, [counted(number, NOW_MS + number)])
            await store.flush()
        for record in records[:acked]:
            position.ack(record.key)
        store.note_heard({"press-1": NOW_MS})
        await store.close()
        return records

    return asyncio.run(run())


def reopen(path: Path) -> tuple[list[Record], list[Dropped], int]:
    """Open, read everything twice, declare; return records, declarations, records to deliver."""

    async def run() -> tuple[list[Record], list[Dropped], int]:
        store = open_store(path, segment_bytes=60_000)
        dropped: list[Dropped] = []
        position = store.position("cluster")
        store.on_drop.append(dropped.append)
        records = await read_all(store)
        assert await read_all(store) == records
        store.append([state(1)])
        await store.flush()
        pending = position.pending(store.last_key) - 1
        await store.close()
        return records, dropped, pending

    return asyncio.run(run())


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def flip(path: Path, text: bytes) -> None:
    """Change one bit of the one place where the text stands."""
    content = path.read_bytes()
    assert content.count(text) == 1
    at = content.index(text)
    overwrite(path, at, bytes([content[at] ^ 1]))


def test_a_flipped_bit_costs_that_record(tmp_path: Path) -> None:
    records = make(tmp_path)
    victim = next(r for r in records if r.body.startswith(b'{"n":12,'))
    flip(next(p for p in segments(tmp_path) if victim.body in p.read_bytes()), victim.body)
    found, dropped, pending = reopen(tmp_path)
    assert found == [r for r in records if r is not victim]
    assert [(d.publisher, d.first, d.last, d.count, d.cls, d.reason) for d in dropped] == [
        ("cluster", victim.key, victim.key, 1, "telemetry", "corrupt")
    ]
    assert dropped[0].t0_ms <= victim.ts_ms <= dropped[0].t1_ms
    assert pending == len(records) - 1
    assert reopen(tmp_path)[1] == [], "told once"


def test_pages_full_of_bad_records_are_passed_over(tmp_path: Path) -> None:
    records = make(tmp_path)
    for path in segments(tmp_path, "t"):
        path.write_bytes(path.read_bytes().replace(b'"pad"', b'"bad"'))

    async def run() -> None:
        store = open_store(tmp_path)
        for limit in (1, 3, 1000):
            assert await read_all(store, limit=limit) == [r for r in records if r.cls == "state"]
        assert store.status().bad_rows == 100
        await store.close()

    asyncio.run(run())


def test_a_damaged_page_costs_the_records_on_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = make(tmp_path)
    victim = segments(tmp_path, "t")[1]
    overwrite(victim, 7 * PAGE, b"\xff" * PAGE)
    found, dropped, pending = reopen(tmp_path)
    lost = [r for r in records if r not in found]
    assert 1 <= len(lost) <= 4
    assert keys(found) == [key for key in keys(records) if key not in keys(lost)]
    assert {r.cls for r in lost} == {"telemetry"}
    assert [(d.first, d.last, d.count, d.cls) for d in dropped] == [
        (lost[0].key, lost[-1].key, len(lost), "telemetry")
    ]
    assert dropped[0].t0_ms <= NOW_MS <= dropped[0].t1_ms
    assert pending == len(found)
    assert [p.name for p in files(tmp_path / "quarantine", "*")] == [victim.name]
    assert f"{victim}: damaged" in caplog.messages[0]
    assert f"cluster will never get {len(lost)} records of telemetry" in caplog.messages[1]


@pytest.mark.parametrize("family", ["t", "r"])
@pytest.mark.parametrize("which", [0, 1, -1])
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"not a database " * 1000], ids=["empty", "zero", "text"]
)
def test_a_file_that_is_no_database_costs_what_was_in_it(
    tmp_path: Path, family: str, which: int, content: bytes
) -> None:
    records = make(tmp_path)
    victims = segments(tmp_path, family)
    assert len(victims) >= 2
    victims[which].write_bytes(content)
    found, dropped, pending = reopen(tmp_path)
    lost = [r for r in records if r not in found]
    assert len(found) + len(lost) == len(records)
    assert {r.cls for r in lost} == {"telemetry" if family == "t" else "state"}
    assert pending == len(found)
    declared = [key for d in dropped for key in range(d.first, d.last + 1)]
    assert sum(d.count for d in dropped) == len(lost)
    assert set(keys(lost)) <= set(declared)


def test_the_log_and_the_current_states_survive_with_what_is_intact(tmp_path: Path) -> None:
    make(tmp_path)
    victim = segments(tmp_path, "r")[-1]
    content = bytearray(victim.read_bytes())
    at = content.rindex(b'"pad"') // PAGE * PAGE
    overwrite(victim, at, b"\xff" * PAGE)

    async def run() -> None:
        store = open_store(tmp_path)
        assert store.status().recovered == 1
        rows = list(store.log(0))
        assert rows == [counted(number, NOW_MS + number) for number in range(10)]
        assert store.last_heard() == {"press-1": NOW_MS}
        assert {place[1] for place in store.current()} == {f"press-{n}" for n in range(10)}
        await store.close()

    asyncio.run(run())


def test_a_newest_segment_beyond_reading_leaves_the_current_states_of_the_one_before(
    tmp_path: Path,
) -> None:
    make(tmp_path)
    segments(tmp_path, "r")[-1].write_bytes(b"")

    async def run() -> None:
        store = open_store(tmp_path)
        assert {place[1] for place in store.current()} >= {f"press-{n}" for n in range(5)}
        await store.close()

    asyncio.run(run())


def test_damage_met_while_running_is_recovered_on_the_spot(tmp_path: Path) -> None:
    records = make(tmp_path)

    async def run() -> None:
        store = open_store(tmp_path, segment_bytes=60_000)
        dropped: list[Dropped] = []
        store.on_drop.append(dropped.append)
        assert store.status().recovered == 0
        overwrite(segments(tmp_path, "t")[0], 6 * PAGE, b"\xff" * PAGE)
        position = store.position("cluster")
        found = await read_all(store)
        lost = [r for r in records if r not in found]
        assert 1 <= len(lost) <= 4
        assert store.status().recovered == 1
        assert position.pending(store.last_key) == len(found)
        more = store.append([telemetry(1000), state(1001)])
        await store.flush()
        assert await read_all(store) == found + more
        assert sum(d.count for d in dropped) == len(lost)
        for record in found + more:
            position.ack(record.key)
        await store.flush()
        assert (position.low, position.ranges) == (store.last_key, [])
        await store.close()

    asyncio.run(run())


def test_damage_met_while_writing_is_recovered_and_the_batch_kept(tmp_path: Path) -> None:
    records = make(tmp_path)

    async def run() -> None:
        store = open_store(tmp_path, segment_bytes=10 << 20)
        more = []
        for family in ("t", "r"):
            overwrite(segments(tmp_path, family)[-1], PAGE, b"\xff" * PAGE)
        for number in range(40):
            more += store.append([telemetry(number, size=2000), state(number, size=2000)])
        while store.committed_key < store.last_key:
            try:
                await store.flush()
            except Exception as error:  # noqa: BLE001 - any other would end the test too
                assert "the disk refuses" in str(error)  # noqa: PT017
        found = await read_all(store)
        assert found[-80:] == more
        assert set(keys(found)) <= set(keys(records + more))
        await store.close()

    asyncio.run(run())


def test_a_loss_is_told_until_the_publisher_has_passed_it(tmp_path: Path) -> None:
    records = make(tmp_path)
    segments(tmp_path, "t")[1].write_bytes(b"")

    async def run(*, ack: bool) -> list[Dropped]:
        store = open_store(tmp_path)
        dropped: list[Dropped] = []
        store.on_drop.append(dropped.append)
        position = store.position("cluster")
        if ack:
            for record in await read_all(store):
                position.ack(record.key)
        store.append([state(1)])
        await store.flush()
        await store.close()
        return dropped

    first = asyncio.run(run(ack=False))
    assert first
    assert asyncio.run(run(ack=True)) == first, "the declaration itself might have been lost"
    assert asyncio.run(run(ack=True)) == []
    assert records


def test_a_publisher_that_has_everything_is_told_nothing(tmp_path: Path) -> None:
    records = make(tmp_path, acked=200)
    segments(tmp_path, "t")[1].write_bytes(b"")
    found, dropped, pending = reopen(tmp_path)
    assert len(found) < len(records) == 200
    assert (dropped, pending) == ([], 0)


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"not a database " * 1000])
def test_lost_positions_begin_at_the_oldest_record(tmp_path: Path, content: bytes) -> None:
    make(tmp_path, acked=150)
    (tmp_path / "position.db").write_bytes(content)
    assert reopen(tmp_path)[2] == 200


def test_what_a_cut_left_half_made_is_cleared_away(tmp_path: Path) -> None:
    records = make(tmp_path)
    first, second = segments(tmp_path, "t")[:2]
    (tmp_path / "t-0000000000000001.seg.part").write_bytes(b"half")
    (tmp_path / f"{first.name}.new").write_bytes(b"half")  # cut while recovering
    second.rename(tmp_path / f"{second.name}.new")  # cut between the two renames
    found, dropped, pending = reopen(tmp_path)
    assert (found, dropped, pending) == (records, [], 200)
    assert not files(tmp_path, "*.new*")
    assert not files(tmp_path, "*.part*")


def test_a_crash_leaves_its_log_and_the_next_start_takes_it_in(tmp_path: Path) -> None:
    """The files as a SIGKILL leaves them: a copy of the folder in use."""

    async def run() -> list[Record]:
        store = open_store(tmp_path / "live")
        records = store.append([telemetry(1), state(2)])
        await store.flush()
        store.append([telemetry(3)])
        (tmp_path / "dead").mkdir()
        for path in files(tmp_path / "live", "*"):
            if not path.name.endswith("-shm"):
                (tmp_path / "dead" / path.name).write_bytes(path.read_bytes())
        assert files(tmp_path / "dead", "*-wal")
        await store.close()
        return records

    records = asyncio.run(run())
    assert reopen(tmp_path / "dead")[0] == records


def test_only_the_newest_damaged_files_are_kept(tmp_path: Path) -> None:
    make(tmp_path)
    assert len(segments(tmp_path)) > 3
    for path in segments(tmp_path):
        path.write_bytes(b"not a database")
    reopen(tmp_path)
    assert len(files(tmp_path / "quarantine", "*.seg")) == 3


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    records = make(tmp_path)
    for name in ("notes.txt", "t-12.seg", "x-0000000000000001.seg", "t-00000000000000zz.seg"):
        (tmp_path / name).write_bytes(b"mine")
    assert reopen(tmp_path)[0] == records
    assert (tmp_path / "t-12.seg").read_bytes() == b"mine"


def test_a_segment_of_another_application_is_set_aside(tmp_path: Path) -> None:
    records = make(tmp_path)
    path = segments(tmp_path, "t")[0]
    segment = Segment.open(path)
    segment._db.execute("PRAGMA application_id = 1")
    segment.close()
    assert reopen(tmp_path)[0] == records, "its rows are intact"
    assert files(tmp_path / "quarantine", path.name)


def test_of_what_came_last_before_a_crash_nothing_tells(tmp_path: Path) -> None:
    """A stated limit: only a clean end, or the next start, notes where an epoch ended."""
    records = make(tmp_path)
    (tmp_path / "position.db").unlink()
    segments(tmp_path, "t")[-1].write_bytes(b"")
    segments(tmp_path, "r")[-1].write_bytes(b"")
    found, dropped, _pending = reopen(tmp_path)
    lost = [r for r in records if r not in found]
    told = sum(d.count for d in dropped)
    assert told < len(lost)


@pytest.mark.parametrize("at", [18, 19, 24, 47, 56, 63, 68, 96])
def test_a_header_that_lies_costs_nothing(tmp_path: Path, at: int) -> None:
    """Versions, sizes, encodings and marks of SQLite's header, of files to be written again."""
    records = make(tmp_path)
    for family in ("t", "r"):
        path = segments(tmp_path, family)[-1]
        overwrite(path, at, bytes([path.read_bytes()[at] ^ 3]))
    assert reopen(tmp_path)[:2] == (records, [])
