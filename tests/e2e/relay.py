"""A TCP relay in front of a broker: it can be shut, cut through what passes, or take its time."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Relay:
    """Passes connections on to a port of the loopback while it is open.

    Args:
        target: the port.
        delay_s: each way.
    """

    def __init__(self, target: int, delay_s: float = 0.0) -> None:
        self._target = target
        self._delay_s = delay_s
        self._deaf = False
        self._open = True
        self._swallowing = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def open(self) -> None:
        """Let connections pass from now on."""
        self._open = True

    def shut(self) -> None:
        """Cut what is connected, and refuse what comes."""
        self._open = False
        self.cut()

    def cut(self) -> None:
        """Cut what is connected, in the middle of whatever it is."""
        pairs, self._pairs = self._pairs, []
        self._swallowing = self._deaf = False
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def swallow(self) -> None:
        """Let nothing through any more, as a dead line does, until it is cut."""
        self._swallowing = True

    def deafen(self) -> None:
        """Let nothing through any more that the target answers, until it is cut."""
        self._deaf = True

    def _accept(self) -> None:
        while True:
            try:
                near, _address = self._listener.accept()
            except OSError:
                return
            try:
                if not self._open:
                    raise ConnectionRefusedError
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            self._pairs.append((near, far))
            both = threading.Barrier(2)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(
                    target=self._pump,
                    args=(source, sink, both),
                    kwargs={"answers": source is far},
                    daemon=True,
                ).start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, both: threading.Barrier, *, answers: bool
    ) -> None:
        """Copy until the end, then close once the other direction has ended too."""
        late: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        if self._delay_s:
            threading.Thread(target=_late, args=(late, sink), daemon=True).start()
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not (self._swallowing or (answers and self._deaf)):
                    if self._delay_s:
                        late.put((time.monotonic() + self._delay_s, data))
                    else:
                        sink.sendall(data)
        late.put((0.0, b""))
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        both.wait()
        source.close()


def _late(waiting: queue.SimpleQueue[tuple[float, bytes]], sink: socket.socket) -> None:
    """Pass data on when its time has come."""
    with contextlib.suppress(OSError):
        while True:
            due_s, data = waiting.get()
            if not data:
                return
            time.sleep(max(0.0, due_s - time.monotonic()))
            sink.sendall(data)
