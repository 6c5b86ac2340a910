"""Every driver against the one suite; a new driver is one more rig."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import uvloop

from tests.contract import driver_suite, writes_suite
from tests.contract.modbus_rig import ModbusRig

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.contract.writes_suite import WriteRig


@pytest.mark.parametrize(
    "check",
    [*driver_suite.CHECKS, *writes_suite.WRITE_CHECKS],
    ids=lambda check: check.__name__,
)
@pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
@pytest.mark.parametrize("rig_type", [ModbusRig], ids=["modbus+tcp"])
def test_contract(
    rig_type: Callable[[], WriteRig],
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    check: Callable[[WriteRig], Awaitable[None]],
) -> None:
    async def run() -> None:
        rig = rig_type()
        await rig.start()
        try:
            await check(rig)
        finally:
            await rig.stop()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())
