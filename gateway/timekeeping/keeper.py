"""The one authority for wall time in the process.

Its time is time since boot plus an offset, so nobody who sets the system's clock makes it leap:
what was polled ten seconds apart lies ten seconds apart. Once a second the system's clock is
looked at:

- It agrees, to within `STEP_NS`: small differences are walked off, too slowly for any time to
  come twice. The time is trusted where someone vouches for it (`evidence`), or did so earlier in
  this boot: a quartz doesn't go wrong by years because a time server is out of reach.
- It was set: the process keeps its own time and marks it as uncertain until the new one is
  vouched for. Then the offset is changed, once, and whoever keeps times is told by how much those
  of this stretch were wrong. Where nobody ever vouches the new time is followed all the same,
  soon if the old one wasn't trusted either, late if it was; it stays marked.

What was found out is kept in the store with the records (`noted`), so that a later process of the
same boot can still correct them. Of an earlier boot nobody can know: that is said, not guessed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway.clock import DAWN_NS
from gateway.timekeeping.evidence import Backing
from gateway.timekeeping.spans import Finding, Spans
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.timekeeping.evidence import System

log = logging.getLogger("nxgate.clock")

FORMAT = 1
"""Of what is noted; another version's note is passed over."""
NEVER_NS = -1
MS, S = 1_000_000, 1_000_000_000
STEP_NS = 2 * S
"""A larger difference means that the clock was set; a leap second is not one."""
WALK_NS = 20 * MS
"""Walked off in one look: a fiftieth, so that times still only grow."""
FOLLOW_NS = 10 * S
"""How long a clock that was set must stand before it is followed, where one of old and new time
is known to be no worse than the other."""
RELUCTANT_NS = 600 * S
"""The same, where the old time was trusted and nobody vouches for the new one."""
PATIENCE_NS = 120 * S
"""Time since boot during which a time server is waited for, rather than believe a hardware
clock."""
HOLD_NS = 900 * S
"""How long windows are kept open for the right time to come."""
MOVES = 8
"""Changes of the time that a restart can still unravel."""
KNOWN_EVERY_MS = 60_000
"""How often the time is noted that a later start can't lie before."""


@dataclass(frozen=True, slots=True)
class Move:
    """Times from `since_ms` on, on the old time, are `delta_ms` later on the new one."""

    since_ms: int
    delta_ms: int


@dataclass(frozen=True, slots=True)
class Look:
    """What came of looking at the system's clock.

    Attributes:
        move: how the process's time has changed, or None.
        findings: what is to be told of records made before.
    """

    move: Move | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class TimeStatus:
    """How the time fares, for displays and for an alarm.

    Attributes:
        trusted: what `Timekeeper.trusted` says.
        since_ms: UTC ms since when it is so.
        doubt: why it is not trusted, or "".
        source: who vouched for it: `ntp` | `rtc` | `site`, or "".
        apart_ms: the system's clock minus the time in use.
    """

    trusted: bool
    since_ms: int
    doubt: str
    source: str
    apart_ms: int


