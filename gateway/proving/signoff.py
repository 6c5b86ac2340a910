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
from gateway.sheets.table import clean

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
    ("序号\nNo.", 6),
    ("设备\nDevice", 14),
    ("点位\nTag", 20),
    ("名称\nName", 22),
    ("用于\nFeeds", 26),
    ("地址\nAddress", 14),
    ("单位\nUnit", 8),
    ("寄存器\nRaw", 18),
    ("读前\nRead before", 13),
    ("显示值\nShown", 12),
    ("读后\nRead after", 13),
    ("差值\nDifference", 12),
    ("允差\nTolerance", 12),
    ("结果\nResult", 16),
    ("时间\nTime", 20),
    ("人员\nBy", 14),
    ("备注\nNote", 30),
)
OUTAGE_COLUMNS = (
    "平台\nPublisher",
    "断开秒数\nCut, s",
    "开始\nBegan",
    "结束\nEnded",
    "存储\nStored",
    "确认\nAcknowledged",
    "收到\nHeard",
    "首条\nFirst id",
    "末条\nLast id",
    "结果\nResult",
    "说明\nRemark",
)
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
    page.cell(1, 1).font = Font(bold=True, size=16)
    page.append([])
    for key, value in _about(proof):
        page.append([key, None, None, clean(value)])
        _as_text(page, page.max_row, 4)
    page.append(["结论 Result", None, None, RESULTS[proof.result]])
    _colour(page, page.max_row, 4, proof.result)
    page.append([])
    _title(page, "点位核对 Values against displays")
    _row(page, [head for head, _width in TAG_COLUMNS], bold=True)
    for number, entry in enumerate(proof.tags, 1):
        _row(page, _tag(number, entry))
        _colour(page, page.max_row, 14, entry.result)
    page.append([])
    _title(page, "断网核对 Broker cut: stored = delivered, by id")
    if proof.outages:
        _row(page, OUTAGE_COLUMNS, bold=True)
    else:
        page.append(["未做 not tried"])
    for outage in proof.outages:
        _row(page, _outage(outage))
        _colour(page, page.max_row, 10, outage.result)
    page.append([])
    _title(page, "签字 Signatures")
    for who in SIGNATURES:
        page.append(
            [who, None, None, "姓名 Name: ______________", None, "签字 Signature: ______________"]
        )
        page.cell(page.max_row, 10).value = "日期 Date: ______________"
        page.row_dimensions[page.max_row].height = 30
    page.page_setup.orientation = "landscape"
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
    raw = last.raw_hex if last else ""
    note = "; ".join(filter(None, (entry.note, last.error if last else "")))
    return [
        number,
        entry.device,
        entry.tag,
        name,
        ", ".join(entry.feeds),
        entry.at,
        entry.unit or "",
        raw,
        _value(entry.before),
        entry.shown or "",
        _value(entry.after),
        _rounded(entry.difference),
        _rounded(entry.tolerance),
        RESULTS[entry.result],
        entry.time or "",
        entry.by,
        note,
    ]


def _outage(outage: Outage) -> list[Cell]:
    missing = f"缺 missing: {', '.join(outage.missing)}" if outage.missing else ""
    return [
        f"{outage.publisher} {outage.url}",
        outage.seconds,
        outage.began,
        outage.ended,
        outage.stored,
        outage.delivered,
        "–" if outage.heard is None else outage.heard,
        outage.first,
        outage.last,
        RESULTS[outage.result],
        "; ".join(filter(None, (outage.why, missing))),
    ]


def _value(reading: Reading | None) -> Cell:
    value = reading.value if reading else None
    return str(value) if isinstance(value, bool) else _rounded(value)


def _rounded(value: Cell) -> Cell:
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _title(page: Worksheet, text: str) -> None:
    page.append([text])
    page.cell(page.max_row, 1).font = Font(bold=True, size=12)


def _row(page: Worksheet, cells: Sequence[Cell], *, bold: bool = False) -> None:
    page.append([clean(cell) if isinstance(cell, str) and not bold else cell for cell in cells])
    for place in range(1, len(cells) + 1):
        cell = page.cell(page.max_row, place)
        cell.border, cell.alignment, cell.font = BOX, WRAP, Font(bold=bold)
        _as_text(page, page.max_row, place)


def _as_text(page: Worksheet, row: int, column: int) -> None:
    """Keep text from being taken for a formula or a number."""
    cell = page.cell(row, column)
    if isinstance(cell.value, str):
        cell.data_type, cell.number_format = "s", "@"


def _colour(page: Worksheet, row: int, column: int, result: str | None) -> None:
    is_good, is_open = result in {PASSED, Result.OK}, result in {None, INCOMPLETE, Result.SKIPPED}
    colour = GOOD if is_good else OPEN if is_open else BAD
    page.cell(row, column).fill = PatternFill("solid", fgColor=colour)
