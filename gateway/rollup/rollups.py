"""Which lines are summed up, and the site; the door of this room."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gateway.figures.calendar import SIGHT_MS
from gateway.figures.reach import ALWAYS
from gateway.rollup.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.figures.book import Agenda
    from gateway.figures.share import Share
    from gateway.figures.windows import Window
    from gateway.model import Draft, Record
    from gateway.rollup.rollup import RollUp

LINE, SITE = "_line", "_site"
"""Assets of the roll-ups, and the line of the site's, as the contract has them."""
ENOUGH = 32
"""Parts at hand for one call of `advance`, a few tenths of a ms each."""


class _LineAgenda:
    """The windows of a line: those of the asset that has stood on it longest.

    Attributes:
        shares: the assets of the line.
    """

    def __init__(self) -> None:
        self.shares: list[Share] = []

    def windows(self, kind: str, start: int, end: int) -> list[Window]:
        """The windows of a kind that share time with [start, end), in order of their start."""
        return self._longest().agenda.windows(kind, start, end)

    def next_end(self, kind: str, after: int) -> int:
        """When the next window of a kind ends, after a moment."""
        return self._longest().agenda.next_end(kind, after)

    def current(self, window: Window) -> Window:
        """A window that was told, as it is planned now."""
        return self._longest().agenda.current(window)

    def reaches(self, window: Window, front: int) -> bool:
        """Whether the logs, forgotten before a time, tell of a window."""
        return window.start >= front

    def _longest(self) -> Share:
        return min(self.shares, key=lambda share: (share.opened is None, share.opened or 0))


class _SiteAgenda:
    """The windows of a site: of its lines' shifts, those that every line has alike.

    Attributes:
        lines: of the site.
    """

    def __init__(self) -> None:
        self.lines: list[_LineAgenda] = []

    def windows(self, kind: str, start: int, end: int) -> list[Window]:
        """The windows of a kind that share time with [start, end), in order of their start."""
        first, *others = self.lines
        found = first.windows(kind, start, end)
        for other in others:
            alike = set(other.windows(kind, start, end))
            found = [window for window in found if window in alike]
        return found

    def next_end(self, kind: str, after: int) -> int:
        """When the next window of a kind ends, after a moment; far off where none is in sight."""
        if kind != "shift":
            return self.lines[0].next_end(kind, after)
        ends = (window.end for window in self.windows(kind, after, after + SIGHT_MS))
        return min((end for end in ends if end > after), default=after + SIGHT_MS)

    def current(self, window: Window) -> Window:
        """A window that was told, as it is planned now."""
        return self.lines[0].current(window)

    def reaches(self, window: Window, front: int) -> bool:
        """Whether the logs, forgotten before a time, tell of a window."""
        return window.start >= front


class RollUps:
    """The lines that have assets with figures, and the site.

    Args:
        grace_ms: how long after its end a window waits for readings under way.
    """

    def __init__(self, grace_ms: int) -> None:
        self._grace = grace_ms
        self._rollups: dict[tuple[str, str], RollUp] = {}
        self._agendas: dict[str, _LineAgenda] = {}
        self._away: dict[tuple[str, str], RollUp] = {}
        self._told: dict[tuple[str, str], list[Record]] = {}
        self._site = _SiteAgenda()
        self._turn: deque[RollUp] = deque()

    def follow(self, shares: Mapping[str, Share]) -> None:
        """Sum up these assets from now on, and the lines on which they stand."""
        for share in shares.values():
            share.on_touch.clear()
        waiting = {name: share.take_touches() for name, share in shares.items()}
        names = list(dict.fromkeys(share.line for share in shares.values()))
        before, self._rollups = self._away | self._rollups, {}
        self._site.lines.clear()
        for line in names:
            place, agenda = (line, LINE), self._agendas.setdefault(line, _LineAgenda())
            agenda.shares = [share for share in shares.values() if line in share.lines()]
            self._rollups[place] = before.get(place) or self._rollup(place, line, agenda)
            self._site.lines.append(agenda)
        if names:
            place = SITE, SITE
            site = before.get(place) or self._rollup(place, None, self._site)
            self._rollups[place] = site
        for place, rollup in self._rollups.items():
            rollup.follow(list(shares.values()))
            for record in self._told.pop(place, ()):
                rollup.recall(record)
        # A line that comes back goes on with the revisions of what it told.
        self._away = {place: of for place, of in before.items() if place not in self._rollups}
        for (line, _asset), rollup in self._away.items():
            rollup.follow([])
            if line in self._agendas:
                self._agendas[line].shares = []
        _allot(shares)
        self._turn = deque(self._rollups.values())
        self._planned()
        for name, touches in waiting.items():
            for touch in touches:
                shares[name].touch(*touch)

    def recall(self, record: Record) -> None:
        """Take up a statement made earlier, before assets take up their logs."""
        rollup = self._rollups.get((record.line, record.asset))
        if rollup is not None:
            rollup.recall(record)
        elif record.asset in {LINE, SITE}:
            self._told.setdefault((record.line, record.asset), []).append(record)

    def resume(self, now_ms: int) -> None:
        """Take up the rest, once assets and statements are there."""
        for rollup in self._turn:
            rollup.resume(now_ms)
        self._planned()

    def advance(self, now_ms: int) -> list[Draft]:
        """Close and restate what is due; what is more than enough for one call waits."""
        budget = Budget(ENOUGH)
        drafts: list[Draft] = []
        for _turn in range(len(self._turn)):
            drafts += self._turn[0].advance(now_ms, budget)
            self._turn.rotate(-1)
            if budget.left <= 0:
                break
        return drafts

    @property
    def due(self) -> int:
        """When `advance` next has something to do, as far as is known now."""
        return min((rollup.due for rollup in self._turn), default=ALWAYS)

    def finish(self) -> list[Draft]:
        """Close what is over of all assets, where nothing more will ever be read."""
        return [draft for rollup in self._turn for draft in rollup.finish()]

    def move(self, since: int, now_ms: int) -> None:
        """Look at all windows anew: logs were shifted from a time on."""
        for rollup in self._turn:
            rollup.move(since, now_ms)

    def _rollup(self, place: tuple[str, str], line: str | None, agenda: Agenda) -> RollUp:
        """One that sums up; the first loads what does it: who has no figures spares that."""
        from gateway.rollup.rollup import RollUp  # noqa: PLC0415

        return RollUp(place, line, agenda, self._grace)

    def _planned(self) -> None:
        """Every line knows of plans that changed."""
        for rollup in self._turn:
            for share in rollup.shares:
                share.replanned = None

    def places(self) -> Sequence[tuple[str, str]]:
        """Line and asset of each."""
        return list(self._rollups)


def _allot(shares: Mapping[str, Share]) -> None:
    if shares:
        from gateway.rollup.allocation import allot  # noqa: PLC0415 - as in `_rollup`

        allot(shares)
