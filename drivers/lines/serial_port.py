"""A serial port as a transport of asyncio; the only file that imports pyserial.

On POSIX the loop watches the port's descriptor. Where there is none to watch (a COM port of a
Windows laptop) a thread reads.
"""

from __future__ import annotations

import asyncio
import os
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import serial
from serial.rs485 import RS485Settings

from gateway.words import _

if TYPE_CHECKING:
    from drivers.lines.ports import Direction, SerialLine
    from drivers.lines.wire import Wire

REFUSED: type[Exception] = ValueError
with suppress(ImportError):  # Windows has none
    import termios

    REFUSED = termios.error
"""What pyserial lets through where a port doesn't take its settings; it is no OSError."""

CHUNK = 1024
BY_ID = Path("/dev/serial/by-id")
"""Where Linux names adapters by maker and serial number."""


class _Settings(TypedDict):
    """As pyserial names them."""

    baudrate: int
    bytesize: int
    parity: str
    stopbits: int


def attach(line: SerialLine, wire: Wire, *, by_thread: bool = os.name != "posix") -> None:
    """Open a port and have a protocol hear it.

    Raises:
        OSError, ValueError: no such port, no right to it, or settings that it doesn't take.
    """
    try:
        port = serial.Serial(
            line.path,
            timeout=0.1 if by_thread else 0,
            exclusive=None if os.name != "posix" else True,
            **_settings(line),
        )
    except REFUSED as error:
        raise OSError(*error.args) from error
    if line.rs485 is not None:
        try:
            _switch(port, line.rs485)
        except (OSError, ValueError) as error:
            port.close()
            raise OSError(str(error)) from error
    wire.connection_made(_Threaded(port, wire) if by_thread else _Watched(port, wire))


def available() -> list[str]:
    """The ports that this machine has, by the names that stay the same where there are such."""
    from serial.tools import list_ports  # noqa: PLC0415 - for whoever named a port that isn't there

    return sorted(map(str, BY_ID.glob("*"))) or [port.device for port in list_ports.comports()]


class Port(asyncio.WriteTransport, ABC):
    """A port that is open, until it is closed or lost."""

    def __init__(self, port: serial.Serial, wire: Wire) -> None:
        super().__init__()
        self._port = port
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._is_closed = False

    def tune(self, line: SerialLine) -> None:
        """Set it to a line's speed and parity, between two frames.

        What can't be set shows in answers that don't come.
        """
        try:
            self._port.apply_settings(dict(_settings(line)))
            if line.rs485 is not None:
                _switch(self._port, line.rs485)
        except (OSError, ValueError, REFUSED) as error:
            self._lose(error)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; a frame fits into the port's buffer."""
        try:
            self._send(bytes(data))
        except OSError as error:
            self._lose(error)

    def abort(self) -> None:
        """Close it."""
        self._lose(None)

    @abstractmethod
    def _send(self, data: bytes) -> None:
        """Put bytes on the line."""

    @abstractmethod
    def _release(self) -> None:
        """Let go of the port."""

    def _lose(self, error: Exception | None) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._release()
        self._loop.call_soon(self._wire.connection_lost, error)


def _switch(port: serial.Serial, direction: Direction) -> None:
    """Have the port's driver switch direction.

    Raises:
        OSError, ValueError: it can't.
    """
    try:
        port.rs485_mode = RS485Settings(
            rts_level_for_tx=not direction.sends_low,
            rts_level_for_rx=direction.sends_low,
            delay_before_tx=direction.before_s or None,
            delay_before_rx=direction.after_s or None,
        )
    except (OSError, ValueError) as error:
        text = _(
            "its driver switches no direction; leave out rs485 where the adapter does that by "
            "itself, as most on USB do"
        )
        raise OSError(text) from error


def _settings(line: SerialLine) -> _Settings:
    """What pyserial is told of a line.

    A pseudo-terminal carries bytes and no bits; asked for parity it says no, though not the first
    time.
    """
    is_pseudo = os.path.realpath(line.path).startswith("/dev/pts/")
    return {
        "baudrate": line.baud,
        "bytesize": 8 if is_pseudo else line.bits,
        "parity": "N" if is_pseudo else line.parity,
        "stopbits": line.stop,
    }


class _Watched(Port):
    """The loop watches its descriptor."""

    def __init__(self, port: serial.Serial, wire: Wire) -> None:
        super().__init__(port, wire)
        self._descriptor = port.fileno()
        self._loop.add_reader(self._descriptor, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if data:
            self._wire.data_received(data)
        else:
            self._lose(OSError("unplugged"))

    def _send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]

    def _release(self) -> None:
        self._loop.remove_reader(self._descriptor)
        with suppress(OSError):
            self._port.close()


class _Threaded(Port):
    """A thread reads it."""

    def __init__(self, port: serial.Serial, wire: Wire) -> None:
        super().__init__(port, wire)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._is_closed:
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except (OSError, TypeError) as error:  # TypeError: closed meanwhile
                if not self._is_closed:
                    self._loop.call_soon_threadsafe(self._lose, error)
                return
            if data:
                self._loop.call_soon_threadsafe(self._take, data)

    def _take(self, data: bytes) -> None:
        if not self._is_closed:
            self._wire.data_received(data)

    def _send(self, data: bytes) -> None:
        self._port.write(data)

    def _release(self) -> None:
        with suppress(OSError):
            self._port.close()
