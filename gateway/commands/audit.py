"""The audit log: a line for each thing that a command was part of, that can't be changed unseen.

JSON lines in files `audit-<number of the first line>.jsonl`, mode 600. Each line ends with `h`, the
SHA-256 of the `h` before it, a line feed and the line without `h`, so a line that is changed,
taken out or put in breaks the chain from there on (`trail` follows it). The log is bounded: the
oldest file goes when there are too many, and a line `dropped` says which lines went. A line cut
short by a power cut is taken off and told by `torn`; lines that were there and are not any more
are told by `lost`, since the table of seen commands knows how far the log went.

The chain has no key: whoever may write here may write it anew. Replies carry the number and hash
of their line, so the platform has the means to notice that as well.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

import orjson

from gateway.durable import sync_folder
from gateway.errors import StoreError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_BYTES = 1 << 20
FILES = 16
START = "0" * 64
"""The hash before the first line."""


class Mark(NamedTuple):
    """Where a line stands in the log: its number, from 1, and its hash."""

    n: int
    h: str


class Audit:
    """Appends lines; all of it blocks on the disk.

    Args:
        folder: of the files; must exist.
        now_ms: UTC ms.
        known: number of a line that is known to have been written.

    Raises:
        StoreError: the disk refuses.
    """

    def __init__(
        self,
        folder: Path,
        now_ms: int,
        known: int = 0,
        *,
        file_bytes: int = FILE_BYTES,
        files: int = FILES,
    ) -> None:
        self._folder = folder
        self._file_bytes = file_bytes
        self._files = files
        self._fd = -1
        self._size = 0
        self._last = Mark(0, START)
        try:
            torn = self._resume()
            if torn:
                self.add(now_ms, "torn", {"bytes": torn})
            if self._last.n < known:
                lost = {"from": self._last.n + 1, "to": known}
                self._last = Mark(known, self._last.h)
                self.add(now_ms, "lost", lost)
        except OSError as error:
            self.close()
            raise _refused(error) from error
        except StoreError:
            self.close()
            raise

    def add(self, t_ms: int, what: str, fields: Mapping[str, object], *, sync: bool = True) -> Mark:
        """Append a line.

        Args:
            t_ms: UTC ms.
            what: kind of line.
            fields: the rest of it.
            sync: wait until it is on the medium.

        Raises:
            StoreError: the disk refuses; the line is not there.
        """
        try:
            if self._fd < 0 or self._size >= self._file_bytes:
                self._turn(t_ms)
            return self._write(t_ms, what, fields, sync=sync)
        except OSError as error:
            self._heal()
            raise _refused(error) from error

    def close(self) -> None:
        """Release the file; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, t_ms: int, what: str, fields: Mapping[str, object], *, sync: bool) -> Mark:
        n = self._last.n + 1
        text = orjson.dumps({"n": n, "t": t_ms, "what": what, **fields})
        mark = Mark(n, chain(self._last.h, text))
        line = seal(text, mark.h)
        if os.write(self._fd, line) != len(line):
            raise OSError(28, os.strerror(28))
        if sync:
            os.fsync(self._fd)
        self._last = mark
        self._size += len(line)
        return mark

    def _turn(self, t_ms: int) -> None:
        """Begin another file; the oldest go, and the new one begins with saying so."""
        self.close()
        path = self._folder / f"audit-{self._last.n + 1:012d}.jsonl"
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._size = os.fstat(self._fd).st_size
        sync_folder(self._folder)
        paths = files_of(self._folder)
        old, kept = paths[: -self._files], paths[-self._files :]
        if old:
            gone = {"from": first_of(old[0]), "to": first_of(kept[0]) - 1}
            self._write(t_ms, "dropped", gone, sync=True)
            for file in old:
                file.unlink()

    def _resume(self) -> int:
        """Go on where the log ends; return how many bytes of a cut line were taken off."""
        torn = 0
        for path in reversed(files_of(self._folder)):
            data = path.read_bytes()
            end = data.rfind(b"\n") + 1
            if end < len(data):
                os.truncate(path, end)
                torn += len(data) - end
            last = _last_line(data[:end])
            if last is None:
                path.unlink()  # a file that was made and never written to
                continue
            self._last = last
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND)
            self._size = end
            break
        return torn

    def _heal(self) -> None:
        """Take half a line off, so that the next one begins on a line of its own."""
        try:
            if self._fd >= 0:
                os.ftruncate(self._fd, self._size)
        except OSError:
            self.close()  # the next line begins a file of its own


def files_of(folder: Path) -> list[Path]:
    """The files of a log, oldest first."""
    return sorted(folder.glob("audit-*.jsonl"))


def first_of(path: Path) -> int:
    """The number of a file's first line, by its name."""
    return int(path.stem.rpartition("-")[2])


def chain(before: str, text: bytes) -> str:
    """The hash of a line, from that of the line before and its text without `h`."""
    return hashlib.sha256(before.encode() + b"\n" + text).hexdigest()


def seal(text: bytes, h: str) -> bytes:
    """A line as it is written."""
    return b'%b,"h":"%b"}\n' % (text[:-1], h.encode())


def unseal(line: bytes) -> tuple[bytes, str] | None:
    """A line's text and its hash; None where it isn't one that `seal` made."""
    tail = len(b',"h":""}') + 64
    if len(line) <= tail or not line[-tail:].startswith(b',"h":"') or line[-2:] != b'"}':
        return None
    return line[:-tail] + b"}", line[-66:-2].decode("ascii", "replace")


def _last_line(data: bytes) -> Mark | None:
    """The newest line that can be read; what follows it shows as a broken chain."""
    for line in reversed(data.splitlines()):
        parts = unseal(line)
        if parts is not None:
            try:
                return Mark(int(orjson.loads(parts[0])["n"]), parts[1])
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                continue
    return None


def _refused(error: OSError) -> StoreError:
    text = _("the audit log can't be written: {reason}")
    return StoreError(text.format(reason=error.strerror or error))
