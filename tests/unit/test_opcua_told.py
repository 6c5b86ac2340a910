"""What a server tells, and what is done where it doesn't: asyncua's server, behind a relay."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

import pytest
from asyncua import ua

from drivers.opcua import plugin, subscribing
from gateway.clock import SystemClock
from gateway.errors import ConnectionLost, RequestTimeout
from gateway.model import Batch, Device, Kind, Quality
from tests.opcua_kit import PLAIN, Relay, fault, foreign, make, service, sized, stamped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from drivers.opcua.driver import UaDriver
    from drivers.opcua.link import UaLink
    from gateway.model import Value

T = ua.VariantType
PERIOD_S = 0.1
CREATED, MONITORED, PUBLISHED, REPUBLISHED = 790, 754, 829, 835
NODES: dict[str, tuple[object, ua.VariantType]] = {
    "told_a": (0, T.Int32),
    "told_b": (0.0, T.Double),
    "told_c": ("", T.String),
}
TAGS = (
    make("told_a", kind=Kind.I32),
    make("told_b", scale=0.1, deadband=1.0),
    make("told_c", kind=Kind.STRING),
)


class Bench:
    """A device that is told, and all that it was told."""

    def __init__(self, relay: Relay, timeout_s: float, options: Mapping[str, object]) -> None:
        self.relay = relay
        self.server = foreign()
        clock = SystemClock()
        url = f"opc.tcp://127.0.0.1:{relay.port}/?{PLAIN}"
        self.link = cast("UaLink", plugin.link(url, clock))
        told = {"mode": "subscribe", **options}
        self.device = Device("machine", url, timeout_s, (), told, "site.yaml:3")
        self.driver = cast("UaDriver", plugin.driver(self.link, self.device, clock))
        self.plan = self.driver.prepare(TAGS)
        self.batches: list[Batch] = []
        self.driver.listen(self.plan, PERIOD_S, self.batches.append)

    async def begin(self) -> None:
        await self.link.open()
        await self.driver.read(self.plan)
        await self.until(lambda: bool(self.batches))
        self.batches.clear()

    async def until(self, holds: Callable[[], bool], within_s: float = 5.0) -> None:
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110 - the other end is another process's thread
                await asyncio.sleep(0.01)

    def told(self, name: str) -> list[Value]:
        """The values that came of a tag, one after the other."""
        place = [tag.name for tag in TAGS].index(name)
        found: list[Value] = []
        for batch in self.batches:
            present = tuple(range(len(TAGS))) if batch.present is None else batch.present
            if place in present:
                found.append(batch.values[present.index(place)])
        return found

    async def for_long(self) -> None:
        """Poll as the poller does."""
        for _poll in range(100):
            await self.now()
            await asyncio.sleep(PERIOD_S)

    async def now(self) -> tuple[Value, ...]:
        return (await self.driver.read(self.plan)).values


def run(
    check: Callable[[Bench], Awaitable[None]], timeout_s: float = 3.0, **options: object
) -> None:
    server = foreign()
    if not hasattr(server, "told"):
        server.add(NODES)
        server.told = True  # type: ignore[attr-defined]
    for name, (value, kind) in NODES.items():
        server.put(name, value, kind)

    async def main() -> None:
        relay = Relay(server.port)
        await relay.start()
        bench = Bench(relay, timeout_s, options)
        try:
            await check(bench)
        finally:
            relay.spoil = bytes
            await bench.driver.leave()
            await bench.link.close()
            await relay.stop()

    asyncio.run(main())


def test_changes_come_between_two_polls_and_are_there_at_the_next() -> None:
    async def check(bench: Bench) -> None:
        await bench.begin()
        before = time.time_ns()
        bench.server.put("told_a", 7, T.Int32)
        bench.server.put("told_c", "A17", T.String)
        await bench.until(lambda: bool(bench.told("told_a")) and bool(bench.told("told_c")))
        assert bench.told("told_a") == [7]
        assert bench.told("told_c") == ["A17"]
        batch = bench.batches[0]
        assert batch.source_ns
        assert batch.server_ns
        assert before <= batch.source_ns[0] <= batch.time_ns + 1_000_000
        assert await bench.now() == (7, 0.0, "A17")
        assert all(one.tags is TAGS for one in bench.batches)

    run(check)


def test_several_changes_of_a_tag_come_in_their_order_with_the_time_between_them() -> None:
    async def check(bench: Bench) -> None:
        await bench.begin()
        for number in (1, 2, 3):
            bench.server.put("told_a", number, T.Int32)
            await asyncio.sleep(0.02)
        await bench.until(lambda: len(bench.told("told_a")) == 3)
        assert bench.told("told_a") == [1, 2, 3]
        times = [batch.time_ns for batch in bench.batches]
        assert times == sorted(times)
        assert times[-1] - times[0] >= 30_000_000

    run(check, subscription={"sampling": 0.01, "queue": 10})


def test_a_deadband_is_the_servers_where_it_takes_one() -> None:
    async def check(bench: Bench) -> None:
        await bench.begin()
        bench.server.put("told_b", 9.0, T.Double)  # 0.9 of the tag's
        bench.server.put("told_a", 1, T.Int32)
        await bench.until(lambda: bench.told("told_a") == [1])
        assert bench.told("told_b") == []
        bench.server.put("told_b", 25.0, T.Double)
        await bench.until(lambda: bool(bench.told("told_b")))
        assert bench.told("told_b") == [2.5]
        assert bench.link.known.takes_deadbands

    run(check)


def test_a_deadband_that_is_refused_is_left_to_us_and_remembered() -> None:
    asked = 0

    def refuse_once(chunk: bytes) -> bytes:
        nonlocal asked
        if service(chunk) == MONITORED:
            asked += 1
            if asked == 2:  # the first watches the namespaces
                return fault(chunk, 0x80440000)
        return chunk

    async def check(bench: Bench) -> None:
        bench.relay.spoil = refuse_once
        await bench.begin()
        assert not bench.link.known.takes_deadbands
        bench.server.put("told_b", 3.0, T.Double)
        await bench.until(lambda: bool(bench.told("told_b")))
        assert bench.told("told_b") == [0.3]

    run(check)


def test_a_missed_message_is_asked_for_again() -> None:
    swallowed: list[bytes] = []

    def swallow_one(chunk: bytes) -> bytes:
        if service(chunk) == PUBLISHED and not swallowed and len(chunk) > 110:
            swallowed.append(chunk)
            return b""
        return chunk

    async def check(bench: Bench) -> None:
        await bench.begin()
        bench.relay.spoil = swallow_one
        bench.server.put("told_a", 5, T.Int32)
        await bench.until(lambda: bool(swallowed))
        bench.server.put("told_c", "later", T.String)
        await bench.until(lambda: bool(bench.told("told_c")))
        assert bench.told("told_a") == [5], "what was missed comes first"
        assert bench.batches[0].present == (0,)
        assert (await bench.now())[0] == 5

    run(check)


@pytest.mark.parametrize("answer", ["refusal", "nothing"])
def test_a_message_that_the_server_has_no_more_is_a_gap(answer: str) -> None:
    swallowed: list[bytes] = []

    def spoil(chunk: bytes) -> bytes:
        if service(chunk) == PUBLISHED and not swallowed and len(chunk) > 110:
            swallowed.append(chunk)
            return b""
        if service(chunk) == REPUBLISHED:
            return fault(chunk, 0x807B0000) if answer == "refusal" else _emptied(chunk)
        return chunk

    async def check(bench: Bench) -> None:
        await bench.begin()
        bench.relay.spoil = spoil
        bench.server.put("told_a", 5, T.Int32)
        await bench.until(lambda: bool(swallowed))
        bench.server.put("told_c", "later", T.String)
        await bench.until(lambda: bool(bench.batches))
        gap = bench.batches[0]
        assert gap.values == (None, None, None)
        assert gap.quality == (Quality.BAD,) * 3
        bench.relay.spoil = bytes
        assert await bench.now() == (5, 0.0, "later"), "all values are read anew"
        bench.batches.clear()
        bench.server.put("told_a", 6, T.Int32)
        await bench.until(lambda: 6 in bench.told("told_a"))

    run(check)


def _emptied(chunk: bytes) -> bytes:
    """A RepublishResponse without a message: sequence number 0, no parts."""
    return sized(chunk[:52] + bytes(12) + b"\0\0\0\0")


def test_a_server_that_falls_silent_is_lost_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribing, "KEEP_ALIVE_S", 0.2)

    async def check(bench: Bench) -> None:
        await bench.begin()
        await asyncio.sleep(0.6)
        assert await bench.now() == (0, 0.0, ""), "a keep-alive is heard as well as news"
        bench.relay.spoil = lambda _chunk: b""
        since = time.monotonic()
        with pytest.raises(RequestTimeout):
            await bench.for_long()
        assert time.monotonic() - since < 3
        assert not bench.link.is_open
        bench.relay.spoil = bytes
        await bench.link.open()
        assert await bench.now() == (0, 0.0, "")
        bench.batches.clear()
        bench.server.put("told_a", 8, T.Int32)
        await bench.until(lambda: 8 in bench.told("told_a"))

    run(check, timeout_s=0.5)


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
def test_other_namespaces_end_the_session(mode: str) -> None:
    async def check(bench: Bench) -> None:
        await bench.link.open()
        await bench.now()
        if mode == "subscribe":
            await bench.until(lambda: bool(bench.batches))
        bench.server.do(bench.server.namespace(f"urn:late:{mode}:{time.time_ns()}"))
        with pytest.raises(ConnectionLost, match="namespaces"):
            await bench.for_long()
        await bench.link.open()
        assert await bench.now() == (0, 0.0, "")

    run(check, mode=mode)


def test_a_subscription_that_the_server_ended_is_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscribing, "KEEP_ALIVE_S", 0.2)

    async def check(bench: Bench) -> None:
        await bench.begin()
        bench.server.do(bench.server.end_subscriptions())

        async def told_again() -> None:
            number = 100
            while number not in bench.told("told_a"):
                number += 1
                bench.server.put("told_a", number, T.Int32)
                await asyncio.sleep(PERIOD_S)
                await bench.now()

        async with asyncio.timeout(8):
            await told_again()

    run(check, timeout_s=1.0)


def test_a_server_without_subscriptions_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    async def check(bench: Bench) -> None:
        bench.relay.spoil = lambda c: fault(c, 0x800B0000) if service(c) == CREATED else c
        await bench.link.open()
        for number in (1, 2):
            bench.server.put("told_a", number, T.Int32)
            assert (await bench.now())[0] == number
        assert not bench.batches

    run(check)
    (record,) = caplog.records
    assert "tells no changes (BadServiceUnsupported" in record.message


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
def test_waiting_for_initial_data_is_never_a_good_zero(mode: str) -> None:
    async def check(bench: Bench) -> None:
        held = stamped(ua.Variant(0, T.Int32), 0x80320000)
        bench.server.put("told_a", held)
        await bench.link.open()
        batch = await bench.driver.read(bench.plan)
        assert batch.values[0] is None
        assert batch.quality is not None
        assert batch.quality[0] is Quality.BAD
        assert "BadWaitingForInitialData" in bench.plan.refused["told_a"]
        held = stamped(ua.Variant(3, T.Int32), 0x40900000)
        bench.server.put("told_a", held)
        if mode == "subscribe":
            await bench.until(lambda: 3 in bench.told("told_a"))
        batch = await bench.driver.read(bench.plan)
        assert batch.values[0] == 3
        assert batch.quality is not None
        assert batch.quality[0] is Quality.UNCERTAIN

    run(check, mode=mode)


def test_who_leaves_ends_what_was_told() -> None:
    async def check(bench: Bench) -> None:
        before = bench.server.subscriptions
        await bench.begin()
        assert bench.server.subscriptions == before + 1
        await bench.driver.leave()
        assert bench.server.subscriptions == before

    run(check)
