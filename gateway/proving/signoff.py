"""The sheet to sign: what was proved, in both languages, as XLSX."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from gateway.proving.comparing import Result
from gateway.proving.proof import FAILED, INCOMPLETE, PASSED
from gateway.sheets.table import clean, wide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openpyxl.worksheet.worksheet import Worksheet

    from gateway.proving.proof import Entry, Outage, Proof, Reading
    from gateway.sheets.table import Cell

TITLE = "验收单 Sign-off sheet"
RESULTS = {
    PASSED: "通过 passed",
    FAILED: "不通过 failed",
    INCOMPLETE: "未完成 incomplete",
    Result.OK: "一致 agrees",
    Result.DIFFERS: "不一致 differs",
    Result.MOVING: "变化过快 moving",
    Result.UNREADABLE: "无法读取 unreadable",
    Result.SKIPPED: "跳过 left out",
    None: "未测 open",
}
GOOD, BAD, OPEN = "C6E7C8", "F4C7C3", "FFF2CC"
"""Colours; the words say the same, since a sheet may be printed in black."""
TAG_COLUMNS = (
    ("序号\nNo.", 5),
    ("点位\nTag", 24),
    ("名称, 用于\nName, feeds", 32),
    ("地址\nAddress", 15),
    ("寄存器\nRaw", 15),
    ("读前\nRead before", 13),
    ("显示值\nShown", 12),
    ("读后\nRead after", 13),
    ("单位\nUnit", 8),
    ("差值\nDifference", 12),
    ("允差\nTolerance", 12),
    ("结果\nResult", 14),
    ("时间, 人员\nTime, by", 20),
    ("备注\nNote", 26),
)
RESULT_COLUMN = 12
FONT = "Calibri"
LINE = 15
"""Points that a line of text takes."""
SIGNATURES = ("施工方 Integrator", "客户 Customer", "监理 Supervisor")
_THIN = Side(style="thin", color="999999")
BOX = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
WRAP = Alignment(wrap_text=True, vertical="top")


def as_sheet(proof: Proof) -> bytes:
    """Make the workbook."""
    book = Workbook()
    page = book.worksheets[0]
    page.title = "验收 Sign-off"
    for place, (_head, width) in enumerate(TAG_COLUMNS, 1):
        page.column_dimensions[get_column_letter(place)].width = width
    page.append([TITLE])
    page.cell(1, 1).font = Font(name=FONT, bold=True, size=16)
    page.append([])
    _pairs(page, _about(proof))
    _pairs(page, [("结论 Result", RESULTS[proof.result])])
    _colour(page, 3, proof.result)
    _title(page, "点位核对 Values against displays")
    _row(page, [head for head, _width in TAG_COLUMNS], is_head=True)
    for number, entry in enumerate(proof.tags, 1):
        _row(page, _tag(number, entry))
        _colour(page, RESULT_COLUMN, entry.result)
    _title(page, "断网核对 Broker cut: stored = delivered, by id")
    if not proof.outages:
        _pairs(page, [("结果 Result", "未做 not tried")])
    for outage in proof.outages:
        _pairs(page, _outage(outage))
        _pairs(page, [("结果 Result", RESULTS[outage.result])])
        _colour(page, 3, outage.result)
    _title(page, "签字 Signatures")
    for who in SIGNATURES:
        page.append(
            [None, who, "姓名 Name: ________________", None, "签字 Signature: ________________"]
        )
        page.cell(page.max_row, 10).value = "日期 Date: ________________"
        page.row_dimensions[page.max_row].height = 2 * LINE
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", page.PAPERSIZE_A4
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _about(proof: Proof) -> list[tuple[str, str]]:
    site = proof.site
    count = {result: sum(entry.result == result for entry in proof.tags) for result in RESULTS}
    told = ", ".join(f"{RESULTS[result]} {n}" for result, n in count.items() if n)
    levels = " / ".join(site[key] for key in ("cluster", "enterprise", "site"))
    scope = "N 层及指标所用点位 layer N and what feeds figures"
    return [
        ("站点 Site", levels),
        ("网关 Gateway", f"{site['gateway']} (nxgate {proof.nxgate})"),
        ("站点文件 Site file", f"{site['file']} (sha256 {site['sha256'][:16]})"),
        ("范围 Scope", scope if proof.scope == "n" else "全部点位 all tags"),
        ("人员 By", f"{proof.by} ({proof.account})"),
        ("时间 Time", f"{proof.began} – {proof.ended or '…'}"),
        ("点位 Tags", f"{len(proof.tags)}: {told}"),
    ]


def _tag(number: int, entry: Entry) -> list[Cell]:
    last = entry.after or entry.before
    name = " / ".join(entry.name.values())
    note = "; ".join(filter(None, (entry.note, last.error if last else "")))
    return [
        number,
        f"{entry.device}.{entry.tag}",
        ", ".join(filter(None, (name, *entry.feeds))),
        entry.at,
        last.raw_hex if last else "",
        _value(entry.before),
        entry.shown or "",
        _value(entry.after),
        entry.unit or "",
        _rounded(entry.difference),
        _rounded(entry.tolerance),
        RESULTS[entry.result],
        " ".join(filter(None, (_short(entry.time), entry.by))),
        note,
    ]


def _outage(outage: Outage) -> list[tuple[str, str]]:
    heard = "不允许监听 no listener allowed" if outage.heard is None else str(outage.heard)
    pairs = [
        ("平台 Publisher", f"{outage.publisher} {outage.url}"),
        ("断开 Cut", f"{outage.seconds:g} s, {_short(outage.began)} – {_short(outage.ended)}"),
        ("存储 Stored", f"{outage.stored} ({outage.first or '–'} … {outage.last or '–'})"),
        ("确认 Acknowledged", str(outage.delivered)),
        ("收到 Heard", heard),
        ("缺失 Missing", ", ".join(outage.missing)),
        ("说明 Remark", outage.why),
    ]
    return [(key, value) for key, value in pairs if value]


def _short(time: str | None) -> str:
    """A time as people read it; the whole one is in the JSON."""
    return (time or "")[:19].replace("T", " ")


def _value(reading: Reading | None) -> Cell:
    value = reading.value if reading else None
    return str(value) if isinstance(value, bool) else _rounded(value)


def _rounded(value: Cell) -> Cell:
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _title(page: Worksheet, text: str) -> None:
    page.append([])
    page.append([text])
    page.cell(page.max_row, 1).font = Font(name=FONT, bold=True, size=12)


def _pairs(page: Worksheet, pairs: Sequence[tuple[str, str]]) -> None:
    for key, value in pairs:
        page.append([None, key, clean(value)])
        _as_text(page, 3)


def _row(page: Worksheet, cells: Sequence[Cell], *, is_head: bool = False) -> None:
    page.append([clean(cell) if isinstance(cell, str) and not is_head else cell for cell in cells])
    lines = 1
    for place, (text, (_head, width)) in enumerate(zip(cells, TAG_COLUMNS, strict=True), 1):
        cell = page.cell(page.max_row, place)
        cell.border, cell.alignment, cell.font = BOX, WRAP, Font(name=FONT, bold=is_head)
        _as_text(page, place)
        parts = str("" if text is None else text).split("\n")
        lines = max(lines, sum(1 + wide(part) // width for part in parts))
    page.row_dimensions[page.max_row].height = lines * LINE


def _as_text(page: Worksheet, column: int) -> None:
    """Keep text of the last row from being taken for a formula or a number."""
    cell = page.cell(page.max_row, column)
    if isinstance(cell.value, str):
        cell.data_type, cell.number_format = "s", "@"


def _colour(page: Worksheet, column: int, result: str | None) -> None:
    is_good, is_open = result in {PASSED, Result.OK}, result in {None, INCOMPLETE, Result.SKIPPED}
    colour = GOOD if is_good else OPEN if is_open else BAD
    page.cell(page.max_row, column).fill = PatternFill("solid", fgColor=colour)
