"""A window as people name it: `2026-03-02T08:00`, `today`, `shift:day`, `order:A-77`, `latest`.

    WHEN                a time: the hour that it lies in; a date: that day
    KIND[:NAME][@WHEN]  quarter, hour, shift, day, order or product, and the name of one
    today, yesterday    that day;  latest: the newest hour

Without @WHEN the newest one is meant. Times are local where they have no offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

KINDS = ("quarter", "hour", "shift", "day", "order", "product")
NAMED = ("shift", "order", "product")
DATE_LENGTH = len("2026-03-02")


class NoWindow(ValueError):  # noqa: N818 - reads as one
    """A text that names no window or time.

    Attributes:
        what, next: for people.
    """

    def __init__(self, what: str, next_: str) -> None:
        super().__init__(f"{what}: {next_}")
        self.what = what
        self.next = next_


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which window is meant.

    Attributes:
        kind: of the window.
        name: of the shift, order or product; "" for any.
        at: a time in it, UTC ms, or the local date that it begins on; None: the newest.
        product: of a shift or day that is told for each product; "": for all together.
    """

    kind: str
    name: str = ""
    at: int | date | None = None
    product: str = ""

    def fits(self, win: Mapping[str, Any], zone: ZoneInfo) -> bool:
        """Whether a record's window is one that is meant."""
        if win["kind"] != self.kind or (self.name and win.get(self.kind) != self.name):
            return False
        if self.kind != "product" and self.product != win.get("product", ""):
            return False
        if isinstance(self.at, int):
            return bool(win["start"] <= self.at < win["end"])
        start = datetime.fromtimestamp(win["start"] / 1000, zone).date()
        return self.at is None or self.at == start

    def newest(
        self, bodies: Iterable[Mapping[str, Any]], zone: ZoneInfo
    ) -> Mapping[str, Any] | None:
        """The last statement of the newest window that fits, of several bodies of records."""
        fitting = [body for body in bodies if self.fits(body["win"], zone)]
        key = max((body["win"]["start"] for body in fitting), default=None)
        return next((body for body in reversed(fitting) if body["win"]["start"] == key), None)


def wanted(text: str, zone: ZoneInfo, today: date, product: str = "") -> Wanted:
    """Read the name of a window.

    Args:
        text: as people write it.
        zone: of local times.
        today: the date that `today` means.
        product: see `Wanted`.

    Raises:
        NoWindow: it is none.
    """
    if text in {"today", "yesterday"}:
        return Wanted("day", at=today - timedelta(days=text == "yesterday"), product=product)
    if text == "latest":
        return Wanted("hour", product=product)
    head, _at, when = text.partition("@")
    kind, _colon, name = head.partition(":")
    if kind not in KINDS:
        at = _when(text, zone)
        return Wanted("hour" if isinstance(at, int) else "day", at=at, product=product)
    if name and kind not in NAMED:
        next_ = _("write {kind}@2026-03-02T08:00").format(kind=kind)
        raise NoWindow(_("{kind} has no name").format(kind=kind), next_)
    return Wanted(kind, name, _when(when, zone) if when else None, product)


def moment(text: str, zone: ZoneInfo) -> int:
    """UTC ms of a time, local where it has no offset.

    Raises:
        NoWindow: it is none.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        what = _("{text} is no time").format(text=text)
        raise NoWindow(what, _("write 2026-11-01 or 2026-11-01T08:00")) from error
    return round((when if when.tzinfo else when.replace(tzinfo=zone)).timestamp() * 1000)


def _when(text: str, zone: ZoneInfo) -> int | date:
    try:
        return date.fromisoformat(text) if len(text) == DATE_LENGTH else moment(text, zone)
    except ValueError as error:
        what = _("{text} is no window").format(text=text)
        next_ = _(
            "write e.g. hour@2026-03-02T08:00, shift:day@2026-03-02, order:A-77, today or latest"
        )
        raise NoWindow(what, next_) from error
