"""A device: what it refuses stays with the tag it is about, and the messages say what to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from drivers.modbus import plugin
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.poll import PROBES
from drivers.modbus.prepared import RETRY_S
from gateway.clock import ManualClock
from gateway.errors import RequestRefused, RequestTimeout
from gateway.model import Device, Kind, Tag
from tests.modbus_peer import Peer, Request, exception, frame
from tests.modbus_tags import make

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.driver import Link


class Bench:
    """A peer, a link and a driver on it, with a clock of their own."""

    def __init__(self, peer: Peer, options: Mapping[str, object]) -> None:
        self.peer = peer
        self.clock = ManualClock()
        self.link: Link = plugin.link(peer.url, self.clock)
        device = Device("press-3", peer.url, 0.05, (), {"unit": 7, **options}, "site.yaml:9")
        driver = plugin.driver(self.link, device, self.clock)
        assert isinstance(driver, ModbusDriver)
        self.driver = driver

    def asked(self) -> list[tuple[int, int]]:
        """Start and count of each request since the last call."""
        found = [(request.start, request.count) for request in self.peer.requests]
        self.peer.requests.clear()
        return found


def run(
    check: Callable[[Bench], Awaitable[None]], options: Mapping[str, object] | None = None
) -> None:
    async def go() -> None:
        async with Peer() as peer:
            for table in peer.tables.values():
                table.update((address, address % 1000) for address in range(1000))
            bench = Bench(peer, options or {})
            await bench.link.open()
            await check(bench)
            await bench.link.close()

    asyncio.run(go())


def row(first: int, count: int) -> tuple[Tag, ...]:
    return tuple(make(f"t{at}", f"holding:{at}") for at in range(first, first + count))


def test_one_refused_address_is_found_and_left_out() -> None:
    async def check(bench: Bench) -> None:
        bench.peer.holes.add((3, 137))
        tags = row(100, 100)
        plan = bench.driver.prepare(tags)
        wanted = tuple(None if at == 137 else at for at in range(100, 200))
        batch = await bench.driver.read(plan)
        assert batch.values == wanted
        assert len(bench.asked()) <= 2 * 7 + 1  # two a halving, log2(100) < 7
        assert list(plan.refused) == ["t137"]
        for _ in range(3):
            batch = await bench.driver.read(plan)
            assert batch.values == wanted
            assert batch.tags is tags
            asked = bench.asked()
            assert len(asked) <= 8
            assert not any(start <= 137 < start + count for start, count in asked)

    run(check)


def test_a_refused_gap_makes_no_tag_bad() -> None:
    async def check(bench: Bench) -> None:
        bench.peer.holes.add((3, 105))
        plan = bench.driver.prepare((*row(100, 3), *row(110, 3)))
        for _ in range(2):
            batch = await bench.driver.read(plan)
            assert batch.values == (100, 101, 102, 110, 111, 112)
            assert batch.quality is None
        assert plan.refused == {}
        assert bench.asked() == [(100, 13), (100, 3), (110, 3), (100, 3), (110, 3)]

    run(check)


def test_a_device_that_gives_less_at_once_than_its_template_says() -> None:
    async def check(bench: Bench) -> None:
        bench.peer.max_count = 20
        plan = bench.driver.prepare(row(100, 100))
        for _ in range(2):
            assert (await bench.driver.read(plan)).values == tuple(range(100, 200))
        assert plan.refused == {}
        assert {count for _start, count in bench.asked()[-8:]} == {12, 13}

    run(check)


def test_refused_tags_are_tried_again_after_a_while() -> None:
    async def check(bench: Bench) -> None:
        bench.peer.holes.add((3, 101))
        plan = bench.driver.prepare(row(100, 3))
        await bench.driver.read(plan)
        bench.clock.advance(RETRY_S - 1)
        bench.peer.holes.clear()
        assert (await bench.driver.read(plan)).values == (100, None, 102)
        assert "t101" in plan.refused
        bench.clock.advance(2)
        bench.asked()
        assert (await bench.driver.read(plan)).values == (100, 101, 102)
        assert bench.asked() == [(100, 3)]
        assert plan.refused == {}

    run(check)


def test_a_later_refusal_does_not_put_the_retry_off() -> None:
    async def check(bench: Bench) -> None:
        plan = bench.driver.prepare(row(100, 3))
        for hole, values in ((101, (100, None, 102)), (102, (100, None, None))):
            bench.peer.holes.add((3, hole))
            assert (await bench.driver.read(plan)).values == values
            bench.clock.advance(RETRY_S * 0.6)
        bench.peer.holes.clear()
        assert (await bench.driver.read(plan)).values == (100, 101, 102)

    run(check)


def test_a_wholly_refused_area_costs_a_bounded_number_of_questions_a_poll() -> None:
    async def check(bench: Bench) -> None:
        bench.peer.holes.update((3, at) for at in range(100, 200))
        plan = bench.driver.prepare((*row(50, 2), *row(100, 100)))
        for _ in range(20):
            planned = len(plan.reads)
            batch = await bench.driver.read(plan)
            assert batch.values == (50, 51, *[None] * 100)
            assert len(bench.asked()) <= planned + 2 * PROBES
        assert len(plan.refused) == 100
        await bench.driver.read(plan)
        assert bench.asked() == [(50, 2)]

    run(check)


def test_a_table_the_device_does_not_serve_is_asked_for_once() -> None:
    async def check(bench: Bench) -> None:
        del bench.peer.tables[4]
        plan = bench.driver.prepare((*row(100, 2), make("a", "input:1"), make("b", "input:2")))
        for _ in range(3):
            assert (await bench.driver.read(plan)).values == (100, 101, None, None)
        assert bench.asked() == [(100, 2), (1, 2), (100, 2), (100, 2)]
        assert plan.refused["a"].endswith("This device may hold it under `holding:`.")

    run(check)


def test_a_passing_failure_is_forgotten() -> None:
    async def check(bench: Bench) -> None:
        plan = bench.driver.prepare(row(100, 2))
        bench.peer.answer = lambda r: exception(r, 4)
        assert (await bench.driver.read(plan)).values == (None, None)
        assert set(plan.refused) == {"t100", "t101"}
        bench.peer.answer = bench.peer.correct
        batch = await bench.driver.read(plan)
        assert (batch.values, batch.quality) == ((100, 101), None)
        assert plan.refused == {}

    run(check)


def test_an_answer_of_the_wrong_length_costs_only_its_tags() -> None:
    async def check(bench: Bench) -> None:
        def short(request: Request) -> bytes:
            if request.start <= 110 < request.start + request.count:
                return frame(request.tid, request.unit, b"\x03\x00")
            return bench.peer.correct(request)

        bench.peer.answer = short
        plan = bench.driver.prepare((*row(100, 2), *row(110, 2)))
        assert (await bench.driver.read(plan)).values == (100, 101, None, 111)
        assert "0 bytes of data where 2 were asked for" in plan.refused["t110"]
        bench.peer.answer = bench.peer.correct
        assert (await bench.driver.read(plan)).values == (100, 101, 110, 111)
        bench.clock.advance(RETRY_S + 1)
        await bench.driver.read(plan)
        assert bench.asked()[-1] == (100, 12)

    run(check)


REFUSED = "machine.oven: device refused {request} (unit 7, {peer}): illegal data address. Set in "
AREAS = [{"area": "D", "function": "holding", "at": 90, "last": 9}]


@pytest.mark.parametrize(
    ("tag", "request_", "next_"),
    [
        (
            make("oven", "holding:101", Kind.F32),
            "holding 101–102",
            "If the manual counts from 1, write it as `4x00101`.",
        ),
        (
            make("oven", "4x00101"),
            "holding 100",
            "If the manual counts from 0, write it as `holding:101`.",
        ),
        (make("oven", "D5", areas=AREAS), "holding 95", "Check the range of this model."),
        (make("oven", "discrete:0"), "discrete 0", "Check the range of this model."),
    ],
    ids=["from 0", "from 1", "of the PLC", "the first"],
)
def test_a_refusal_says_who_what_where_and_what_next(tag: Tag, request_: str, next_: str) -> None:
    async def check(bench: Bench) -> None:
        bench.peer.answer = lambda r: exception(r, 2)
        plan = bench.driver.prepare((tag,))
        await bench.driver.read(plan)
        peer = f"127.0.0.1:{bench.peer.port}"
        wanted = REFUSED.format(request=request_, peer=peer) + f"site.yaml:14. {next_}"
        assert plan.refused == {"oven": wanted}

    run(check)


def test_silence_says_who_what_and_where() -> None:
    async def check(bench: Bench) -> None:
        bench.peer.answer = lambda _request: b""
        with pytest.raises(RequestTimeout) as caught:
            await bench.driver.read(bench.driver.prepare(row(100, 25)))
        assert str(caught.value) == (
            f"press-3: asked for holding 100–124 (unit 7, 127.0.0.1:{bench.peer.port}): "
            "no answer within 0.05 s. Set in site.yaml:9."
        )

    run(check)


def test_a_busy_device_is_left_alone_as_a_whole() -> None:
    async def check(bench: Bench) -> None:
        bench.peer.answer = lambda r: exception(r, 6)
        plan = bench.driver.prepare((*row(100, 2), make("x", "coil:1")))
        with pytest.raises(RequestRefused, match=r"press-3: asked for .*: device busy\. Set in"):
            await bench.driver.read(plan)
        assert len(bench.asked()) == 1
        assert plan.refused == {}

    run(check)


def test_the_time_is_that_of_the_last_answer() -> None:
    async def check(bench: Bench) -> None:
        def slowly(request: Request) -> bytes:
            bench.clock.advance(1)
            return bench.peer.correct(request)

        bench.peer.answer = slowly
        start_ns, mono_ns = bench.clock.wall, bench.clock.mono
        batch = await bench.driver.read(bench.driver.prepare((*row(100, 1), *row(900, 1))))
        assert (batch.time_ns - start_ns, batch.mono_ns - mono_ns) == (2_000_000_000,) * 2

    run(check)


def test_the_clock_is_read_when_the_answer_arrives_and_not_again() -> None:
    class Ticking(ManualClock):
        def wall_ns(self) -> int:
            self.wall += 1
            return self.wall

        def mono_ns(self) -> int:
            self.mono += 1
            return self.mono

    async def check(bench: Bench) -> None:
        clock = Ticking(1000, 2000)
        link = plugin.link(bench.peer.url, clock)
        driver = plugin.driver(link, Device("d", bench.peer.url, 1, (), {}), clock)
        await link.open()
        batch = await driver.read(driver.prepare(row(100, 1)))
        assert (batch.time_ns, batch.mono_ns) == (1001, 2001)
        assert (clock.wall, clock.mono) == (1001, 2001)
        await link.close()

    run(check)


def test_inspection_shows_the_registers_behind_each_value() -> None:
    async def check(bench: Bench) -> None:
        bench.peer.put(3, 100, bytes.fromhex("0002 0001 7FC0 0000"))
        bench.peer.tables[1][20] = 1
        bench.peer.holes.add((3, 300))
        tags = (
            make("lamp", "coil:20"),
            make("gone", "holding:300"),
            make("empty", "holding:102", Kind.F32),
            make("wide", "holding:100", Kind.U32),
        )

        def slowly(request: Request) -> bytes:
            bench.clock.advance(0.25)
            return bench.peer.correct(request)

        bench.peer.answer = slowly
        batch, readings = await bench.driver.inspect(bench.driver.prepare(tags))
        assert batch.values == (True, None, None, 131073)
        assert tuple(reading.tag for reading in readings) == tags
        lamp, gone, empty, wide = readings
        assert (lamp.raw, lamp.request, lamp.round_trip_s, lamp.error) == (
            (1,),
            "coil 20 (FC01, unit 7)",
            0.25,
            "",
        )
        assert (gone.raw, gone.request) == ((), "")
        assert "device refused holding 300" in gone.error
        assert empty.raw == (0x7FC0, 0)
        assert "machine.empty: the registers hold no value of kind f32" in empty.error
        assert (wide.raw, wide.request) == ((2, 1), "holding 100–103 (FC03, unit 7)")

    run(check)


def test_limits_of_the_device_are_kept() -> None:
    async def check(bench: Bench) -> None:
        bench.peer.max_count = 11
        plan = bench.driver.prepare(row(100, 30))
        assert (await bench.driver.read(plan)).values == tuple(range(100, 130))
        assert bench.asked() == [(100, 11), (111, 11), (122, 8)]

    run(check, {"max_read": 11})


def test_a_plan_or_link_of_another_driver_is_the_callers_mistake() -> None:
    class Foreign:
        tags: tuple[Tag, ...] = ()
        refused: dict[str, str] = {}  # noqa: RUF012
        url = "x"
        is_open = False
        late = rejected = 0

        async def open(self) -> None: ...

        async def close(self) -> None: ...

    async def check(bench: Bench) -> None:
        with pytest.raises(TypeError, match="not a plan"):
            await bench.driver.read(Foreign())
        with pytest.raises(TypeError, match="not a link"):
            plugin.driver(Foreign(), Device("d", "x", 1, (), {}), bench.clock)

    run(check)
