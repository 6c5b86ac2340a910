"""One asset's account: readings in, log lines out, records when they are due.

All that it keeps in memory is a cache of the log: the same entries give the same records, whether
they came by the second, late, or out of the store after a restart.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import orjson

from gateway.figures.bench import Bench, alike, serials
from gateway.figures.book import Book, Fold
from gateway.figures.context import entries_of
from gateway.figures.drops import Drops
from gateway.figures.epochs import Epochs
from gateway.figures.eras import Eras
from gateway.figures.journal import ORDER, PRODUCT, SAID, STATE, TEST, Journal
from gateway.figures.media import BESIDE, HITS, MEDIA, METERED
from gateway.figures.orders import CARRIED
from gateway.figures.pieces import tells_pieces
from gateway.figures.presence import Presence
from gateway.figures.replay import AHEAD, FRONT, MOVED, SETTINGS, TOLD, replay
from gateway.figures.share import Share
from gateway.figures.shown import Shown, draft_of, shown_of
from gateway.figures.terms import DATED, dated_mark
from gateway.figures.timeline import KNOWN
from gateway.figures.track import ALWAYS, NEVER, PowerMeter, Track, cleaned, recall, tracks_of
from gateway.figures.windows import HOUR_MS, QUARTER_MS
from gateway.model import Draft, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.figures.calendar import Calendar
    from gateway.figures.media import Medium
    from gateway.figures.oee import OeeFigures
    from gateway.kpi import KpiSpec
    from gateway.model import Asset, Record, Value

LATE_MS = 26 * HOUR_MS
"""What is read or said later than this is refused."""
KEEP_MS = LATE_MS + 25 * HOUR_MS
"""How much log is held: what may still come, and the day of up to 25 h that it belongs to."""
METERS = (*(signal for medium in MEDIA for signal in medium.signals), *BESIDE)
LEAD_MS = HOUR_MS
"""Log before that: a block of demand that ends in a window may begin so long before it."""
REPLANNED = frozenset({"shift", PRODUCT})
"""Kinds of windows that a plan changed afterwards makes more of."""
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
        epochs: by what its registers are multiplied.
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
        self._tracks = tracks_of(spec)
        self._bench: Bench | None = None
        if spec.counting == "tests":
            counter = self._tracks.get("count")
            counter = counter if isinstance(counter, Track) else None
            self._bench = Bench(spec, self._journal, counter)
        self._said = {name: track for name in SAID if (track := self._tracks.get(name))}
        self._measured = {n: track for n, track in self._tracks.items() if n not in self._said}
        self._drops = Drops(asset, spec)
        self.epochs = Epochs(asset, spec, self._journal)
        calendar = calendar.of(asset.line, asset.name)
        self._eras = of = Eras(spec, asset.line, calendar, self._journal, self.presence)

        def book(cls: str, fold: Fold, is_settled: Callable[[int, int], bool]) -> Book:
            return Book(
                cls,
                (asset.line, asset.name),
                spec.windows,
                spec.interim_s,
                of,
                grace_ms,
                fold,
                lambda window, now_ms: is_settled(window.end, now_ms),
                self._journal.tells_of,
            )

        self._oee: Book | None = None
        if STATE in bound or tells_pieces(spec):
            self._oee = book("oee", of.oee_fields, of.is_settled)
        self._meters: dict[Medium, Book] = {}
        makes = self._oee is not None and spec.counting != "none"
        logged = self._journal.tells_of
        self.share = Share(
            asset.name,
            asset.line,
            of,
            self._oee,
            self._meters,
            logged,
            self._note_told,
            makes=makes,
        )
        for medium in MEDIA:
            if bound & set(medium.signals):
                fold = partial(self.share.energy_fields, medium)
                settled = partial(self.share.is_metered, medium)
                self._meters[medium] = book(f"energy/{medium.name}", fold, settled)
        self._books = [*filter(None, [self._oee]), *self._meters.values()]

    def observe(self, t_ms: int, values: Mapping[str, Value]) -> list[Draft]:
        """Take what was read at one time; return a state that changed, and counters that fell."""
        if t_ms < self._now - LATE_MS or t_ms < self._front:
            self.refused += 1
            return []
        told: list[Draft] = []
        presence = self.presence
        is_said = bool(self._said) and self._take_said(t_ms, values)
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
        if self._bench is not None:
            self._test(self._bench, t_ms, values)
        for signal, value in values.items():
            track = self._measured.get(signal)
            if track is None:
                continue
            if value == track.value and track.time < t_ms < track.due:
                track.time = t_ms
                track.is_logged = False
            else:
                told += self._read(track, t_ms, value)
        return told

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
        drafts: list[Draft] = []
        for book in self._books:
            if now_ms >= book.due:
                if book is not self._oee:
                    # The meter may have fallen silent: its last reading belongs to the window.
                    self._rest(*METERS)
                drafts += book.advance(now_ms, self._front)
        if any(book.told_ms == now_ms for book in self._books):
            self._note_told(now_ms)
        return drafts

    @property
    def windows_due(self) -> int:
        """When `settle` next has something to do; only what stirs or settles it changes that."""
        if not self._is_open:
            return ALWAYS
        return min(self._wake, *(book.due for book in self._books))

    def finish(self, now_ms: int) -> list[Draft]:
        """Records of windows that are over, where nothing more will ever be read."""
        end_ms = now_ms + round(self.spec.silence_s * 1000)
        if self.presence is not None:
            end_ms = now_ms if self.presence.due == ALWAYS else max(now_ms, self.presence.due - 1)
        self.rest()
        self.share.ended = end_ms
        return [draft for book in self._books for draft in book.finish(end_ms, self._front)]

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
        for track in self._tracks.values():
            track.move(since, delta)
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
        for book in self._books:
            book.move(reach, opens, now_ms)
        self.share.touch(reach, now_ms, now_ms, None)
        self._shown = Shown("")
        return self._tell(now_ms)

    def take_log(self) -> list[Entry]:
        """The entries since the last call."""
        taken, self._entries = self._entries, []
        return taken

    def rest(self) -> None:
        """Log the newest readings that were held back because nothing depended on them yet."""
        self._rest(*self._tracks)

    def derived(self) -> str:
        """What its deriver must know, as the log has it; "" where there is nothing."""
        return self._journal.derived.values[-1] if self._journal.derived.values else ""

    def live(self, now_ms: int) -> OeeFigures | None:
        """Figures of the current hour; None where none are due at all."""
        return None if self._oee is None else self._eras.now(now_ms)

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
            if not self._journal.state.times:
                word = self._shown.word if self._shown.word in KNOWN else None
                self._journal.put(fields["since"], STATE, word)
        self._resume(heard, found.began)
        for record in statements:
            for book in self._books:
                if record.cls == book.cls:
                    book.recall(record)
        newest = max(self._journal.last(), heard or 0, *(book.closed for book in self._books))
        if newest > now_ms + STEP_MS:
            self._step_back(now_ms)
        self.share.was_moved = found.was_moved
        for book in self._books if found.was_moved else ():
            book.move(0, None, now_ms)
        late = [(e, written) for e, written in found.late if e.t_ms <= now_ms + STEP_MS]
        self._take_up(late, now_ms)

    def _take_up(self, late: Iterable[tuple[Entry, int]], now_ms: int) -> None:
        """Have windows told again that were told before something that is known now."""
        if self._has_other_dates():
            for book in self._books:
                book.touch(self._front, now_ms, now_ms)
            self.share.touch(self._front, now_ms, now_ms, None)
        for start, end, seen_ms in self._eras.replanned:
            for book in self._books:
                book.touch(start, end, now_ms, seen_ms)
                book.look_again(start, now_ms, REPLANNED)
            self.share.replan(start, end, now_ms, seen_ms)
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
        recall(self._tracks, self._journal)
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
        for track in self._tracks.values():
            track.forget()
        self._catch_up(None if self.presence is None else min(self.presence.heard, now_ms))
        for book in self._books:
            book.step_back(now_ms)

    def _rest(self, *signals: str) -> None:
        for track in (self._tracks[signal] for signal in signals if signal in self._tracks):
            for entry in track.rest():
                self._note(entry.t_ms, entry.signal, entry.value)

    def _read_state(self, presence: Presence, t_ms: int, raw: Value) -> list[Draft]:
        """Take a state that differs, ends a silence, couldn't be read or came late."""
        told = self._tell(t_ms) if t_ms > presence.last and presence.check(t_ms) else []
        was_unknown = presence.raw is None or presence.is_overdue(t_ms)
        self.refused += not presence.read(t_ms, raw)
        if was_unknown and presence.raw is not None:
            # The next reading of each counter shows how far it grew across the unknown time.
            for track in self._tracks.values():
                track.due = NEVER
        return told + self._tell(max(self._now, t_ms))

    def _take_said(self, t_ms: int, values: Mapping[str, Value]) -> bool:
        """Take what a machine says of its order and its stops, before its state; whether it did.

        A planned stop or a reason that comes with the state is told with it, in one record.
        """
        came = [signal for signal in self._said if values.get(signal) is not None]
        for signal in came:
            self._read(self._said[signal], t_ms, values[signal])
        return bool(came)

    def _read(self, track: Track | PowerMeter, t_ms: int, value: Value) -> list[Draft]:
        """Take a reading that differs, is due or came late; return an event where it fell."""
        clean = cleaned(track.signal, value)
        if clean is None:
            return []
        scales, told = self.epochs.look(track, t_ms, clean)
        told += [] if told else self._drops.look(track, t_ms, clean)
        for entry in scales:
            self._note(entry.t_ms, entry.signal, entry.value)
        for entry in track.read(t_ms, clean):
            self._note(entry.t_ms, entry.signal, entry.value)
        return told

    def _test(self, bench: Bench, t_ms: int, values: Mapping[str, Value]) -> None:
        """Take what a test bench shows, before its counter is taken."""
        serial, result, count = (values.get(name) for name in ("serial", "result", "count"))
        shown = bench.read(t_ms, serial, result, count)
        if shown is not None:
            self._note(shown.t_ms, shown.signal, shown.value)

    def _note(self, t_ms: int, signal: str, value: Value) -> None:
        """Put an entry into the log."""
        if not self._is_open:
            self._open(t_ms)
        is_news = self._journal.put(t_ms, signal, value)
        self._entries.append(Entry(t_ms, signal, value))
        if signal in {ORDER, PRODUCT}:
            self.is_stirred = True
            for book in self._books:
                book.due = 0
        if is_news or signal in METERED:
            self._touch(t_ms, signal, None)

    def _open(self, t_ms: int) -> None:
        """Begin with the windows in which the log begins."""
        self._is_open = self.is_stirred = True
        self.share.opened = t_ms
        for book in self._books:
            book.open(t_ms)

    def _touch(self, t_ms: int, signal: str, written_ms: int | None) -> None:
        """Have what an entry changes in closed windows computed again."""
        # A test changes its piece, in whatever window that was tested first.
        for moment in alike(self._journal, t_ms) if signal == TEST else (t_ms,):
            self._touch_at(moment, signal, written_ms)

    def _touch_at(self, t_ms: int, signal: str, written_ms: int | None) -> None:
        media = HITS.get(signal)
        hit = self._books
        if media is not None:
            hit = [self._meters[medium] for medium in media if medium in self._meters]
        used = self._eras.kept_to(signal), self.share.used_to
        frozen = max([*used, *(book.closed for book in hit)])
        if t_ms >= frozen and not self._eras.acts_back(t_ms, signal):
            return
        start, end = self._eras.touched(t_ms, signal)
        if start < frozen:
            self.is_stirred = True
            self._eras.drop(start, end, signal)
            for book in hit:
                book.touch(start, end, self._now, written_ms)
            self.share.touch(start, end, self._now, written_ms)

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
            if self._bench is not None:
                self._entries += serials(self._journal, now_ms)
        if self._has_other_dates():
            mark = Entry(now_ms, DATED, dated_mark(self.spec))
            self._journal.put(now_ms, DATED, mark.value)
            self._entries.append(mark)
        self._forget(now_ms)
        for book in self._books:
            book.trim(self._front)

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
