"""Which readings of a signal are worth a line in the log, so that no figure suffers.

A counter is kept at both ends of each step: the last reading before a change and the first after
it. What is left out lies between two equal readings, adds nothing, and neither the time that a
step took nor the unknown time that it spanned changes by its absence. An unchanged counter is
kept once a quarter hour as well, so that after a restart the time of its last reading is known
to that, and a drop can be judged.

A register that rises all the time (energy) is kept on both sides of each full minute, and where
it fell, leapt or paused. Windows begin and end on full minutes, so at each of their edges the
two readings that the fold interpolates between are the very ones that were polled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.derivation import MEMORY
from gateway.figures.counter import Limits
from gateway.figures.journal import COLUMNS, LEVEL, PLANNED, PRODUCT, REASON, spelled
from gateway.figures.media import BESIDE, MEDIUM_OF, PHASES, SUMMED
from gateway.figures.pieces import COUNTERS, multiplying
from gateway.figures.reach import ALWAYS, NEVER
from gateway.figures.staffing import OPERATORS
from gateway.figures.states import STOPS
from gateway.figures.stops import LEAD_MS
from gateway.figures.usage import IMBALANCES, beside_limits, hole_of, register_limits
from gateway.figures.windows import HOUR_MS, MINUTE_MS, QUARTER_MS
from gateway.model import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.figures.journal import Journal, Series
    from gateway.kpi import KpiSpec
    from gateway.model import Value

BELIEVED = 1e40
"""No reading is beyond, or registers were taken in the wrong order. Any binary32 is taken, and
nothing that is computed of such readings leaves binary64."""
NOTICED = 1e-40
"""What is smaller is nothing."""


class Track:
    """One signal's newest reading, and whether it is in the log yet.

    Attributes:
        value, time: newest reading; `is_logged` tells whether the log has it.
        due: a reading at or after this is logged even if it is unchanged.
    """

    __slots__ = ("_limits", "_logged", "_period", "due", "is_logged", "signal", "time", "value")

    def __init__(self, signal: str, period_ms: int, limits: Limits | None = None) -> None:
        """Follow a signal.

        Args:
            signal: its name in the log.
            period_ms: keep a reading at least once in each such span of time; 0: only changes.
            limits: for a register, whose plausible rises wait for the end of the period; None:
                every change is kept.
        """
        self.signal = signal
        self.value: Value = None
        self.time = NEVER
        self.due = ALWAYS
        self.is_logged = True
        self._logged: Value = None
        self._period = period_ms
        self._limits = limits

    def read(self, t_ms: int, value: Value) -> list[Entry]:
        """Take a reading and return what of it and of the one before goes into the log."""
        if t_ms < self.time:  # what was held back says until when a late one holds
            return [*self.rest(), Entry(t_ms, self.signal, value)]
        if t_ms == self.time:
            self.value, self._logged, self.is_logged = value, value, True
            return [Entry(t_ms, self.signal, value)]
        if t_ms < self.due and self._is_usual(t_ms, value):
            self.time, self.value, self.is_logged = t_ms, value, False
            return []
        is_between = value == self.value == self._logged and t_ms - self.time <= self._period
        kept = [] if is_between else self.rest()
        kept.append(Entry(t_ms, self.signal, value))
        self.time, self.value, self._logged, self.is_logged = t_ms, value, value, True
        self.due = (t_ms // self._period + 1) * self._period if self._period else ALWAYS
        return kept

    def rest(self) -> list[Entry]:
        """The newest reading, where the log doesn't have it yet."""
        if self.is_logged:
            return []
        self.is_logged, self._logged = True, self.value
        return [Entry(self.time, self.signal, self.value)]

    def recall(self, t_ms: int, value: Value) -> None:
        """Take up where the log ends."""
        self.time, self.value, self._logged, self.is_logged = t_ms, value, value, True
        self.due = t_ms

    def forget(self) -> None:
        """Begin anew, as if nothing had been read."""
        self.time, self.value, self._logged, self.is_logged = NEVER, None, None, True
        self.due = ALWAYS

    def move(self, since: int, delta: int) -> None:
        """Shift a reading made at or after a time, as the journal does."""
        self.time = moved(self.time, since, delta)
        if self.due not in {ALWAYS, NEVER}:
            self.due = self.time

    def _is_usual(self, t_ms: int, value: Value) -> bool:
        if value == self.value:
            return True
        if self._limits is None or isinstance(value, str) or isinstance(self.value, str):
            return False
        if value is None or self.value is None:
            return False
        return 0 <= value - self.value <= self._limits.believed(t_ms - self.time)


