"""One asset's account: readings in, log lines out, records when they are due.

All that it keeps in memory is a cache of the log: the same entries give the same records, whether
they came by the second, late, or out of the store after a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.figures.books import Books
from gateway.figures.context import entries_of
from gateway.figures.eras import Eras
from gateway.figures.intake import Intake
from gateway.figures.journal import ORDER, PRODUCT, STATE, Journal
from gateway.figures.media import METERED
from gateway.figures.orders import CARRIED
from gateway.figures.presence import Presence
from gateway.figures.reach import ALWAYS, KEEP_MS, LATE_MS
from gateway.figures.replay import AHEAD, FRONT, MOVED, SETTINGS, TOLD, replay
from gateway.figures.shown import Shown, draft_of, shown_of
from gateway.figures.states import KNOWN, STOPS
from gateway.figures.terms import DATED, dated_mark
from gateway.figures.windows import HOUR_MS, QUARTER_MS
from gateway.model import Draft, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.figures.calendar import Calendar
    from gateway.figures.oee import OeeFigures
    from gateway.kpi import KpiSpec
    from gateway.model import Asset, Record, Value

LEAD_MS = HOUR_MS
"""Log before that: a block of demand that ends in a window may begin so long before it."""
STEP_MS = 5_000
"""A wall clock that goes back by more than this was set; less is the ticking of two threads."""


class Account:
    """The figures of one asset.

    Args:
        asset: whose.
        spec: its `kpi`.
        calendar: of the site.
        grace_ms: how long windows wait for what is under way.

    Attributes:
        presence: what is known of its state; None where no state is bound.
        refused: readings that came too late to be taken.
        is_stirred: readings have made something due since somebody reset this.
        share: what figures of several assets may ask of it.
        intake: of its readings.
    """

    def __init__(self, asset: Asset, spec: KpiSpec, calendar: Calendar, grace_ms: int) -> None:
        bound = set(spec.signals)
        self.presence: Presence | None = None
        self.refused = 0
        self.is_stirred = False
        self._asset = asset
        self.spec = spec
        self._journal = Journal()
        self._entries: list[Entry] = []
        self._now = self._front = self._wake = 0
        self._is_open = self._is_cut = self._was_silent = False
        self._shown = Shown("")
        if STATE in bound:
            silence_ms = round(spec.silence_s * 1000)
            self.presence = Presence(self._journal, spec.states, silence_ms, self._note)
        self.intake = Intake(asset, spec, self._journal, self._note)
        calendar = calendar.of(asset.line, asset.name)
        self._eras = of = Eras(spec, asset.line, calendar, self._journal, self.presence)

        note_told = self._note_told
        self._books = Books(asset, spec, of, self._journal, grace_ms, note_told)
        self.share = self._books.share

    def observe(self, t_ms: int, values: Mapping[str, Value]) -> list[Draft]:
        """Take what was read at one time; return a state that changed, and counters that fell."""
        if t_ms < self._now - LATE_MS or t_ms < self._front:
            self.refused += 1
            return []
        told: list[Draft] = []
        presence = self.presence
        is_said = self.intake.take_said(t_ms, values)
        if presence is not None and STATE in values:
            raw = values[STATE]
            if (
                raw is not None
                and raw == presence.raw
                and presence.last < t_ms <= presence.heard + presence.silence_ms
            ):
                presence.confirm(t_ms)
            else:
                told = self._read_state(presence, t_ms, raw)
        if is_said:
            told += self._tell(max(self._now, t_ms))
        return told + self.intake.take_measured(t_ms, values)

    def enter(self, t_ms: int, said: Mapping[str, Value], now_ms: int) -> list[Draft]:
        """Take what was said of the asset; see `context.entries_of`."""
        front = max(self._front, now_ms - LATE_MS)
        for entry in entries_of(self.spec, self._journal, front, t_ms, said):
            self._note(entry.t_ms, entry.signal, entry.value)
        return self._tell(now_ms)

    def check(self, now_ms: int) -> list[Draft]:
        """Let time pass: a state record, where the asset has fallen silent."""
        if now_ms < self._now - STEP_MS:
            self._step_back(now_ms)
        self._now = now_ms
        was_silent, self._was_silent = self._was_silent, False
        if self.presence is not None and (self.presence.check(now_ms) or was_silent):
            return self._tell(now_ms)
        return []

    def settle(self, now_ms: int) -> list[Draft]:
        """Records of windows that are to be closed, restated or told before they are over."""
        if now_ms >= self._wake:
            self._trim(now_ms)
        return self._books.advance(now_ms, self._front, self.intake.rest_of)

    @property
    def windows_due(self) -> int:
        """When `settle` next has something to do; only what stirs or settles it changes that."""
        if not self._is_open:
            return ALWAYS
        return min(self._wake, self._books.due)

    def finish(self, now_ms: int) -> list[Draft]:
        """Records of windows that are over, where nothing more will ever be read."""
        end_ms = now_ms + round(self.spec.silence_s * 1000)
        if self.presence is not None:
            end_ms = now_ms if self.presence.due == ALWAYS else max(now_ms, self.presence.due - 1)
        self.rest()
        return self._books.finish(end_ms, self._front)

    def move(self, since: int, delta: int, now_ms: int) -> list[Draft]:
        """Shift what was read from a time on: the clock was wrong by so much.

        Returns:
            The state again, whose beginning is another one now.
        """
        self.rest()
        self._entries.append(Entry(now_ms, MOVED, f"{since}:{delta}"))
        has_more = (self._journal.first() or since) < since
        reach = self._eras.move(since, delta)
        self._journal.move(since, delta)
        if self.presence is not None:
            self.presence.move(since, delta)
        self.intake.move(since, delta)
        begin = since + delta
        front = self._front
        if since <= front:
            front = -(-(front + delta) // QUARTER_MS) * QUARTER_MS
        elif has_more or self._is_cut:
            front = min(front, begin // QUARTER_MS * QUARTER_MS)
        else:
            front = 0  # of the time before there was nothing to forget
        self._front, self._now = front, now_ms
        self._forget(now_ms)
        self._front = max(self._front, front_of(now_ms))
        is_all = (self._journal.first() or begin) >= begin
        self._is_cut = self._is_cut or (has_more and is_all)
        opens = max(begin, self._front) if is_all else None
        if opens is not None and self._is_open:
            self.share.opened = opens
        self._books.move(reach, opens, now_ms)
        self.share.touch(reach, now_ms, now_ms, None)
        self._shown = Shown("")
        return self._tell(now_ms)

    def take_log(self) -> list[Entry]:
        """The entries since the last call."""
        taken, self._entries = self._entries, []
        return taken

    def rest(self) -> None:
        """Log the newest readings that were held back because nothing depended on them yet."""
        self.intake.rest()

    def derived(self) -> str:
        """What its deriver must know, as the log has it; "" where there is nothing."""
        return self._journal.derived.values[-1] if self._journal.derived.values else ""

    def live(self, now_ms: int) -> OeeFigures | None:
        """Figures of the current hour; None where none are due at all."""
        return None if self._books.oee is None else self._eras.now(now_ms)

    def restore(
        self,
        rows: Iterable[tuple[Entry, ...]],
        heard: int | None,
        statements: Iterable[Record],
        state: Record | None,
        now_ms: int,
    ) -> None:
        """Take up where an earlier process left off.

        Args:
            rows: the asset's log, in the order it was written.
            heard: when the asset was last heard.
            statements: its newest records of classes oee and energy, one a window.
            state: its newest state record.
            now_ms: UTC ms.
        """
        self._now = now_ms
        self._front = front_of(now_ms)
        found = replay(rows, self._journal, self._eras)
        self._eras.begin(now_ms)
        if state is not None:
            fields = orjson.loads(state.body)
            self._shown = Shown.recall(fields)
            if self._journal.first() is None:  # it has been off for longer than the log is held
                word = self._shown.word if self._shown.word in KNOWN else None
                self._journal.put(fields["since"], STATE, word)
        self._resume(heard, found.began)
        self._books.recall(statements)
        newest = max(self._journal.last(), heard or 0, self._books.closed)
        if newest > now_ms + STEP_MS:
            self._step_back(now_ms)
        self.share.was_moved = found.was_moved
        if found.was_moved:
            self._books.move(0, None, now_ms)
        late = [(e, written) for e, written in found.late if e.t_ms <= now_ms + STEP_MS]
        self._take_up(late, now_ms)

    def _take_up(self, late: Iterable[tuple[Entry, int]], now_ms: int) -> None:
        """Have windows told again that were told before something that is known now."""
        if self._has_other_dates():
            self._books.redate(self._front, now_ms)
        for start, end, seen_ms in self._eras.replanned:
            self._books.replan(start, end, now_ms, seen_ms)
        for entry, written in late:
            if self._front <= entry.t_ms:
                self._touch(entry.t_ms, entry.signal, written)

    def _has_other_dates(self) -> bool:
        """Whether figures were told by other dated facts than those of now, or by none."""
        told = self._journal.numbers.get(DATED)
        return dated_mark(self.spec) != (told.values[-1] if told else 0)

    def _note_told(self, now_ms: int) -> None:
        self._entries.append(Entry(now_ms, TOLD, None))

    def _resume(self, heard: int | None, began: int | None) -> None:
        """Take up everything where the journal ends, and windows where it began."""
        first = self._journal.first()
        is_old = first is not None and first < self._front
        presence = self.presence
        if presence is not None and heard is not None and heard < self._front and is_old:
            # It has been silent since before the front, and what lies there is summed up now.
            self._catch_up(heard)
            self._is_open = True
            self._was_silent = presence.check(self._now)
            self._is_open = False
        if is_old:
            self._cut(self._now)
        self._catch_up(heard)
        if first is not None:
            self._open(max(first if began is None else began, self._front))

    def _catch_up(self, heard: int | None) -> None:
        self.intake.recall()
        if self.presence is not None:
            self.presence.recall(heard)

    def _step_back(self, now_ms: int) -> None:
        """Go on after the clock was set back.

        What was logged at times that are now still to come is forgotten here (the store has it),
        for it would stand in the way of what is read at those times from now on. Windows that
        were closed there are closed again when they are over, if anything is read in them.
        """
        self._front = min(self._front, front_of(now_ms))
        self._wake = 0
        self._journal.cut(now_ms)
        self._eras.step_back(now_ms)
        self._eras.forget(now_ms)
        self.intake.forget()
        self._catch_up(None if self.presence is None else min(self.presence.heard, now_ms))
        self._books.step_back(now_ms)

    def _read_state(self, presence: Presence, t_ms: int, raw: Value) -> list[Draft]:
        """Take a state that differs, ends a silence, couldn't be read or came late."""
        told = self._tell(t_ms) if t_ms > presence.last and presence.check(t_ms) else []
        was_unknown = presence.raw is None or presence.is_overdue(t_ms)
        self.refused += not presence.read(t_ms, raw)
        if was_unknown and presence.raw is not None:
            # The next reading of each counter shows how far it grew across the unknown time.
            self.intake.look_anew()
        return told + self._tell(max(self._now, t_ms))

    def _note(self, t_ms: int, signal: str, value: Value) -> None:
        """Put an entry into the log."""
        if not self._is_open:
            self._open(t_ms)
        is_news = self._journal.put(t_ms, signal, value)
        self._entries.append(Entry(t_ms, signal, value))
        if signal in {ORDER, PRODUCT}:
            self.is_stirred = True
            self._books.hurry()
        if is_news or signal in METERED:
            self._touch(t_ms, signal, None)
        if signal == STATE and value in STOPS:
            self.intake.stand(t_ms)

    def _open(self, t_ms: int) -> None:
        """Begin with the windows in which the log begins."""
        self._is_open = self.is_stirred = True
        self._books.open(t_ms)

    def _touch(self, t_ms: int, signal: str, written_ms: int | None) -> None:
        """Have what an entry changes in closed windows computed again."""
        if self._books.touch(t_ms, signal, self._now, written_ms):
            self.is_stirred = True

    def _tell(self, now_ms: int) -> list[Draft]:
        """A state record, where the state, its reason or the order isn't the one told before."""
        if self.presence is None:
            return []
        shown, since, why = shown_of(self.presence, self._journal)
        before, self._shown = self._shown, shown
        if shown == before:
            return []
        return [draft_of(self._asset, shown, before.word, since, why, now_ms)]

    def _trim(self, now_ms: int) -> None:
        """Once an hour, log the settings where that is due, and forget what is too old."""
        self._wake = now_ms - now_ms % HOUR_MS + HOUR_MS
        settings = self._eras.due(now_ms)
        if settings is not None:
            self._entries.append(Entry(settings[0], SETTINGS, settings[1]))
            self._entries += self.intake.serials(now_ms)
        if self._has_other_dates():
            mark = Entry(now_ms, DATED, dated_mark(self.spec))
            self._journal.put(now_ms, DATED, mark.value)
            self._entries.append(mark)
        self._forget(now_ms)
        self._books.trim(self._front)

    def _forget(self, now_ms: int) -> None:
        """Forget the log before a time, and log what is still in force of it."""
        front = front_of(now_ms)
        first = self._journal.first()
        if front <= self._front or first is None or first >= front:
            return
        self._front = front
        self._cut(now_ms)

    def _cut(self, now_ms: int) -> None:
        """Forget the log before the front, and log what is still in force of it."""
        front = self._front
        carried = self._eras.carry(front, now_ms)
        ahead = self._eras.trim(front, now_ms)
        self._journal.trim(front - LEAD_MS)
        kept = [
            Entry(t_ms, signal, value)
            for t_ms, signal, value in self._journal.in_force()
            if t_ms < front - HOUR_MS
        ]
        if ahead is not None:
            kept.append(Entry(front, AHEAD, str(ahead)))
        if carried is not None:
            kept.append(Entry(front, CARRIED, carried))
        if kept:
            # Of a later time than what it keeps, so that who asks for the last days gets it.
            self._entries += [*kept, Entry(now_ms, FRONT, front)]


def front_of(now_ms: int) -> int:
    """Before which a log is forgotten: a full quarter hour."""
    return (now_ms - KEEP_MS) // QUARTER_MS * QUARTER_MS
