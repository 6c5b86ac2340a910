"""The look at what a broker has kept, before the first session with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.publishers.brokers import Brokers
    from gateway.publishers.mqtt_client import Connection

LOOK_S = 0.05
"""The least time for a retained status to come after its subscription is granted."""


class Look:
    """Once per broker.

    A connection of its own, without a Will: a Will of a lower epoch would cover up the status that
    tells of the higher one, and a CONNECT without it is one that brokers of version 3.1.1 read far
    enough to refuse, instead of leaving it unanswered.

    Args:
        topic: no wildcards; "": nothing is looked at.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._done: set[str] = set()

    def is_due(self, url: str) -> bool:
        """Tell whether a broker hasn't been looked at."""
        return bool(self._topic) and url not in self._done

    async def at(self, brokers: Brokers, connection: Connection) -> bytes | None:
        """Look, at the broker whose turn it is.

        Returns:
            The retained message, or None.

        Raises:
            BrokerUnavailable: with what came back, and its cause.
        """
        try:
            await connection.open(brokers.dialer)
            brokers.version.worked()
            found = await connection.retained(self._topic, LOOK_S)
            self._done.add(brokers.url)
            await connection.close()
        finally:
            connection.abort()
        return found
