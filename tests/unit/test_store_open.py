"""Opening a folder: whose it is, who has it, and which epoch its ids belong to."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.clock import ManualClock
from gateway.errors import StoreError
from gateway.ids import MAX_EPOCH, MAX_SEQ, SEQ_BITS, make_key
from gateway.storage import epoch as epochs
from gateway.storage import writer
from tests.store_kit import files, keys, open_store, read_all, telemetry

if TYPE_CHECKING:
    from gateway.store import Store

NOBODY = 65534


def at(text: str) -> ManualClock:
    return ManualClock(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9)


def use(path: Path, clock: ManualClock | None = None) -> int:
    """Open, append one record, close; return the epoch."""

    async def run() -> int:
        store = open_store(path, clock=clock)
        store.append([telemetry(1)])
        await store.close()
        return store.epoch

    return asyncio.run(run())


def written(path: Path) -> tuple[str, int, int]:
    """Gateway, epoch and format of the epoch file."""
    content = json.loads((path / "epoch").read_bytes())
    assert set(content) == {"gateway", "epoch", "format", "crc"}
    return content["gateway"], content["epoch"], content["format"]


def rewrite(path: Path, **changes: object) -> None:
    """Write an intact epoch file that says something else."""
    content = json.loads((path / "epoch").read_bytes()) | changes
    del content["crc"]
    content["crc"] = epochs._checksum(content)
    (path / "epoch").write_text(json.dumps(content))


def test_each_start_takes_the_next_epoch_and_writes_it_first(tmp_path: Path) -> None:
    first = use(tmp_path)
    store = open_store(tmp_path)
    assert store.epoch == first + 1
    assert written(tmp_path) == ("gw-01", first + 1, 1)
    assert not files(tmp_path, "epoch.new")
    asyncio.run(store.close())
    assert use(tmp_path) == first + 2  # an epoch is spent even if nothing was appended


def test_a_new_store_starts_at_the_minutes_since_2020(tmp_path: Path) -> None:
    assert use(tmp_path / "a", at("2024-01-01T00:00:00")) == 4 * 365 * 1440 + 1440
    assert use(tmp_path / "b", at("2023-12-31T23:59:59")) == 1, "a clock that was never set"


def test_a_restored_store_starts_above_its_records_and_its_predecessor(tmp_path: Path) -> None:
    old = use(tmp_path, at("2026-01-01T00:00:00"))
    (tmp_path / "epoch").unlink()
    assert use(tmp_path, at("1970-01-01T00:00:00")) == old + 1
    (tmp_path / "epoch").unlink()
    assert use(tmp_path, at("2026-01-01T00:10:00")) == old + 10


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 40,
        b"[1]",
        b'"epoch"',
        b'{"gateway":"gw-01"}',
        b'{"gateway":"gw-01","epoch":"x","format":1,"crc":1}',
        b'{"gateway":"gw-01","epoch":null,"format":1,"crc":1}',
        b'{"gateway":"gw-02","epoch":7,"format":1,"crc":1}',
        b'{"gateway":"gw-01","epoch":99999999999,"format":1,"crc":1}',
    ],
)
def test_an_epoch_file_that_makes_no_sense_is_as_none(tmp_path: Path, content: bytes) -> None:
    old = use(tmp_path)
    (tmp_path / "epoch").write_bytes(content)
    assert use(tmp_path) == old + 1


def test_another_gateways_store_is_refused(tmp_path: Path) -> None:
    use(tmp_path)
    with pytest.raises(StoreError) as caught:
        open_store(tmp_path, gateway="gw-02")
    for word in (str(tmp_path), "gw-01", "gw-02", "store.path"):
        assert word in str(caught.value)
    use(tmp_path)  # the lock was released


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    use(tmp_path)
    rewrite(tmp_path, epoch=7, format=2)
    with pytest.raises(StoreError, match="newer version"):
        open_store(tmp_path)
    assert written(tmp_path) == ("gw-01", 7, 2)


def test_a_second_process_is_told_who_holds_the_store(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from gateway.storage.epoch import acquire\n"
        "acquire(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError) as caught:
            open_store(tmp_path)
        assert f"process {holder.pid}" in str(caught.value)
        assert str(tmp_path) in str(caught.value)
        holder.kill()
    use(tmp_path)  # a killed process holds nothing


def test_one_process_opens_a_store_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(StoreError, match=f"process {os.getpid()}"):
        open_store(tmp_path)
    asyncio.run(store.close())
    use(tmp_path)


def test_missing_folders_are_made_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "lib" / "nxgate"
    use(path)
    assert path.stat().st_mode & 0o777 == 0o700


def test_a_path_that_cant_be_a_folder_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path, reason in ((file, "Not a directory"), (file / "store", "Not a directory")):
        with pytest.raises(StoreError) as caught:
            open_store(path)
        assert str(path) in str(caught.value)
        assert reason in str(caught.value)
        assert "store.path" in str(caught.value)


def test_a_folder_of_somebody_else_is_told() -> None:
    """Tried as a user who owns nothing: root may write anywhere, so root steps down for it."""
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        if is_root:
            os.seteuid(NOBODY)
        try:
            with pytest.raises(StoreError, match="Permission denied"):
                open_store(folder)
        finally:
            if is_root:
                os.seteuid(0)
            folder.chmod(0o700)


def test_the_epoch_rises_above_what_the_broker_remembers(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        position = store.position("cluster")
        before = store.append([telemetry(1)])
        start = store.epoch
        store.raise_epoch(start - 1)
        assert store.epoch == start, "already above"
        store.raise_epoch(start + 5)
        assert store.epoch == start + 6
        assert written(tmp_path) == ("gw-01", start + 6, 1)
        after = store.append([telemetry(2)])
        assert keys(after) == [make_key(start + 6, 1)]
        await store.flush()
        assert await read_all(store) == before + after
        for record in (*after, *before):
            position.ack(record.key)
        await store.flush()
        assert position.low == store.last_key, "it passed over the jump"
        await store.close()

    asyncio.run(run())


def test_numbers_that_run_out_take_a_new_epoch(tmp_path: Path) -> None:
    async def run(store: Store) -> None:
        start = store.epoch
        store._last_key = make_key(start, MAX_SEQ - 1)
        records = store.append([telemetry(1)])
        records += store.append([telemetry(2), telemetry(3)])
        assert keys(records) == [
            make_key(start, MAX_SEQ),
            make_key(start + 1, 1),
            make_key(start + 1, 2),
        ]
        await store.flush()
        assert await read_all(store) == records
        await store.close()

    asyncio.run(run(open_store(tmp_path)))


def test_the_last_epoch_is_told_before_keys_overflow(tmp_path: Path) -> None:
    use(tmp_path)
    rewrite(tmp_path, epoch=MAX_EPOCH)
    with pytest.raises(StoreError, match="beyond the last one"):
        open_store(tmp_path)
    assert make_key(MAX_EPOCH, MAX_SEQ) < 1 << 63
    assert make_key(MAX_EPOCH, MAX_SEQ) >> SEQ_BITS == MAX_EPOCH


def test_an_epoch_that_is_slow_to_be_written_is_taken_when_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_EPOCH_S", 0.05)

    async def run() -> None:
        store = open_store(tmp_path)
        start = store.epoch
        slow = threading.Event()
        busy = asyncio.create_task(store._writer.threads.write(slow.wait))
        await asyncio.sleep(0)
        with pytest.raises(StoreError, match="too slow"):
            store.raise_epoch(start + 5)
        assert store.epoch == start
        slow.set()
        await busy
        for _ in range(500):
            if store.epoch == start + 6:
                break
            await asyncio.sleep(0.01)
        assert store.append([telemetry(1)])[0].key == make_key(start + 6, 1)
        await store.close()

    asyncio.run(run())
