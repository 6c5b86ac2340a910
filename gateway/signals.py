"""What the process is told from outside, from its first moment to its last.

The loop's own handlers would not do: they come with the loop and go with it, and a stop that is
repeated in the last milliseconds (by systemd, by an impatient Ctrl-C) would end the process as if
it had crashed.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from types import FrameType

STOP = (signal.SIGTERM, signal.SIGINT)
RELOAD = getattr(signal, "SIGHUP", None)
"""None on Windows, which has no such signal."""
TERMINAL = "/dev/tty"


class Signals:
    """SIGTERM and SIGINT ask for a stop, SIGHUP asks for the site file to be read again.

    A context: after it comes nothing but the end of the process, and no signal hastens that. What
    is asked before the loop runs is kept until then. A SIGHUP that comes because the
    terminal was closed asks for a stop.
    """

    def __init__(self) -> None:
        self._asked: set[int] = set()
        self._obey: Callable[[int], None] | None = None
        self._at_once = False
        self._on_terminal = _has_terminal()
        self._numbers = STOP if RELOAD is None else (*STOP, RELOAD)
        for number in self._numbers:
            signal.signal(number, self._take)

    @contextlib.contextmanager
    def ending_at_once(self) -> Iterator[None]:
        """Where nothing has been begun that would have to be left whole: a stop is an exit."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False
        if self._asked.intersection(STOP):
            sys.exit(0)

    def obey(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        stop: Callable[[], None],
        reload: Callable[[], None],
    ) -> None:
        """From now on have these called on the loop; what was asked before, at once."""

        def call(number: int) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: all is done
                loop.call_soon_threadsafe(stop if number in STOP else reload)

        self._obey = call
        for number in self._asked:
            call(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        # The interpreter gives a handler back before it ends, which takes 20 ms; this it leaves.
        for number in self._numbers:
            signal.signal(number, signal.SIG_IGN)

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number == RELOAD and self._on_terminal and not _has_terminal():
            number = signal.SIGTERM
        if self._obey is not None:
            self._obey(number)
            return
        self._asked.add(number)
        if self._at_once and number in STOP:
            sys.exit(0)


def _has_terminal() -> bool:
    """Tell whether the process belongs to a terminal that is still there."""
    try:
        with open(TERMINAL, "rb", buffering=0):  # noqa: PTH123 - a device, looked at in a handler
            return True
    except OSError:
        return False
