"""What a line is: a serial port of this machine, or a serial server over TCP."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from drivers.lines.sockets import dial, reason_of
from gateway.errors import ConnectionLost
from gateway.words import _

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from drivers.lines.endpoint import Endpoint
    from drivers.lines.wire import Wire

FAST_SILENCE_S = 0.00175
"""Above 19200 baud the pause between frames is fixed (Modbus over Serial Line V1.02, 2.5.1.1)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a line passes bytes, and how long its devices take.

    Attributes:
        byte_s: seconds that a byte takes; 0 where the line lies behind a server, which keeps its
            own time within the time-out.
        silence_s: pause that the line is left in before a frame.
        max_delay_s: after so long no answer comes any more.
        turn_s: how long a device takes until its answer begins, about.
        is_bus: whether closing and opening it brings nothing for devices that are silent.
    """

    byte_s: float
    silence_s: float
    max_delay_s: float = 1.0
    turn_s: float = 0.01
    is_bus: bool = True

    def seconds(self, count: int) -> float:
        """How long so many bytes take."""
        return count * self.byte_s


@dataclass(frozen=True, slots=True)
class Direction:
    """How the port's driver switches an RS-485 transceiver between sending and hearing, by RTS.

    Attributes:
        sends_low: RTS is low while it sends.
        before_s, after_s: how long it keeps the line before the first bit and after the last.
    """

    sends_low: bool = False
    before_s: float = 0.0
    after_s: float = 0.0


class Line(Protocol):
    """One end of a line."""

    @property
    def url(self) -> str:
        """As the site file writes it."""

    @property
    def endpoint(self) -> str:
        """For messages."""

    @property
    def key(self) -> str:
        """What names the thing itself: lines with the same key are one."""

    @property
    def pace(self) -> Pace:
        """Its times."""

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        """Open it, or raise `ConnectionLost` with what to look at."""

    def tune(self, transport: asyncio.WriteTransport) -> None:
        """Set an opening, which another line's user made, to this one's speed and parity."""


@dataclass(frozen=True, slots=True)
class SerialLine:
    """A port of this machine.

    Attributes:
        parity: N, E or O.
        rs485: None: nothing is switched, or the adapter does it by itself.
        least_silence_s: what the protocol wants between frames, whatever the speed.
    """

    url: str
    path: str
    baud: int = 9600
    parity: str = "N"
    stop: int = 1
    bits: int = 8
    rs485: Direction | None = None
    max_delay_s: float = 1.0
    turn_s: float = 0.01
    least_silence_s: float = 0.0

    @property
    def endpoint(self) -> str:
        """The path of the port."""
        return self.path

    @property
    def key(self) -> str:
        """The port itself, by whatever name it is written."""
        return os.path.realpath(self.path)

    @property
    def pace(self) -> Pace:
        """3.5 characters of silence, or what is fixed for fast lines."""
        byte_s = (1 + self.bits + (self.parity != "N") + self.stop) / self.baud
        silence_s = 3.5 * byte_s if self.baud <= 19200 else FAST_SILENCE_S  # noqa: PLR2004
        silence_s = max(silence_s, self.least_silence_s)
        return Pace(byte_s, silence_s, self.max_delay_s, self.turn_s)

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        """Open the port; no other program may hold it.

        Raises:
            ConnectionLost: no such port, no right to it, held by another program, or settings
                that it doesn't take.
        """
        from drivers.lines.serial_port import attach, available  # noqa: PLC0415 - pyserial

        wire = make()
        try:
            attach(self, wire)
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in {errno.EAGAIN, errno.EBUSY}:  # locked
                text = _(
                    "{path}: another program holds the port. A line has one master: stop the "
                    "gateway, the panel's or the maker's program meanwhile; fuser {path} names it."
                )
                raise ConnectionLost(text.format(path=self.path), "port-busy") from error
            text = _(
                "{path}: can't open the port: {reason}. Check the adapter's plug, that the "
                "gateway's user is in group dialout, and that no other program holds the port."
            )
            text = text.format(path=self.path, reason=reason_of(error, 0))
            is_missing = getattr(error, "errno", None) in {None, errno.ENOENT}  # Windows says none
            if is_missing and (there := available()):
                others = _("This machine has {ports}.").format(ports=", ".join(there))
                text = f"{text} {others}"
            fault = "port-missing" if is_missing else "port-fails"
            raise ConnectionLost(text, fault) from error
        return wire

    def tune(self, transport: asyncio.WriteTransport) -> None:
        """Set an open port to this speed and parity."""
        from drivers.lines.serial_port import Port  # noqa: PLC0415 - pyserial, where it is used

        if isinstance(transport, Port):
            transport.tune(self)


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A serial server that carries frames as they are over TCP."""

    url: str
    where: Endpoint
    pace: Pace

    @property
    def endpoint(self) -> str:
        """`host:port`."""
        return str(self.where)

    @property
    def key(self) -> str:
        """One connection, whoever asks over it: many servers take no second one."""
        return self.endpoint

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        """Connect, or raise `ConnectionLost`."""
        return await dial(make, self.where)

    def tune(self, transport: asyncio.WriteTransport) -> None:
        """Nothing: the server's own set-up tells its speed."""
