"""A site file for each row of a sheet, from one that has `${column}` where they differ.

Values are put in as whole scalars of YAML: what a cell holds can't become a key, a list or another
line. A number stays a number where a scalar is nothing but `${column}`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import yaml

from gateway.errors import ConfigError, Fault
from gateway.sheets.table import Line, read
from gateway.sitefile.explain import instead
from gateway.sitefile.yaml12 import resolve
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE = "file"
"""The column that names each site file; without it they are named by `gateway`."""
GATEWAY = "gateway"
_BLANK = re.compile(r"\$\{([^{}$]*)\}")
_NAME = re.compile(r"[\w.-]{1,80}")


@dataclass(frozen=True, slots=True)
class Box:
    """One site file to be.

    Attributes:
        name: of the file, without `.yaml`.
        row: in the sheet.
    """

    name: str
    row: int
    text: str


def boxes(template: Path, sheet: Path) -> list[Box]:
    """Fill a template from every row of a sheet.

    Raises:
        ConfigError: the template, the sheet or some rows of it can't be used; all that is wrong.
    """
    try:
        text = template.read_text("utf-8-sig")
        spans = _spans(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        what = _("the file can't be read: {error}").format(error=_said(error))
        fault = Fault(str(template), _line(error), 0, "unreadable-file", what, _("mend the file"))
        raise ConfigError([fault]) from error
    heads, rows = _columns(sheet)
    faults = [
        Fault(str(template), line, 1, "unknown-column", what, next_)
        for line, blank in _blanks(text, spans)
        if blank not in heads
        for what, next_ in [_no_column(blank, heads)]
    ]
    if faults:
        raise ConfigError(faults)
    made: list[Box] = []
    named: dict[str, int] = {}
    for row in rows:
        values = dict(zip(heads, row.cells, strict=False))
        name = values.get(FILE) or values.get(GATEWAY) or ""
        complaint = _name_fault(name, named)
        if complaint is not None:
            faults.append(Fault(str(sheet), row.number, 1, "bad-name", *complaint))
            continue
        named[name.lower()] = row.number
        empty = [blank for _line_, blank in _blanks(text, spans) if not values.get(blank)]
        if empty:
            what = _("the cell {column} is empty").format(column=empty[0])
            next_ = _("the template has ${{{column}}}: fill it in").format(column=empty[0])
            column = heads.index(empty[0]) + 1
            faults.append(Fault(str(sheet), row.number, column, "missing-key", what, next_))
            continue
        made.append(Box(name, row.number, _filled(text, spans, values)))
    if faults:
        raise ConfigError(faults)
    return made


def _columns(sheet: Path) -> tuple[list[str], Sequence[Line]]:
    """The heads of a sheet and its rows."""
    lines = read(sheet)
    heads = list(lines[0].cells) if lines else []
    doubled = next((head for head in heads if head and heads.count(head) > 1), None)
    if not lines[1:] or doubled:
        what = _("the sheet has no rows below its heads")
        next_ = _("the first row names the columns, each further one is a box")
        if doubled:
            what = _("there are two columns {column}").format(column=doubled)
            next_ = _("rename or delete one of them")
        raise ConfigError([Fault(str(sheet), 1, 1, "bad-row", what, next_)])
    return heads, lines[1:]


def _name_fault(name: str, named: dict[str, int]) -> tuple[str, str] | None:
    if not _NAME.fullmatch(name) or name.startswith("."):
        what = _("`{name}` names no file").format(name=name)
        return what, _("fill in {file} or {gateway}: letters, digits, - and _").format(
            file=FILE, gateway=GATEWAY
        )
    if name.lower() in named:
        what = _("row {row} has the same name {name}").format(row=named[name.lower()], name=name)
        return what, _("give each box a name of its own")
    return None


def _spans(text: str) -> list[tuple[int, int, str, str | None]]:
    """Where each scalar with a blank stands: from, to, what it says, how it is quoted."""
    found: list[tuple[int, int, str, str | None]] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.ScalarEvent) and _BLANK.search(event.value):
            start, end = cast("Any", event.start_mark), cast("Any", event.end_mark)
            found.append((start.index, end.index, event.value, event.style))
    return found


def _blanks(text: str, spans: Sequence[tuple[int, int, str, str | None]]) -> list[tuple[int, str]]:
    """Line and name of each blank."""
    return [
        (text.count("\n", 0, start) + 1, blank)
        for start, _end, value, _style in spans
        for blank in _BLANK.findall(value)
    ]


def _filled(
    text: str, spans: Sequence[tuple[int, int, str, str | None]], values: dict[str, str]
) -> str:
    parts: list[str] = []
    at = 0
    for start, end, value, style in spans:
        said = _BLANK.sub(lambda found: values[found[1]], value)
        is_alone = style is None and _BLANK.fullmatch(value) is not None
        is_plain = is_alone and isinstance(resolve(said), int | float)
        parts += [text[at:start], said if is_plain else json.dumps(said, ensure_ascii=False)]
        at = end
    return "".join([*parts, text[at:]])


def _no_column(blank: str, heads: Sequence[str]) -> tuple[str, str]:
    what = _("the sheet has no column {column}").format(column=blank or "–")
    return what, instead(blank, heads, _("add it, or correct the name"))


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or getattr(error, "problem", None) or str(error)


def _line(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None)
    return 0 if mark is None else int(mark.line) + 1
