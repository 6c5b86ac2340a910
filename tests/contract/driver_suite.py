"""What every driver owes, as checks that know no protocol.

A rig gives a driver a device to talk to, over the real transport, and makes that device fail on
request. A new driver adds one rig to `test_driver_contract.py` and no check of its own here.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import pytest

from gateway.clock import ManualClock
from gateway.errors import ConnectionLost, DriverError, RequestRefused, RequestTimeout
from gateway.model import Batch, Device, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.driver import Driver, Link, Plugin
    from gateway.model import Tag, Value


class Rig(Protocol):
    """A device under our control.

    Attributes:
        plugin: of the driver under test.
        url: where the device listens now.
        options: what its driver is told of it.
        tags: at least three good ones, which take more than one request.
        bad_tag: an address that the device refuses, or a register that holds no value.
        garblings: name → make the next answer wrong in that way; none may give a value.
        refusals: code → class of exception raised, or None where the tags are bad instead.
    """

    plugin: Plugin
    url: str
    options: Mapping[str, object]
    tags: tuple[Tag, ...]
    bad_tag: Tag

    async def start(self) -> None:
        """Begin to listen, on the same address when it listened before."""

    async def stop(self) -> None:
        """End all connections and refuse new ones; safe to call twice."""

    def hang_up(self) -> None:
        """End all connections."""

    def change(self) -> tuple[Value, ...]:
        """Give every tag another value than any before; returns them in the order of `tags`."""

    def silence(self) -> None:
        """Answer nothing until `speak`."""

    def speak(self) -> None:
        """Answer rightly again."""

    def hold_back(self) -> None:
        """Keep each answer to the next question back and send it ahead of that to the one after."""

    def refuse(self, code: int) -> None:
        """Answer everything with this refusal until `speak`."""

    @property
    def garblings(self) -> Mapping[str, Callable[[], None]]:
        """Ways of being wrong."""

    @property
    def refusals(self) -> Mapping[int, type[DriverError] | None]:
        """What each refusal must lead to."""


TIMEOUT_S = 0.1


class Bench:
    """A rig with a link and a driver on it."""

    def __init__(self, rig: Rig) -> None:
        self.clock = ManualClock()
        self.device = Device("machine", rig.url, TIMEOUT_S, (), rig.options, "site.yaml:3")
        self.link: Link = rig.plugin.link(rig.url, self.clock)
        self.driver: Driver = rig.plugin.driver(self.link, self.device, self.clock)


async def reads_in_tag_order(rig: Rig) -> None:
    bench = Bench(rig)
    await bench.link.open()
    for tags in (rig.tags, rig.tags[::-1], rig.tags[:1]):
        values = rig.change()
        wanted = tuple(values[rig.tags.index(tag)] for tag in tags)
        batch = await bench.driver.read(bench.driver.prepare(tags))
        assert batch.values == wanted
        assert batch.quality is None
        assert batch.device == "machine"
    await bench.link.close()


async def same_tags_object_each_time(rig: Rig) -> None:
    bench = Bench(rig)
    await bench.link.open()
    plan = bench.driver.prepare(rig.tags)
    assert plan.tags is rig.tags
    for _ in range(3):
        values = rig.change()
        batch = await bench.driver.read(plan)
        assert batch.tags is rig.tags
        assert batch.values == values
    await bench.link.close()


async def stamps_both_clocks(rig: Rig) -> None:
    bench = Bench(rig)
    await bench.link.open()
    plan = bench.driver.prepare(rig.tags)
    bench.clock.advance(5)
    bench.clock.step(-3600)
    batch = await bench.driver.read(plan)
    assert (batch.time_ns, batch.mono_ns) == (bench.clock.wall, bench.clock.mono)
    await bench.link.close()


async def bad_tag_spoils_no_other(rig: Rig) -> None:
    bench = Bench(rig)
    await bench.link.open()
    tags = (rig.tags[0], rig.bad_tag, *rig.tags[1:])
    plan = bench.driver.prepare(tags)
    for _ in range(3):
        values = rig.change()
        batch = await bench.driver.read(plan)
        assert batch.values == (values[0], None, *values[1:])
        assert batch.quality is not None
        assert batch.quality[1] is Quality.BAD
        assert [q for i, q in enumerate(batch.quality) if i != 1] == [Quality.GOOD] * len(values)
    await bench.link.close()


async def only_bad_tags_are_a_batch_too(rig: Rig) -> None:
    bench = Bench(rig)
    await bench.link.open()
    plan = bench.driver.prepare((rig.bad_tag,))
    for _ in range(2):
        bench.clock.advance(1)
        batch = await bench.driver.read(plan)
        assert (batch.values, batch.quality) == ((None,), (Quality.BAD,))
        assert (batch.time_ns, batch.mono_ns) == (bench.clock.wall, bench.clock.mono)
    await bench.link.close()


async def silence_is_a_timeout(rig: Rig) -> None:
    bench = Bench(rig)
    await bench.link.open()
    plan = bench.driver.prepare(rig.tags)
    rig.silence()
    with pytest.raises(RequestTimeout) as caught:
        await bench.driver.read(plan)
    assert "machine" in str(caught.value)
    assert "site.yaml:3" in str(caught.value)
    rig.speak()
    values = rig.change()
    assert (await bench.driver.read(plan)).values == values
    await bench.link.close()


async def long_silence_ends_the_connection(rig: Rig) -> None:
    """A half-open connection: the peer is gone and nobody told us."""
    bench = Bench(rig)
    await bench.link.open()
    plan = bench.driver.prepare(rig.tags)
    rig.silence()
    for _ in range(20):
        with pytest.raises((RequestTimeout, ConnectionLost)):
            await bench.driver.read(plan)
        if not bench.link.is_open:
            break
    assert not bench.link.is_open
    rig.speak()
    await bench.link.open()
    values = rig.change()
    assert (await bench.driver.read(plan)).values == values
    await bench.link.close()


async def late_answer_is_nobodys_value(rig: Rig) -> None:
    bench = Bench(rig)
    await bench.link.open()
    plan = bench.driver.prepare(rig.tags)
    for _ in range(3):
        rig.change()
        rig.hold_back()
        with pytest.raises(RequestTimeout):
            await bench.driver.read(plan)
        values = rig.change()
        assert (await bench.driver.read(plan)).values == values
    await bench.link.close()


async def late_answer_on_a_shared_link(rig: Rig) -> None:
    """The late answer of one device comes while another's is awaited."""
    bench = Bench(rig)
    other = rig.plugin.driver(bench.link, bench.device, bench.clock)
    await bench.link.open()
    backwards = other.prepare(rig.tags[::-1])
    rig.change()
    rig.hold_back()
    with pytest.raises(RequestTimeout):
        await bench.driver.read(bench.driver.prepare(rig.tags))
    values = rig.change()
    assert (await other.read(backwards)).values == values[::-1]
    await bench.link.close()


