"""Every driver against the one suite; a new driver is one more rig."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.contract import driver_suite
from tests.contract.modbus_rig import ModbusRig

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.contract.driver_suite import Rig


@pytest.mark.parametrize("check", driver_suite.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("rig_type", [ModbusRig], ids=["modbus+tcp"])
def test_contract(rig_type: Callable[[], Rig], check: Callable[[Rig], Awaitable[None]]) -> None:
    async def run() -> None:
        rig = rig_type()
        await rig.start()
        try:
            await check(rig)
        finally:
            await rig.stop()

    asyncio.run(run())
