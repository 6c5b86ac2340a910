"""The store's folder removed, renamed or replaced under a running gateway."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from gateway.clock import SystemClock
from gateway.errors import StoreError
from gateway.ids import SEQ_BITS
from gateway.model import Draft
from tests.store_kit import NOW_MS, counted, open_store, read_all, state, telemetry

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Record
    from gateway.store import Dropped, Store


def begin(folder: Path) -> tuple[Store, list[Dropped]]:
    store = open_store(folder, clock=SystemClock())
    dropped: list[Dropped] = []

    def declare(each: Dropped) -> None:
        dropped.append(each)
        store.append([Draft("event/gap", "_gw", "gw-01", NOW_MS, b'{"gap":1}')])

    store.on_drop.append(declare)
    return store, dropped


async def fill(store: Store, number: int) -> list[Record]:
    records = store.append([telemetry(number), state(number)], [counted(number)])
    await store.flush()
    return records


async def noticed(store: Store) -> None:
    with pytest.raises(StoreError, match="removed or replaced"):
        await store.flush()
    assert "removed or replaced" in str(store.status().failing)


@pytest.mark.parametrize("how", ["removed", "renamed"])
def test_a_folder_that_goes_away_is_begun_anew_and_its_loss_told(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "store"

    async def run() -> None:
        store, dropped = begin(folder)
        position = store.position("cluster")
        old = [record for number in range(5) for record in await fill(store, number)]
        for record in old[:4]:
            position.ack(record.key)
        epoch = store.epoch
        if how == "removed":
            shutil.rmtree(folder)
        else:
            folder.rename(tmp_path / "aside")
        new = store.append([telemetry(9), state(9)], [counted(9)])
        await noticed(store)
        assert store.epoch > epoch
        await store.flush()
        assert store.status().failing is None
        assert [(d.first, d.last, d.count, d.reason) for d in dropped] == [
            (old[4].key, old[-1].key, 6, "corrupt")
        ]
        new += await fill(store, 10)
        found = [record for record in await read_all(store) if record.cls != "event/gap"]
        assert found == new, "under their first ids"
        assert new[-1].key >> SEQ_BITS > epoch
        assert position.pending(store.last_key) == len(await read_all(store))
        with pytest.raises(StoreError, match="in use"):
            open_store(folder)
        await store.close()
        again = open_store(folder)
        assert list(again.log(0)) == [counted(9), counted(10)]
        assert again.current()["line-1", "press-1", "state"] == new[-1]
        assert not again.position("cluster").is_acked(new[0].key)
        await again.close()
        if how == "renamed":
            aside = open_store(tmp_path / "aside")
            assert await read_all(aside) == old, "complete, and nothing of what came later"
            await aside.close()

    asyncio.run(run())
    told = [r for r in caplog.records if "removed or replaced" in r.getMessage()]
    assert len(told) == 1


def test_a_folder_that_another_gateway_took_is_not_shared(tmp_path: Path) -> None:
    folder = tmp_path / "store"

    async def run() -> None:
        store, dropped = begin(folder)
        store.position("cluster")
        await fill(store, 1)
        folder.rename(tmp_path / "aside")
        other = open_store(folder, gateway="gw-02")
        theirs = await fill(other, 100)
        ours = store.append([telemetry(2)])
        for _ in range(2):
            with pytest.raises(StoreError, match="in use"):
                await store.flush()
        await other.close()
        with pytest.raises(StoreError, match="belongs to gateway gw-02"):
            await store.flush()
        folder.rename(tmp_path / "theirs")
        (tmp_path / "aside").rename(folder)
        await store.flush()  # it is the old one again
        assert (await read_all(store))[-1:] == ours
        assert not dropped
        await store.close()
        other = open_store(tmp_path / "theirs", gateway="gw-02")
        assert await read_all(other) == theirs
        await other.close()

    asyncio.run(run())


def test_a_folder_with_newer_records_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "store"

    async def run() -> None:
        store, _dropped = begin(folder)
        await fill(store, 1)
        folder.rename(tmp_path / "aside")
        shutil.copytree(tmp_path / "aside", folder)
        other = open_store(folder)
        newer = await fill(other, 2)
        await other.close()
        store.append([telemetry(3)])
        with pytest.raises(StoreError, match="restart the gateway"):
            await store.flush()
        with pytest.raises(StoreError, match="restart the gateway"):
            await store.close()
        again = open_store(folder)
        assert (await read_all(again))[-2:] == newer
        await again.close()

    asyncio.run(run())
