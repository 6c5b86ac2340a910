"""The windows of one asset and class: closed, told, and told again where late data asks for it.

A window closes at the first `advance` after its end and a short grace, once what is in time can
no longer change its figures; so `final` is restated only for what really came late. A window
touched by a late entry is computed again after the same grace, and goes out under the next `rev`
only if its body is another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import orjson

from gateway.figures.journal import ORDER, PRODUCT
from gateway.figures.windows import Window
from gateway.model import Draft

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.figures.statement import Fields
    from gateway.model import Record


Fold = Callable[[Window, int], "Fields | None"]
"""Fields of a window's record, given the time it is; None where there is none."""


class Agenda(Protocol):
    """Which windows there are."""

    def windows(self, kind: str, start: int, end: int) -> list[Window]:
        """The windows of a kind that share time with [start, end), in order of their start."""

    def next_end(self, kind: str, after: int) -> int:
        """When the next window of a kind ends, after a moment; far off where none is in sight."""

    def current(self, window: Window) -> Window:
        """A window that was told, as it is planned or known now."""

    def reaches(self, window: Window, front: int) -> bool:
        """Whether the log, forgotten before a time, tells of a window."""


NEVER_AGAIN: tuple[int, int, frozenset[str]] = (1 << 62, 1 << 62, frozenset())
AT_ONCE = 4
"""Windows of a kind closed in one call; after an outage the others follow in the next ones."""


TOLD_OF = frozenset({ORDER, PRODUCT})
"""Kinds of windows that follow from the log, so that late entries make some and end others."""
REMEMBERED = {"quarter": 204, "hour": 51, "shift": 12, "day": 3, ORDER: 64, PRODUCT: 64}
"""Statements kept: as many as are made in the time that the log is held."""


@dataclass(slots=True)
class _Told:
    """What was last told of a closed window."""

    window: Window
    rev: int
    digest: bytes
    profile: object
    made_ms: int


