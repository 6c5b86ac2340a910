"""CSV and XLSX files as rows of text, as spreadsheets write and read them.

A spreadsheet that opens a CSV makes numbers of `0012`, dates of `1-3` and formulas of what begins
with `=`. Such text is written as `="0012"`, which Excel and WPS show as 0012 and keep as text; it
is read back with and without that dress. In an XLSX every cell has its type, so nothing is needed.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, Fault
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MAX_BYTES = 16 << 20
"""The largest sheet that is read, and sixteen times that when an XLSX is unpacked."""
MOST_COLUMNS = 256
MOST_ROWS = 100_000
"""With something in them."""
LAST_ROW = 1 << 20
"""Of a workbook (Excel's own limit); a broken one may claim to have any."""
WORKBOOK = ".xlsx"
BOM = "\ufeff"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufeff\ufffe\uffff\u3000]+")
_DRESSED = re.compile(r'="(.*)"', re.DOTALL)
_CHANGED = re.compile(
    r"(?![0134]x\d+$|\d+(ms|s|min|h|d|y)$)"  # neither 4x00041 nor 5s
    r"[\d=+\-@'(.,$¥￥€£].*"  # numbers, dates, times, formulas, money
    r"|true|false|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/. ]?\d{1,4}",
    re.IGNORECASE | re.DOTALL,
)
"""Text that a spreadsheet takes, or may take, for something else."""

Cell = str | int | float | None
"""What is written; text stays text."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a sheet.

    Attributes:
        number: as the spreadsheet counts, from 1.
        cells: their text, without what surrounds it.
    """

    number: int
    cells: tuple[str, ...]


def clean(text: str) -> str:
    """Reduce text to what every sheet can hold: one line, no control characters."""
    return " ".join(_CONTROL.sub(" ", text).split())


