"""The thing itself: a port or a connection, opened once whoever asks on it.

Devices of several protocols share a line, each protocol with a link of its own. The port is opened
for the first of them and closed after the last. One question is under way at a time; whoever waits
is served in the order of coming. Before a question the line has been silent for as long as both
protocols want it, and is set to the asker's speed and parity where the last one had others: the
meters of one RS-485 line may each be set to a speed of their own, as the terminals that read
electricity meters for the grid's companies allow (Q/GDW 1376.1, F10: speed, port and protocol are
set for each meter).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

from drivers.lines.wire import Wire

if TYPE_CHECKING:
    from drivers.lines.ports import Line


class Talker(Protocol):
    """A link on a bus."""

    @property
    def line(self) -> Line:
        """How it wants the line to be."""

    def hear(self, data: bytes) -> None:
        """Take what came in during its turn, or after it while no other began."""

    def lost(self, reason: str) -> None:
        """The line is gone."""


class Bus:
    """One line and those who talk on it.

    Attributes:
        turn: held from a question to its answer.
    """

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._talkers: list[Talker] = []
        self._talker: Talker | None = None
        self._line: Line | None = None
        self._wire: Wire | None = None
        self._busy_s = 0.0

    def is_open_for(self, talker: Talker) -> bool:
        """Whether a talker has joined, and the line is there."""
        wire = self._wire
        return talker in self._talkers and wire is not None and wire.transport is not None

    async def join(self, talker: Talker) -> None:
        """Open the line for a talker, unless it is open, or raise `ConnectionLost`."""
        async with self._opening:
            if self._wire is None:
                self._wire = await talker.line.connect(lambda: Wire(self._hear, self._end))
                self._line = talker.line
            if talker not in self._talkers:
                self._talkers.append(talker)

    async def leave(self, talker: Talker) -> None:
        """Close the line, where nobody else is on it; safe to call twice."""
        if talker in self._talkers:
            self._talkers.remove(talker)
        if self._talker is talker:
            self._talker = None
        wire = self._wire
        if wire is not None and not self._talkers:
            self._wire = None
            if wire.transport is not None:
                wire.transport.abort()
            await wire.closed

    async def ready(self, talker: Talker) -> None:
        """Wait until the line may be spoken on, and set it to what the talker needs.

        The turn is the talker's.
        """
        last = self._line or talker.line
        silence_s = max(last.pace.silence_s, talker.line.pace.silence_s)
        if (wait_s := self._busy_s + silence_s - _now_s()) > 0:
            await asyncio.sleep(wait_s)
        wire = self._wire
        if wire is None or wire.transport is None:
            return
        if last is not talker.line:
            talker.line.tune(wire.transport)
        self._line, self._talker = talker.line, talker

    def send(self, data: bytes) -> None:
        """Put a question on the line; where the line is gone, the talker has been told."""
        wire = self._wire
        if wire is not None and wire.transport is not None and self._line is not None:
            self._busy_s = _now_s() + self._line.pace.seconds(len(data))
            wire.transport.write(data)

    def drop(self, reason: str) -> None:
        """End this opening for all who are on it."""
        wire = self._wire
        if wire is not None and wire.transport is not None:
            wire.transport.abort()
        self._lose(reason)

    def _hear(self, data: bytes) -> None:
        self._busy_s = _now_s()
        if self._talker is not None:
            self._talker.hear(data)

    def _end(self, wire: Wire, reason: str) -> None:
        if wire is self._wire:
            self._lose(reason)

    def _lose(self, reason: str) -> None:
        self._wire = self._talker = None
        talkers, self._talkers = self._talkers, []
        for talker in talkers:
            talker.lost(reason)


_BUSES: WeakValueDictionary[str, Bus] = WeakValueDictionary()
"""Those in use, by what names the thing itself; links of all protocols find theirs here."""


def shared(key: str) -> Bus:
    """The bus of this name, made when its first link is."""
    bus = _BUSES.get(key)
    if bus is None:
        bus = _BUSES[key] = Bus()
    return bus


def _now_s() -> float:
    return asyncio.get_running_loop().time()
