"""A session's life at asyncua's server: keys renewed, limits, many nodes, an end without notice."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

import pytest
from asyncua import ua

from drivers.opcua import client, plugin
from drivers.opcua.settings import Settings
from drivers.opcua.vendors import vendor
from gateway.clock import ManualClock, SystemClock
from gateway.driver import AddressError
from gateway.errors import ConnectionLost
from gateway.model import Device, Kind, Quality
from tests.opcua_kit import PLAIN, Relay, fault, foreign, make, service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from drivers.opcua.driver import UaDriver
    from drivers.opcua.link import UaLink
    from gateway.clock import Clock

READ_ANSWER = 634
MANY = 1000


def run(check: Callable[[UaLink, UaDriver, Relay], Awaitable[None]], clock: Clock) -> None:
    server = foreign()
    if not hasattr(server, "session"):
        server.add({"held": (7, ua.VariantType.Int32)})
        server.add({f"many{number}": (number, ua.VariantType.UInt32) for number in range(MANY)})
        server.session = True  # type: ignore[attr-defined]

    async def main() -> None:
        relay = Relay(server.port)
        await relay.start()
        url = f"opc.tcp://127.0.0.1:{relay.port}/?{PLAIN}"
        link = cast("UaLink", plugin.link(url, clock))
        device = Device("machine", url, 2.0, (), {}, "site.yaml:3")
        try:
            await check(link, cast("UaDriver", plugin.driver(link, device, clock)), relay)
        finally:
            relay.spoil = bytes
            await link.close()
            await relay.stop()

    asyncio.run(main())


def test_keys_are_renewed_while_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CHANNEL_MS", 400)
    renewed = 0

    async def check(link: UaLink, driver: UaDriver, _relay: Relay) -> None:
        nonlocal renewed
        await link.open()
        session = cast("client.Session", link.server.session)
        first = session.client.uaclient.protocol
        plan = driver.prepare((make("held", kind=Kind.I32),))
        tokens = set()
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            assert (await driver.read(plan)).values == (7,)
            assert first is not None
            tokens.add(first._connection.security_token.TokenId)
            await asyncio.sleep(0.02)
        assert link.is_open
        renewed = len(tokens)

    run(check, SystemClock())
    assert renewed >= 3


def test_one_bad_node_of_a_thousand_and_a_server_that_takes_fewer_than_it_said() -> None:
    asked: list[int] = []

    def count(chunk: bytes) -> bytes:
        nodes = chunk.count(b"many")
        if nodes:
            asked.append(nodes)
        return chunk

    def too_many(chunk: bytes) -> bytes:
        if service(chunk) == READ_ANSWER and asked and asked[-1] > 300:
            return fault(chunk, 0x80100000)
        return chunk

    async def check(link: UaLink, driver: UaDriver, relay: Relay) -> None:
        relay.hear, relay.spoil = count, too_many
        await link.open()
        link.server.limits.read = MANY
        tags = [make(f"many{number}", kind=Kind.U32) for number in range(MANY)]
        tags[617] = make("missing", kind=Kind.U32)
        plan = driver.prepare(tuple(tags))
        for _poll in range(3):
            batch = await driver.read(plan)
            wanted = [number if number != 617 else None for number in range(MANY)]
            assert list(batch.values) == wanted
            assert batch.quality is not None
            assert batch.quality.count(Quality.BAD) == 1
        assert set(plan.refused) == {"missing"}
        assert max(asked[-4:]) <= 300, "what was found out is kept"

    run(check, SystemClock())


@pytest.mark.parametrize("refuses", [False, True])
def test_nodes_are_registered_where_the_maker_says_so(refuses: bool) -> None:  # noqa: FBT001
    asked: list[int] = []

    def count(chunk: bytes) -> bytes:
        if service(chunk) == 560:
            asked.append(chunk.count(b"many"))
        return chunk

    async def check(link: UaLink, driver: UaDriver, relay: Relay) -> None:
        relay.hear = count
        relay.spoil = lambda c: fault(c, 0x80100000) if refuses and service(c) == 563 else c
        await link.open()
        link.server.vendor = vendor("Siemens AG", "SIMATIC S7-1500")
        link.server.limits.register = 4
        plan = driver.prepare(tuple(make(f"many{n}", kind=Kind.U32) for n in range(6)))
        for _poll in range(2):
            assert (await driver.read(plan)).values == tuple(range(6))

    run(check, SystemClock())
    assert asked == ([4] if refuses else [4, 2]), "once a session"


def test_a_bad_node_is_looked_for_again_ever_more_seldom() -> None:
    clock = ManualClock()
    asked = 0

    def count(chunk: bytes) -> bytes:
        nonlocal asked
        asked += b"absent" in chunk
        return chunk

    async def check(link: UaLink, driver: UaDriver, relay: Relay) -> None:
        relay.hear = count
        await link.open()
        plan = driver.prepare((make("held", kind=Kind.I32), make("absent")))
        for _second in range(200):
            assert (await driver.read(plan)).values == (7, None)
            clock.advance(1)

    run(check, clock)
    assert 7 <= asked <= 11  # after 0, 1, 3, 7, 15, 31, 63, 123, 183 s


def test_a_session_that_the_server_ended_is_a_lost_connection() -> None:
    async def check(link: UaLink, driver: UaDriver, relay: Relay) -> None:
        await link.open()
        plan = driver.prepare((make("held", kind=Kind.I32),))
        assert (await driver.read(plan)).values == (7,)
        relay.spoil = lambda chunk: fault(chunk, 0x80250000)
        with pytest.raises(ConnectionLost, match="BadSessionIdInvalid"):
            await driver.read(plan)
        assert not link.is_open
        relay.spoil = bytes
        await link.open()
        assert (await driver.read(plan)).values == (7,)

    run(check, SystemClock())


@pytest.mark.parametrize(
    ("url", "server", "endpoint"),
    [
        ("opc.tcp://cell", "opc.tcp://cell:4840", "cell:4840"),
        ("opc.tcp://10.0.0.9:4841/a/b", "opc.tcp://10.0.0.9:4841/a/b", "10.0.0.9:4841"),
        ("opc.tcp://[fe80::1]:48400", "opc.tcp://[fe80::1]:48400", "[fe80::1]:48400"),
    ],
)
def test_where_a_link_leads(url: str, server: str, endpoint: str) -> None:
    settings = Settings.of(url)
    assert (settings.server, settings.endpoint) == (server, endpoint)
    assert not settings.is_plain, "nothing is plain that doesn't say so"


@pytest.mark.parametrize(
    "url",
    ["opc.tcp://", "opc.tcp://h:x", "opc.tcp://h:0", "http://h", "opc.tcp://h?colour=red"],
)
def test_a_link_that_leads_nowhere(url: str) -> None:
    with pytest.raises(AddressError):
        plugin.check_link(url)


@pytest.mark.parametrize(
    ("at", "register"),
    [
        ("i=2258", (0, "i", 2258, ())),
        ("ns=3;s=a;b=c", (3, "s", "a;b=c", ())),
        ('ns=3;s="DB1"."x"[2]', (3, "s", '"DB1"."x"[2]', ())),
        ("nsu=http://a.b/c/;i=7", ("http://a.b/c/", "i", 7, ())),
        (
            "g=09087E75-8E5E-499B-954F-F2A9603DB28A",
            (0, "g", "09087e75-8e5e-499b-954f-f2a9603db28a", ()),
        ),
        ("b=M/RbKBsRVkePCePcx24oRA==", (0, "b", "M/RbKBsRVkePCePcx24oRA==", ())),
        (
            "/Objects/nsu=http://a.b/;Cell/Parts&/h/0:x",
            (
                0,
                "/",
                ((0, "Objects"), ("http://a.b/", "Cell"), ("http://a.b/", "Parts/h"), (0, "x")),
                (),
            ),
        ),
        ("i=7 -> [1].load.max", (0, "i", 7, (1, "load", "max"))),
    ],
)
def test_addresses(at: str, register: object) -> None:
    assert plugin.address(at, ()).register == register


@pytest.mark.parametrize(
    "at",
    [
        *("D100", "s=", "i=x", "i=4294967296", "ns=70000;i=1", "g=1", "b=?", "/", "/Cell", "//"),
        *("i=1 -> ", "i=1 -> [x]", "i=1 -> a..b", "/Objects/a&b", "nsu=;i=1"),
    ],
)
def test_what_is_no_address(at: str) -> None:
    with pytest.raises(AddressError):
        plugin.address(at, ())
