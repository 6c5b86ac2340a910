"""The look at the retained status before anything is sent, at a broker that takes its time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from tests.e2e.mqtt_rig import IDENTITY, ROOT, config, running

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = 60_000_000
GRANT_S = 0.3
AFTER_S = 0.4
"""From the grant to the retained message: later than a quick broker may be."""


def test_a_slow_broker_has_longer_for_the_retained_status(tmp_path: Path) -> None:
    """A broker of a few bytes: mosquitto sends what it retains together with the grant."""
    topic = f"{ROOT}/_gw/{IDENTITY.gateway}/status".encode()
    status = json.dumps({"epoch": EPOCH}).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await reader.read(1000)  # CONNECT
            writer.write(bytes((0x20, 3, 0, 0, 0)))
            subscribe = await reader.read(1000)
            await asyncio.sleep(GRANT_S)
            writer.write(bytes((0x90, 4, *subscribe[2:4], 0, 1)))
            await asyncio.sleep(AFTER_S)
            body = bytes((0, len(topic))) + topic + b"\0" + status
            writer.write(bytes((0x31, len(body))) + body)
            await reader.read(1000)

    async def scenario() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, running(tmp_path / "store", config(f"mqtt://127.0.0.1:{port}")) as rig:
            await rig.until(lambda: rig.store.epoch == EPOCH + 1, "the epoch is raised")

    asyncio.run(scenario())
