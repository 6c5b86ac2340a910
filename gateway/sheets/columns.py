"""What the columns of a sheet of tags mean, and how a cell is read and shown."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.sheets.table import clean
from gateway.sitefile.explain import Wrong, describe
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.sheets.table import Cell

DEVICE, TAG = "device", "tag"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        key: its English head.
        path: keys of the site file below the tag; () for the device and the tag's own name.
        chinese: its Chinese head.
        read: makes of a cell's text what the site file holds.
        others: heads by which people call it, too.
    """

    key: str
    path: tuple[str, ...]
    chinese: str
    read: Callable[[str], object]
    others: tuple[str, ...] = ()


def _text(cell: str) -> object:
    return cell


def _word(cell: str) -> object:
    """An address or a word of ours, typed with full-width letters perhaps."""
    cell = unicodedata.normalize("NFKC", cell)
    if re.fullmatch(r"\d(\.\d+)?e\+?\d+", cell, re.IGNORECASE):
        what = _("the spreadsheet has made the number {cell} of it").format(cell=cell)
        raise Wrong("changed-cell", what, _("format the column as text and type it again"))
    return cell


def _kind(cell: str) -> object:
    word = str(_word(cell)).lower()
    return KINDS.get(word, word)


def _order(cell: str) -> object:
    return str(_word(cell)).upper()


def _number(cell: str) -> object:
    plain = unicodedata.normalize("NFKC", cell)
    if re.fullmatch(r"[-+]?\d{1,30}", plain):
        return int(plain)
    plain = re.sub(r"^([-+]?\d+),(\d+)$", r"\1.\2", plain)  # a decimal comma
    if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?", plain, re.IGNORECASE):
        return float(plain)
    what = _("{cell} is no number").format(cell=describe(cell))
    raise Wrong("wrong-type", what, _("write e.g. 0.1; leave the cell empty where there is none"))


def _numbers(cell: str) -> object:
    parts = re.split(r"[\s;；，,、]+", cell.strip("[]［］ "))
    return [_number(part) for part in parts if part]


def _bits(cell: str) -> object:
    cell = re.sub(r"\s*[-~～—–]\s*", "-", unicodedata.normalize("NFKC", cell))
    if re.match(r"\d{4}-\d{2}-\d{2}|\d{1,2}月", cell):
        what = _("the spreadsheet has made the date {cell} of it").format(cell=cell)
        raise Wrong("changed-cell", what, _("format the column as text and type it again"))
    return int(cell) if re.fullmatch(r"\d{1,2}", cell) else cell


KINDS: Mapping[str, str] = {
    "bool": "bit",
    "uint16": "u16",
    "word": "u16",
    "int16": "i16",
    "uint32": "u32",
    "dword": "u32",
    "udint": "u32",
    "int32": "i32",
    "dint": "i32",
    "uint64": "u64",
    "int64": "i64",
    "float32": "f32",
    "real": "f32",
    "float64": "f64",
    "lreal": "f64",
}
"""How others call a kind, where that leaves no doubt."""

COLUMNS = (
    Column(DEVICE, (), "设备", _text, ("设备名", "设备名称", "设备编号")),
    Column(TAG, (), "点位", _text, ("点位名", "点位编号", "变量", "变量名", "标签", "point")),
    Column(
        "name_zh",
        ("name", "zh"),
        "名称",
        _text,
        ("中文名", "中文名称", "描述", "description", "说明"),
    ),
    Column("name_en", ("name", "en"), "英文名", _text, ("英文名称",)),
    Column("at", ("at",), "地址", _word, ("address", "寄存器", "寄存器地址", "register")),
    Column("kind", ("kind",), "类型", _kind, ("数据类型", "type", "data type")),
    Column("order", ("order",), "字节序", _order, ("byte order", "word order", "字序")),
    Column("length", ("length",), "长度", _number, ("寄存器数",)),
    Column("bits", ("bits",), "位", _bits, ("bit",)),
    Column("scale", ("scale",), "倍率", _number, ("系数", "比例", "factor")),
    Column("offset", ("offset",), "偏移", _number, ("偏移量",)),
    Column("unit", ("unit",), "单位", _text),
    Column("deadband", ("deadband",), "死区", _number),
    Column("group", ("group",), "分组", _text, ("采集组", "组")),
    Column("low", ("low",), "下限", _number, ("量程下限", "min")),
    Column("high", ("high",), "上限", _number, ("量程上限", "max")),
    Column("missing", ("missing",), "缺失值", _numbers, ("无效值",)),
    Column("write_min", ("write", "min"), "写下限", _number),
    Column("write_max", ("write", "max"), "写上限", _number),
    Column("write_every", ("write", "every"), "写间隔", _word),
)
FIELDS = tuple(column for column in COLUMNS if column.path)
"""The columns that stand for keys of a tag."""
_HEADS = {
    head.lower().replace("_", " "): column
    for column in COLUMNS
    for head in (column.key, column.chinese, *column.others)
}


NAMES = {column.key: column for column in COLUMNS}


def named(head: str) -> Column | None:
    """Find a column by its head, in either language; what stands in brackets is a remark."""
    plain = unicodedata.normalize("NFKC", head).lower().replace("_", " ")
    return _HEADS.get(" ".join(plain.split())) or _HEADS.get(plain.partition("(")[0].strip())


def heads() -> list[str]:
    """All heads, for a message or the nearest one."""
    return [head for column in COLUMNS for head in (column.key, column.chinese)]


def show(value: object, column: Column) -> Cell:
    """What a key of a tag holds: numbers as numbers, all else as text, None for nothing.

    A spreadsheet keeps 15 digits of a number; one that has more is shown as text.
    """
    if column.read is _number and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if float(f"{value:.15g}") == value else str(value)
    if value is None or value == []:
        return None
    if isinstance(value, list):
        return " ".join(map(str, value))
    return clean(str(value))


def same(cell: str, shown: Cell) -> bool:
    """Say whether a cell says what is there already."""
    if isinstance(shown, str) or shown is None:
        return cell == (shown or "")
    try:
        return bool(_number(cell) == shown)
    except Wrong:
        return False
