"""A device made of its tags: whatever a site file and its template read, served and moving.

The registers are those that a site file's addresses stand for; what goes into them is encoded by
the simulators themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from gateway.model import Kind, Order
from simulators.course import Counter
from simulators.encode import arrange, number, text
from simulators.memory import Area, Memory, Table
from simulators.pdu import READS
from simulators.place import Place
from simulators.settings import Device

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.model import Tag
    from simulators.course import Course
    from simulators.schedule import Process, Schedule
    from simulators.truth import Happening

TICK_S = 0.5
REACH = {True: 2000, False: 125}
"""What lies closer together than one request reaches is one run of addresses: bits, registers."""
BITS = {Kind.U16: 16, Kind.U32: 32, Kind.U64: 64, Kind.I16: 15, Kind.I32: 31, Kind.I64: 63}
"""Bits of a raw number that counts."""
WIDE = {Kind.U32: 2, Kind.I32: 2, Kind.F32: 2, Kind.U64: 4, Kind.I64: 4, Kind.F64: 4}
"""Registers of a number; of the other kinds one."""
FLOATS = {Kind.F32, Kind.F64}
SIGNED = {Kind.I16, Kind.I32, Kind.I64}
HALF = 0.5
"""Above this a bit is set."""
FLOAT_ROOM = 1e6
"""Where a counter that is a float begins anew, as a display of six digits does."""
FLOAT_MOST = 1e9


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A device of a site file, as it is to be served.

    Attributes:
        title: what it is, for people.
        link: where it answers here.
        unit: its unit id on that link.
        tags: that are read of it.
        courses: tag → how its value moves; those without keep what is written to them.
        areas: addresses that exist, those of other devices with the same unit id among them.
        identity: what it says of itself when asked (function 43).
        address: of a meter that speaks DL/T 645; None: it speaks Modbus.
    """

    title: str
    link: str
    unit: int
    tags: tuple[Tag, ...]
    courses: Mapping[str, Course]
    areas: tuple[Area, ...]
    identity: tuple[str, ...] = ()
    address: str | None = None

    @property
    def place(self) -> Place:
        """Where it answers."""
        return Place.of(self.link)


class TagDevice(Device):
    """A device of a site file at work."""

    def __init__(self, settings: Rehearsed, schedule: Schedule) -> None:
        self._settings = settings
        self._schedule = schedule
        self._is_filled = False
        schedule.add(self._tick())

    @property
    def title(self) -> str:
        """What it is, for people."""
        return self._settings.title

    @property
    def areas(self) -> tuple[Area, ...]:
        """Which addresses its memory has."""
        return self._settings.areas

    def refresh(self, memory: Memory) -> None:
        """Put what is now into its memory; what a client may write stays as it was written."""
        now_s = self._schedule.now
        for tag in self._settings.tags:
            course = self._settings.courses.get(tag.name)
            if course is not None and not (self._is_filled and tag.write is not None):
                put(memory, tag, course(now_s), counts=isinstance(course, Counter))
        self._is_filled = True

    def count_from(self, share: float) -> bool:
        """Let all counters stand at a share of what they count to."""
        found = False
        for tag in self._settings.tags:
            course = self._settings.courses.get(tag.name)
            if isinstance(course, Counter):
                course.stand(share * room(tag) * tag.scale + tag.offset, self._schedule.now)
                found = True
        return found

    def begin(self) -> Happening:
        """Say for the truth that it is there."""
        return {"type": "begin"}

    def end(self) -> Happening:
        """Say for the truth that it is gone."""
        return {"type": "end"}

    def _tick(self) -> Process:
        while True:
            yield TICK_S


def put(memory: Memory, tag: Tag, value: float, *, counts: bool = False) -> None:
    """Put a value into the registers that a tag is read from."""
    table, at, bit = _where(tag)
    if tag.kind is Kind.BIT and bit is None:
        memory.put(table, at, bytes((value > HALF,)))
        return
    if tag.kind is Kind.BIT or tag.bits is not None:
        low, high = tag.bits or (cast("int", bit),) * 2
        raw = int(value > HALF) if tag.kind is Kind.BIT else int(raw_of(tag, value))
        mask = (1 << high + 1) - (1 << low)
        word = int.from_bytes(memory.get(table, at, 1) or b"\0\0", "big")
        memory.put(table, at, (word & ~mask | raw << low & mask).to_bytes(2, "big"))
        return
    if tag.kind is Kind.STRING:
        memory.put(table, at, text(tag.name, tag.length, swaps=tag.order in _SWAPS))
        return
    memory.put(
        table,
        at,
        arrange(number(tag.kind, raw_of(tag, value, counts=counts), tag.length), tag.order),
    )


def raw_of(tag: Tag, value: float, *, counts: bool = False) -> float:
    """The raw number that a tag is read from: in its room, and none that means "no value"."""
    raw = (value - tag.offset) / tag.scale
    if counts:
        raw %= room(tag)
    if tag.kind in FLOATS:
        return raw
    least, most = map(int, reach(tag))
    whole = max(least, min(int(raw // 1) if counts else round(raw), most))
    while whole in tag.missing:
        whole += 1 if whole <= least else -1
    return whole


def room(tag: Tag) -> float:
    """How many raw numbers a counter has before it wraps."""
    if tag.kind is Kind.BCD:
        return float(10 ** (4 * tag.length))
    if tag.bits is not None:
        return float(2 ** (tag.bits[1] - tag.bits[0] + 1))
    return float(2 ** BITS[tag.kind]) if tag.kind in BITS else FLOAT_ROOM


def reach(tag: Tag) -> tuple[float, float]:
    """The lowest and the highest raw number of a tag."""
    if tag.kind in FLOATS:
        return -FLOAT_MOST, FLOAT_MOST
    return (-room(tag) if tag.kind in SIGNED else 0.0), room(tag) - 1


def areas(tags: Iterable[Tag]) -> tuple[Area, ...]:
    """The addresses that a device has: its tags', and what lies between them.

    Each run begins and ends as devices that give even counts want it.
    """
    spans: dict[Table, list[tuple[int, int, bool]]] = {}
    for tag in tags:
        table, at, _bit = _where(tag)
        wide = tag.length if tag.kind in {Kind.STRING, Kind.BCD} else WIDE.get(tag.kind, 1)
        spans.setdefault(table, []).append((at, at + wide, tag.write is not None))
    found: list[Area] = []
    for table, each in spans.items():
        runs: list[list[tuple[int, int, bool]]] = []
        for span in sorted(each):
            if runs and span[0] - max(end for _at, end, _w in runs[-1]) < REACH[table.is_bits]:
                runs[-1].append(span)
            else:
                runs.append([span])
        for run in runs:
            first = run[0][0] & ~1
            end = min(max(end for _at, end, _w in run) + 1 & ~1, 65_536)
            open_ = [(at, last) for at, last, writable in run if writable]
            writable = range(open_[0][0], max(last for _at, last in open_)) if open_ else range(0)
            found.append(Area(table, first, end - first, writable))
    return tuple(found)


_SWAPS = {Order.BADC, Order.DCBA}


def _where(tag: Tag) -> tuple[Table, int, int | None]:
    """Table, address and bit of a Modbus tag."""
    function, at, bit = cast("tuple[int, int, int | None]", tag.register)
    return READS[function], at, bit
