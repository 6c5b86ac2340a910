"""Rehearsed DL/T 645 meters, read by the driver: every form of data, and their faults."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

from drivers.dlt645 import plugin
from gateway.clock import SystemClock
from gateway.errors import DriverError
from gateway.model import Device
from simulators.course import Counter, wander
from simulators.dlt645 import Party
from simulators.faults import Fault, FaultKind
from simulators.place import Place
from simulators.schedule import Schedule
from simulators.server import Link
from simulators.tag_meter import TagMeter
from simulators.tags import Rehearsed
from tests.dlt645_kit import make

if TYPE_CHECKING:
    from gateway.model import Tag, Value
    from simulators.course import Course

ADDRESS = "000012345678"
TAGS = (
    make("00010000", "energy"),
    make("02010100", "volts"),
    make("02020100", "amperes"),
    make("02030000", "power"),
    make("01010000", "demand"),
    make("01010000.time", "when"),
    make("04000101", "date"),
    make("04000401", "number"),
    make("0400040B", "model"),
    make("04000501", "word"),
    make("0280FF01 -XXX.X", "own"),
)
COURSES: dict[str, Course] = {
    "energy": Counter(3600.0, 123.45),
    "volts": wander("", 231.2, 231.2),
    "amperes": wander("", -4.321, -4.321),
    "power": wander("", 99.9999, 99.9999),
    "demand": wander("", 12.3456, 12.3456),
    "word": wander("", 513.0, 513.0),
    "own": wander("", -7.5, -7.5),
}


async def polled(
    meter: TagMeter, tags: tuple[Tag, ...] = TAGS, fault: Fault | None = None
) -> dict[str, Value] | str:
    """What the driver reads of the meter under a fault; the class of what it says instead."""
    link = Link(Place.of("dlt645+tcp://127.0.0.1:0"), {}, meters=Party([meter.meter]))
    await link.open()
    url = f"{link.place}?max_delay=100ms"
    clock = SystemClock()
    line = plugin.link(url, clock)
    device = Device("m", url, 0.2, (), {"address": ADDRESS, "max_read": 1})
    driver = plugin.driver(line, device, clock)
    if fault is not None:
        meter.begin_fault(fault)
    try:
        await line.open()
        batch = await driver.read(driver.prepare(tags))
    except DriverError as error:
        return type(error).__name__
    finally:
        await line.close()
        await link.close()
        if fault is not None:
            meter.end_fault(fault)
    return {tag.name: value for tag, value in zip(batch.tags, batch.values, strict=True)}


def meter_of() -> tuple[TagMeter, Schedule]:
    settings = Rehearsed("", "dlt645:///x", 1, TAGS, COURSES, (), address=ADDRESS)
    schedule = Schedule(0)
    return TagMeter("m", settings, schedule, 1), schedule


def test_every_form_is_what_the_driver_reads() -> None:
    meter, schedule = meter_of()
    read = asyncio.run(polled(meter))
    assert isinstance(read, dict)
    when, date = str(read.pop("when")), str(read.pop("date"))
    assert abs(dt.datetime.fromisoformat(when) - dt.datetime.now()) < dt.timedelta(minutes=2)  # noqa: DTZ005 - a meter's clock is local
    assert dt.date.fromisoformat(date).year >= 2026
    assert read == {
        "energy": 123.45,
        "volts": 231.2,
        "amperes": -4.321,
        "power": 79.9999,  # the most that has room beside a sign
        "demand": 12.3456,
        "number": ADDRESS,
        "model": "model",
        "word": 513,
        "own": -7.5,
    }
    schedule.advance(10.0)
    assert meter.count_from(0.0)
    assert meter.title == ""
    again = asyncio.run(polled(meter))
    assert isinstance(again, dict)
    assert again["energy"] == 0
    meter.count_from(0.99999)
    schedule.advance(40.0)
    wrapped = asyncio.run(polled(meter))
    assert isinstance(wrapped, dict)
    assert wrapped["energy"] == 107_990.0, "30 s of 3600 kWh each, beyond the last of 999999.99"


def test_its_faults_are_no_values() -> None:
    meter, _schedule = meter_of()

    def under(kind: FaultKind | None, by_s: float = 0.0) -> dict[str, Value] | str:
        fault = None if kind is None else Fault(kind, by_s=by_s)
        return asyncio.run(polled(meter, TAGS[:2], fault))

    good = under(None)
    assert isinstance(good, dict)
    for kind in (FaultKind.DROPPED, FaultKind.TRUNCATED, FaultKind.GARBLED):
        assert under(kind) == "RequestTimeout", kind
    assert under(FaultKind.LATE, 0.5) == "RequestTimeout"
    for kind in (FaultKind.GLUED, FaultKind.NOISE):
        assert under(kind) == good, kind
    refused = under(FaultKind.EXCEPTION)
    assert refused == "RequestRefused" or refused == dict.fromkeys(good)
    assert under(None) == good
