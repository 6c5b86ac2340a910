"""Records as metrics: the devices of one node, and which of them a record belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.publishers.sparkplug.device import Device
from gateway.publishers.sparkplug.metrics import Aliases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.model import Record
    from gateway.publishers.sparkplug.metrics import Style
    from gateway.publishers.sparkplug.topics import Topics

MOST_UNTOLD = 5_000
"""Records kept for the next births; beyond it, values are held against what was told by their
times, one by one."""


class Devices:
    """Spells the records of one node; satisfies `message.Encoding`.

    Args:
        topics: of the node.
        style: how data names metrics.

    Attributes:
        node: what the node says of itself.
        born_key: records up to this were known to the last session's births.
        overlap_key: records up to this were made before them.
    """

    def __init__(self, topics: Topics, style: Style) -> None:
        self._topics = topics
        self._style = style
        self._aliases = Aliases()
        self.node = Device("", self._aliases, style)
        self._devices: dict[str, Device] = {"": self.node}
        self._places: dict[tuple[str, str], Device] = {}
        self.born_key = self.overlap_key = 0
        self._untold: dict[int, Record] = {}
        self._first_untold = 0

    def __iter__(self) -> Iterator[Device]:
        """All but the node."""
        return iter([device for name, device in self._devices.items() if name])

    def named(self, name: str) -> tuple[Device, tuple[str, str]] | None:
        """The device of a name, with its line and asset."""
        for place, device in self._places.items():
            if device.name == name:
                return device, place
        return None

    def of(self, record: Record) -> Device:
        """The device that a record is about."""
        place = (record.line, record.asset)
        device = self._places.get(place)
        if device is None:
            name = self._topics.device_of(*place)
            device = self._devices.get(name)
            if device is None:
                device = self._devices[name] = Device(name, self._aliases, self._style)
            self._places[place] = device
        return device

    def see(self, records: Iterable[Record]) -> None:
        """Take note of what the next births are to say."""
        for record in records:
            self.of(record).see(record)

    def await_(self, records: Iterable[Record]) -> None:
        """Take note of records that this session is to tell."""
        self._untold.update((record.key, record) for record in records)
        if len(self._untold) > MOST_UNTOLD:
            self._first_untold = self._first_untold or min(self._untold)
            self._untold.clear()

    def ended(self) -> None:
        """A session is over: what it was to tell and didn't is part of the next births."""
        self.see(self._untold.values())
        self._untold.clear()

    def bear(self, current: Iterable[Record], last_key: int) -> None:
        """A session is about to begin: its births know all that was made, or nearly."""
        self.see(current)
        self.overlap_key = last_key
        self.born_key = self._first_untold - 1 if self._first_untold else last_key
        self._first_untold = 0

    def speaks(self, record: Record, *, hist: bool) -> bool:
        """An older description of an asset says nothing that its birth doesn't."""
        return not (hist and record.cls == "meta" and record.key <= self.born_key)

    def topic(self, record: Record, *, hist: bool) -> str:
        """Where a record goes."""
        del hist
        return self._topics.of("DATA", self.of(record).name)

    def payload(self, record: Record, *, hist: bool) -> bytes:
        """Its metrics; time and sequence number are put around them as they are sent."""
        self._untold.pop(record.key, None)
        device = self.of(record)
        if record.cls == "meta":
            device.describe(record)
            return b""
        hist = hist or record.key <= self.overlap_key
        return device.tell(record, hist=hist, since_birth=record.key > self.born_key)

    def retained(self, record: Record) -> bool:
        """Nothing of a node is kept by the broker."""
        del record
        return False