class Spoken(Track):
    """The reason that a machine gives: said where it changes, and again in each stop that begins.

    A word counts for a stop by the time at which it is said, so it is not logged at any other:
    not once more before it changes, nor because the process stops.
    """

    __slots__ = ("_journal", "_said")

    def __init__(self, journal: Journal) -> None:
        super().__init__(REASON, 0)
        self._journal = journal
        self._said = NEVER

    def read(self, t_ms: int, value: Value) -> list[Entry]:
        """Take a reading and return it where it is a word."""
        if t_ms > self.time and value == self.value and not self._has_begun(t_ms):
            self.time, self.is_logged = t_ms, False
            return []
        if t_ms >= self.time:
            self.time, self.value, self.is_logged, self._said = t_ms, value, True, t_ms
        return [Entry(t_ms, self.signal, value)]

    def stand(self, t_ms: int) -> list[Entry]:
        """Know that a stop begins: the newest reading may belong to it, and is a word then."""
        since = t_ms - LEAD_MS
        if not self.value or self.is_logged or self.time < since or self._said >= since:
            return []
        self.is_logged, self._said = True, self.time
        return [Entry(self.time, self.signal, self.value)]

    def rest(self) -> list[Entry]:
        """Nothing: what stands is in the log."""
        return []

    def recall(self, t_ms: int, value: Value) -> None:
        """Take up where the log ends."""
        super().recall(t_ms, value)
        self._said = t_ms

    def forget(self) -> None:
        """Begin anew, as if nothing had been read."""
        super().forget()
        self._said = NEVER

    def move(self, since: int, delta: int) -> None:
        """Shift a reading made at or after a time, as the journal does."""
        super().move(since, delta)
        self._said = moved(self._said, since, delta)

    def _has_begun(self, t_ms: int) -> bool:
        """Whether a stop began since the reason was said, of which it may be the reason too."""
        state = self._journal.state
        place = state.index(t_ms) if self.value else -1
        while place >= 0 and state.values[place] not in STOPS:
            place -= 1
        return place >= 0 and state.times[place] - LEAD_MS > self._said


class Sampled(Track):
    """The first reading of each minute, of what changes all the time.

    `value` is never equal to a reading, for which of them are kept is a matter of time alone.
    """

    __slots__ = ()

    def __init__(self, signal: str) -> None:
        super().__init__(signal, MINUTE_MS)
        self.value = float("nan")

    def read(self, t_ms: int, value: Value) -> list[Entry]:
        """Take a reading; one that comes late is kept, and the fold takes the first."""
        if t_ms >= self.time and t_ms // MINUTE_MS == self.time // MINUTE_MS:
            return []
        self.time = max(self.time, t_ms)
        return [Entry(t_ms, self.signal, value)]

    def recall(self, t_ms: int, value: Value) -> None:  # noqa: ARG002 - only when matters
        """Take up where the log ends."""
        self.time = t_ms

    def forget(self) -> None:
        """Begin anew, as if nothing had been read."""
        self.time = NEVER


