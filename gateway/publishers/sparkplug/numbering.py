"""bdSeq: which of a node's births and deaths belong together, over restarts.

Each CONNECT has the number after the last one's, and its Will and births carry it. It is on disk
before the CONNECT, so that no two sessions of a node that was cut off share one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from gateway.durable import write_whole
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("nxgate.publish")

MODULUS = 256
WRITE_S = 2.0
"""A disk that takes longer doesn't keep the node from its broker."""


class Numbering:
    """Of one publisher.

    Args:
        file: where the number of the last CONNECT is kept.

    Attributes:
        now: of this connection.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last = self._read()
        self._told = False
        self.now = 0

    async def next(self) -> None:
        """Take the number for another CONNECT."""
        self.now = (self._last + 1) % MODULUS
        self._last = self.now
        try:
            async with asyncio.timeout(WRITE_S):
                await asyncio.to_thread(write_whole, self._file, b"%d\n" % self.now)
        except (OSError, TimeoutError) as error:
            if not self._told:
                text = _(
                    "{file}: the number of the Sparkplug session can't be written: {error}."
                    " After a restart a session may have the number of an earlier one"
                )
                log.warning(text.format(file=self._file, error=error or _("no answer")))
            self._told = True
        else:
            self._told = False

    def take_back(self) -> None:
        """No broker has heard of it: the next CONNECT has the same."""
        self._last = (self.now - 1) % MODULUS

    def _read(self) -> int:
        """The number of the last CONNECT; -1 before the first, or where the file says none."""
        try:
            number = int(self._file.read_bytes())
        except (OSError, ValueError):
            return -1
        return number if 0 <= number < MODULUS else -1
