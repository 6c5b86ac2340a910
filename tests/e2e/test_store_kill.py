"""SIGKILL and power cuts under load: every record that was committed is there, as it was."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.storage.ranges import merge
from tests.e2e import store_writer
from tests.e2e.loop_disk import FLUSH, LOG_FLUSH, NO_LOG_FLUSH, LoopDisk
from tests.store_kit import read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.model import Record, Value

ROOT = Path(__file__).parents[2]
WRITER = Path(__file__).with_name("store_writer.py")
DISK_GONE = 3  # what the writer returns once the store refuses


@dataclass
class Life:
    """What one writer told before its end.

    Attributes:
        given: number of each key.
        committed: up to which key.
        acked: keys acknowledged, or just about to be.
        dropped: from which key to which some were declared as never to come.
    """

    given: dict[int, int] = field(default_factory=dict)
    committed: int = 0
    acked: set[int] = field(default_factory=set)
    dropped: list[tuple[int, int]] = field(default_factory=list)

    def take(self, line: str) -> None:
        word, *numbers = line.split()
        if word == "given":
            self.given[int(numbers[0])] = int(numbers[1])
        elif word == "committed":
            self.committed = int(numbers[0])
        elif word == "dropped":
            self.dropped.append((int(numbers[0]), int(numbers[1])))
        else:
            self.acked.add(int(numbers[0]))


class Writer:
    """A writer process."""

    def __init__(self, folder: Path) -> None:
        self.life = Life()
        self.at_work = threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, WRITER, folder, "0.002"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                if line.endswith("\n"):  # the last one may be cut short
                    self.life.take(line)
                    if self.life.committed:
                        self.at_work.set()

    def wait(self) -> int:
        """Return its exit code, once all that it told was heard."""
        code = self.process.wait(60)
        self._thread.join()
        return code


def check(folder: Path, lives: list[Life]) -> int:
    """Open the store and compare it with what its writers told; return how many were there."""

    async def look() -> tuple[list[Record], list[Value], set[int]]:
        store = store_writer.open_store(folder, 3600)
        store.on_drop.append(lambda gone: lives[-1].dropped.append((gone.first, gone.last)))
        status = store.status()
        assert (status.bad_rows, status.recovered) == (0, 0), "nothing to repair after a mere cut"
        assert store.last_key > max(given), "no key is used twice"
        records = await read_all(store, limit=500)
        position = store.position("cluster")
        acked = {key for key in given if position.is_acked(key)}
        log = [entry.value for row in store.log(0) for entry in row.entries]
        await store.close()
        return records, log, acked

    given = {key: number for life in lives for key, number in life.given.items()}
    committed = {key for life in lives for key in life.given if key <= life.committed}
    records, log, acked = asyncio.run(look())
    found = {record.key: record for record in records}
    assert list(found) == sorted(found)
    assert len(found) == len(records), "each once"
    for key, record in found.items():
        assert record.body == store_writer.body(given[key])
    telemetry = {key for key, record in found.items() if record.cls == "telemetry"}
    others = found.keys() - telemetry
    for key in committed - found.keys():  # the size bound takes the oldest of a family
        family = others if store_writer.is_state(given[key]) else telemetry
        assert key < min(family, default=0), "committed, and gone"
    assert log == [given[key] for key in sorted(others)], "the log and its records are one"
    # A cut between the position and the unlink brings back what was declared as dropped.
    spans = merge(span for life in lives for span in life.dropped)
    ahead = acked & found.keys() - {key for life in lives for key in life.acked}
    assert not [key for key in ahead if not any(lo <= key <= hi for lo, hi in spans)], "never ahead"
    return len(committed & found.keys())


def kill(folder: Path, times: int, seed: int) -> None:
    lives: list[Life] = []
    dice = random.Random(seed)
    kept = 0
    for _ in range(times):
        writer = Writer(folder)
        lives.append(writer.life)
        assert writer.at_work.wait(60)
        with contextlib.suppress(subprocess.TimeoutExpired):
            writer.process.wait(dice.uniform(0, 0.3))
        writer.process.kill()
        assert writer.wait() == -9
        kept = max(kept, check(folder, lives))
    assert kept > 100, "there was something to lose"


def test_nothing_committed_is_lost_to_twenty_kills(tmp_path: Path) -> None:
    kill(tmp_path / "store", 20, seed=1)


@pytest.mark.soak
def test_nothing_committed_is_lost_to_two_hundred_kills(tmp_path: Path) -> None:
    kill(tmp_path / "store", 200, seed=2)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    made = LoopDisk(tmp_path)
    yield made
    made.unmount()


def cut(disk: LoopDisk, times: int, seed: int) -> None:
    lives: list[Life] = []
    dice = random.Random(seed)
    kept = 0
    disk.mount()
    for _ in range(times):
        writer = Writer(disk.mount_point / "store")
        lives.append(writer.life)
        try:
            assert writer.at_work.wait(60)
            with contextlib.suppress(subprocess.TimeoutExpired):
                writer.process.wait(dice.uniform(0, 0.3))
            committed = writer.life.committed
            disk.cut(dice.choice([NO_LOG_FLUSH, NO_LOG_FLUSH, NO_LOG_FLUSH, LOG_FLUSH, FLUSH]))
            assert writer.wait() == DISK_GONE
            # A sync that is under way when an ext4 is shut down may return as if it had been done;
            # where the power is cut nobody is left to be told so.
            writer.life.committed = committed
        finally:
            writer.process.kill()
            writer.wait()
        disk.unmount()
        if dice.random() < 0.1:
            disk.check()
        disk.mount()
        kept = max(kept, check(disk.mount_point / "store", lives))
    assert kept > 100, "there was something to lose"


@pytest.mark.root
def test_nothing_committed_is_lost_to_twenty_power_cuts(disk: LoopDisk) -> None:
    cut(disk, 20, seed=3)


@pytest.mark.root
@pytest.mark.soak
def test_nothing_committed_is_lost_to_five_hundred_power_cuts(disk: LoopDisk) -> None:
    cut(disk, int(os.environ.get("NXGATE_CUTS", "500")), seed=4)
