"""What is committed and in no file is declared; what never was, or is told already, is not."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import orjson
import pytest

from gateway.ids import record_id
from gateway.model import Draft
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
    from collections.abc import Callable
    from pathlib import Path

    from gateway.model import Record
    from gateway.store import Dropped

SEGMENT = 40_000


def live(folder: Path, *, killed: bool = False, segment_bytes: int = SEGMENT) -> list[Record]:
    """One life of a store; `killed` leaves what a SIGKILL leaves."""

    async def run() -> list[Record]:
        store = open_store(folder, segment_bytes=segment_bytes)
        store.position("cluster")
        made: list[Record] = []
        for number in range(60):
            ts_ms = NOW_MS + 1000 * number
            made += store.append([telemetry(number, size=900, ts_ms=ts_ms)])
            made += store.append([state(number, size=900)], [counted(number)])
            await store.flush()
        if killed:
            shutil.copytree(folder, folder.with_name("killed"))
        await store.close()
        return made

    records = asyncio.run(run())
    if killed:
        shutil.rmtree(folder)
        folder.with_name("killed").rename(folder)
    return records


def reopen(folder: Path) -> tuple[list[int], list[Dropped]]:
    """Open again; return the keys that are there and what is declared."""

    async def run() -> tuple[list[int], list[Dropped]]:
        store = open_store(folder, segment_bytes=SEGMENT)
        dropped: list[Dropped] = []
        store.on_drop.append(dropped.append)
        position = store.position("cluster")
        found = keys(await read_all(store))
        for key in found:
            position.ack(key)
        store.append([state(9999)])
        await store.flush()  # a commit declares
        await store.close()
        return found, dropped

    return asyncio.run(run())


def declared(dropped: list[Dropped], lost: list[int]) -> None:
    assert lost
    assert all(any(d.first <= key <= d.last for d in dropped) for key in lost)
    assert sum(d.count for d in dropped) == len(lost)
    assert {d.reason for d in dropped} == {"corrupt"}


@pytest.mark.parametrize("family", ["t", "r"])
def test_a_segment_that_is_gone_is_declared_once(tmp_path: Path, family: str) -> None:
    records = live(tmp_path / "store")
    segments(tmp_path / "store", family)[1].unlink()
    found, dropped = reopen(tmp_path / "store")
    declared(dropped, sorted(set(keys(records)) - set(found)))
    again, dropped = reopen(tmp_path / "store")
    assert again[: len(found)] == found
    assert not dropped


def test_the_newest_segment_that_is_gone_is_declared(tmp_path: Path) -> None:
    records = live(tmp_path / "store")
    segments(tmp_path / "store", "t")[-1].unlink()
    found, dropped = reopen(tmp_path / "store")
    lost = sorted(set(keys(records)) - set(found))
    declared(dropped, lost)


def test_the_oldest_segment_gone_is_what_the_bound_does(tmp_path: Path) -> None:
    live(tmp_path / "store")
    segments(tmp_path / "store", "t")[0].unlink()
    assert not reopen(tmp_path / "store")[1]


def test_nothing_is_declared_of_a_whole_store_nor_after_a_kill(tmp_path: Path) -> None:
    records = live(tmp_path / "store", killed=True)
    assert files(tmp_path / "store", "*-wal")
    assert reopen(tmp_path / "store") == (keys(records), [])
    assert not reopen(tmp_path / "store")[1]


@pytest.mark.parametrize("family", ["t", "r"])
def test_a_log_that_lost_its_end_is_declared(tmp_path: Path, family: str) -> None:
    records = live(tmp_path / "store", killed=True, segment_bytes=1 << 20)
    (path,) = segments(tmp_path / "store", family)
    log = path.with_name(path.name + "-wal")
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    found, dropped = reopen(tmp_path / "store")
    lost = sorted(set(keys(records)) - set(found))
    declared(dropped, [key for key in lost if key < max(found)])


def test_a_kill_between_the_halves_of_a_commit_is_no_loss(tmp_path: Path) -> None:
    """The rest was written, telemetry not yet: its ids were given and never committed."""
    folder = tmp_path / "store"

    async def run() -> None:
        store = open_store(folder, segment_bytes=1 << 20)
        store.position("cluster")
        store.append([telemetry(1), state(1)])
        await store.flush()
        shutil.copytree(folder, tmp_path / "before")
        store.append([telemetry(2), telemetry(3), state(2)])
        await store.flush()
        shutil.copytree(folder, tmp_path / "after")
        await store.close()

    asyncio.run(run())
    for path in files(tmp_path / "after", "t-*"):
        shutil.copy(tmp_path / "before" / path.name, path)
    found, dropped = reopen(tmp_path / "after")
    assert len(found) == 3
    assert not dropped


def test_what_a_gap_record_says_is_not_said_again(tmp_path: Path) -> None:
    records = live(tmp_path / "store")
    folder = tmp_path / "store"
    gone = segments(folder, "t")[1]
    shutil.copytree(folder, tmp_path / "other")
    gone.unlink()
    _found, dropped = reopen(folder)
    (one,) = dropped
    # The same folder before it was reopened, with the gap in it, as the agent would write it.
    other = tmp_path / "other"
    data = {"from": record_id("gw-01", one.first), "to": record_id("gw-01", one.last)}

    async def tell() -> None:
        store = open_store(other, segment_bytes=SEGMENT)
        body = orjson.dumps({"t": NOW_MS, "type": "gap", "data": data})
        store.append([Draft("event/gap", "_gw", "gw-01", NOW_MS, body)])
        await store.flush()
        await store.close()

    asyncio.run(tell())
    (other / gone.name).unlink()
    found, dropped = reopen(other)
    assert len(found) < len(records)
    assert not dropped


def exchange(one: Path, two: Path) -> None:
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


@pytest.mark.parametrize(
    "pick",
    [
        lambda folder: segments(folder, "t")[:2],
        lambda folder: (segments(folder, "t")[1], segments(folder, "r")[2]),
    ],
    ids=["of one family", "of both"],
)
def test_segments_under_each_others_names_are_put_right(
    tmp_path: Path, pick: Callable[[Path], tuple[Path, Path]]
) -> None:
    records = live(tmp_path / "store")
    exchange(*pick(tmp_path / "store"))
    found, dropped = reopen(tmp_path / "store")
    assert found == keys(records)
    assert not dropped
    assert not files(tmp_path / "store", "*.misnamed")


def test_a_file_cut_short_under_anothers_name_costs_only_its_own(tmp_path: Path) -> None:
    records = live(tmp_path / "store")
    one, two, *_more = segments(tmp_path / "store", "t")
    whole = two.read_bytes()
    exchange(one, two)
    two.write_bytes(two.read_bytes()[:9000])
    found, dropped = reopen(tmp_path / "store")
    lost = sorted(set(keys(records)) - set(found))
    declared(dropped, lost)
    kept = {record.key for record in records if whole.find(record.body[:30]) >= 0}
    assert not kept & set(lost)


def test_a_file_emptied_beside_its_log_gives_what_the_log_has(tmp_path: Path) -> None:
    records = live(tmp_path / "store", killed=True)
    path = segments(tmp_path / "store", "t")[-1]
    log = path.with_name(path.name + "-wal").read_bytes()
    kept = {record.key for record in records if record.body in log}
    assert kept
    path.write_bytes(b"")
    found, dropped = reopen(tmp_path / "store")
    assert kept <= set(found)
    declared(dropped, sorted(set(keys(records)) - set(found)))
