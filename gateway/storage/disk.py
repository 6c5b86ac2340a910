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


def free_bytes(folder: Path) -> int:
    """Bytes that this process may still write there.

    Raises:
        OSError: the folder is gone.
    """
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize


def probe(folder: Path, size: int) -> None:
    """Write a file of so many bytes, put its first block on the medium, and remove it.

    Raises:
        OSError: the disk is full, read-only, gone, or broken.
    """
    path = folder / "probe"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, max(size, _BLOCK))
        os.pwrite(descriptor, bytes(_BLOCK), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        with suppress(OSError):
            path.unlink()


def is_full(error: Exception) -> bool:
    """True where there was no room left, or the quota was used up."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