def read(path: Path) -> list[Line]:
    """Read a sheet's rows, blank ones left out.

    CSV may be UTF-8 (with or without a byte order mark), UTF-16 or GB18030, with commas,
    semicolons or tabs.

    Raises:
        ConfigError: it can't be read as a sheet.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        what = _("the file can't be read: {error}").format(error=error.strerror or error)
        fault = Fault(str(path), 0, 0, "unreadable-file", what, _("check the name and the disk"))
        raise ConfigError([fault]) from error
    if len(data) > MAX_BYTES:
        what = _("the file is larger than {n} MiB").format(n=MAX_BYTES >> 20)
        next_ = _("split the sheet, or delete what isn't part of the table")
        raise ConfigError([Fault(str(path), 0, 0, "file-too-large", what, next_)])
    if data.startswith(b"\xd0\xcf\x11\xe0"):  # the container of .xls and of encrypted workbooks
        what = _("this is an old .xls, or a workbook with a password")
        next_ = _("save it as .xlsx without a password, or as CSV UTF-8")
        raise ConfigError([Fault(str(path), 0, 0, "unreadable-file", what, next_)])
    rows = _workbook(path, data) if data.startswith(b"PK") else _text(path, data)
    lines = [Line(number, tuple(map(clean, cells))) for number, cells in rows]
    found = [line for line in lines if any(line.cells)]
    if len(found) > MOST_ROWS:
        what = _("the sheet has more than {n} rows").format(n=MOST_ROWS)
        next_ = _("split the sheet, or delete what isn't part of the table")
        raise ConfigError([Fault(str(path), found[MOST_ROWS].number, 1, "too-long", what, next_)])
    return found


def _text(path: Path, data: bytes) -> list[tuple[int, list[str]]]:
    text = _decoded(data).removeprefix(BOM)
    head = text.lstrip("\r\n").partition("\n")[0]
    separator = max(",;\t", key=head.count)
    told = re.match(r'"?sep=([,;\t])"?\r?\n', text)  # Excel's own way to say it
    if told:
        separator = told[1]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells in lines:
            if told and not rows and cells == [told[0].strip().strip('"')]:
                continue
            rows.append((lines.line_num, [_undressed(cell.strip()) for cell in cells]))
    except csv.Error as error:
        what = _("the row can't be read: {error}").format(error=error)
        next_ = _("look for a quotation mark that isn't closed, from here upwards")
        fault = Fault(str(path), max(lines.line_num, 1), 1, "bad-row", what, next_)
        raise ConfigError([fault]) from error
    return rows


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\x00" in data[:4]:
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def _undressed(cell: str) -> str:
    dressed = _DRESSED.fullmatch(cell)
    return dressed[1].replace('""', '"') if dressed else cell


def _workbook(path: Path, data: bytes) -> list[tuple[int, list[str]]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - 0.2 s that only XLSX needs

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            _bounded(path, sum(part.file_size for part in parts.infolist()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Excel knows and openpyxl leaves out
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what the file says of its size may be wrong
            found = sheet.iter_rows(max_row=LAST_ROW, max_col=MOST_COLUMNS, values_only=True)
            return [(n, list(map(_shown, cells))) for n, cells in enumerate(found, 1) if any(cells)]
    except ConfigError:
        raise
    except Exception as error:  # a broken part makes openpyxl raise whatever it leads to
        raise _no_workbook(path, error) from error


def _bounded(path: Path, size: int) -> None:
    """Refuse what would fill the memory.

    Raises:
        ConfigError: it is too large.
    """
    if size > 16 * MAX_BYTES:
        what = _("the workbook unpacks to more than {n} MiB").format(n=16 * MAX_BYTES >> 20)
        next_ = _("copy the table into a new workbook")
        raise ConfigError([Fault(str(path), 0, 0, "file-too-large", what, next_)])


def _no_workbook(path: Path, error: Exception) -> ConfigError:
    what = _("this is no workbook that can be read: {error}").format(error=clean(str(error)))
    next_ = _("open it in the spreadsheet and save it as .xlsx again, or as CSV UTF-8")
    return ConfigError([Fault(str(path), 0, 0, "unreadable-file", what, next_)])


def _shown(value: object) -> str:
    """A cell of a workbook as text; a number of no fraction without one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - all digits are shown
        return str(int(value))
    if isinstance(value, date):
        return value.isoformat().replace("T", " ")
    return str(value)


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[Cell]], encoding: str) -> bytes:
    """Spell a sheet as CSV with a byte order mark, where the encoding has one.

    Args:
        heads: the first row.
        rows: what follows; a text is dressed where a spreadsheet would change it.
        encoding: `utf-8` or `gb18030`.
    """
    made = io.StringIO(newline="")
    writer = csv.writer(made)
    writer.writerow(heads)
    for cells in rows:
        writer.writerow([_dressed(cell) if isinstance(cell, str) else cell for cell in cells])
    bom = BOM if encoding == "utf-8" else ""
    return (bom + made.getvalue()).encode(encoding)


def _dressed(text: str) -> str:
    text = clean(text)
    if _CHANGED.fullmatch(text) or _DRESSED.fullmatch(text):
        return '="{}"'.format(text.replace('"', '""'))
    return text


def as_workbook(heads: Sequence[str], rows: Iterable[Sequence[Cell]], title: str) -> bytes:
    """Spell a sheet as XLSX: text cells typed and formatted as text, the first row kept in view.

    Args:
        heads: the first row.
        rows: what follows.
        title: of the sheet.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - 0.2 s that only XLSX needs
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.styles import Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    table = [[clean(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    for column, head in enumerate(heads):
        widest = max([wide(head), *(wide(str(row[column] or "")) for row in table)])
        sheet.column_dimensions[get_column_letter(column + 1)].width = min(48, widest + 2)
    every: list[Sequence[Cell]] = [list(heads), *table]
    for number, row in enumerate(every):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value)
            if isinstance(value, str):
                cell.data_type, cell.number_format = "s", "@"  # never a formula, never a number
            if number == 0:
                cell.font = Font(bold=True)
            cells.append(cell)
        sheet.append(cells)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def wide(text: str) -> int:
    """How many columns of a screen a text takes; a Chinese character takes two."""
    return sum(1 + (ord(character) > 0x2E80) for character in text)  # noqa: PLR2004 - CJK from there
