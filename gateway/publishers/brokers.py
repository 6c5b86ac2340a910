"""Which broker of a list is tried next, in which version of the protocol, and after which pause.

The list is an order of preference. A connection that holds is kept, whichever broker it is to;
when it ends, the search begins again at the first. The first round through the list takes no
pauses worth mentioning, so that a broker that stands in does so within seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.publishers.backoff import Backoff
from gateway.publishers.causes import SLOW, Cause
from gateway.publishers.dial import Dialer
from gateway.publishers.mqtt_version import MqttVersion

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

SETTLED_S = 10.0
"""A connection that lasted so long was a good one: the back-off starts again."""
SLOW_S = 30.0
"""The least pause after a failure that haste can't mend."""
NEXT_S = 0.5
"""The longest pause before the next broker of the list."""
SHORT_S = 60.0
SHORT_LIVES = 3
"""So many connections in a row that broke within a minute: another client may be taking over."""


ELSEWHERE = frozenset({Cause.UNANSWERED, Cause.HOST})
"""What ends a connection that was good, and yet is no reason to begin again at the first."""


class Brokers:
    """The brokers of one publisher.

    Args:
        urls: in order of preference.
        version: `5`, `3.1.1` or `auto`, found out for each broker by itself.
        chance: source of jitter.

    Attributes:
        cut_s: the pause after the next failure, whose fault no broker is; 0: as the failure asks.
    """

    def __init__(self, urls: Sequence[str], version: str, chance: random.Random) -> None:
        self._urls = tuple(urls)
        self._versions = {url: MqttVersion(version) for url in urls}
        self._dialers = {url: Dialer() for url in urls}
        self._chance = chance
        self._backoff = Backoff(chance)
        self._turn = 0
        self._floor_s = 0.0
        self._short = 0
        self.cut_s = 0.0

    @property
    def url(self) -> str:
        """The broker in use, or to be tried."""
        return self._urls[self._turn]

    @property
    def version(self) -> MqttVersion:
        """Which MQTT to speak to it."""
        return self._versions[self.url]

    @property
    def dialer(self) -> Dialer:
        """Connects to it; of its own, as a name that hangs must not keep us from the others."""
        return self._dialers[self.url]

    def judge(self, cause: str, held_s: float | None) -> str:
        """See more in a cause than one connection tells.

        Args:
            cause: why the connection ended or didn't come about.
            held_s: how long it stood; None: never.
        """
        if cause != Cause.NETWORK or held_s is None or held_s > SHORT_S or self.cut_s:
            self._short = 0
            return cause
        self._short += 1
        return Cause.CONTESTED if self._short >= SHORT_LIVES else cause

    def failed(self, cause: str, held_s: float | None) -> float:
        """Choose what to try next; return seconds to wait before.

        Args:
            cause: why the connection ended or didn't come about.
            held_s: how long it stood; None: never.
        """
        if self.cut_s:
            pause_s, self.cut_s = self.cut_s, 0.0
            return pause_s
        if self.version.failed(cause):
            return 0.0
        if held_s is not None and held_s > SETTLED_S and cause not in ELSEWHERE:
            self._backoff.reset()
            self._turn, self._floor_s = 0, 0.0
            return self._backoff.pause_s()
        if cause in SLOW:
            self._floor_s = SLOW_S
        self._turn = (self._turn + 1) % len(self._urls)
        if self._turn:
            return self._chance.uniform(0.0, NEXT_S)
        floor_s, self._floor_s = self._floor_s, 0.0
        return self._backoff.pause_s(floor_s)
