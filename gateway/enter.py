"""`nxgate enter`: what people know of machines, into the running gateway, without any network.

Entries go to the gateway's own socket and are on its disk before it answers; what became of each is
told. A sheet (CSV, UTF-8 or GB18030) has the columns time, asset, what, value and reason; rows that
are wrong are told and left out, the others are entered, and a sheet that is entered again counts
once.
"""

from __future__ import annotations

import asyncio
import csv
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
import orjson

from gateway import api
from gateway.errors import ConfigError, Fault, GatewayError
from gateway.exits import FAILED
from gateway.sitefile.document import nearest
from gateway.templates import load
from gateway.words import _

if TYPE_CHECKING:
    import _csv
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gateway.plant import Plant

NUMBERS = ("reject", "good")
TRUTHS = {"1": True, "true": True, "yes": True, "是": True}
FALSEHOODS = {"0": False, "false": False, "no": False, "否": False}
COLUMNS = {
    "time": "time",
    "asset": "asset",
    "what": "what",
    "value": "value",
    "reason": "reason",
    "时间": "time",
    "资产": "asset",
    "内容": "what",
    "数值": "value",
    "原因": "reason",
}
"""Head of a column → what it holds."""
WHATS = {
    "不良": "reject",
    "不良数": "reject",
    "合格": "good",
    "合格数": "good",
    "停机原因": "reason",
    "原因": "reason",
    "计划停机": "planned_stop",
    "产品": "product",
    "工单": "order",
}
"""What is entered, as a Chinese sheet may say it."""
NEEDED = ("time", "asset", "what", "value")
AT_ONCE = 100
"""Rows in one request."""
_TIME = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2}))?")
_OK = {"ok", "accepted", "duplicate"}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to enter.

    Attributes:
        where: for messages; "" where it is the only one.
        fields: as the gateway takes them.
        wrong: why it can't be entered, or "".
    """

    where: str
    fields: dict[str, object]
    wrong: str = ""


def enter_one(
    site: Path, words: Sequence[str], reason: str | None, at: str | None, by: str | None
) -> int:
    """Enter one thing of one asset; 0 where it was taken.

    Args:
        site: the site file.
        words: asset, what and value.
        reason: of it, or None.
        at: when it began to hold; None: now.
        by: who says it, beside the account; None: nobody else.

    Raises:
        GatewayError: no gateway runs on the site's store.
    """
    plant = load(site)
    cells = dict(zip(("asset", "what", "value"), words, strict=True))
    row = _row("", {**cells, "time": at or "", "reason": reason or ""}, ZoneInfo(plant.timezone))
    return _tell(_entered(plant, [row], by), plant)


def enter_sheet(site: Path, sheet: Path, by: str | None) -> int:
    """Enter the rows of a sheet; 0 where all were taken.

    Raises:
        ConfigError: it can't be read as a sheet.
        GatewayError: no gateway runs on the site's store.
    """
    plant = load(site)
    rows = list(_rows(sheet, ZoneInfo(plant.timezone)))
    return _tell(_entered(plant, rows, by), plant)


def _rows(sheet: Path, zone: ZoneInfo) -> Iterator[Row]:
    """The rows of a sheet.

    Raises:
        ConfigError: it can't be read, or a column is missing.
    """
    try:
        data = sheet.read_bytes()
    except OSError as error:
        what = _("the file can't be read: {error}").format(error=error.strerror or error)
        fault = Fault(str(sheet), 0, 0, "unreadable-file", what, _("check the name and the disk"))
        raise ConfigError([fault]) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    lines = csv.reader(text.splitlines(), delimiter=_separator(text), strict=True)
    try:
        yield from _read(sheet, lines, zone)
    except csv.Error as error:
        what = _("the row can't be read: {error}").format(error=error)
        next_ = _("look for a quotation mark that isn't closed, from here upwards")
        fault = Fault(str(sheet), max(lines.line_num, 1), 1, "bad-row", what, next_)
        raise ConfigError([fault]) from error


def _read(sheet: Path, lines: _csv.Reader, zone: ZoneInfo) -> Iterator[Row]:
    """The rows below the heads.

    Raises:
        ConfigError: a column is missing.
        csv.Error: a row is none.
    """
    heads = [COLUMNS.get(cell.strip().lower(), "") for cell in next(lines, [])]
    missing = [name for name in NEEDED if name not in heads]
    if missing:
        what = _("the first row names no column {names}").format(names=", ".join(missing))
        next_ = _("it must be: {head}").format(head="time,asset,what,value,reason")
        raise ConfigError([Fault(str(sheet), 1, 1, "missing-column", what, next_)])
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        found = {head: cell.strip() for head, cell in zip(heads, cells, strict=False) if head}
        yield _row(f"{sheet}:{lines.line_num}", found, zone)


def _separator(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _row(where: str, cells: dict[str, str], zone: ZoneInfo) -> Row:
    """A row with its values as the gateway takes them."""
    what = cells.get("what", "")
    fields: dict[str, object] = {"asset": cells.get("asset", ""), "what": WHATS.get(what, what)}
    if cells.get("reason"):
        fields["reason"] = cells["reason"]
    value = cells.get("value", "")
    if fields["what"] in NUMBERS:
        try:
            fields["value"] = float(value)
        except ValueError:
            text = _("{value} is no number of pieces: write e.g. 5")
            return Row(where, fields, text.format(value=value or '""'))
    elif fields["what"] == "planned_stop":
        truth = (TRUTHS | FALSEHOODS).get(value.lower())
        if truth is None:
            text = _("{value} is neither yes nor no: write yes where the planned stop begins")
            return Row(where, fields, text.format(value=value or '""'))
        fields["value"] = truth
    elif value:
        fields["value"] = value
    if cells.get("time"):
        at_ms = _moment(cells["time"], zone)
        if at_ms is None:
            text = _("{text} is no time: write e.g. 2026-03-02 08:00")
            return Row(where, fields, text.format(text=cells["time"]))
        fields["at"] = at_ms
    elif where:
        return Row(where, fields, _("the row has no time: write e.g. 2026-03-02 08:00"))
    return Row(where, fields)


def _moment(text: str, zone: ZoneInfo) -> int | None:
    """UTC ms; local where the text has no offset, also as spreadsheets write it."""
    match = _TIME.fullmatch(text)
    try:
        if match:
            year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
            when = datetime(year, month, day, hour, minute, second, tzinfo=zone)
        else:
            when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((when if when.tzinfo else when.replace(tzinfo=zone)).timestamp() * 1000)


def _entered(
    plant: Plant, rows: Sequence[Row], by: str | None
) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Enter what can be entered; each row with what became of it.

    Raises:
        GatewayError: no gateway runs on the store, or it was stopped.
    """
    for first in range(0, len(rows), AT_ONCE):
        some = rows[first : first + AT_ONCE]
        sent = [row for row in some if not row.wrong]
        request = orjson.dumps({"by": by, "rows": [row.fields for row in sent]})
        outcomes = iter(_ask(plant.store.path, request) if sent else [])
        for row in some:
            yield row, {"code": "rejected", "msg": row.wrong} if row.wrong else next(outcomes)