class PowerMeter:
    """Adds samples of power (kW) or of a flow up to a register, for an asset whose meter has none.

    Trapezoids between samples; a pause longer than a hole adds nothing, because nobody knows
    what was drawn meanwhile. It stands among the tracks, so it has what they have; `value` is
    never equal to a sample, for each of them counts.
    """

    __slots__ = (
        "_hole",
        "_noted",
        "_per_ms",
        "_power",
        "_sum",
        "_track",
        "due",
        "is_logged",
        "signal",
        "time",
        "value",
    )

    def __init__(self, hole_ms: int, signal: str, per_ms: int) -> None:
        """Add up samples.

        Args:
            hole_ms: samples further apart leave a hole.
            signal: the sum's name in the log.
            per_ms: the time that the unit of a sample is per: an hour for kW and kWh.
        """
        self.signal = signal
        self.value: Value = float("nan")
        self.time = NEVER
        self.due = ALWAYS
        self.is_logged = True
        self._hole = hole_ms
        self._power = 0.0
        self._sum = 0.0
        self._per_ms = per_ms
        self._noted = NEVER
        self._track = Track(signal, MINUTE_MS, Limits(None, None))

    def read(self, t_ms: int, value: Value) -> list[Entry]:
        """Take a sample; a late one is passed over."""
        if value is None or isinstance(value, str) or t_ms <= self.time:
            return []
        elapsed = t_ms - self.time
        if elapsed <= self._hole:
            self._sum += max(0.0, (self._power + value) / 2) * elapsed / self._per_ms
        self._power, self.time = float(value), t_ms
        return self._track.read(t_ms, self._sum)

    def rest(self) -> list[Entry]:
        """The sum so far and the sample that it goes on from, where the log hasn't them yet."""
        entries = self._track.rest()
        if self.time not in {NEVER, self._noted}:
            self._noted = self.time
            entries.append(Entry(self.time, sample_of(self.signal), self._power))
        return entries

    def resume(self, t_ms: int, sample: float) -> None:
        """Go on from the sample with which the sum ends, after `recall`."""
        self._power, self.time = sample, t_ms

    def forget(self) -> None:
        """Begin anew with the next sample; the sum stays."""
        self.time = NEVER
        self._track.forget()

    def move(self, since: int, delta: int) -> None:
        """Shift the newest sample and the sum, as the journal does."""
        self.time = moved(self.time, since, delta)
        self._track.move(since, delta)

    def recall(self, t_ms: int, value: Value) -> None:
        """Go on from the sum that the log ends with."""
        self._sum = float(value or 0)
        self._track.recall(t_ms, value)


def moved(t_ms: int, since: int, delta: int) -> int:
    """Where a time lies after times from `since` on were shifted; none before is left behind."""
    return t_ms + delta if t_ms >= since else min(t_ms, since + min(delta, 0) - 1)


def tracks_of(spec: KpiSpec, journal: Journal) -> dict[str, Track | PowerMeter]:
    """How each signal of an asset is followed; the state is not among them."""
    asked = {f"{name}_{how}" for name in IMBALANCES for how in ("mean", "max")}
    tracks: dict[str, Track | PowerMeter] = {MEMORY: Track(MEMORY, HOUR_MS)}
    for signal in spec.signals:
        if signal in COUNTERS:
            tracks[signal] = Track(signal, QUARTER_MS)
        elif signal == REASON:
            tracks[signal] = Spoken(journal)
        elif signal in COLUMNS or signal == OPERATORS or signal in multiplying(spec):
            tracks[signal] = Track(signal, 0)
        elif signal in MEDIUM_OF:
            tracks[signal] = Track(signal, MINUTE_MS, register_limits(spec, MEDIUM_OF[signal]))
        elif signal in BESIDE:
            tracks[signal] = Track(signal, MINUTE_MS, beside_limits(spec, signal))
        elif signal in PHASES:
            if not asked.isdisjoint(spec.kpis):
                tracks[signal] = Sampled(signal)
        elif signal in SUMMED and SUMMED[signal][0] not in spec.signals:
            _register, name, per_ms = SUMMED[signal]
            tracks[signal] = PowerMeter(hole_of(spec), name, per_ms)
    return tracks


def recall(tracks: Mapping[str, Track | PowerMeter], journal: Journal) -> None:
    """Take up where an asset's log ends."""
    for signal, track in tracks.items():
        series: Series[Any] | None
        if signal in COLUMNS:
            series = getattr(journal, signal)
        else:
            series = journal.numbers.get(SUMMED[signal][1] if signal in SUMMED else signal)
        if series is None or not series.times:
            continue
        track.recall(series.times[-1], series.values[-1])
        if isinstance(track, PowerMeter):
            samples = journal.numbers.get(sample_of(track.signal))
            if samples and samples.times[-1] == series.times[-1]:
                track.resume(samples.times[-1], samples.values[-1])


def sample_of(total: str) -> str:
    """Series of the log with the newest sample that a sum was made of."""
    return f"sample_of_{total}"


def said(value: Value) -> str:
    """A code that a machine gives, spelled as people do; 0 says nothing, as an empty text does."""
    code = spelled(value)
    return "" if code == "0" else code


def cleaned(signal: str, value: Value) -> Value:
    """A value that can be logged; None for one that can't."""
    if signal == LEVEL:
        return "" if value is None else str(value)
    if signal in COLUMNS:
        if value is None or signal in {PRODUCT, MEMORY}:
            return None if value is None else str(value)
        return bool(value) if signal == PLANNED else said(value)
    if value is None or isinstance(value, str) or not abs(value) <= BELIEVED:
        return None
    return value if abs(value) >= NOTICED else 0
