"""A link whose questions and answers somebody else is told of, as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gateway.driver import Exchange
from gateway.errors import DecodeError, RequestRefused, RequestTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.modbus.client import Answer, Query
    from drivers.modbus.driver import Asks
    from gateway.clock import Clock
    from gateway.driver import Link

_EXCEPTION = 0x80


class Tapped:
    """All of a link, and an ear at it.

    Args:
        link: of this driver.
        take: told of each question that went out, once its answer is there or its time is over.
        clock: both clocks.
    """

    def __init__(self, link: Link, take: Callable[[Exchange], None], clock: Clock) -> None:
        self._link = link
        self._take = take
        self._clock = clock

    def __getattr__(self, name: str) -> object:
        """What the link itself has."""
        return getattr(self._link, name)

    async def ask(self, query: Query, timeout_s: float) -> Answer:
        """Ask, as the link does, and tell what came; a question that no link carries is not told.

        What came in a form that is no answer counts as none.
        """
        asked_ns, asked_mono_ns = self._clock.wall_ns(), self._clock.mono_ns()

        def told(pdu: bytes | None) -> None:
            took_s = (self._clock.mono_ns() - asked_mono_ns) / 1e9
            self._take(Exchange(self._link.url, asked_ns, query.body, pdu, took_s))

        try:
            answer = await cast("Asks", self._link).ask(query, timeout_s)
        except RequestRefused as error:
            told(bytes((query.function | _EXCEPTION, error.code)))
            raise
        except (RequestTimeout, DecodeError):
            told(None)
            raise
        told(query.echo or bytes((query.function, len(answer[0]))) + answer[0])
        return answer
