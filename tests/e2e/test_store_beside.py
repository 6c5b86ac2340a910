"""`nxgate store` beside a gateway under load: it sees what is committed, and disturbs nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from typing import TYPE_CHECKING

from gateway.archive.export import LINES, Choice, export_lines
from gateway.archive.inspection import inspect
from gateway.archive.place import find
from gateway.archive.standing import take
from gateway.ids import record_id
from gateway.storage.rows import MAX_KEY
from tests.e2e.mosquitto import free_port, wait_for
from tests.e2e.workshop import NXGATE, ROOT, workshop
from tests.store_kit import counted, keys, open_store, read_all, segments, state, telemetry

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = Choice(0, MAX_KEY, frozenset(), frozenset())


def look(folder: Path, committed: int, out: Path) -> int:
    """Do everything once; whatever was committed before must be there. Returns how much it was."""
    place = find(folder)
    found = inspect(place)
    assert not found.damaged
    assert take(place).classes["telemetry"]
    made = export_lines(place, out, EVERYTHING)
    assert not made.lost
    lines = (out / LINES).read_text("utf-8").splitlines()
    ids = [json.loads(line)["payload"]["id"] for line in lines]
    assert ids == sorted(set(ids), key=lambda i: tuple(map(int, i.split(":")[1:])))
    assert record_id("gw-01", committed) in ids
    return len(ids)


def test_segments_are_sealed_while_somebody_looks(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path / "store", segment_bytes=60_000, commit_s=0.01)
        position = store.position("cluster")
        until_s, looks, number = time.monotonic() + 4, 0, 0
        looking: asyncio.Task[int] | None = None
        while time.monotonic() < until_s or looking is not None:
            number += 1
            made = store.append([telemetry(number, size=4000), state(number)], [counted(number)])
            position.ack(made[0].key)
            await store.flush()
            if looking is None and number > 100:
                work = asyncio.to_thread(
                    look, tmp_path / "store", store.committed_key, tmp_path / "out"
                )
                looking = asyncio.create_task(work)
            elif looking is not None and looking.done():
                assert looking.result()
                looks += 1
                looking = None
        await store.flush()
        for _commit in range(3):  # a segment that was read just then is sealed a commit later
            store.append([telemetry(0)])
            await store.flush()
        # Bytes 18 and 19 of a database tell whether it has a log; a sealed one has none.
        logged = [path for path in segments(tmp_path / "store") if path.read_bytes()[18] == 2]
        assert len(logged) == 2, "those that are being written"
        assert len(segments(tmp_path / "store")) > 6
        assert store.status().failing is None
        found = keys(await read_all(store))
        assert len(found) == 2 * number + 3
        assert looks > 1
        await store.close()

    asyncio.run(run())


def test_the_commands_beside_a_running_gateway(tmp_path: Path) -> None:
    with workshop(tmp_path, free_port(), poll="50ms") as made:
        made.start()
        wait_for((tmp_path / "store" / "nxgate.sock").exists, "the gateway runs")
        time.sleep(2)
        for arguments in (
            ["status", str(made.site), "--json"],
            ["verify", str(made.site)],
            ["export", str(made.site), "--to", str(tmp_path / "stick"), "--bom", "--wide"],
        ):
            done = subprocess.run(
                [*NXGATE, "store", *arguments],
                cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            if arguments[0] == "status":
                told = json.loads(done.stdout)
                assert told["running"]
                assert told["store"]["wear"] > 0
                assert told["publishers"]["cluster"]["waiting"] > 10
        assert list((tmp_path / "stick").glob("telemetry-*.csv"))
        assert made.end() == 0
        complaints = [line for line in made.log().splitlines() if "store" in line]
        assert not [line for line in complaints if "WARNING" in line or "ERROR" in line]
