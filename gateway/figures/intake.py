"""What is read of one asset, on its way into the log: each signal on a track of its own.

Most readings say nothing new and go no further than their track. Before a track has a reading, a
register's scale and a counter's fall are looked at, and what a test bench shows is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.figures.bench import Bench, serials
from gateway.figures.drops import Drops
from gateway.figures.epochs import Epochs
from gateway.figures.journal import REASON, SAID
from gateway.figures.reach import NEVER
from gateway.figures.track import PowerMeter, Spoken, Track, cleaned, recall, tracks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.figures.journal import Journal
    from gateway.kpi import KpiSpec
    from gateway.model import Asset, Draft, Entry, Value


class Intake:
    """The readings of one asset, but for its state.

    Args:
        asset: whose.
        spec: its `kpi`.
        journal: its log in memory.
        note: puts an entry into the log.

    Attributes:
        epochs: by what its registers are multiplied.
    """

    def __init__(
        self,
        asset: Asset,
        spec: KpiSpec,
        journal: Journal,
        note: Callable[[int, str, Value], None],
    ) -> None:
        self._journal = journal
        self._note = note
        self._tracks = tracks_of(spec, journal)
        self._bench: Bench | None = None
        if spec.counting == "tests":
            counter = self._tracks.get("count")
            counter = counter if isinstance(counter, Track) else None
            self._bench = Bench(spec, journal, counter)
        self._said = {name: track for name in SAID if (track := self._tracks.get(name))}
        self._measured = {n: track for n, track in self._tracks.items() if n not in self._said}
        self._drops = Drops(asset, spec)
        self.epochs = Epochs(asset, spec, journal)

    def take_said(self, t_ms: int, values: Mapping[str, Value]) -> bool:
        """Take what a machine says of its order and its stops, before its state; whether it did.

        A planned stop or a reason that comes with the state is told with it, in one record.
        """
        came = [signal for signal in self._said if values.get(signal) is not None]
        for signal in came:
            self._read(self._said[signal], t_ms, values[signal])
        return bool(came)

    def take_measured(self, t_ms: int, values: Mapping[str, Value]) -> list[Draft]:
        """Take what is counted and measured; return events where counters fell."""
        if self._bench is not None:
            self._test(self._bench, t_ms, values)
        told: list[Draft] = []
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

    def look_anew(self) -> None:
        """Log the next reading of what is measured: it shows what came about in unknown time."""
        for track in self._measured.values():
            track.due = NEVER

    def stand(self, t_ms: int) -> None:
        """Know that a stop begins."""
        track = self._said.get(REASON)
        if isinstance(track, Spoken):
            for entry in track.stand(t_ms):
                self._note(entry.t_ms, entry.signal, entry.value)

    def rest(self) -> None:
        """Log the newest readings that were held back because nothing depended on them yet."""
        self.rest_of(self._tracks)

    def rest_of(self, signals: Iterable[str]) -> None:
        """The same of some signals, where they are bound."""
        for track in [self._tracks[signal] for signal in signals if signal in self._tracks]:
            for entry in track.rest():
                self._note(entry.t_ms, entry.signal, entry.value)

    def serials(self, now_ms: int) -> list[Entry]:
        """The pieces whose tests the log is about to forget; none without a test bench."""
        return [] if self._bench is None else [*serials(self._journal, now_ms)]

    def recall(self) -> None:
        """Take up where the log ends."""
        recall(self._tracks, self._journal)

    def forget(self) -> None:
        """Begin anew, as if nothing had been read."""
        for track in self._tracks.values():
            track.forget()

    def move(self, since: int, delta: int) -> None:
        """Shift what was read at or after a time, as the journal does."""
        for track in self._tracks.values():
            track.move(since, delta)

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
