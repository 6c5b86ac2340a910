"""What a protocol driver owes the gateway: a few small protocols and no more.

A driver package offers one `Plugin` under the entry point `nxgate.drivers`, named by the URL
scheme it serves (`modbus+tcp`). `tests/contract/` holds the suite that every driver passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.clock import Clock
    from gateway.model import Batch, Device, Kind, Tag, Value


class Link(Protocol):
    """One connection or bus, shared by the devices on it.

    The poller runs one request sequence at a time on a link; fairness is its business.
    """

    @property
    def url(self) -> str:
        """The link as the site file writes it."""

    @property
    def late(self) -> int:
        """Answers that came after their question's time-out; never anybody's value."""

    @property
    def rejected(self) -> int:
        """Answers that can't belong to the question they came for."""

    @property
    def is_open(self) -> bool:
        """True while requests can be sent."""

    async def open(self) -> None:
        """Connect, or raise `ConnectionLost`; at once when already open."""

    async def close(self) -> None:
        """Release it; safe to call twice."""


class Plan(Protocol):
    """A group of tags turned into requests and a decoder, once; opaque to the poller."""

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags it reads, in the order of the values it gives."""

    @property
    def refused(self) -> Mapping[str, str]:
        """Tag name → message, for the tags that the device doesn't give as yet."""


def has_rival(link: object) -> bool:
    """Whether another master asks on a line, of a link that listens for one."""
    rivals = getattr(link, "rivals", None)
    return rivals is not None and bool(rivals.is_there)


def is_open_to_all(link: object) -> bool:
    """Whether a link that could be secured is not, as the site file wants it."""
    return bool(getattr(link, "is_plain", False))


def ends_of(link: object) -> Mapping[str, int]:
    """UTC ms at which certificates of a link end, by what they are; of a link that has any."""
    ends: Mapping[str, int] = getattr(link, "ends", {})
    return ends


class Driver(Protocol):
    """One device on a link that others may share. Raises only `DriverError`."""

    def prepare(self, tags: tuple[Tag, ...]) -> Plan:
        """Turn a group of tags into block reads and a decoder; once."""

    async def read(self, plan: Plan) -> Batch:
        """Return one batch, one value per tag, in the order of the tags.

        A bad tag is a bad-quality None; a bad link raises `ConnectionLost`, a silent device
        `RequestTimeout`.
        """


class Subscribes(Protocol):
    """A driver whose device can tell changes by itself, in place of being asked.

    Its plans are polled as others are: `read` sets up what is missing, says that the device is
    still there, and gives what holds now. What is told between two polls is handed on as it comes.
    """

    def listen(self, plan: Plan, period_s: float, take: Callable[[Batch], None]) -> None:
        """Have changes told from the next `read` on, where the site file wants it so.

        Args:
            plan: of the same driver.
            period_s: the pace of its group.
            take: gets batches of the plan's tags, some of them `present`.
        """

    async def leave(self) -> None:
        """Have nothing told any more; nobody reads this driver's plans again."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value with the raw data it came from, for people who check wiring.

    Attributes:
        raw: registers, or bytes with the highest first.
        digits: hex digits that each of them is shown with.
    """

    tag: Tag
    raw: tuple[int, ...]
    request: str
    round_trip_s: float
    error: str
    digits: int = 4


class Inspects(Protocol):
    """A driver that can show the raw data behind each value."""

    async def inspect(self, plan: Plan) -> tuple[Batch, tuple[Reading, ...]]:
        """Read once, as `read` does, and keep the raw data beside each value."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request of a plan takes of its link.

    Attributes:
        request: for people, e.g. `holding 100, 20 registers`.
        tags: names of those it serves.
        sent, received: bytes on the link.
        seconds: from the request's first bit until the link is free again.
    """

    request: str
    tags: tuple[str, ...]
    sent: int
    received: int
    seconds: float


class Costs(Protocol):
    """A driver that can say what a plan costs, with nothing opened."""

    def costs(self, plan: Plan) -> tuple[Cost, ...]:
        """Every request of one poll, in order."""


class Unwritable(ValueError):  # noqa: N818 - the field's word
    """A value that a tag can't take, in words; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write that the device didn't refuse.

    Attributes:
        before: the value read before, None where the device had none.
        asked: the value as the device holds it (a float register rounds).
        after: the value read afterwards, None where it could not be read.
        request: what was sent, for people, e.g. `holding 120 (FC06, unit 1)`.
        doubt: why it isn't known whether the device carried it out; "": it said that it did.
    """

    before: Value
    asked: Value
    after: Value
    request: str
    doubt: str


class Writes(Protocol):
    """A driver that can write a tag. On the link's queue, as `read` is."""

    def check(self, tag: Tag, value: Value) -> None:
        """Raise `Unwritable` where the tag can't take the value exactly; sends nothing."""

    async def write(self, tag: Tag, value: Value, deadline_ns: int) -> Written:
        """Read the tag, write it, and read it back.

        Args:
            tag: one of the device's.
            value: in the tag's unit.
            deadline_ns: monotonic; nothing is written from then on.

        Raises:
            Unwritable: as `check`.
            TooLate: the deadline passed before the write was sent.
            DriverError: the device was not there or said no; nothing was written.
        """


