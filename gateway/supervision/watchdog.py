"""Feeds the supervisor's watchdog while everything that is due gets on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway.supervision.moving import LIMIT_S, Moving, Part, of_publisher, of_store
from gateway.supervision.notify import ALIVE, READY, STOPPING, Supervisor, status
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gateway.clock import Clock
    from gateway.publishers.base import Publisher
    from gateway.store import Store

log = logging.getLogger("nxgate.agent")

READY_S = 1.0
"""Who waits for this would end a service that didn't get it said."""


class Watchdog:
    """Looks at the parts once a second.

    Args:
        supervisor: who is told.
        clock: the monotonic one counts.
        store: whose commits are watched.
        polls: of each link, and of what tells when polls fall due: name, whether something is
            due, and what differs once it is done.
        publishers: by name.

    Attributes:
        stuck: names of the parts that don't get on.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        clock: Clock,
        store: Store,
        polls: Callable[[], Iterable[tuple[str, bool, object]]],
        publishers: Callable[[], Mapping[str, Publisher]],
    ) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._store = store
        self._polls = polls
        self._publishers = publishers
        self._moving = Moving()
        self.stuck: list[str] = []

    def ready(self) -> None:
        """Everything has been begun."""
        self._supervisor.tell(READY, ALIVE, status(_("running")), patience_s=READY_S)

    def stopping(self) -> None:
        """The stop has begun, and takes its time."""
        self._supervisor.tell(STOPPING, status(_("stopping")))

    def look(self) -> None:
        """Feed the watchdog, or say once why it goes hungry."""
        stuck = self._moving.look(self._parts(), self._clock.mono_ns())
        if stuck != self.stuck:
            self.stuck = stuck
            self._tell()
        if not stuck:
            self._supervisor.tell(ALIVE)

    def _tell(self) -> None:
        if not self.stuck:
            self._supervisor.tell(status(_("running")))
            return
        text = _("nothing has moved for {seconds:.0f} s: {parts}; the watchdog is not fed any more")
        said = text.format(seconds=LIMIT_S, parts=", ".join(self.stuck))
        log.error("%s", said)
        self._supervisor.tell(status(said))

    def _parts(self) -> Iterator[Part]:
        yield from (Part(*seen) for seen in self._polls())
        yield from of_store(self._store)
        for publisher in self._publishers().values():
            yield from of_publisher(publisher)
