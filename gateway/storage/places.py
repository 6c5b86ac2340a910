"""Where publishers stand and where epochs ended, on disk: `position.db`, renewed where damaged."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.ids import SEQ_BITS
from gateway.storage.pages import PAGE
from gateway.storage.position_file import PositionFile
from gateway.storage.recovery import set_aside
from gateway.storage.segment import SQL_ERRORS, is_damage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gateway.storage.facts import Facts
    from gateway.storage.position import Standing


class Places:
    """Belongs to the writing thread, but for `positions`.

    Attributes:
        positions: low and ranges by publisher, as saved last.
        ends: the last key of each epoch before this one, as far as known.
        wear: bytes written to the medium since the start, about.
    """

    def __init__(self, folder: Path) -> None:
        self.positions: dict[str, Standing] = {}
        self.ends: dict[int, int] = {}
        self.wear = 0
        self._path = folder / "position.db"
        self._file: PositionFile | None = None

    def open(self) -> None:
        """Open the file, or make it.

        Raises:
            sqlite3.Error, OSError: the disk refuses.
        """
        try:
            self._file = PositionFile(self._path)
            self.positions, self.ends = self._file.load(), self._file.ends()
        except SQL_ERRORS as error:
            if not is_damage(error):
                raise
            self._renew()

    def save(self, positions: Mapping[str, Standing]) -> None:
        """Keep positions; they are on the medium when this returns.

        Raises:
            sqlite3.Error, OSError: the disk refuses.
        """
        self.positions |= positions
        if positions and self._file is not None:
            try:
                self._file.save(positions)
            except SQL_ERRORS as error:
                if not is_damage(error):
                    raise
                self._renew()
            self.wear += 2 * PAGE  # the one page that changes, across two blocks of the log

    def note_end(self, last_key: int, view: Sequence[Facts]) -> None:
        """Keep where an epoch ended, at its close, or else as its successor found it."""
        epoch = last_key >> SEQ_BITS
        if self._file is not None and epoch and epoch not in self.ends:
            oldest = min((facts.first >> SEQ_BITS for facts in view), default=0)
            self._file.end(epoch, last_key, oldest)
            self.ends[epoch] = last_key

    def close(self, last_key: int, view: Sequence[Facts]) -> None:
        """Release the file; safe to call twice."""
        if self._file is not None:
            with suppress(sqlite3.Error):
                self.note_end(last_key, view)
            self._file.close()
            self._file = None

    def _renew(self) -> None:
        """Begin a new file in a damaged one's place, and put into it what is known."""
        if self._file is not None:
            self._file.close()
        set_aside(self._path)
        self._file = PositionFile(self._path)
        self._file.save(self.positions)