@dataclass(frozen=True, slots=True)
class Address:
    """An address as understood by the driver's grammar.

    Attributes:
        register: what `Tag.register` will hold: plain data, opaque to the gateway.
        kind: the kind the address implies (`M20` is a bit), None where it implies none.
        order: the word order that the area implies for wide numbers, None where none.
        bits: of the register, the lowest and the highest, where it stands for a part of one.
        room: registers from this one to the end of its area, None where areas have no say.
        length: of a number in BCD, in registers of four digits, where the address implies it.
        scale: what its last digit is worth, where the address implies it.
        spelled: the address in full, where it may be written shorter; None: as it was written.
    """

    register: object
    kind: Kind | None = None
    order: str | None = None
    bits: tuple[int, int] | None = None
    room: int | None = None
    length: int | None = None
    scale: float = 1.0
    spelled: str | None = None


class AddressError(ValueError):
    """An address that the grammar can't read: `what` is wrong and what to do `next`."""

    def __init__(self, code: str, what: str, next_: str) -> None:
        super().__init__(f"{what}: {next_}")
        self.code = code
        self.what = what
        self.next = next_


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question that went over a wire, and its answer.

    Attributes:
        link: the URL.
        time_ns: UTC, when it was asked.
        asked: the question as the protocol has it, without what frames it: of Modbus unit id and
            PDU, of DL/T 645 address, control code and data.
        answered: the answer likewise, without who gives it; None: none came in time.
        seconds: until the answer, or the time-out.
    """

    link: str
    time_ns: int
    asked: bytes
    answered: bytes | None
    seconds: float


class Taps(Protocol):
    """A plugin whose links can tell what goes over their wires."""

    def tap(self, link: Link, take: Callable[[Exchange], None], clock: Clock) -> Link:
        """Make a link that does all that the given one does, and tells of each exchange."""


class Plugin(Protocol):
    """What the entry point names. Importing it must not import the protocol library."""

    def check_link(self, url: str) -> None:
        """Raise `AddressError` when the URL is not one of this driver's."""

    def address(self, at: str, areas: Sequence[Mapping[str, object]]) -> Address:
        """Read an address; `areas` is the PLC's own grammar, or empty.

        Raises:
            AddressError: with what is wrong and what to do next.
        """

    def check_tag(self, tag: Tag, options: Mapping[str, object]) -> None:
        """Raise `AddressError` where kind, length, bits and address don't go together.

        Args:
            tag: with its address read.
            options: the device's, and `room` of the address where it has any.
        """

    def link(self, url: str, clock: Clock) -> Link:
        """Make the link for a URL; nothing is opened yet."""

    def driver(self, link: Link, device: Device, clock: Clock) -> Driver:
        """Make the driver of one device on a link made by the same plugin."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a unit answered first.

    Attributes:
        text: for people.
        at: the address that it gave a value of, "" where it gave none.
    """

    text: str
    at: str = ""


class Explorer(Protocol):
    """Asks devices on a link that no site file names; one question at a time, as `Driver` does."""

    @property
    def units(self) -> range:
        """Every unit that there may be on a link."""

    async def hello(self, unit: int, timeout_s: float, *, is_thorough: bool) -> Hello | None:
        """What a unit answers to a question that any device knows; None where nobody is there.

        Args:
            unit: to be asked.
            timeout_s: how long an answer may take.
            is_thorough: ask one that is silent in other ways as well.

        Raises:
            ConnectionLost: the link can't be opened.
        """

    async def names(self, unit: int, timeout_s: float) -> Mapping[str, str]:
        """What a device says of itself (`vendor`, `product`, …); empty where it says nothing."""


class Numbers(Protocol):
    """A plugin whose devices hold numbered registers."""

    def run(self, text: str, areas: Sequence[Mapping[str, object]]) -> tuple[str, int, int]:
        """Read a run of registers as people name it: its table, the first and the last.

        Raises:
            AddressError: it is none.
        """

    def spell(self, table: str, number: int, areas: Sequence[Mapping[str, object]]) -> str:
        """Spell a register as its device does."""


class Discovers(Protocol):
    """A plugin whose links can be asked for all devices on them, whatever their addresses."""

    async def discover(
        self,
        url: str,
        clock: Clock,
        told: Callable[[str], None],
        met: Callable[[Mapping[str, str]], None],
    ) -> None:
        """Find the devices on a link.

        Args:
            url: of the link.
            clock: both clocks.
            told: hears of what is tried.
            met: gets each as it is found, as a site file writes it beside the link.

        Raises:
            ConnectionLost: the link can't be opened, or was lost.
        """


class Explores(Protocol):
    """A plugin whose links can be searched for devices."""

    def explorer(self, link: Link) -> Explorer:
        """Make what asks on a link of the same plugin."""

    def variants(self, url: str, bauds: Sequence[int], parities: Sequence[str]) -> tuple[str, ...]:
        """The URL with each speed and parity in place of its own.

        Raises:
            AddressError: the link has neither.
        """
