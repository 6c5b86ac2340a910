"""What the disk under a folder can give."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 4096
_LEAST = 64 << 10


class Room:
    """What is left on a disk, and what of it is held back. Belongs to the writing thread.

    Args:
        folder: where.
        reserve: bytes for what is written before an old segment can go.
        ballast: bytes held back in a file, for when there is no room at all. A start has to
            write before the first record can be dropped, and a gap should be written before the
            segment goes whose loss it declares.

    Attributes:
        free: bytes that this process may still write there, as of the last look.
        is_out: True from a refusal for lack of room until the next commit.
    """

    def __init__(self, folder: Path, reserve: int, ballast: int) -> None:
        self.free = 0
        self.is_out = False
        self.reserve = reserve
        self._folder = folder
        self._ballast = folder / "ballast"
        self._ballast_bytes = ballast

    @property
    def short(self) -> int:
        """Bytes that commits lack to go on; not above zero where they have enough."""
        return max(self.reserve - self.free, 1 if self.is_out else -self.free)

    def look(self) -> None:
        """Find out what is free; where the folder is gone, that is for a commit to find out."""
        with suppress(OSError):
            stat = os.statvfs(self._folder)
            self.free = stat.f_bavail * stat.f_frsize

    def note(self, error: Exception) -> None:
        """Take note of a refusal; SQLite calls some for lack of room by another name."""
        self.look()
        self.is_out = is_full(error) or self.free < _LEAST

    def drop_ballast(self) -> bool:
        """Give the ballast's room back; False where there is none."""
        try:
            self._ballast.unlink()
        except OSError:
            return False
        return True

    def load_ballast(self) -> None:
        """Hold room back again where there is enough of it."""
        with suppress(OSError):
            if self.free <= self.reserve or self._ballast.exists():
                return
            descriptor = os.open(self._ballast, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._ballast_bytes)
            finally:
                os.close(descriptor)

    def probe(self, size: int) -> None:
        """Write a file of so many bytes, put its first block on the medium, and remove it.

        Raises:
            OSError: the disk is full, read-only, gone, or broken.
        """
        path = self._folder / "probe"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, max(size, _BLOCK))
                os.pwrite(descriptor, bytes(_BLOCK), 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
                with suppress(OSError):
                    path.unlink()
        except OSError as error:
            self.note(error)
            raise


def is_full(error: Exception) -> bool:
    """True where there was no room left, or the quota was used up."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
