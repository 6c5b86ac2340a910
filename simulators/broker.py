"""An MQTT broker for rehearsals: mosquitto where it is installed, else amqtt from PyPI.

amqtt speaks MQTT 3.1.1 only; a site with `version: auto` works with either.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"


def start(
    port: int, folder: Path, *, installed: bool = True
) -> tuple[subprocess.Popen[bytes], str]:
    """Start a broker on loopback that anyone on this machine may use.

    Args:
        port: to listen on.
        folder: for its configuration and its log.
        installed: whether to use mosquitto where it is installed.

    Returns:
        The process, and what it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    mosquitto = shutil.which("mosquitto", path=path)
    if mosquitto and installed:
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} {HOST}\nallow_anonymous true\npersistence false\n")
        command, name = [mosquitto, "-c", str(config)], "mosquitto"
    else:
        command, name = [sys.executable, "-m", "simulators.broker", str(port)], "amqtt"
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own words
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        return process, name


async def _serve(port: int) -> None:
    from amqtt.broker import Broker  # noqa: PLC0415 - only where mosquitto is missing

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await broker.start()
    await stopping.wait()
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
