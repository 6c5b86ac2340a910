"""A line gone through on virtual time: slow devices, silent ones, echoes, a full range of units."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from drivers.lines.link import LineLink
from drivers.lines.ports import Pace
from drivers.modbus import plugin
from drivers.modbus.exploring import Explorer
from drivers.modbus.frames import Rtu
from gateway.commissioning.knowledge import gather
from gateway.commissioning.sweep import Manner, Sweep
from gateway.errors import GatewayError
from tests.image_link import TABLES
from tests.modbus_line import Bus, Device
from tests.register_images import Image, of_device
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.commissioning.sweep import Found

KNOWN = gather("modbus+rtu:///dev/virtual")
PACE = Pace(byte_s=11 / 9600, silence_s=3.5 * 11 / 9600)


@dataclass
class ImageDevice(Device):
    """A device that holds an image.

    Attributes:
        is_mute: silent to questions for what it has not.
    """

    image: Image = field(default_factory=Image)
    is_mute: bool = False

    def answer(self, body: bytes) -> bytes:
        function = body[1]
        if function not in TABLES:
            return super().answer(body) if function == 8 else self._refuse(function, 1)
        table = self.image.tables[TABLES[function]]
        start, count = int.from_bytes(body[2:4]), int.from_bytes(body[4:6])
        wanted = range(start, start + count)
        if any(address not in table for address in wanted):
            return self._refuse(function, 2)
        if function in {1, 2}:
            bits = sum(table[address] << place for place, address in enumerate(wanted))
            data = bits.to_bytes((count + 7) // 8, "little")
        else:
            data = b"".join(table[address].to_bytes(2) for address in wanted)
        return bytes([self.unit, function, len(data)]) + data

    def _refuse(self, function: int, code: int) -> bytes:
        return b"" if self.is_mute else bytes([self.unit, function | 0x80, code])


@dataclass
class Seen:
    """Whoever watches."""

    asked_: int = 0
    began: list[str] = field(default_factory=list)

    def begin(self, url: str, count: int) -> None:
        self.began.append(f"{url} {count}")

    def asked(self, unit: int) -> None:
        del unit
        self.asked_ += 1

    def found(self, found: Found) -> None:
        """The sweep keeps it."""


def sweep(bus: Bus, units: Sequence[int], manner: Manner) -> tuple[Sweep, float]:
    """Go through a line; also how long it took."""
    loop = VirtualLoop()
    made = Sweep(manner)

    async def run() -> None:
        link = LineLink(bus, Rtu(), loop)
        explorer = Explorer(link)
        await made.go(link, plugin, explorer, KNOWN, units, loop, Seen())

    run_virtual(loop, run())
    return made, loop.now_ns / 1e9


def meter(unit: int, seed: int = 1, **given: object) -> ImageDevice:
    image = of_device("eastron_sdm120", random.Random(seed), unit)
    image.tables["holding"][0] = 60
    return ImageDevice(unit, lambda: 0.02, image=image, **given)  # type: ignore[arg-type]


def templates(made: Sweep) -> dict[int, str | None]:
    return {
        found.unit: found.best.hypothesis.template if found.best else None for found in made.found
    }


def test_all_units_of_a_line_at_9600_baud() -> None:
    """One question each where nobody is; the time that it takes is told in the documents."""
    bus = Bus({12: meter(12), 77: meter(77, 2)}, pace=PACE)
    made, took_s = sweep(bus, range(1, 248), Manner())
    assert templates(made) == {12: "eastron/sdm120", 77: "eastron/sdm120"}
    assert 75 < took_s < 95
    assert not made.noise


def test_a_device_that_is_silent_to_what_it_has_not() -> None:
    """It knows no loopback either, so the line waits until nothing can come late any more."""
    bus = Bus({5: meter(5, probes=None, is_mute=True)}, pace=PACE)
    made, _took_s = sweep(bus, [4, 5, 6], Manner())
    assert templates(made) == {5: "eastron/sdm120"}
    assert made.found[0].candidates[0].confidence == "sure"


def test_a_device_that_has_no_holding_registers_and_refuses_nothing() -> None:
    """Silent to the usual question, it is found by the thorough one."""
    silent = meter(5, is_mute=True)
    silent.image.tables["holding"].clear()
    made, _took_s = sweep(Bus({5: silent}, pace=PACE), [4, 5, 6], Manner())
    assert templates(made) == {}
    silent.free_s = 0.0
    made, _took_s = sweep(Bus({5: silent}, pace=PACE), [4, 5, 6], Manner(thorough=True))
    assert templates(made) == {5: "eastron/sdm120"}


def test_answers_that_come_late_are_nobody_elses() -> None:
    """A device that takes longer than a unit is given is asked again, with a second to answer."""
    slow = meter(5)
    slow.delay = lambda: 0.42
    made, _took_s = sweep(Bus({5: slow}, pace=PACE), range(1, 12), Manner(timeout_s=0.25))
    assert list(templates(made)) == [5]
    assert templates(made) == {5: "eastron/sdm120"}
    assert made.late > 0


def test_a_line_that_echoes() -> None:
    made, _took_s = sweep(Bus({5: meter(5)}, pace=PACE, echo=True), [4, 5, 6], Manner())
    assert templates(made) == {5: "eastron/sdm120"}


def test_a_line_is_left_alone_between_questions() -> None:
    bus = Bus({5: meter(5)}, pace=PACE)
    sweep(bus, [4, 5, 6], Manner(pause_s=0.25))
    at_s = [sent_s for sent_s, _frame in bus.sent]
    gaps = [later - earlier for earlier, later in pairwise(at_s[4:])]
    assert len(gaps) > 20
    assert min(gaps) > 0.2


def test_noise_is_kept_apart_from_answers() -> None:
    bus = Bus({5: meter(5)}, pace=PACE, spoil=lambda data: bytes(byte ^ 0x11 for byte in data))
    made, _took_s = sweep(bus, [4, 5, 6], Manner(anyway=True))
    assert made.found == []
    assert made.noise == [bus.url]


def test_a_line_on_which_somebody_talks_is_not_scanned() -> None:
    """Half a second of listening; what comes then was not asked for."""
    bus = Bus({5: meter(5)}, pace=PACE)
    loop = VirtualLoop()
    made = Sweep(Manner())

    async def run() -> None:
        link = LineLink(bus, Rtu(), loop)
        loop.call_at(0.5, bus._give, b"\x02\x03\x00\x00\x00\x01\x84\x39")
        with pytest.raises(GatewayError, match="something is talking"):
            await made.go(link, plugin, Explorer(link), KNOWN, [3, 4, 5, 6], loop, Seen())

    run_virtual(loop, run())
    assert made.found == []
