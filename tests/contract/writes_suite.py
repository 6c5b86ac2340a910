"""What a driver that writes owes, beside what every driver owes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import pytest

from gateway.driver import Unwritable, Writes
from gateway.errors import ConnectionLost, RequestRefused, RequestTimeout, TooLate
from tests.contract.driver_suite import Bench, Rig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.model import Tag, Value

NEVER_NS = 1 << 62


class WriteRig(Rig, Protocol):
    """A device that can be written.

    Attributes:
        writes: tags with values that they take, one way of writing each.
        unwritable: a tag with values that it must not take.
        refusal: a code with which it refuses a write.
    """

    writes: tuple[tuple[Tag, Value], ...]
    unwritable: tuple[Tag, tuple[Value, ...]]
    refusal: int

    def refuse_writes(self, code: int) -> None:
        """Answer writes with this refusal, and reads rightly, until `speak`."""

    def swallow_writes(self) -> None:
        """Carry writes out and don't answer them, until `speak`."""

    @property
    def write_garblings(self) -> Mapping[str, Callable[[], None]]:
        """Ways of confirming a write wrongly, or with another write; reads are answered rightly."""

    def deny_writes(self) -> None:
        """Confirm writes and don't carry them out, until `speak`."""


class WriteBench(Bench):
    def __init__(self, rig: WriteRig) -> None:
        super().__init__(rig)
        self.writer = cast("Writes", self.driver)

    async def read(self, tag: Tag) -> Value:
        await self.link.open()
        (value,) = (await self.driver.read(self.driver.prepare((tag,)))).values
        return value


async def written_values_are_there(rig: WriteRig) -> None:
    bench = WriteBench(rig)
    await bench.link.open()
    for tag, value in rig.writes:
        before = await bench.read(tag)
        written = await bench.writer.write(tag, value, NEVER_NS)
        assert (written.before, written.asked, written.after) == (before, value, value), tag.name
        assert not written.doubt
        assert await bench.read(tag) == value
    await bench.link.close()


async def unwritable_values_are_not_sent(rig: WriteRig) -> None:
    bench = WriteBench(rig)
    await bench.link.open()
    tag, values = rig.unwritable
    before = await bench.read(tag)
    for value in values:
        with pytest.raises(Unwritable):
            bench.writer.check(tag, value)
        with pytest.raises(Unwritable):
            await bench.writer.write(tag, value, NEVER_NS)
    assert await bench.read(tag) == before
    await bench.link.close()


async def refused_write_is_told(rig: WriteRig) -> None:
    bench = WriteBench(rig)
    await bench.link.open()
    for tag, value in rig.writes:
        rig.refuse_writes(rig.refusal)
        with pytest.raises(RequestRefused) as caught:
            await bench.writer.write(tag, value, NEVER_NS)
        assert caught.value.code == rig.refusal
        assert f"{tag.device}.{tag.name}" in str(caught.value)
        rig.speak()
    assert bench.link.is_open
    await bench.link.close()


async def unanswered_write_is_in_doubt(rig: WriteRig) -> None:
    bench = WriteBench(rig)
    for tag, value in rig.writes:
        await bench.link.open()
        rig.swallow_writes()
        written = await bench.writer.write(tag, value, NEVER_NS)
        assert written.doubt
        assert written.after == value
        rig.speak()
    await bench.link.close()


async def confirmed_and_not_done_shows(rig: WriteRig) -> None:
    bench = WriteBench(rig)
    await bench.link.open()
    for tag, value in rig.writes:
        before = await bench.read(tag)
        rig.deny_writes()
        written = await bench.writer.write(tag, value, NEVER_NS)
        assert (written.doubt, written.after) == ("", before)
        assert before != value, f"{tag.name}: the rig has to begin with another value"
        rig.speak()
    await bench.link.close()


async def nothing_is_written_too_late(rig: WriteRig) -> None:
    bench = WriteBench(rig)
    await bench.link.open()
    tag, value = rig.writes[0]
    before = await bench.read(tag)
    with pytest.raises(TooLate):
        await bench.writer.write(tag, value, bench.clock.mono_ns())
    assert await bench.read(tag) == before
    await bench.link.close()


async def silent_device_is_not_written_to(rig: WriteRig) -> None:
    bench = WriteBench(rig)
    await bench.link.open()
    tag, value = rig.writes[0]
    before = await bench.read(tag)
    rig.silence()
    with pytest.raises(RequestTimeout):
        await bench.writer.write(tag, value, NEVER_NS)
    rig.speak()
    assert await bench.read(tag) == before
    await bench.link.close()
    with pytest.raises(ConnectionLost):
        await bench.writer.write(tag, value, NEVER_NS)


async def garbled_confirmations_are_doubts(rig: WriteRig) -> None:
    for name, garble in rig.write_garblings.items():
        for tag, value in rig.writes[::4]:
            bench = WriteBench(rig)
            await bench.link.open()
            garble()
            written = await bench.writer.write(tag, value, NEVER_NS)
            assert written.doubt, f"{tag.name}: {name}"
            rig.speak()
            await bench.link.close()


WRITE_CHECKS = (
    written_values_are_there,
    unwritable_values_are_not_sent,
    refused_write_is_told,
    unanswered_write_is_in_doubt,
    confirmed_and_not_done_shows,
    nothing_is_written_too_late,
    silent_device_is_not_written_to,
    garbled_confirmations_are_doubts,
)
