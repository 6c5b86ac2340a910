"""A gateway run for the proof, where none runs on the site."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.errors import GatewayError
from gateway.proving.sources import is_running
from gateway.words import _

if TYPE_CHECKING:
    from asyncio import Runner
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

START_S = 30.0
STOP_S = 20.0


@contextmanager
def running(site: Path, folder: Path, runner: Runner) -> Iterator[bool]:
    """Have a gateway run on the site; one that does already is left alone.

    Args:
        site: the site file.
        folder: its store.
        runner: of the loop that asks for it.

    Yields:
        Whether it was started here.

    Raises:
        GatewayError: it doesn't start; or this system runs none.
    """
    if runner.run(is_running(folder)):
        yield False
        return
    if os.name != "posix":
        text = _("a gateway runs on Linux only: cut the broker on the box, with the same command")
        raise GatewayError(text)
    command = [sys.executable, "-m", "gateway", "run", str(site)]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, stderr=said) as gateway,  # noqa: S603 - of ours
    ):
        try:
            _wait(gateway, said, folder, runner)
            yield True
        finally:
            gateway.terminate()
            try:
                gateway.wait(STOP_S)
            except subprocess.TimeoutExpired:
                gateway.kill()


def _wait(gateway: subprocess.Popen[bytes], said: IO[str], folder: Path, runner: Runner) -> None:
    until_s = time.monotonic() + START_S
    while not runner.run(is_running(folder)):
        if gateway.poll() is not None or time.monotonic() > until_s:
            said.seek(0)
            last = said.read().strip().rpartition("\n")[2]
            raise GatewayError(_("the gateway doesn't start: {error}").format(error=last))
        time.sleep(0.2)
