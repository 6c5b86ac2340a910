"""Reading the audit log: its lines, and whether any was changed, taken out or put in."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from gateway.commands.audit import START, chain, files_of, unseal
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FOLDER = "commands"
"""Where, in the store's folder, commands keep what they need."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log.

    Attributes:
        where: file and line, for messages.
        n: its number; 0 where it can't be read.
        h: its hash.
        wrong: what is wrong with it, or "".
    """

    where: str
    n: int
    h: str
    fields: Mapping[str, object]
    wrong: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a log holds.

    Attributes:
        count: lines read.
        first, last: their numbers.
        h: hash of the last.
        faults: lines that aren't as they were written, each in words.
        losses: lines that went and were declared, each in words.
    """

    count: int
    first: int
    last: int
    h: str
    faults: tuple[str, ...]
    losses: tuple[str, ...]


def lines(folder: Path) -> Iterator[Line]:
    """Read the log of a folder, oldest first, following the chain."""
    before = ""
    last = 0
    for path in files_of(folder):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            # A gateway that runs may drop the oldest file just now.
            for number, raw in enumerate(file, 1):
                where = f"{path.name}:{number}"
                parts = unseal(raw.rstrip(b"\n"))
                fields = _fields(parts[0]) if parts else None
                if parts is None or fields is None or not raw.endswith(b"\n"):
                    before, last = "", 0
                    yield Line(where, 0, "", {}, _("the line can't be read"))
                    continue
                text, h = parts
                n = fields["n"]
                wrong = _broken(before, last, n, text, h, fields)
                yield Line(where, n, h, fields, wrong)
                before, last = h, n


def verify(folder: Path) -> Found:
    """Read all of a log and say what is wrong with it."""
    count = first = last = 0
    h = ""
    faults: list[str] = []
    losses: list[tuple[int, int, str]] = []
    for line in lines(folder):
        count += 1
        first, last, h = first or line.n, line.n or last, line.h or h
        if line.wrong:
            faults.append(f"{line.where}: {line.wrong}")
        what = line.fields.get("what")
        if what in {"dropped", "lost"}:
            losses.append((_int(line.fields, "from"), _int(line.fields, "to"), str(what)))
    if first > 1 and not any(to == first - 1 for _from, to, _what in losses):
        text = _("lines 1 to {last} are missing and nothing says that they were dropped")
        faults.insert(0, text.format(last=first - 1))
    told = tuple(f"{what} {from_}–{to}" for from_, to, what in losses)
    return Found(count, first, last, h, tuple(faults), told)


def _broken(
    before: str, last: int, n: int, text: bytes, h: str, fields: Mapping[str, object]
) -> str:
    """Say why a line doesn't follow from the one before, or ""."""
    if last and n != last + 1 and not _declares(fields, last, n):
        return _("line {n} follows line {last}").format(n=n, last=last)
    if not last and n == 1:
        before = START
    if before and chain(before, text) != h:
        return _("the line, or the one before it, was changed")
    return ""


def _declares(fields: Mapping[str, object], last: int, n: int) -> bool:
    """Whether a line says itself that those between it and the last one were lost."""
    span = (_int(fields, "from"), _int(fields, "to"))
    return fields.get("what") == "lost" and span == (last + 1, n - 1)


def _fields(text: bytes) -> dict[str, int] | None:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) and isinstance(fields.get("n"), int) else None


def _int(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) else 0
