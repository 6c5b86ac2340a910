"""The files that a plant was read from, and whether they have changed since.

Looking at them once a second is all that is needed: it sees every editor, whether it writes in
place or renames, and every file system. A file is taken when it has been left alone from one look
to the next and nobody has it open for writing, so a half-written file, or one that is copied over
a slow line, is waited for.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Look = tuple[int, ...] | None
"""What tells one version of a file from another; None where there is none."""


class Sources:
    """Files and folders to keep an eye on.

    Args:
        files: all that a plant was read from.
        since_ns: wall clock before that; what is newer may not have been read yet.
    """

    def __init__(self, files: Iterable[Path], since_ns: int | None = None) -> None:
        self._known: dict[Path, Look] = {path: _look(path, since_ns) for path in files}
        self._last = dict(self._known)

    def changed(self) -> bool:
        """Tell whether something differs from what was known, and is complete by now."""
        before, self._last = self._last, {path: _look(path) for path in self._known}
        if self._last in (self._known, {}) or self._last != before:
            return False
        return not any(_is_being_written(path) for path in self._last)

    def know(self) -> None:
        """What is there now is about to be read."""
        self._known = self._last = {path: _look(path) for path in self._known}

    def follow(self, paths: Iterable[Path], since_ns: int) -> None:
        """Keep an eye on these from now on.

        Args:
            paths: files, and folders in which one may appear.
            since_ns: wall clock before they were read; what is newer may not have been read yet.
        """
        known: dict[Path, Look] = {}
        for path in paths:
            known[path] = self._known[path] if path in self._known else _look(path, since_ns)
        self._known = known
        self._last = dict(known)


def _look(path: Path, until_ns: int | None = None) -> Look:
    try:
        found = path.stat()
    except OSError as error:
        return (error.errno or 0,)
    if until_ns is not None and found.st_mtime_ns >= until_ns:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode)


def _is_being_written(path: Path) -> bool:
    """Tell whether a process has a file open for writing, where the system says so.

    A read lease is granted only while nobody has. It is given back at once; the signal that a
    writer's open would cause in between is one that is ignored.
    """
    if fcntl is None or not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:  # another user's file, or a file system without leases
        return False
    finally:
        os.close(descriptor)
    return False
