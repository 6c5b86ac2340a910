"""Which row brings which fault into the site file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import ConfigError, Fault
from gateway.sheets.columns import TAG
from gateway.sitefile.patch import SiteText, Unforeseen, spans
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.sheets.intent import Change
    from gateway.sheets.sheet import Row, Sheet
    from gateway.sheets.standin import StandIn

    Found = list[tuple[Row, Fault]]


def apply(site: SiteText, sheet: Sheet, changes: Iterable[Change]) -> Found:
    """Make the changes; return what can't be made."""
    faults = []
    for change in changes:
        try:
            site.change(change.device, change.tag, change.values)
        except Unforeseen as error:
            next_ = _("then import the sheet again, or change this tag in an editor")
            what = f"{change.device}.{change.tag}: {error}"
            faults.append((change.row, sheet.fault(change.row, TAG, "unforeseen", what, next_)))
    return faults


def judge(standin: StandIn, text: str, sheet: Sheet, changes: Sequence[Change]) -> Found:
    """Check the changed text as a site file; return the faults with the rows that bring them in.

    Raises:
        ConfigError: with faults that belong to no row.
    """
    fresh = standin.faults_of(text)
    found, others = _at_home(standin, text, sheet, changes, fresh)
    if others and not found:
        found = _guilty(standin, sheet, changes)
    if others and not found:
        what = _("with this sheet the site file would have a fault")
        raise ConfigError(
            [
                Fault(one.file, one.line, one.column, one.code, f"{what}: {one.what}", one.next)
                for one in others
            ]
        )
    return found


def _at_home(
    standin: StandIn,
    text: str,
    sheet: Sheet,
    changes: Sequence[Change],
    faults: Iterable[Fault],
) -> tuple[Found, list[Fault]]:
    """Part the faults into those that stand in a changed tag and the others."""
    where = spans(text)
    ours = [(where[c.device, c.tag], c) for c in changes if (c.device, c.tag) in where]
    found: Found = []
    others = []
    for fault in faults:
        place = fault.line, fault.column
        is_here = fault.file == str(standin.path)
        owner = next((c for span, c in ours if is_here and span.start <= place <= span.end), None)
        if owner is None:
            others.append(fault)
            continue
        about = (c.key for c in sheet.columns.values() if _is_about(fault, owner, c.path))
        key = next(about, TAG)
        found.append((owner.row, sheet.fault(owner.row, key, fault.code, fault.what, fault.next)))
    return found, others


def _is_about(fault: Fault, change: Change, path: Sequence[str]) -> bool:
    """Say whether a fault, which is led by the path of what it is about, is about a key."""
    spelled = ".".join(("devices", change.device, "tags", change.tag, *path))
    return bool(path) and fault.what.startswith(spelled) and not fault.what[len(spelled)].isalnum()


def _guilty(standin: StandIn, sheet: Sheet, changes: Sequence[Change]) -> Found:
    """Find the rows that bring in faults elsewhere, e.g. where their tags are bound, by halving."""
    site = SiteText(standin.text)
    if not changes or apply(site, sheet, changes):
        return []
    faults = standin.faults_of(site.made())
    if not faults:
        return []
    if len(changes) > 1:
        half = len(changes) // 2
        return [
            *_guilty(standin, sheet, changes[:half]),
            *_guilty(standin, sheet, changes[half:]),
        ]
    row = changes[0].row
    return [
        (row, sheet.fault(row, TAG, one.code, f"{one.file}:{one.line}: {one.what}", one.next))
        for one in faults
    ]
