"""What the rows of a sheet ask for, tag by tag, held against what the site file says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pydantic

from gateway.errors import ConfigError, Fault
from gateway.sheets.columns import DEVICE, FIELDS, TAG, same, show
from gateway.sheets.tags import unknown
from gateway.sitefile.equipment import TagConfig
from gateway.sitefile.explain import Wrong, explain
from gateway.sitefile.names import tag_name
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.sheets.columns import Column
    from gateway.sheets.sheet import Row, Sheet
    from gateway.sheets.table import Cell
    from gateway.sheets.tags import Tags


@dataclass(frozen=True, slots=True)
class Change:
    """What a row asks of one tag of one device.

    Attributes:
        is_new: the site file doesn't say anything of it as yet.
        values: by key of the tag, as the site file is to hold it; None takes the key out.
        shown: for people, each column with what is and what is to be.
    """

    row: Row
    device: str
    tag: str
    is_new: bool
    values: dict[str, object]
    shown: tuple[tuple[str, Cell, str], ...]


@dataclass(slots=True)
class Intent:
    """What a sheet asks for.

    Attributes:
        changes: those rows that differ from what is.
        alike: how many tags are as the sheet says already.
        named: every tag that a row names, by device.
        faults: what is wrong, each with its row.
    """

    changes: list[Change] = field(default_factory=list)
    alike: int = 0
    named: dict[str, set[str]] = field(default_factory=dict)
    faults: list[tuple[Row, Fault]] = field(default_factory=list)


class Reader:
    """Reads what rows ask for.

    Args:
        tags: of the site file.
        sheet: the sheet.
        clear: an empty cell takes out what the site file says there.
    """

    def __init__(self, tags: Tags, sheet: Sheet, *, clear: bool) -> None:
        self._tags = tags
        self._sheet = sheet
        self._clear = clear
        self._columns = [c for c in FIELDS if c in sheet.columns.values()]

    def read(self, only: Sequence[str], to: Sequence[str]) -> Intent:
        """Read all rows.

        Args:
            only: devices of the sheet to take; none: all.
            to: devices that the tags are for; none: those that the sheet names.

        Raises:
            ConfigError: it can't be told whose tags the sheet holds.
        """
        rows = [row for row in self._sheet.rows if not only or row.device in only]
        if to:
            self._one_device(rows)
        elif DEVICE not in {column.key for column in self._sheet.columns.values()}:
            what = _("the sheet has no column {name}").format(name="device")
            next_ = _("say whose tags these are: --to DEVICE")
            fault = Fault(self._sheet.file, self._sheet.head, 1, "missing-column", what, next_)
            raise ConfigError([fault])
        intent = Intent()
        seen: dict[tuple[str, str], int] = {}
        for row in rows:
            for device in to or (row.device,):
                try:
                    self._name(row, device, seen)
                    change = self._change(row, device)
                except ConfigError as error:
                    intent.faults.extend((row, fault) for fault in error.faults)
                    continue
                intent.named.setdefault(device, set()).add(row.tag)
                if change is None:
                    intent.alike += 1
                else:
                    intent.changes.append(change)
        return intent

    def _one_device(self, rows: Iterable[Row]) -> None:
        """Refuse a sheet of several devices where it is for others than it names.

        Raises:
            ConfigError: it has several.
        """
        first: Row | None = None
        for row in rows:
            first = first or row
            if row.device != first.device:
                what = _("the sheet holds tags of {a} and of {b}").format(
                    a=first.device or "–", b=row.device or "–"
                )
                next_ = _("choose the one whose tags the others get: --device {a}").format(
                    a=first.device or row.device
                )
                raise ConfigError([self._sheet.fault(row, DEVICE, "several-devices", what, next_)])

    def _name(self, row: Row, device: str, seen: dict[tuple[str, str], int]) -> None:
        """Check whom a row is about.

        Raises:
            ConfigError: there is no such device, no such name can be, or an earlier row has it.
        """
        if device not in self._tags.devices:
            fault = unknown("", device or '""', self._tags.devices)
            raise ConfigError([self._sheet.fault(row, DEVICE, fault.code, fault.what, fault.next)])
        try:
            tag_name(row.tag)
        except Wrong as wrong:
            raise ConfigError(
                [self._sheet.fault(row, TAG, wrong.code, wrong.what, wrong.next)]
            ) from wrong
        first = seen.setdefault((device, row.tag), row.number)
        if first != row.number:
            what = _("row {n} has the same tag of {device}").format(n=first, device=device)
            fault = self._sheet.fault(row, TAG, "twice", what, _("keep one of the two"))
            raise ConfigError([fault])

    def _change(self, row: Row, device: str) -> Change | None:
        """Compare a row with what is; None where nothing differs.

        Raises:
            ConfigError: with the cells that are wrong.
        """
        faults: list[Fault] = []
        read: dict[Column, object] = {}
        shown: list[tuple[str, Cell, str]] = []
        own = self._tags.own(device)
        for column in self._columns:
            cell, held = row.cells[column.key], self._tags.held(device, row.tag, column)
            is_own = _holds(own.get(row.tag), column.path)
            if same(cell, show(held, column)) or (not cell and not (self._clear and is_own)):
                continue
            try:
                value = column.read(cell) if cell else None
            except Wrong as wrong:
                faults.append(
                    self._sheet.fault(row, column.key, wrong.code, wrong.what, wrong.next)
                )
                continue
            if value != held:
                read[column] = value
                shown.append((column.key, show(held, column), cell))
        values = self._values(device, row.tag, read)
        faults += self._check(row, {**_mapping(own.get(row.tag)), **values})
        if faults:
            raise ConfigError(faults)
        is_new = row.tag not in own
        is_of_template = bool(self._tags.template(device, row.tag))
        if not read and (not is_new or is_of_template):
            return None
        if is_new and not is_of_template and "at" not in {column.key for column in read}:
            what, next_ = _("the tag has no address"), _("write e.g. D100 or holding:40")
            key = "at" if "at" in row.cells else TAG
            raise ConfigError([self._sheet.fault(row, key, "missing-key", what, next_)])
        return Change(row, device, row.tag, is_new, values, tuple(shown))

    def _values(self, device: str, tag: str, read: dict[Column, object]) -> dict[str, object]:
        """What keys of the tag are to hold; one with keys of its own is held as a whole."""
        values: dict[str, object] = {}
        own = _mapping(self._tags.own(device).get(tag))
        for column, value in read.items():
            key, *below = column.path
            if not below:
                values[key] = value
                continue
            whole = own[key] if key in own else self._tags.template(device, tag).get(key)
            parts = dict(_mapping(values.get(key, whole)))
            parts[below[0]] = value
            values[key] = {part: one for part, one in parts.items() if one is not None}
        return {key: value if value != {} else None for key, value in values.items()}

    def _check(self, row: Row, data: dict[str, object]) -> list[Fault]:
        """Hold the tag against what a site file may say of one; what is wrong, each at its cell."""
        given = {key: value for key, value in data.items() if value is not None}
        try:
            TagConfig.model_validate(given, context={"document": self._tags.document})
        except pydantic.ValidationError as error:
            said = [explain(detail, TagConfig) for detail in error.errors(include_url=False)]
            return [self._sheet.fault(row, self._at(c.loc), c.code, c.what, c.next) for c in said]
        return []

    def _at(self, loc: Sequence[object]) -> str:
        """The column that a complaint about a key of the tag belongs to."""
        for column in self._columns:
            length = min(len(column.path), len(loc))
            if length and column.path[:length] == tuple(loc[:length]):
                return column.key
        return TAG


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _holds(value: object, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
