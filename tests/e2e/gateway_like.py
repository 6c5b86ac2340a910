"""A gateway's store and north side under load, as a program: `gateway_like.py FOLDER PORT`.

Makes records until a line comes in on stdin, then delivers what is left, stops and ends.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from tests.e2e.mqtt_rig import Rig, config, draft, running

ASSETS = ("press-1", "press-2", "press-3", "press-4")
STATES = itertools.cycle(("running", "fault", "idle"))


async def main(folder: Path, port: int) -> None:
    """Run until told to stop."""
    async with running(folder, config(f"mqtt://127.0.0.1:{port}")) as rig:
        print(rig.store.epoch, flush=True)
        told = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        rig.make(*(draft("meta", asset) for asset in ASSETS))
        for turn in itertools.count():
            if told.done():
                break
            make(rig, turn)
            await asyncio.sleep(0.01)
        await rig.store.flush()
        position = rig.store.position("cluster")
        await rig.until(lambda: not position.pending(rig.store.last_key), "all delivered", 60)


def make(rig: Rig, turn: int) -> None:
    """Make what a poll would: telemetry always, states and events now and then."""
    rig.make(*(draft("telemetry", asset) for asset in ASSETS))
    if turn % 5 == 0:
        rig.make(draft("state", ASSETS[turn % 4], state=next(STATES)))
    if turn % 9 == 0:
        rig.make(draft("event", ASSETS[turn % 4], data={"turn": turn}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
