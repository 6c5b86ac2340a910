"""A TCP relay in front of a broker: it can be shut, and cut through whatever passes just then."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Relay:
    """Passes connections on to a port of the loopback while it is open."""

    def __init__(self, target: int) -> None:
        self._target = target
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
        self._swallowing = False
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def swallow(self) -> None:
        """Let nothing through any more, as a dead line does, until it is cut."""
        self._swallowing = True

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
                threading.Thread(target=self._pump, args=(source, sink, both), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, both: threading.Barrier) -> None:
        """Copy until the end, then close once the other direction has ended too."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self._swallowing:
                    sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        both.wait()
        source.close()
