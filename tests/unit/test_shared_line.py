"""Links of several protocols on one line: opened once, one question at a time, silences kept."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from drivers.lines.endpoint import Endpoint
from drivers.lines.link import LineLink
from drivers.lines.ports import Pace, SerialLine, ServerLine
from drivers.modbus.frames import Rtu
from drivers.modbus.queries import Query, query
from drivers.modbus.register import Function
from gateway.errors import ConnectionLost, RequestTimeout
from tests.modbus_line import Bus, Device, told
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from drivers.lines.wire import Wire


@dataclass
class Tuned(Bus):
    """A line that notes who set it, and how often it was opened."""

    name: str = ""
    story: list[str] = field(default_factory=list)

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        self.story.append(f"opened for {self.name}")
        return await super().connect(make)

    def tune(self, transport: asyncio.WriteTransport) -> None:
        del transport
        self.story.append(f"set for {self.name}")


def on_two(check: Callable[[list[LineLink[Query]], Tuned], Awaitable[None]]) -> None:
    loop = VirtualLoop()
    line = Tuned({n: Device(n, lambda: 0.01) for n in (1, 2)}, name="one")
    lines = [line, replace(line, name="other", pace=Pace(0.001, 0.03))]

    async def run() -> None:
        links = [LineLink(one, Rtu(), loop) for one in lines]
        for link in links:
            await link.open()
        await check(links, line)
        for link in links:
            await link.close()

    run_virtual(loop, run())


def ask(
    link: LineLink[Query], unit: int, timeout_s: float = 0.5
) -> Awaitable[tuple[bytes, int, int]]:
    return link.ask(query(Function.HOLDING, 5, 1, unit), timeout_s)


def test_it_is_opened_once_and_set_for_whoever_asks() -> None:
    async def check(links: list[LineLink[Query]], line: Tuned) -> None:
        for link in (links[0], links[0], links[1], links[0]):
            assert (await ask(link, 1))[0] == told(1, 3, 5)
        assert line.story == ["opened for one", "set for other", "set for one"]

    on_two(check)


def test_questions_of_all_links_wait_for_one_another_and_for_the_longer_silence() -> None:
    async def check(links: list[LineLink[Query]], line: Tuned) -> None:
        await asyncio.gather(*(ask(links[n % 2], 1 + n % 2) for n in range(6)))
        answer_s = line.pace.seconds(8 + 7) + 0.01
        starts = [at for at, _frame in line.sent]
        assert [frame[0] for _at, frame in line.sent] == [1, 2] * 3
        for before, after in itertools.pairwise(starts):
            assert after - before == pytest.approx(answer_s + 0.03)

    on_two(check)


def test_one_that_leaves_does_not_close_it_for_the_other() -> None:
    async def check(links: list[LineLink[Query]], line: Tuned) -> None:
        await links[0].close()
        assert [link.is_open for link in links] == [False, True]
        assert (await ask(links[1], 2))[0] == told(2, 3, 5)
        with pytest.raises(ConnectionLost):
            await ask(links[0], 1)
        await links[0].open()
        assert (await ask(links[0], 1))[0] == told(1, 3, 5)
        await links[0].close()
        await links[1].close()
        await links[1].open()
        assert [one for one in line.story if one.startswith("opened")] == [
            "opened for one",
            "opened for other",
        ]

    on_two(check)


def test_a_late_answer_in_anothers_turn_is_no_value() -> None:
    """The device of one protocol is late, and the next question is the other protocol's."""

    async def check(links: list[LineLink[Query]], line: Tuned) -> None:
        line.devices[1].delay = iter([0.52, *[0.01] * 9]).__next__
        with pytest.raises(RequestTimeout):
            await ask(links[0], 1)
        assert (await ask(links[1], 2))[0] == told(2, 3, 5)
        assert links[1].rejected == 1
        assert (await ask(links[0], 1))[0] == told(1, 3, 5)

    on_two(check)


def test_an_end_is_told_to_all() -> None:
    async def check(links: list[LineLink[Query]], line: Tuned) -> None:
        line.devices[1].delay = lambda: float("inf")
        waiting = asyncio.ensure_future(ask(links[0], 1))
        await asyncio.sleep(0.1)
        links[0]._bus.drop("unplugged")
        with pytest.raises(ConnectionLost, match="unplugged"):
            await waiting
        assert [link.is_open for link in links] == [False, False]

    on_two(check)


def test_a_port_is_one_by_whatever_name() -> None:
    assert SerialLine("", "/dev/../dev/ttyS9").key == SerialLine("", "/dev/ttyS9", 2400).key
    where, pace = Endpoint("10.0.0.9", 4001), Pace(0.0, 0.0)
    assert ServerLine("a", where, pace).key == ServerLine("b", where, replace(pace)).key
