"""What is known of an asset's state, reading by reading: words, unreadable values, silence.

The log gets a state only where it changes. A value that couldn't be read, or that no word is
known for, is logged as None: unknown until the next good one. Where nothing good was heard for
longer than the time-out, a silence is logged that begins at the last good reading and ends with
the next; it has its own line, because the readings that fill it may only be late.

A late reading is put in its place as if it had come in time. For that the times of the last
readings are remembered, and of all that came late into a silence: what a reading says holds until
the one that followed it. Where that isn't known any more, the late reading is refused, since it
would overwrite what later ones confirmed.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING

from gateway.figures.holes import Holes
from gateway.figures.journal import FOREVER, SILENCE, STATE, spelled
from gateway.figures.reach import ALWAYS, NEVER
from gateway.figures.states import OFFLINE, UNKNOWN
from gateway.figures.track import moved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.figures.journal import Journal
    from gateway.model import Value

REMEMBERED = 256
"""Reading times kept; half of them go when there are more."""


class Presence:
    """The state of one asset.

    Args:
        journal: its log in memory.
        words: raw value, spelled → state.
        silence_ms: the time-out.
        note: puts an entry into the log.

    Attributes:
        raw: what the newest reading gave; None where it was no good, or too long ago.
        heard: time of the newest good reading.
        last: time of the newest reading.
        silence_ms: the time-out.
        unmapped: the last value that no word is known for, spelled; else "".
    """

    __slots__ = (
        "_holes",
        "_journal",
        "_note",
        "_readings",
        "_words",
        "heard",
        "last",
        "raw",
        "silence_ms",
        "unmapped",
    )

    def __init__(
        self,
        journal: Journal,
        words: Mapping[str, str],
        silence_ms: int,
        note: Callable[[int, str, Value], None],
    ) -> None:
        self.raw: Value = None
        self.heard = NEVER
        self.last = NEVER
        self.silence_ms = silence_ms
        self.unmapped = ""
        self._journal = journal
        self._words = words
        self._note = note
        self._readings: list[int] = []
        self._holes = Holes()

    def confirm(self, t_ms: int) -> None:
        """Take a reading in time that is equal to the one before."""
        self.heard = self.last = t_ms
        self._remember(t_ms)

    def read(self, t_ms: int, raw: Value) -> bool:
        """Take any reading; False where it is too late to be placed."""
        name = spelled(raw)
        word = None if raw is None else self._words.get(name)
        if raw is not None:
            self.unmapped = name if word is None else ""
        if t_ms < self.last:
            return self._place(t_ms, word)
        if word is not None:
            self._end_silence(t_ms)
            self.heard = t_ms
        if not self._journal.state.times or self._word_at(t_ms) != word:
            self._note(t_ms, STATE, word)
        self.raw = None if word is None else raw
        if t_ms > self.last:
            self._remember(t_ms)
        self.last = t_ms
        return True

    def check(self, now_ms: int) -> bool:
        """Declare silence where it is time to; True where it was."""
        if self.heard == NEVER or self.is_silent or not self.is_overdue(now_ms):
            return False
        self._note(self.heard, SILENCE, None)
        self.raw = None
        return True

    def is_known_to(self, moment: int, now_ms: int) -> bool:
        """Whether the log of states is complete up to a moment, as far as is in time."""
        return self.heard >= moment or self.is_silent or self.is_overdue(now_ms)

    def is_overdue(self, t_ms: int) -> bool:
        """Whether by then nothing good was heard for longer than the time-out, told or not."""
        return t_ms - self.heard > self.silence_ms

    @property
    def due(self) -> int:
        """When `check` next has something to do, unless the asset is heard meanwhile."""
        is_waiting = self.heard != NEVER and not self.is_silent
        return self.heard + self.silence_ms + 1 if is_waiting else ALWAYS

    @property
    def is_silent(self) -> bool:
        """Whether a silence was declared and lasts."""
        silence = self._journal.silence
        return bool(silence.values) and silence.values[-1] == FOREVER

    def shown(self) -> tuple[str, int, str]:
        """The state to tell, since when, and why where it isn't the machine's own word."""
        state, silence = self._journal.state, self._journal.silence
        if self.is_silent:
            return OFFLINE, silence.times[-1], "silence"
        if not state.times:  # something was said of it before it was ever read
            return UNKNOWN, max(self.last, self._journal.first() or 0), ""
        word, since = state.values[-1], state.times[-1]
        if silence.times and silence.values[-1] > silence.times[-1]:
            since = max(since, int(silence.values[-1]))
        if word is not None:
            return word, since, ""
        return UNKNOWN, since, f"unmapped {self.unmapped}" if self.unmapped else "unread"

    def recall(self, heard: int | None) -> None:
        """Take up where the log ends; `heard` is when the asset was last heard, if known."""
        times, words = self._journal.state.times, self._journal.state.values
        good = [t for t, word in zip(times, words, strict=True) if word is not None][-1:]
        self.heard = max([NEVER, *good, *([] if heard is None else [heard])])
        self.last = max([self.heard, *times[-1:]])
        self.raw = None
        self._readings.clear()
        self._holes.clear()

    def move(self, since: int, delta: int) -> None:
        """Shift what was read from a time on, as the journal does."""
        self.heard = moved(self.heard, since, delta)
        self.last = moved(self.last, since, delta)
        kept = [t_ms for t_ms in self._readings if t_ms < min(since, since + delta)]
        self._readings = kept + [t_ms + delta for t_ms in self._readings if t_ms >= since]
        self._holes.clear()

    def _remember(self, t_ms: int) -> None:
        readings = self._readings
        readings.append(t_ms)
        if len(readings) > REMEMBERED:
            del readings[: REMEMBERED // 2]

    def _end_silence(self, t_ms: int) -> None:
        """Log the silence that a good reading in time puts an end to, if there was one."""
        if self.is_overdue(t_ms) and self.heard != NEVER:
            self._note(self.heard, SILENCE, t_ms)
        elif self.is_silent:
            # Declared too early: the reading was only late.
            self._note(self.heard, SILENCE, self.heard)

    def _place(self, t_ms: int, word: str | None) -> bool:
        """Put a late reading where it belongs."""
        following = self._reading_after(t_ms)
        if following is None:
            return False
        self._holes.fill(t_ms, self._silence_at(t_ms))
        state = self._journal.state
        before = self._word_at(t_ms)
        if word is not None:
            self._shorten_silence(t_ms)
            self.heard = max(self.heard, t_ms)
        if before != word:
            if self._word_at(following) == before and state.index(t_ms) == state.index(following):
                self._note(following, STATE, before)
            self._note(t_ms, STATE, word)
        if self._readings and self._readings[0] <= t_ms:
            insort(self._readings, t_ms)
        return True

    def _shorten_silence(self, t_ms: int) -> None:
        silence = self._journal.silence
        place = silence.index(t_ms)
        if place < 0 or not silence.times[place] < t_ms < silence.values[place]:
            return
        begin, end = silence.times[place], silence.values[place]
        self._note(begin, SILENCE, t_ms if t_ms - begin > self.silence_ms else begin)
        if end != FOREVER and end - t_ms > self.silence_ms:
            self._note(t_ms, SILENCE, int(end))

    def _reading_after(self, t_ms: int) -> int | None:
        """Time of the reading that followed a moment; None where it is forgotten."""
        if self._readings and self._readings[0] <= t_ms:
            return self._readings[bisect_right(self._readings, t_ms)]
        following = self._holes.following(t_ms)
        silence = self._silence_at(t_ms)
        return silence[1] if following is None and silence is not None else following

    def _silence_at(self, t_ms: int) -> tuple[int, int] | None:
        """The silence around a moment, if it is over."""
        silence = self._journal.silence
        place = silence.index(t_ms)
        if place >= 0 and t_ms < silence.values[place] < FOREVER:
            return silence.times[place], int(silence.values[place])
        return None

    def _word_at(self, t_ms: int) -> str | None:
        return self._journal.state.at(t_ms)
