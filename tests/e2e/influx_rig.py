"""A gateway's store with an InfluxDB publisher, as the agent would wire them."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.publishers.influx import InfluxPublisher
from gateway.secret import Secret
from gateway.settings import InfluxSettings
from tests.e2e import mqtt_rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TOKEN = "s3cret"  # noqa: S105 - a test's own


def config(folder: Path, url: str, **more: Any) -> InfluxSettings:  # noqa: ANN401
    """The publisher's settings, with a token's file."""
    token = folder / "influx.token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    usual = InfluxSettings(url, "plant", "nxgate", Secret(token), None, 5000.0, "site.yaml:9")
    return replace(usual, **more)


@contextlib.asynccontextmanager
async def running(folder: Path, url: str, **more: Any) -> AsyncIterator[mqtt_rig.Rig]:  # noqa: ANN401
    """Run a publisher over a store; stopped in order at the end."""
    settings = config(folder, url, **more)
    async with mqtt_rig.running(folder / "store", settings, make=InfluxPublisher) as rig:
        yield rig
