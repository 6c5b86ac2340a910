"""Rows out of a database's raw pages, for when SQLite can't find them any more.

Rows of a segment are never changed nor deleted, and each has a CRC; so whatever passes for a row
is one, wherever it turns up: reachable or not, in the file or in its log, in a frame that was
never committed. The caller checks the CRC, nothing else has to be right. That makes a recovery
exact, and its time that of reading the file once.

Source: https://www.sqlite.org/fileformat2.html, 1.6 (b-tree pages), 1.7 (overflow pages), 2.1
(records), 4.1 (the log's frames).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PAGE = 4096
_POINTERS = 8  # where those of a leaf begin
_WAL_HEADER, _FRAME_HEADER = 32, 24
_MOST = 64 << 20  # bytes: no row is longer
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_FIRST_BLOB = 12

Column = int | str | bytes | None
_Pages = dict[int, memoryview]


def scan(path: Path) -> Iterator[tuple[Column, ...]]:
    """Yield every row of every table, once or more often, in no order.

    The first column is the row's number; in the table it stands for it is the integer key.

    Raises:
        OSError: the file can't be read at all.
    """
    file = memoryview(path.read_bytes())
    pages = {at // PAGE + 1: file[at : at + PAGE] for at in range(0, len(file), PAGE)}
    log = path.with_name(path.name + "-wal")
    frames = _frames(memoryview(log.read_bytes())) if log.exists() else []
    newest = pages | dict(frames)
    for page in pages.values():
        yield from _rows(page, pages)
    for _number, page in frames:
        yield from _rows(page, newest)
    if frames:  # a row in the file whose rest is in the log
        for page in pages.values():
            yield from _rows(page, newest)


def _frames(log: memoryview) -> list[tuple[int, memoryview]]:
    """Return the log's pages with their numbers, oldest first."""
    step = _FRAME_HEADER + PAGE
    return [
        (int.from_bytes(log[at : at + 4]), log[at + _FRAME_HEADER : at + step])
        for at in range(_WAL_HEADER, len(log) - step + 1, step)
    ]


def _rows(page: memoryview, pages: Mapping[int, memoryview]) -> Iterator[tuple[Column, ...]]:
    """Yield what the page's pointers point to, whatever its header says of type and count."""
    if len(page) < PAGE:
        return
    for at in range(_POINTERS, PAGE, 2):
        place = int.from_bytes(page[at : at + 2])
        if place < _POINTERS:
            return  # behind the last one
        try:
            yield _row(page, place, pages)
        except (IndexError, KeyError, ValueError):
            continue  # not a row


def _row(page: memoryview, at: int, pages: Mapping[int, memoryview]) -> tuple[Column, ...]:
    size, at = _varint(page, at)
    number, at = _varint(page, at)
    payload = _payload(page, at, size, pages)
    end, at = _varint(payload, 0)
    start = end
    columns: list[Column] = []
    while at < end:
        kind, at = _varint(payload, at)
        column, start = _column(payload, kind, start)
        columns.append(column)
    return (number, *columns[1:])


def _payload(page: memoryview, at: int, size: int, pages: Mapping[int, memoryview]) -> memoryview:
    """Return a row's bytes: on its page, or begun there and continued on others."""
    if size > _MOST:
        raise ValueError
    if size <= PAGE - 35:
        return page[at : at + size]
    least = (PAGE - 12) * 32 // 255 - 23
    here = least + (size - least) % (PAGE - 4)
    if here > PAGE - 35:
        here = least
    parts = [page[at : at + here]]
    following = int.from_bytes(page[at + here : at + here + 4])
    left = size - here
    while left > 0:
        more = pages[following]
        parts.append(more[4 : 4 + min(left, PAGE - 4)])
        left -= PAGE - 4
        following = int.from_bytes(more[:4])
    return memoryview(b"".join(parts))


def _column(payload: memoryview, kind: int, at: int) -> tuple[Column, int]:
    """Read a column of a serial type; return it and where the next one begins."""
    if kind == 0:
        return None, at
    if kind in {8, 9}:
        return kind - 8, at
    if kind in _INTEGERS:
        end = at + _INTEGERS[kind]
        return int.from_bytes(payload[at:end], signed=True), end
    if kind < _FIRST_BLOB:
        raise ValueError
    end = at + (kind - _FIRST_BLOB) // 2
    content = bytes(payload[at:end])
    return (content.decode() if kind % 2 else content), end


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Read SQLite's integer of 1 to 9 bytes; return it and where it ends."""
    value = 0
    for end in range(at, at + 8):
        more, bits = divmod(data[end], 0x80)
        value = value << 7 | bits
        if not more:
            return value, end + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64 if value >> 63 else 0), at + 9
