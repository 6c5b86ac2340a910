"""From readings to records, as live and faster than time.

Time passes in whole seconds, as for a gateway that looks once a second; seconds in which nothing
is due are passed over. What an asset tells at one time in neighbouring lines is one poll. What is
read in a second comes after what falls due at its beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.deriving.deriver import Deriver
from gateway.figures.calendar import Calendar
from gateway.ids import make_key
from gateway.ledger import Ledger
from gateway.model import Record
from gateway.tracing.line import Again
from gateway.tracing.steps import Steps
from gateway.tracing.survey import STATE
from gateway.tracing.trace import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gateway.model import Draft, LogRow, Value
    from gateway.tracing.stage import Stage

SECOND_MS = 1_000
LONGEST_PAUSE_MS = 64_000
"""Between two looks at a window that can't be closed yet."""
EPOCH = 1
"""Of all ids: nothing was ever stored under them."""

Poll = tuple[int, str, dict[str, "Value"]]
"""UTC ms, asset, values by signal."""


def polls(stage: Stage) -> Iterator[Poll]:
    """The trace's readings in the order in which they came, clock steps undone."""
    steps, again = Steps(), Again()
    states: dict[str, tuple[int, Value]] = {}
    at, of = 0, ""
    values: dict[str, Value] = {}

    def whole() -> Poll:
        """The poll, with the state that still holds where only changes of it are told."""
        if of in stage.held:
            newest, state = states.get(of, (at, None))
            if STATE in values:
                state = values[STATE]
            elif of in states and at >= newest:
                return at, of, {STATE: state, **values}
            states[of] = max(at, newest), state
        return at, of, values

    for _number, raw in lines(stage.trace):
        line = again.read(raw)
        t_ms = steps.undone(line.t_ms, line.mono_ms)
        if t_ms != at or line.asset != of or line.signal in values:
            if values:
                yield whole()
            at, of, values = t_ms, line.asset, {}
        values[line.signal] = line.value
    if values:
        yield whole()


class Player:
    """Plays a trace on a ledger.

    Args:
        stage: the plant.

    Attributes:
        now_ms: how far time has passed; 0 before the first reading.
        ledger: what keeps the figures.
        on_log: gets the log lines, as they would be stored.
    """

    def __init__(self, stage: Stage) -> None:
        plant = stage.plant
        self.now_ms = 0
        self.ledger = Ledger(plant.assets, Calendar(ZoneInfo(plant.timezone), plant.rosters))
        self._derivers = {
            asset.name: Deriver(asset.derived)
            for asset in plant.assets
            if asset.derived is not None
        }
        self._due = self._windows_due = self._not_before = self._seq = 0
        self._pause_ms = SECOND_MS
        self.on_log: Callable[[list[LogRow]], object] = len

    def play(self, polls: Iterable[Poll], until_ms: int | None = None) -> Iterator[Record]:
        """Take readings and let time pass up to the last of them; yield what is told.

        Args:
            polls: as `polls` gives them.
            until_ms: what comes at or after that is left out, and time passes up to it.
        """
        ledger = self.ledger
        for t_ms, asset, values in polls:
            if until_ms is not None and t_ms >= until_ms:
                break
            if t_ms > self.now_ms:
                if t_ms >= self._due:
                    yield from self._pass(t_ms)
                self.now_ms = t_ms
            drafts = ledger.check(asset, self.now_ms)
            drafts += self._observe(asset, t_ms, values)
            if drafts or ledger.stirred(asset):
                yield from self._records(drafts)
                self._due = self._windows_due = 0
        if until_ms is not None and until_ms > self.now_ms:
            yield from self._pass(until_ms)
            self.now_ms = until_ms
        yield from self._records(ledger.finish(self.now_ms))
        self.on_log(ledger.take_log())

    def _observe(self, asset: str, t_ms: int, values: Mapping[str, Value]) -> list[Draft]:
        """Give the ledger a reading, with what is derived of it."""
        deriver = self._derivers.get(asset)
        if deriver is None:
            return self.ledger.observe(asset, t_ms, values)
        readings = deriver.take(t_ms, values)
        return [draft for at, all_ in readings for draft in self.ledger.observe(asset, at, all_)]

    def _pass(self, until_ms: int) -> Iterator[Record]:
        """Do what falls due up to a time."""
        ledger = self.ledger
        if not self.now_ms:
            self.now_ms = until_ms
        while True:
            if not self._windows_due:
                self._windows_due = max(ledger.windows_due(), self._not_before)
            next_ms = min(self._windows_due, ledger.silence_due())
            self._due = max(next_ms, self.now_ms + 1)
            due_ms = -(-self._due // SECOND_MS) * SECOND_MS
            if due_ms > until_ms:
                break
            told = ledger.advance(due_ms)
            yield from self._records(told)
            self.now_ms, self._windows_due = due_ms, 0
            if told or ledger.windows_due() > due_ms:
                self._pause_ms = SECOND_MS
            else:  # a window waits for a reading that didn't come yet
                self._not_before = due_ms + self._pause_ms
                self._pause_ms = min(2 * self._pause_ms, LONGEST_PAUSE_MS)
        self.on_log(ledger.take_log())

    def _records(self, drafts: Iterable[Draft]) -> Iterator[Record]:
        for draft in drafts:
            self._seq += 1
            place = draft.cls, draft.line, draft.asset
            key = make_key(EPOCH, self._seq)
            yield Record(key, *place, draft.ts_ms, draft.body, draft.subject)
