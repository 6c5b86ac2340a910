"""What figures of several assets may ask of one: its part of a window, and when that changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from gateway.figures.media import ELECTRICITY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from fractions import Fraction

    from gateway.figures.book import Book
    from gateway.figures.eras import Eras
    from gateway.figures.media import Medium
    from gateway.figures.part import Part
    from gateway.figures.statement import Fields
    from gateway.figures.windows import Window
    from gateway.kpi import KpiSpec

Touch = Callable[[int, int, int, int | None], None]
"""Told of figures that change: from, to, the time it is, and only what was told up to then."""


class Allotment(Protocol):
    """What an asset has to do with the energy of machines that several share."""

    def is_settled(self, edge: int, now_ms: int) -> bool:
        """Whether what is in time can no longer change it up to an edge."""

    def told(self, window: Window, now_ms: int) -> Mapping[str, Fraction | None]:
        """Figures of a window, by name."""


class Share:
    """One asset, as its line and its site see it.

    Args:
        name, line: of the asset.
        eras: its figures.
        oee: its windows of pieces and states; None where it has none.
        meters: its windows of each medium.
        tells_of: whether anything of it was logged in a stretch of time.
        makes: whether it makes pieces.
        note_told: logs that figures of several were told, so that a restart knows which entries
            they couldn't know.

    Attributes:
        name, line, makes, note_told: as given.
        agenda: which windows it has.
        opened: windows that end at or before this are none of its; None: all are.
        used_to: up to when figures of several have used its own.
        on_touch: who uses them.
        ended: nothing more will ever be read, and all is told up to here; None: it goes on.
        replanned: from when on its plan is another one than before; None: it isn't.
        was_moved: whether the log that it was restored from had been shifted.
        allotment: what it has to do with shared machines; None: nothing.
    """

    def __init__(
        self,
        name: str,
        line: str,
        eras: Eras,
        oee: Book | None,
        meters: Mapping[Medium, Book],
        tells_of: Callable[[int, int], bool],
        note_told: Callable[[int], None],
        *,
        makes: bool,
    ) -> None:
        self.name = name
        self.line = line
        self.makes = makes
        self.agenda = eras
        self.note_told = note_told
        self.opened: int | None = None
        self.used_to = 0
        self.ended: int | None = None
        self.replanned: int | None = None
        self.was_moved = False
        self.allotment: Allotment | None = None
        self.on_touch: list[Touch] = []
        self._touches: list[tuple[int, int, int, int | None]] = []
        self._eras = eras
        self._tells_of = tells_of
        self._oee = oee
        self._meters = meters

    @property
    def spec(self) -> KpiSpec:
        """Its settings of now."""
        return self._eras.spec

    @property
    def media(self) -> Collection[Medium]:
        """What its meters measure."""
        return self._meters.keys()

    def lines(self) -> set[str]:
        """The lines that it stands or stood on."""
        return self._eras.lines()

    def line_at(self, moment: int) -> str:
        """The line that it stood on just before a moment."""
        return self._eras.line_at(moment)

    def has(self, window: Window) -> bool:
        """Whether a window is one of its own, or would be if it told that kind."""
        return self.opened is not None and self.opened < window.end

    def is_done(self, window: Window, now_ms: int) -> bool:
        """Whether nothing in time can change a window, and its own records of it are told."""
        if self.ended is not None:
            return True
        books = [*([self._oee] if self._oee else []), *self._meters.values()]
        return (
            all(book.is_closed(window.kind, window.end) for book in books)
            and self._eras.is_settled(window.end, now_ms)
            and all(self._eras.is_metered(medium, window.end, now_ms) for medium in self._meters)
        )

    def is_known(self, edge: int, now_ms: int) -> bool:
        """Whether nothing in time can change what it adds up to an edge."""
        return (
            self.ended is not None
            or self.opened is None
            or (
                self._eras.is_settled(edge, now_ms)
                and all(self._eras.is_metered(medium, edge, now_ms) for medium in self._meters)
            )
        )

    def energy_fields(self, medium: Medium, window: Window, now_ms: int) -> Fields | None:
        """What an energy record says; of electricity also what hangs on shared machines."""
        allotment = self.allotment if medium is ELECTRICITY else None
        shared = None if allotment is None else allotment.told(window, now_ms)
        return self._eras.energy_fields(medium, window, now_ms, shared)

    def is_metered(self, medium: Medium, edge: int, now_ms: int) -> bool:
        """Whether nothing in time can change what such a record says up to an edge."""
        allotment = self.allotment if medium is ELECTRICITY else None
        is_settled = allotment is None or allotment.is_settled(edge, now_ms)
        return is_settled and self._eras.is_metered(medium, edge, now_ms)

    def touch_energy(self, start: int, end: int, now_ms: int, seen_ms: int | None) -> None:
        """Have its windows of electricity told again: what it is given of others' has changed."""
        book = self._meters.get(ELECTRICITY)
        if book is not None:
            book.touch(start, end, now_ms, seen_ms)

    def is_at_hand(self, window: Window) -> bool:
        """Whether a window's sums need not be made anew."""
        return self._eras.is_at_hand(window)

    def part(self, window: Window, now_ms: int) -> Part:
        """What it adds; whoever is in `on_touch` is told of late data from now on."""
        self.used_to = max(self.used_to, window.end)
        return self._eras.part(self.name, window, now_ms)

    def touch(self, start: int, end: int, now_ms: int, seen_ms: int | None) -> None:
        """Tell who uses it that its figures of [start, end) change."""
        for touch in self.on_touch:
            touch(start, end, now_ms, seen_ms)
        if not self.on_touch:
            self._touches.append((start, end, now_ms, seen_ms))

    def replan(self, start: int, end: int, now_ms: int, seen_ms: int | None) -> None:
        """Tell who uses it that its plan of [start, end) is another one."""
        self.replanned = start if self.replanned is None else min(self.replanned, start)
        self.touch(start, end, now_ms, seen_ms)

    def take_touches(self) -> list[tuple[int, int, int, int | None]]:
        """What changed while nobody was there to be told."""
        taken, self._touches = self._touches, []
        return taken

    def tells_of(self, start: int, end: int) -> bool:
        """Whether anything of it was logged in [start, end)."""
        return self._tells_of(start, end)
