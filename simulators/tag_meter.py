"""A DL/T 645 meter of a site file: its tags by their identifiers, moving, with faults."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast

from simulators.course import Counter
from simulators.dlt645 import OTHER, Meter, number, text
from simulators.faults import FaultKind, delay_s, garble, mangle
from simulators.settings import Device

if TYPE_CHECKING:
    from gateway.model import Tag
    from simulators.faults import Fault
    from simulators.memory import Area, Memory
    from simulators.schedule import Schedule
    from simulators.tags import Rehearsed
    from simulators.truth import Happening

TURN_S = 0.03
"""A meter waits 20 to 500 ms before it answers (DL/T 645-2007, data link layer)."""
ALONE = "000000000001"
"""Of a meter whose site file says no address, because it is alone on its line."""


class Item(NamedTuple):
    """What a tag's address came to: see the fields of its driver's grammar, which are these."""

    di: int
    whole: int
    start: int
    size: int
    form: str
    decimals: int
    signed: bool


class TagMeter(Device):
    """A meter of a site file at work.

    Attributes:
        meter: what speaks for it on its line.
    """

    def __init__(self, name: str, settings: Rehearsed, schedule: Schedule, seed: int) -> None:
        self._settings = settings
        self._schedule = schedule
        self._random = Random(f"{seed}:{name}")
        self._faults: list[Fault] = []
        self._tags: dict[int, list[tuple[Item, Tag]]] = {}
        for tag in settings.tags:
            item = Item(*cast("tuple[int, int, int, int, str, int, bool]", tag.register))
            self._tags.setdefault(item.di, []).append((item, tag))
        self.meter = Meter(settings.address or ALONE, self._hold, delay_s=TURN_S)
        self.meter.spoil = self._spoil

    @property
    def title(self) -> str:
        """What it is, for people."""
        return self._settings.title

    @property
    def areas(self) -> tuple[Area, ...]:
        """It has no registers."""
        return ()

    def refresh(self, memory: Memory) -> None:
        """Nothing: what it holds is made when it is asked for."""

    def count_from(self, share: float) -> bool:
        """Let all counters stand at a share of what they count to."""
        found = False
        for each in self._tags.values():
            for item, tag in each:
                course = self._settings.courses.get(tag.name)
                if isinstance(course, Counter):
                    raw = share * 10 ** (2 * item.size)
                    course.stand(raw * tag.scale + tag.offset, self._schedule.now)
                    found = True
        return found

    def begin_fault(self, fault: Fault) -> None:
        """Have a fault, until `end_fault`."""
        self._faults.append(fault)
        self._settle()

    def end_fault(self, fault: Fault) -> None:
        """Have it no more."""
        self._faults.remove(fault)
        self._settle()

    def begin(self) -> Happening:
        """Say for the truth that it is there."""
        return {"type": "begin"}

    def end(self) -> Happening:
        """Say for the truth that it is gone."""
        return {"type": "end"}

    def _settle(self) -> None:
        kinds = {fault.kind for fault in self._faults}
        self.meter.delay_s = TURN_S + delay_s(self._faults)
        self.meter.refusal = OTHER if FaultKind.EXCEPTION in kinds else 0

    def _spoil(self, answer: bytes) -> bytes:
        hit = [fault for fault in self._faults if self._random.random() < fault.share]
        kinds = {fault.kind for fault in hit}
        if FaultKind.DROPPED in kinds:
            return b""
        if FaultKind.GARBLED in kinds:
            answer = garble(answer, self._random)
        return mangle(answer, kinds, self._random)

    def _hold(self, di: int) -> bytes | None:
        """What it has under an identifier; blocks it has none."""
        found = self._tags.get(di)
        if found is None:
            return None
        data = bytearray(found[0][0].whole)
        for item, tag in found:
            data[item.start : item.start + item.size] = self._bytes(item, tag)
        return bytes(data)

    def _bytes(self, item: Item, tag: Tag) -> bytes:
        if item.form in _TIMES:
            return bytes.fromhex(datetime.now().strftime(_TIMES[item.form]))[::-1]  # noqa: DTZ005 - a meter's clock is local
        if item.form == "digits":
            return bytes.fromhex(self.meter.address)[-item.size :][::-1]
        if item.form == "text":
            return text(tag.name[: item.size], item.size)
        course = self._settings.courses[tag.name]
        raw = (course(self._schedule.now) - tag.offset) / tag.scale
        if item.form == "word":
            return (int(raw) & 0xFFFF).to_bytes(2, "little")
        room = 10 ** (2 * item.size)
        if isinstance(course, Counter):
            return number(int(raw) % room, item.size, 0)
        most = (8 * room // 10 if item.signed else room) - 1
        return number(max(-most if item.signed else 0, min(round(raw), most)), item.size, 0)


_TIMES = {"YYMMDDWW": "%y%m%d0%w", "hhmmss": "%H%M%S", "YYMMDDhhmm": "%y%m%d%H%M"}