class Timekeeper:
    """A clock (gateway/clock.py) that knows how far it can be trusted.

    Args:
        system: the machine's own clocks.
        vouched: the site vouches for the system's clock, whatever the system knows of it.

    Attributes:
        moved_ns: when its time was last changed, on the monotonic clock.
    """

    def __init__(self, system: System, *, vouched: bool = False) -> None:
        self._system = system
        self._vouched = vouched
        now_ns = system.steady_ns()
        self._observed = self._offset = system.wall_ns() - now_ns
        self._spans = Spans(system.boot)
        self._since_ms = self._known_ms = 0
        self._moves: list[tuple[int, int, int]] = []
        self._doubted: int | None = None
        self._stands: tuple[int, int] | None = None
        self._synced = system.is_synchronised()
        self._source = self._voucher()
        self._trusted = self._held = bool(self._source)
        self._changed_ns = now_ns
        self.moved_ns = NEVER_NS

    # The clock

    def wall_ns(self) -> int:
        """UTC nanoseconds since 1970, as far as is known."""
        return self._system.steady_ns() + self._offset

    def mono_ns(self) -> int:
        """Nanoseconds that never step and never run backwards."""
        return self._system.mono_ns()

    def at(self, mono_ns: int) -> int:
        """UTC nanoseconds of a time on the monotonic clock, by what is known now."""
        return self.wall_ns() - self.mono_ns() + mono_ns

    def trusted(self) -> bool:
        """False while nobody knows whether the wall clock is right."""
        return self._trusted

    def doubt(self) -> str:
        """Why it isn't trusted and what to do about it, for people; "" while it is."""
        return "" if self._trusted else self._reason()

    # What it does

    def begin(self, noted: Mapping[str, Any], next_key: int) -> tuple[Finding, ...]:
        """Take up what earlier processes noted, before the first record is made.

        Returns:
            Records of an earlier boot of which nobody will know how wrong their times are.
        """
        lost: list[Finding] = []
        if noted.get("format") != FORMAT:
            noted = {}
        known_ms = int(noted.get("known", 0))
        self._moves = [tuple(move) for move in noted.get("moves", ())]
        if noted.get("boot") == self._system.boot:
            self._offset, self._doubted = noted["offset"], noted["doubted"]
            self._held, self._source = noted["held"], noted["source"]
            self._since_ms = noted["since"] or self._now_ms()
            self._spans.recall(noted["spans"])
        else:
            if noted:
                before = Spans(noted["boot"])
                before.recall(noted["spans"])
                lost = before.unknown(next_key)
            least_ms = max(known_ms, DAWN_NS // MS)
            if self._observed_ms() < least_ms and self._source not in {"ntp", "site"}:
                # Later than whatever the store has, so that nothing is lived twice.
                self._doubted, self._held = self._observed, False
                self._offset += (least_ms + 2 * KNOWN_EVERY_MS - self._observed_ms()) * MS
            self._since_ms = self._now_ms()
        self._trusted = self._held and self._agrees(self._offset)
        given_up = self._spans.begin(next_key, self._offset_ms, marked=not self._trusted)
        self._tell()
        return (*lost, *given_up)

    def look(self, next_key: int) -> Look:
        """Look at the system's clock; about once a second.

        Args:
            next_key: of the record made next.
        """
        self._observed = self._system.wall_ns() - self._system.steady_ns()
        self._synced = self._observed_ms() >= DAWN_NS // MS and self._system.is_synchronised()
        move = None
        if self._agrees(self._offset):
            self._stands = None
            if self._synced or not self._held:
                self._source = self._voucher()
                self._held = bool(self._source)
            self._offset += max(-WALK_NS, min(WALK_NS, self._observed - self._offset))
            trusted = self._held
        elif self._is_to_follow():
            move = self._follow(next_key)
            trusted = self._held
        else:
            trusted = False
        was, self._trusted = self._trusted, trusted
        findings: list[Finding] = []
        if trusted:
            findings += self._spans.settle(next_key, self._offset_ms)
        if move is not None or trusted != was:
            findings += self._spans.begin(next_key, self._offset_ms, marked=not trusted)
        if trusted and self._synced:
            self._spans.confirm(next_key, self._offset_ms)
            self._since_ms = self._now_ms()
        if trusted != was:
            self._changed_ns = self._system.steady_ns()
            self._tell()
        return Look(move, tuple(findings))

    def noted(self) -> dict[str, object]:
        """What a later process needs to know; changes once a minute and with every finding."""
        now_ms = self._now_ms()
        if not self._known_ms <= now_ms < self._known_ms + KNOWN_EVERY_MS:
            self._known_ms = now_ms
        is_right = self._trusted and self._synced
        return {
            "format": FORMAT,
            "boot": self._system.boot,
            "offset": self._offset,
            "doubted": self._doubted,
            "held": self._held,
            "source": self._source,
            "since": 0 if is_right else self._since_ms,
            "known": self._known_ms,
            "spans": [] if is_right else self._spans.spell(),
            "moves": self._moves,
        }

    def status(self) -> TimeStatus:
        """How the time fares now."""
        return TimeStatus(
            trusted=self._trusted,
            since_ms=(self._changed_ns + self._offset) // MS,
            doubt=self.doubt(),
            source=self._source,
            apart_ms=(self._observed - self._offset) // MS,
        )

    @property
    def waits(self) -> bool:
        """Whether what depends on the right hour should be put off: it may be known soon."""
        return not self._trusted and self._system.steady_ns() - self._changed_ns < HOLD_NS

    def moved(self, since_ms: int) -> tuple[int, int] | None:
        """Which lines of a log had times of their own when they were written.

        Returns:
            A key and a time: lines of the key's epoch or a later one, with a time at or after
            that one, may belong to the time from `since_ms` on. None: every line's time tells.
        """
        first, later, most = 0, 0, 0
        for begin, at_ms, delta_ms in reversed(self._moves):
            if at_ms >= since_ms:
                first, later = begin, later + delta_ms
                most = max(most, later)
        return (first, since_ms - most) if most else None

    # How it does it

    @property
    def _offset_ms(self) -> int:
        return self._offset // MS

    def _now_ms(self) -> int:
        return self.wall_ns() // MS

    def _observed_ms(self) -> int:
        """What the system's clock says now."""
        return (self._system.steady_ns() + self._observed) // MS

    def _agrees(self, offset: int) -> bool:
        return abs(self._observed - offset) <= STEP_NS

    def _voucher(self) -> str:
        """Who vouches for the system's clock; "" where nobody does."""
        if self._observed_ms() < DAWN_NS // MS:
            return ""
        if self._synced:
            return "ntp"
        if self._vouched:
            return "site"
        if self._system.steady_ns() < PATIENCE_NS or self._is_doubted():
            return ""
        return "rtc" if self._system.backing() is Backing.AGREES else ""

    def _is_doubted(self) -> bool:
        """Whether the system's clock is still one that began before what the store has."""
        return self._doubted is not None and self._agrees(self._doubted)

    def _is_to_follow(self) -> bool:
        """Whether a clock that was set has stood long enough."""
        now_ns = self._system.steady_ns()
        if self._stands is None or not self._agrees(self._stands[0]):
            self._stands = self._observed, now_ns
        if self._voucher():
            wait_ns = FOLLOW_NS if self._held else 0
        elif self._is_doubted() or self._observed_ms() < DAWN_NS // MS:
            return False
        else:
            wait_ns = RELUCTANT_NS if self._held else FOLLOW_NS
        return now_ns - self._stands[1] >= wait_ns

    def _follow(self, next_key: int) -> Move:
        move = Move(self._since_ms, (self._observed - self._offset) // MS)
        self._offset = self._observed
        self.moved_ns = self._system.mono_ns()
        self._source = self._voucher()
        self._held = bool(self._source)
        self._stands = self._doubted = None
        now_ms, since_ms = self._now_ms(), self._since_ms
        self._since_ms += move.delta_ms
        first = self._spans.first(next_key)
        moves = [
            (begin, at_ms + move.delta_ms if at_ms >= since_ms else at_ms, delta_ms)
            for begin, at_ms, delta_ms in self._moves
        ]
        self._moves = [*moves, (first, now_ms, move.delta_ms)][-MOVES:]
        text = _("the clock was set by {seconds} s; times since {since} are corrected by that")
        log.warning(text.format(seconds=move.delta_ms // 1000, since=_spell(since_ms)))
        return move

    def _tell(self) -> None:
        """Log whether the time is trusted; where it changed."""
        if self._trusted:
            log.info(_("the clock is right ({source})").format(source=self._source))
        else:
            log.warning("%s", self._reason())

    def _reason(self) -> str:
        """Why the time isn't trusted, and what to do."""
        shown = _spell(self._observed_ms())
        if self._observed_ms() < DAWN_NS // MS:
            return _(
                "the clock was never set (it says {shown}): give the box a time server, or set"
                " its clock with timedatectl"
            ).format(shown=shown)
        if self._is_doubted():
            return _(
                "the clock says {shown}, which is before the newest record: give the box a time"
                " server, or set its clock with timedatectl while the gateway runs"
            ).format(shown=shown)
        if not self._agrees(self._offset):
            return _(
                "the clock was set to {shown}, and nothing confirms that; the gateway keeps its"
                " own time: {kept}"
            ).format(shown=shown, kept=_spell(self._now_ms()))
        if self._system.backing() is Backing.DIFFERS:
            return _(
                "the clock says {shown}, the hardware clock something else: set both with"
                " timedatectl, the hardware clock to UTC"
            ).format(shown=shown)
        if self._system.backing() is Backing.AGREES:
            return _("the clock isn't synchronised yet; the hardware clock will do in a moment")
        return _(
            "the clock isn't synchronised, and there is no hardware clock: give the box a time"
            " server"
        )


def _spell(ms: int) -> str:
    """A time for people, in UTC; what no calendar holds as the number it is."""
    try:
        return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):
        return f"{ms} ms"