async def dropped_connection_recovers(rig: Rig) -> None:
    bench = Bench(rig)
    await bench.link.open()
    plan = bench.driver.prepare(rig.tags)
    await bench.driver.read(plan)
    rig.hang_up()
    with pytest.raises(ConnectionLost):
        await bench.driver.read(plan)
    assert not bench.link.is_open
    await bench.link.open()
    assert bench.link.is_open
    values = rig.change()
    assert (await bench.driver.read(plan)).values == values
    await bench.link.close()


async def refused_connection_is_lost(rig: Rig) -> None:
    await rig.stop()
    bench = Bench(rig)
    plan = bench.driver.prepare(rig.tags)
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            await bench.link.open()
        assert not bench.link.is_open
        with pytest.raises(ConnectionLost):
            await bench.driver.read(plan)
    await rig.start()
    await bench.link.open()
    values = rig.change()
    assert (await bench.driver.read(plan)).values == values
    await bench.link.close()


async def open_and_close_twice(rig: Rig) -> None:
    bench = Bench(rig)
    await bench.link.close()
    assert bench.link.url == rig.url
    assert not bench.link.is_open
    for _ in range(2):
        await bench.link.open()
        await bench.link.open()
        assert bench.link.is_open
        await bench.link.close()
        await bench.link.close()
        assert not bench.link.is_open
    with pytest.raises(ConnectionLost):
        await bench.driver.read(bench.driver.prepare(rig.tags))


async def garbled_answers_give_no_value(rig: Rig) -> None:
    for name, garble in rig.garblings.items():
        bench = Bench(rig)
        await bench.link.open()
        plan = bench.driver.prepare(rig.tags)
        rig.change()
        garble()
        batch: Batch | None = None
        with suppress(ConnectionLost, RequestTimeout):
            batch = await bench.driver.read(plan)
        assert batch is None or set(batch.values) == {None}, name
        rig.speak()
        values = rig.change()
        batch = None
        while batch is None:  # what was left over of the wrong answer may cost one more connection
            await bench.link.open()
            with suppress(ConnectionLost):
                batch = await bench.driver.read(bench.driver.prepare(rig.tags))
        assert batch.values == values, name
        await bench.link.close()


async def refusals_map(rig: Rig) -> None:
    for code, expected in rig.refusals.items():
        bench = Bench(rig)
        await bench.link.open()
        plan = bench.driver.prepare(rig.tags)
        rig.refuse(code)
        if expected is None:
            batch = await bench.driver.read(plan)
            assert set(batch.values) == {None}, code
            assert batch.quality == (Quality.BAD,) * len(rig.tags), code
        else:
            with pytest.raises(expected) as caught:
                await bench.driver.read(plan)
            if isinstance(caught.value, RequestRefused):
                assert caught.value.code == code
        assert bench.link.is_open, code
        rig.speak()
        await bench.link.close()


CHECKS = (
    reads_in_tag_order,
    same_tags_object_each_time,
    stamps_both_clocks,
    bad_tag_spoils_no_other,
    only_bad_tags_are_a_batch_too,
    silence_is_a_timeout,
    long_silence_ends_the_connection,
    late_answer_is_nobodys_value,
    late_answer_on_a_shared_link,
    dropped_connection_recovers,
    refused_connection_is_lost,
    open_and_close_twice,
    garbled_answers_give_no_value,
    refusals_map,
)
