"""What memory let go of while the disk refused is declared by the commit that goes on."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from gateway.errors import StoreError
from gateway.model import Draft
from gateway.storage import commits
from gateway.storage.shelf import Shelf
from tests.store_kit import NOW_MS, open_store, read_all, telemetry

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.store import Dropped

FULL, LEAST, SLACK = 12_000, 4_000, 500
PROPER = Shelf._segment


def _refuse(*_anything: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


def test_declarations_displace_nothing_that_a_cut_would_leave_undeclared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ring is full when the gap comes in: what it displaces has no gap of its own yet."""
    for name, value in (("FULL_BYTES", FULL), ("_LEAST_RING", LEAST), ("_SLACK", SLACK)):
        monkeypatch.setattr(commits, name, value)

    async def run() -> None:
        store = open_store(tmp_path / "store")
        told: list[Dropped] = []

        def declare(dropped: Dropped) -> None:
            told.append(dropped)
            store.append([Draft("event/gap", "_gw", "gw-01", NOW_MS, b"x" * 1000)])

        store.on_drop.append(declare)
        store.position("cluster")
        monkeypatch.setattr(Shelf, "_segment", _refuse)
        given = [record.key for record in store.append([telemetry(0)])]
        with pytest.raises(StoreError):
            await store.flush()
        store._commits._go_on_without()
        for number in range(1, 40):
            given += [record.key for record in store.append([telemetry(number, size=500)])]
        monkeypatch.setattr(Shelf, "_segment", PROPER)
        await store.flush()
        shutil.copytree(tmp_path / "store", tmp_path / "cut")  # as a power cut would leave it now
        declared = sum(dropped.count for dropped in told)
        await store.close()

        again = open_store(tmp_path / "cut")
        records = await read_all(again)
        kept = sum(record.cls == "telemetry" for record in records)
        assert declared > 0
        assert kept + declared == len(given), "each is there, or declared"
        assert sum(record.cls == "event/gap" for record in records) == len(told)
        await again.close()

    asyncio.run(run())