class Book:
    """One asset's windows of one class.

    Args:
        cls: `oee`, or `energy/` and a medium.
        place: line and asset.
        kinds: of windows to tell.
        interim_s: tell a window that isn't over each so many seconds; None: never.
        agenda: which windows there are.
        grace_ms: how long after its end a window waits for what is under way.
        fold: fields of a window's record, from the log, given the time it is.
        is_settled: whether what is in time can no longer change figures of a window.
        is_logged: whether anything was read in a stretch of time.

    Attributes:
        cls: as given.
        closed: end of the latest closed window.
        told_ms: when a closed window was last told.
        due: when `advance` next has something to do.
    """

    def __init__(
        self,
        cls: str,
        place: tuple[str, str],
        kinds: Collection[str],
        interim_s: float | None,
        agenda: Agenda,
        grace_ms: int,
        fold: Fold,
        is_settled: Callable[[Window, int], bool],
        is_logged: Callable[[int, int], bool],
    ) -> None:
        self.closed = 0
        self.told_ms = 0
        self.due = 0
        self.cls = cls
        self._line, self._asset = place
        self._interim_ms = round((interim_s or 0) * 1000)
        self._agenda = agenda
        self._grace = grace_ms
        self._fold = fold
        self._is_settled = is_settled
        self._is_logged = is_logged
        self._cursor: dict[str, int] = dict.fromkeys(kinds, 0)
        self._interim: dict[str, int] = {}
        self._told: dict[str, _Told] = {}
        self._touched: dict[str, int] = {}
        self._again = NEVER_AGAIN
        self._opened = 0
        self._early: set[str] = set()

    def open(self, t_ms: int) -> None:
        """Begin with the windows that a time lies in, where none was closed before."""
        self._opened = self._opened or t_ms
        for kind, cursor in self._cursor.items():
            if not cursor:
                self._cursor[kind] = t_ms
                self.due = 0

    def recall(self, record: Record) -> None:
        """Take up a statement made earlier."""
        fields = orjson.loads(record.body)
        rev, final = fields.pop("rev"), fields.pop("final")
        fields.pop("clock", None)
        window = Window(**fields["win"])
        kind = _kind_of(window)
        if not final or kind not in self._cursor:
            return
        before = self._told.get(window.subject)
        # What was told while it stood on another line is told there, and stays.
        if record.line == self._line and (before is None or before.rev <= rev):
            self._told[window.subject] = _Told(
                window, rev, _digest(fields), fields.get("profile"), record.ts_ms
            )
        self._cursor[kind] = max(self._cursor[kind], window.end)
        self.closed = max(self.closed, window.end)

    def is_closed(self, kind: str, edge: int) -> bool:
        """Whether all windows of a kind that end at or before a moment are closed, where told."""
        return kind not in self._cursor or self._cursor[kind] >= edge

    def touch(self, start: int, end: int, now_ms: int, seen_ms: int | None = None) -> None:
        """Have closed windows that share time with [start, end) computed again.

        Args:
            start: first ms that a late entry changes.
            end: first ms that it leaves as it was.
            now_ms: the time it is.
            seen_ms: only windows last told at or before this; None: all.
        """
        if start < self.closed and not TOLD_OF.isdisjoint(self._cursor):
            self.look_again(start, now_ms, TOLD_OF)
        for subject, told in self._told.items():
            window = told.window
            if window.start < end and window.end > start:
                if (seen_ms or told.made_ms) < told.made_ms:
                    continue
                self._touched.setdefault(subject, now_ms + self._grace)
                self.due = min(self.due, now_ms + self._grace)

    def look_again(self, start: int, now_ms: int, kinds: Collection[str]) -> None:
        """Have all windows of some kinds that end after a time told that aren't yet."""
        begin, due = min(start, self._again[0]), now_ms + self._grace
        self._again = begin, due, self._again[2] | frozenset(kinds)
        self.due = min(self.due, due)

    def advance(self, now_ms: int, front: int) -> list[Draft]:
        """Close, restate and publish what is due.

        Args:
            now_ms: UTC ms.
            front: the log is forgotten before this; windows that began earlier are left alone.
        """
        drafts: list[Draft] = []
        begin, due, kinds = self._again
        if due <= now_ms:
            self._again = NEVER_AGAIN
            for kind in kinds & self._cursor.keys():
                if self._cursor[kind]:
                    self._cursor[kind] = min(self._cursor[kind], max(begin, self._opened))
        for kind in self._cursor:
            drafts += self._close(kind, now_ms, front)
        drafts += self._restate(now_ms, front)
        drafts += self._publish_interim(now_ms)
        self.due = self._next(now_ms)
        return drafts

    def finish(
        self, now_ms: int, front: int, is_settled: Callable[[Window, int], bool] | None = None
    ) -> list[Draft]:
        """Close and restate what is over without waiting, for nothing more will be read.

        Args:
            now_ms: UTC ms.
            front: the log is forgotten before this.
            is_settled: asked for each window; None: all are.
        """
        self._grace, self._is_settled = 0, is_settled or (lambda _window, _now_ms: True)
        self._touched = dict.fromkeys(self._touched, now_ms)
        drafts: list[Draft] = []
        while told := self.advance(now_ms, front):
            drafts += told
        return drafts

    def step_back(self, now_ms: int) -> None:
        """Take the windows that are not over again into view, after the clock was set back."""
        self.closed = min(self.closed, now_ms)
        self._cursor = {kind: min(cursor, now_ms) for kind, cursor in self._cursor.items()}
        self._interim.clear()
        self._touched = {
            subject: now_ms + self._grace
            for subject in self._touched
            if self._told[subject].window.end <= now_ms
        }
        self.due = 0
        self._again = 1, now_ms + self._grace, TOLD_OF

    def move(self, since: int, begin: int | None, now_ms: int) -> None:
        """Tell again what is over and not before a time: the log was shifted there.

        Args:
            since: first ms that may have changed.
            begin: where the log begins, if all of it was shifted.
            now_ms: the time it is, as far as is known now.
        """
        self.closed = min(self.closed, now_ms)
        self._opened = self._opened if begin is None else begin
        for kind, cursor in self._cursor.items():
            self._cursor[kind] = min(cursor, now_ms) if begin is None or not cursor else begin
        self._interim.clear()
        waiting, self._touched = self._touched, {}
        for subject, told in self._told.items():
            if since >= told.window.end and subject not in waiting:
                continue
            if told.window.end <= now_ms:
                self._touched[subject] = now_ms + self._grace
            else:
                self._early.add(subject)  # told of what was read at another time, as is known now
        self.due = 0
        self._again = 1, now_ms + self._grace, TOLD_OF

    def trim(self, front: int) -> None:
        """Forget statements of windows that can't be computed again, but for the latest.

        Where the clock is set back those are told once more, under a `rev` of their own.
        """
        old = [s for s, told in self._told.items() if told.window.start < front]
        most = sum(REMEMBERED[kind] for kind in self._cursor)
        for subject in old[: max(0, len(self._told) - most)]:
            del self._told[subject]
            self._touched.pop(subject, None)
            self._early.discard(subject)

    def _close(self, kind: str, now_ms: int, front: int) -> list[Draft]:
        if not self._cursor[kind]:
            return []
        # What ended before the front is not told any more; where no window comes for weeks, this
        # keeps the next end in sight.
        cursor = self._cursor[kind] = max(self._cursor[kind], front)
        over = now_ms - self._grace
        drafts: list[Draft] = []
        ended = cursor
        for window in self._agenda.windows(kind, cursor, over):
            if not cursor < window.end <= over:
                continue
            if len(drafts) >= AT_ONCE and window.end > ended:
                break
            ended = window.end
            if self._agenda.reaches(window, front):
                if not self._is_settled(window, now_ms):
                    break
                # Told before the clock was set back, and nothing read since: it stands.
                is_new = window.subject not in self._told or window.subject in self._early
                if is_new or self._is_logged(window.start, window.end):
                    drafts += self._finish(window, now_ms)
                self._early.discard(window.subject)
            self._cursor[kind] = max(self._cursor[kind], window.end)
        else:
            if kind != ORDER:
                # An order may yet be said to have ended some time ago.
                self._cursor[kind] = max(self._cursor[kind], over)
        return drafts

    def _finish(self, window: Window, now_ms: int) -> list[Draft]:
        """Tell a window that is over, unless the same was told before."""
        told = self._told.get(window.subject)
        fields = self._fold(window, now_ms)
        if fields is None:
            return []
        if told is None:
            return [self._tell(window, 0, fields, now_ms)]
        if _digest(fields) == told.digest:
            return []
        return [self._tell(window, told.rev + 1, fields, now_ms)]

    def _restate(self, now_ms: int, front: int) -> list[Draft]:
        drafts: list[Draft] = []
        for subject in [s for s, due in self._touched.items() if due <= now_ms][:AT_ONCE]:
            told = self._told[subject]
            if not self._is_settled(told.window, now_ms):
                continue
            del self._touched[subject]
            window = self._agenda.current(told.window)
            if not self._agenda.reaches(window, front):
                continue
            fields = self._fold(window, now_ms)
            # Figures of a profile that the log doesn't know are not this one's to restate.
            if fields is not None and fields["profile"] == told.profile:
                drafts += self._finish(window, now_ms)
        return drafts

    def _publish_interim(self, now_ms: int) -> list[Draft]:
        if not self._interim_ms:
            return []
        drafts: list[Draft] = []
        for kind, cursor in self._cursor.items():
            for window in self._agenda.windows(kind, now_ms, now_ms + 1):
                if kind in TOLD_OF:
                    continue
                due = self._interim.get(kind)
                if not cursor or (due is not None and now_ms < due):
                    continue
                passed = (now_ms - window.start) // self._interim_ms
                self._interim[kind] = window.start + (passed + 1) * self._interim_ms
                # What was told as final, by a clock that was ahead, is never open again.
                is_new = window.subject not in self._told
                if due is not None and now_ms > window.start and is_new:
                    fields = {"rev": 0, "final": False, **(self._fold(window, now_ms) or {})}
                    drafts.append(self._draft(window, fields, now_ms))
        return drafts

    def _tell(self, window: Window, rev: int, fields: Fields, now_ms: int) -> Draft:
        self._told[window.subject] = _Told(window, rev, _digest(fields), fields["profile"], now_ms)
        self.closed = max(self.closed, window.end)
        self.told_ms = now_ms
        return self._draft(window, {"rev": rev, "final": True, **fields}, now_ms)

    def _draft(self, window: Window, fields: Fields, now_ms: int) -> Draft:
        body = orjson.dumps(fields)
        return Draft(self.cls, self._line, self._asset, now_ms, body, window.subject)

    def _next(self, now_ms: int) -> int:
        ends = [
            self._agenda.next_end(kind, cursor) + self._grace
            for kind, cursor in self._cursor.items()
            if cursor
        ]
        interims = list(self._interim.values()) if self._interim_ms else []
        clocked = sum(1 for kind, cursor in self._cursor.items() if cursor and kind not in TOLD_OF)
        if self._interim_ms and len(interims) < clocked:
            return now_ms
        waiting = [*self._touched.values(), self._again[1]]
        return min([*ends, *interims, *waiting], default=now_ms + self._grace)


def _kind_of(window: Window) -> str:
    """The kind by which a window is asked for: a shift of one product is of kind product."""
    return PRODUCT if window.product and window.kind != ORDER else window.kind


def _digest(fields: Fields) -> bytes:
    return hashlib.blake2b(orjson.dumps(fields), digest_size=16).digest()
