"""Our driver against node-opcua's server: all types, what it tells, what is written, many nodes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from drivers.opcua import plugin
from gateway.clock import SystemClock
from gateway.model import Device, Kind, Quality
from tests.e2e.foreign_opcua import CELL, OTHER, NodeOpcua, needs_node_opcua, node_opcua
from tests.opcua_kit import make

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from drivers.opcua.driver import UaDriver
    from drivers.opcua.link import UaLink
    from gateway.model import Batch, Tag, Value

pytestmark = needs_node_opcua
FEW, MANY = 300, 5000
NEVER_NS = 1 << 62

HELD: dict[str, tuple[Kind, Value]] = {
    "Boolean": (Kind.BIT, True),
    "SByte": (Kind.I16, -128),
    "Byte": (Kind.U16, 255),
    "Int16": (Kind.I16, -32768),
    "UInt16": (Kind.U16, 65535),
    "Int32": (Kind.I32, -(2**31)),
    "UInt32": (Kind.U32, 2**32 - 1),
    "Int64": (Kind.I64, -2),
    "UInt64": (Kind.U64, (0x00200000 << 32) + 1),
    "Float": (Kind.F32, 21.5),
    "Double": (Kind.F64, 3.141592653589793),
    "String": (Kind.STRING, "阀门 DN50"),
    "DateTime": (Kind.STRING, "2026-11-02T08:00:00.125Z"),
    "Guid": (Kind.STRING, "09087e75-8e5e-499b-954f-f2a9603db28a"),
    "ByteString": (Kind.STRING, "0001fe"),
    "XmlElement": (Kind.STRING, "<a>1</a>"),
    "NodeId": (Kind.STRING, "i=2258"),
    "ExpandedNodeId": (Kind.STRING, "i=2258"),
    "StatusCode": (Kind.U32, 0x80340000),
    "QualifiedName": (Kind.STRING, "1:q1"),
    "LocalizedText": (Kind.STRING, "运行"),
    "BooleanArray -> [1]": (Kind.BIT, False),
    "Int64Array -> [2]": (Kind.I64, 2**63 - 1),
    "DoubleArray -> [1]": (Kind.F64, -1e-300),
    "LocalizedTextArray -> [1]": (Kind.STRING, "idle"),
    "Matrix -> [1][2]": (Kind.F64, 6.0),
    "Mode": (Kind.I32, 2),
    "Axis -> Position": (Kind.F64, 12.25),
    "Axis -> Limits[1]": (Kind.I16, 500),
    "AxisArray -> [1].Name": (Kind.STRING, "Y"),
    "CellStatus -> Parts": (Kind.U32, 41),
    "CellStatus -> Axis.Position": (Kind.F64, 12.25),
}


@pytest.fixture(scope="module")
def server() -> Iterator[NodeOpcua]:
    limits = {"maxNodesPerRead": 250, "maxMonitoredItemsPerCall": 200, "maxNodesPerWrite": 5}
    with node_opcua(namespaces=[OTHER, CELL], nodes=FEW, limits=limits) as served:
        yield served


def run(
    server: NodeOpcua,
    check: Callable[[UaLink, UaDriver], Awaitable[None]],
    **options: object,
) -> None:
    async def main() -> None:
        clock = SystemClock()
        link = cast("UaLink", plugin.link(server.url, clock))
        device = Device("machine", server.url, 3.0, (), options, "site.yaml:3")
        driver = cast("UaDriver", plugin.driver(link, device, clock))
        await link.open()
        try:
            await check(link, driver)
        finally:
            await driver.leave()
            await link.close()

    asyncio.run(main())


def own(name: str, kind: Kind = Kind.F64, **more: Any) -> Tag:  # noqa: ANN401
    return make(name.split(maxsplit=1)[0].replace("-", "_"), f"nsu={CELL};s={name}", kind, **more)


def test_every_type_array_structure_and_enumeration(server: NodeOpcua) -> None:
    names = dict.fromkeys(HELD)
    tags = tuple(
        own(name, kind)._replace(name=f"t{number}")
        for number, (name, (kind, _value)) in enumerate(HELD.items())
    )

    async def check(_link: UaLink, driver: UaDriver) -> None:
        plan = driver.prepare(tags)
        for _poll in range(2):
            batch = await driver.read(plan)
            got = dict(zip(names, batch.values, strict=True))
            assert got == {name: value for name, (_kind, value) in HELD.items()}, plan.refused
            assert batch.quality is None
        assert (await driver.read(driver.prepare((own("Mode", Kind.STRING),)))).values == (
            "Automatic",
        )

    run(server, check)


def test_statuses_are_qualities_with_their_code(server: NodeOpcua) -> None:
    wanted = {
        "BadSensorFailure": Quality.BAD,
        "BadWaitingForInitialData": Quality.BAD,
        "BadNotConnected": Quality.BAD,
        "UncertainLastUsableValue": Quality.UNCERTAIN,
        "NotReadable": Quality.BAD,
    }

    async def check(_link: UaLink, driver: UaDriver) -> None:
        plan = driver.prepare(tuple(map(own, wanted)))
        batch = await driver.read(plan)
        assert batch.quality == tuple(wanted.values())
        assert batch.values == (None, None, None, 0.0, None)
        for name in ("BadSensorFailure", "BadWaitingForInitialData"):
            assert name in plan.refused[name]

    run(server, check)


@pytest.mark.parametrize("mode", ["poll", "subscribe"])
def test_one_bad_node_among_many(server: NodeOpcua, mode: str) -> None:
    tags = [own(f"Many{number}") for number in range(FEW)]
    tags[77] = own("Nowhere")

    async def check(link: UaLink, driver: UaDriver) -> None:
        plan = driver.prepare(tuple(tags))
        told: list[Batch] = []
        driver.listen(plan, 0.2, told.append)
        assert (link.server.limits.read, link.server.limits.monitor) == (250, 200)
        for _poll in range(3):
            batch = await driver.read(plan)
            wanted = [None if number == 77 else number + 0.5 for number in range(FEW)]
            assert list(batch.values) == wanted
            assert batch.quality is not None
            assert batch.quality.count(Quality.BAD) == 1
            assert set(plan.refused) == {"Nowhere"}, plan.refused
            await asyncio.sleep(0.3)
        assert bool(told) is (mode == "subscribe")

    run(server, check, mode=mode)


def test_it_tells_what_changes(server: NodeOpcua) -> None:
    async def check(_link: UaLink, driver: UaDriver) -> None:
        tags = (own("Pressure", deadband=5.0), own("Many3"))
        plan = driver.prepare(tags)
        told: list[Batch] = []
        driver.listen(plan, 0.1, told.append)
        await driver.read(plan)
        loop = asyncio.get_running_loop()

        async def until(value: float) -> None:
            async with asyncio.timeout(5):
                while not any(value in batch.values for batch in told):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

        await until(3.5)
        told.clear()
        for value in (64.0, 66.0, 90.0):  # the first two are within its deadband
            await loop.run_in_executor(None, server.put, "Pressure", value)
            await asyncio.sleep(0.15)
        await until(90.0)
        values = [value for batch in told for value in batch.values]
        assert 64.0 not in values
        assert (await driver.read(plan)).values == (90.0, 3.5)

    run(server, check, mode="subscribe")


def test_it_takes_what_is_written_and_nothing_else(server: NodeOpcua) -> None:
    async def check(_link: UaLink, driver: UaDriver) -> None:
        for name, kind, value in (
            ("Boolean", Kind.BIT, False),
            ("SByte", Kind.I16, -7),
            ("UInt16", Kind.U16, 1200),
            ("Int64", Kind.I64, -(2**62)),
            ("Float", Kind.F32, 0.25),
            ("String", Kind.STRING, "订单 7"),
            ("LocalizedText", Kind.STRING, "停"),
        ):
            tag = own(name, kind)
            before = (await driver.read(driver.prepare((tag,)))).values[0]
            written = await driver.write(tag, value, NEVER_NS)
            assert (written.before, written.asked, written.after) == (before, value, value), name
            await driver.write(tag, before, NEVER_NS)

    run(server, check)


@pytest.mark.soak
def test_five_thousand_nodes_one_bad_in_each_thousand() -> None:
    limits = {"maxNodesPerRead": 1000, "maxMonitoredItemsPerCall": 1000}
    with node_opcua(namespaces=[CELL], nodes=MANY, limits=limits) as server:
        tags = [own(f"Many{number}") for number in range(MANY)]
        for number in range(500, MANY, 1000):
            tags[number] = own(f"Nowhere{number}")
        wanted = [None if number % 1000 == 500 else number + 0.5 for number in range(MANY)]
        for mode in ("poll", "subscribe"):

            async def check(_link: UaLink, driver: UaDriver) -> None:
                plan = driver.prepare(tuple(tags))
                driver.listen(plan, 1.0, lambda _batch: None)
                for _poll in range(3):
                    assert list((await driver.read(plan)).values) == wanted
                    await asyncio.sleep(0.5)
                assert len(plan.refused) == 5

            run(server, check, mode=mode)
