"""Every driver against the one suite; a new driver is one more rig."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest
import uvloop

from tests.contract import driver_suite, writes_suite
from tests.contract.dlt645_rig import Dlt645Rig
from tests.contract.driver_suite import Rig
from tests.contract.modbus_rig import ModbusRig
from tests.contract.opcua_rig import OpcUaRig

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.contract.writes_suite import WriteRig


LOOPS = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


@pytest.mark.parametrize("check", driver_suite.CHECKS, ids=lambda check: check.__name__)
@LOOPS
@pytest.mark.parametrize(
    "rig_type", [ModbusRig, Dlt645Rig, OpcUaRig], ids=["modbus+tcp", "dlt645+tcp", "opc.tcp"]
)
def test_contract(
    rig_type: Callable[[], Rig],
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    check: Callable[[Rig], Awaitable[None]],
) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(held(rig_type(), check))


@pytest.mark.parametrize("check", writes_suite.WRITE_CHECKS, ids=lambda check: check.__name__)
@LOOPS
@pytest.mark.parametrize("rig_type", [ModbusRig, OpcUaRig], ids=["modbus+tcp", "opc.tcp"])
def test_contract_of_writing(
    rig_type: Callable[[], WriteRig],
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    check: Callable[[WriteRig], Awaitable[None]],
) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(held(rig_type(), check))


R = TypeVar("R", bound=Rig)


async def held(rig: R, check: Callable[[R], Awaitable[None]]) -> None:
    """One check on a rig that is there meanwhile."""
    await rig.start()
    try:
        await check(rig)
    finally:
        await rig.stop()
