"""Our driver against a meter that nobody here wrote: PyPI's dlt645, over TCP and on a port."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.clock import SystemClock
from tests.dlt645_kit import driver_of, make
from tests.e2e.cable import Cable
from tests.e2e.dlt645_server import ADDRESS, DEMAND, ENERGY, MEASURED, PEAK, PEAK_AT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.model import Value

ROOT = Path(__file__).parents[2]
WANTED: dict[str, Value] = {
    **{f"{di:08X}": value for di, value in (ENERGY | MEASURED).items()},
    f"{DEMAND:08X}": PEAK,
    f"{DEMAND:08X}.time": PEAK_AT,
}


@contextmanager
def foreign(way: str, where: str) -> Iterator[str]:
    """A meter, in a process of its own; gives its port."""
    command = (sys.executable, "-m", "tests.e2e.dlt645_server", way, where)
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        said = ""
        while not said.startswith("serves "):
            said = process.stdout.readline()
            assert said, "it ended"
        yield said.split()[1]
    finally:
        process.kill()
        process.communicate()


def read(url: str, *, address: str, tags: dict[str, Value]) -> dict[str, Value]:
    async def run() -> dict[str, Value]:
        link, driver = driver_of(url, SystemClock(), 2.0, address=address)
        await link.open()
        batch = await driver.read(driver.prepare(tuple(map(make, tags))))
        await link.close()
        return dict(zip(tags, batch.values, strict=True))

    return asyncio.run(run())


def test_what_a_foreign_meter_holds_over_tcp() -> None:
    with foreign("tcp", "0") as port:
        url = f"dlt645+tcp://127.0.0.1:{port}"
        assert read(url, address=ADDRESS, tags=WANTED) == WANTED
        some: dict[str, Value] = {"02010100": 230.1}
        assert read(url, address="", tags=some) == some
        lacking: dict[str, Value] = {"02010100": 230.1, "0280FF01 XX.XX": None}
        assert read(url, address=ADDRESS, tags=lacking) == lacking


def test_what_a_foreign_meter_holds_on_a_port(tmp_path: Path) -> None:
    with Cable(tmp_path) as cable, foreign("rtu", str(cable.far)):
        url = f"dlt645://{cable.near}?baud=9600&parity=N"
        assert read(url, address=ADDRESS, tags=WANTED) == WANTED
