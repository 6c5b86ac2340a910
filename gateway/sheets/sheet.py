"""A sheet of tags, read: its columns found, its rows with what their cells say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, Fault
from gateway.sheets.columns import DEVICE, NAMES, TAG, heads, named
from gateway.sheets.table import read
from gateway.sitefile.document import nearest
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sheets.columns import Column
    from gateway.sheets.table import Line

TITLES = 10
"""Rows that may stand above the heads."""
REMARKS = ("row 行", "what is wrong 错误", "what to do 处理")
"""Heads of what is written behind rows that weren't taken."""
IDEOGRAPHS = "\u2e80"
"""Chinese, Japanese and Korean characters come from here on."""


@dataclass(frozen=True, slots=True)
class Row:
    """One tag of a sheet.

    Attributes:
        number: of the row, as the spreadsheet counts.
        cells: text by the key of the column.
    """

    number: int
    cells: dict[str, str]

    @property
    def device(self) -> str:
        """As the sheet names it; "" where it doesn't."""
        return self.cells.get(DEVICE, "")

    @property
    def tag(self) -> str:
        """As the sheet names it."""
        return self.cells[TAG]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of tags.

    Attributes:
        head: number of the row that the heads are in.
        columns: by their place in the row, from 0.
        heads: as they are written, for all places.
        lines: below the heads, as they were read.
    """

    file: str
    head: int
    columns: dict[int, Column]
    heads: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def rows(self) -> list[Row]:
        """The rows, with their cells by column."""
        return [
            Row(
                line.number,
                {
                    column.key: line.cells[place] if place < len(line.cells) else ""
                    for place, column in self.columns.items()
                },
            )
            for line in self.lines
        ]

    def fault(self, row: Row, key: str, code: str, what: str, next_: str) -> Fault:
        """Say what is wrong with a cell, and where people find it."""
        place = next((at for at, column in self.columns.items() if column.key == key), 0)
        shown = _("{cell} ({head}): {what}").format(
            cell=f"{letters(place)}{row.number}", head=self.heads[place], what=what
        )
        return Fault(self.file, row.number, place + 1, code, shown, next_)


def sheet_of(path: Path) -> tuple[Sheet, list[Fault]]:
    """Read a sheet.

    Returns:
        The sheet, and notices of columns that mean nothing here.

    Raises:
        ConfigError: it can't be read, or has no heads that say which column is the tag.
    """
    lines = read(path)
    found = next((line for line in lines[:TITLES] if _is_head(line)), None)
    if found is None:
        what = _("no row at the top names the column {name}").format(name="tag")
        next_ = _(
            "begin with a row of heads: device, tag, at, kind, …, or 设备, 点位, 地址, 类型, …"
        )
        line = lines[0].number if lines else 1
        raise ConfigError([Fault(str(path), line, 1, "missing-column", what, next_)])
    below = tuple(lines[lines.index(found) + 1 :])
    columns: dict[int, Column] = {}
    faults: list[Fault] = []
    notices: list[Fault] = []
    for place, head in enumerate(found.cells):
        column = _meant(head, place, below)
        at = str(path), found.number, place + 1
        if column is None and head and head not in REMARKS:
            near = nearest(head, heads())
            next_ = _("did you mean {near}?").format(near=near) if near else _("it is left out")
            what = _("the column {head} means nothing here").format(head=head)
            notices.append(Fault(*at, "unknown-column", what, next_))
        elif column in columns.values():
            what = _("two columns are {head}").format(head=head)
            faults.append(Fault(*at, "twice", what, _("keep one of the two")))
        elif column is not None:
            columns[place] = column
    if faults:
        raise ConfigError(faults)
    return Sheet(str(path), found.number, columns, found.cells, below), notices


def letters(place: int) -> str:
    """Name a column as spreadsheets do: A for 0, AA for 26."""
    text = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def _is_head(line: Line) -> bool:
    return any(column is not None and column.key == TAG for column in map(named, line.cells))


def _meant(head: str, place: int, lines: tuple[Line, ...]) -> Column | None:
    """Find what a column holds; a `name` is in the language of what stands below."""
    if head.lower() != "name":
        return named(head) if head else None
    cells = "".join(line.cells[place] for line in lines if place < len(line.cells))
    return NAMES["name_zh" if any(one >= IDEOGRAPHS for one in cells) else "name_en"]
