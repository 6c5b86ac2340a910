"""A process that fills a store as fast as it commits, and tells each step; made to be killed.

Lines on its standard output, each flushed:

    given KEY NUMBER       before the record waits for its commit
    committed KEY          every record up to this key is committed
    acked KEY              before the publisher's position is told
    dropped FIRST LAST     before the publisher is declared that it will never get some of these

Start it with a folder, and a commit interval in seconds.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from gateway.clock import SystemClock
from gateway.errors import StoreError
from gateway.model import Draft, Entry, LogRow
from gateway.store import Store

SEGMENT_BYTES = 200_000


def body(number: int) -> bytes:
    """The body of the record of that number: 100 to 3,000 bytes that nobody else would write."""
    dice = random.Random(number)
    return f'{{"n":{number},"pad":"{dice.randbytes(dice.randrange(50, 1500)).hex()}"}}'.encode()


def is_state(number: int) -> bool:
    """True where the record of that number is a state, one in four, and has a log row."""
    return random.Random(-number).random() < 0.25


def open_store(folder: Path, commit_s: float) -> Store:
    """Open with small segments, so that a kill may meet every step of their lives."""
    return Store.open(
        folder,
        "gw-01",
        size_bytes=4 << 20,
        keep_s={"telemetry": 1e9, "kpi": 1e9},
        commit_s=commit_s,
        clock=SystemClock(),
        segment_bytes=SEGMENT_BYTES,
    )


async def write(folder: Path, commit_s: float) -> None:
    """Append, commit, acknowledge, until killed or the disk goes."""
    store = open_store(folder, commit_s)
    position = store.position("cluster")
    store.on_commit.append(lambda key: say("committed", key))
    store.on_drop.append(lambda dropped: say("dropped", dropped.first, dropped.last))
    number = store.epoch * 1_000_000
    dice = random.Random(store.epoch)
    while True:
        for _ in range(dice.randrange(1, 20)):
            number += 1
            cls, log = "telemetry", []
            if is_state(number):
                cls, log = "state", [LogRow("press-1", (Entry(number, "count", number),))]
            draft = Draft(cls, "line-1", "press-1", number, body(number))
            record = store.append([draft], log)[0]
            say("given", record.key, number)
            if dice.random() < 0.5:
                say("acked", record.key)
                position.ack(record.key)
        await store.flush()


def say(*words: object) -> None:
    """Write a line."""
    print(*words, flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(write(Path(sys.argv[1]), float(sys.argv[2])))
    except StoreError:
        sys.exit(3)  # the disk is gone
