"""A serial cable: two pseudo-terminals, and a thread that carries bytes between them."""

from __future__ import annotations

import os
import pty
import select
import termios
import threading
import time
import tty
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Cable:
    """Two ends, each the path of a port.

    Args:
        folder: for the links `near` and `far`, which stay the same when an end is plugged again.
        change: what becomes of bytes on their way to the near end.
        byte_s: how long a byte takes: the bit clock of a real line, which these have not.

    Attributes:
        near, far: the ports.
    """

    def __init__(
        self, folder: Path, change: Callable[[bytes], bytes] = bytes, byte_s: float = 0.0
    ) -> None:
        self.near, self.far = folder / "near", folder / "far"
        self._change = change
        self._byte_s = byte_s
        self._masters: dict[Path, int] = {}
        self._slaves: dict[Path, int] = {}
        self._plug(self.near)
        self._plug(self.far)
        self._is_over = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._carry)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()
        for descriptor in (*self._masters.values(), *self._slaves.values()):
            os.close(descriptor)

    def unplug(self) -> None:
        """Take the near end away."""
        with self._lock:
            os.close(self._slaves.pop(self.near))
            os.close(self._masters.pop(self.near))
        self.near.unlink()

    def plug(self) -> None:
        """Plug it in again: another device, under the same name."""
        with self._lock:
            self._plug(self.near)

    def _plug(self, path: Path) -> None:
        master, slave = pty.openpty()
        tty.setraw(slave, termios.TCSANOW)
        path.symlink_to(os.ttyname(slave))
        self._masters[path], self._slaves[path] = master, slave

    def _carry(self) -> None:
        other = {self.near: self.far, self.far: self.near}
        while not self._is_over:
            with self._lock:
                by_master = {master: path for path, master in self._masters.items()}
                ready, _write, _odd = select.select(list(by_master), [], [], 0.005)
                for master in ready:
                    path = by_master[master]
                    data = os.read(master, 1024)
                    data = data if path is self.near else self._change(data)
                    target = self._masters.get(other[path])
                    if target is not None and data:
                        time.sleep(len(data) * self._byte_s)
                        os.write(target, data)
