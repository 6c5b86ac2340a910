"""Judges whether each part of the gateway gets on with what is due.

A part that has something to do and does none of it for `LIMIT_S` is stuck: a mistake of ours,
which a new process may be free of. What others do to us is none: a poll of a silent device ends
with its time-out, a refused commit or connection is an attempt that ended, and each moves its
part. A thread that is in a call to a dead disk is none either: no signal ends that, and a new
process would hang on the same disk (`docs/decisions/0010-*`: polling goes on without it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.publishers.base import Publisher
    from gateway.store import Store

LIMIT_S = 300.0
"""Above the longest that one turn may take: a poll whose blocks each end with a time-out of 60 s,
the longest pause between two attempts at a broker."""
MOST_LOOK_S = 5.0
"""So much a look counts at most: a process that did not run for an hour has not been stuck."""


class Part(NamedTuple):
    """What one part is seen at.

    Attributes:
        name: in words for people.
        is_due: it has something to do.
        mark: differs once it has done any of it.
    """

    name: str
    is_due: bool
    mark: object


class Moving:
    """Follows parts from look to look."""

    def __init__(self) -> None:
        self._still: dict[str, tuple[object, float]] = {}
        self._looked_ns: int | None = None

    def look(self, parts: Iterable[Part], mono_ns: int) -> list[str]:
        """The names of those that are stuck.

        Args:
            parts: all of them, as they are now.
            mono_ns: monotonic time.
        """
        looked_ns = mono_ns if self._looked_ns is None else self._looked_ns
        passed_s = min(MOST_LOOK_S, (mono_ns - looked_ns) / 1e9)
        self._looked_ns = mono_ns
        before, self._still = self._still, {}
        for part in parts:
            if part.is_due:
                mark, still_s = before.get(part.name, (part.mark, -passed_s))
                still_s = still_s + passed_s if mark == part.mark else 0.0
                self._still[part.name] = part.mark, still_s
        return [name for name, (_mark, still_s) in self._still.items() if still_s >= LIMIT_S]


def of_store(store: Store) -> Iterator[Part]:
    """The commits."""
    is_due, attempts = store.commits_due()
    yield Part(_("commits"), is_due, attempts)


def of_publisher(publisher: Publisher) -> Iterator[Part]:
    """The deliveries to one destination; while there is no connection, the attempts at one."""
    told = publisher.status()
    if told.connected:
        # What a refused topic holds back waits for its time; what is in flight never does.
        is_due = bool(told.in_flight or (told.outbox > told.parked and not told.held))
    else:
        is_due = told.attempts > 0
    mark = told.since_ms, told.acked, told.aside, told.answered_ms, told.attempts
    yield Part(_("deliveries of {name}").format(name=publisher.name), is_due, mark)