def _ask(folder: Path, request: bytes) -> list[dict[str, Any]]:
    try:
        answer: dict[str, Any] | None = asyncio.run(api.request(folder, api.ENTER, request))
    except OSError as error:
        text = _("no gateway runs on the store {folder} ({error}): start it with `nxgate run SITE`")
        raise GatewayError(text.format(folder=folder, error=error.strerror or error)) from error
    if answer is None:
        text = _("the gateway was stopped meanwhile; enter the same again, it counts once")
        raise GatewayError(text)
    return list(answer["rows"])


def _tell(entered: Iterator[tuple[Row, dict[str, Any]]], plant: Plant) -> int:
    """Say what became of each row; FAILED where one wasn't taken."""
    taken = again = refused = 0
    for row, outcome in entered:
        place = f"{row.where}: " if row.where else ""
        again += outcome["code"] == "duplicate"
        if outcome["code"] in _OK:
            taken += 1
            if outcome["msg"] and not row.where:
                click.echo(outcome["msg"])
            if remark := _idle_reason(row.fields, plant):
                click.echo(f"{place}{remark}", err=True)
        else:
            refused += 1
            about = f"{row.fields['asset']} {row.fields['what']}"
            click.echo(f"{place}{about}: {outcome['msg']}", err=True)
    text = _("{taken} entered ({again} of them before), {refused} not")
    click.echo(text.format(taken=taken, again=again, refused=refused))
    return FAILED if refused else 0


def _idle_reason(fields: Mapping[str, object], plant: Plant) -> str:
    """Say that a stop reason is none of the profile's, so that a slip of the pen shows."""
    kpi = next((one.kpi for one in plant.assets if one.name == fields["asset"]), None)
    word = str(fields.get("value", ""))
    if fields["what"] != "reason" or not word or kpi is None or word in kpi.reasons:
        return ""
    near = nearest(word, kpi.reasons)
    hint = _("did you mean {near}?").format(near=near) if near else ""
    text = _("{word} is no stop reason that the profile knows, so no figure changes. {hint}")
    return text.format(word=word, hint=hint).strip()
