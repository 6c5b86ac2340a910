"""A trace: lines in a file, plain or gzipped, in the order in which they arrived."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

from gateway.errors import ConfigError, Fault
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
MOST_BYTES = 64 << 10
"""Of one line."""


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read a trace's lines, empty ones passed over.

    Yields:
        The line's number, from 1, and its bytes.

    Raises:
        ConfigError: the file can't be read, or only a part of it.
    """
    number = 0
    try:
        with path.open("rb") as file:
            is_packed = file.read(len(GZIP)) == GZIP
            file.seek(0)
            stream = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if is_packed else file
            while raw := stream.readline(MOST_BYTES):
                number += 1
                if number == 1:
                    raw = raw.removeprefix(BOM)
                if len(raw) == MOST_BYTES and not raw.endswith(b"\n"):
                    what = _("the line is longer than {n} KiB").format(n=MOST_BYTES >> 10)
                    raise _unread(path, number, what, _("a trace has one reading on each line"))
                if not raw.isspace():
                    yield number, raw
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        what = _("the trace can't be read: {reason}").format(reason=reason)
        raise _unread(path, number, what, _("check the name and the disk")) from error


def _unread(path: Path, number: int, what: str, next_: str) -> ConfigError:
    return ConfigError([Fault(str(path), number, int(number > 0), "unreadable-file", what, next_)])
