"""A link whose questions and answers somebody else is told of, as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.driver import Exchange
from gateway.errors import DecodeError, RequestRefused, RequestTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.clock import Clock

    Answer = tuple[bytes, int, int]


class Told(Protocol):
    """A question of which the whole answer can be told."""

    @property
    def body(self) -> bytes:
        """What is put into a frame."""

    def whole(self, data: bytes, refused: int = 0) -> bytes:
        """The answer as it came, of what its link made of it, or of the code that it refuses by."""


class Asks(Protocol):
    """A link, as far as it is listened to."""

    url: str

    async def ask(self, query: Told, timeout_s: float) -> Answer:
        """Send one question and wait for its answer."""


class Tapped:
    """All of a link, and an ear at it.

    Args:
        link: of a driver whose questions are `Told`.
        take: told of each question that went out, once its answer is there or its time is over.
        clock: both clocks.
    """

    def __init__(self, link: Asks, take: Callable[[Exchange], None], clock: Clock) -> None:
        self._link = link
        self._take = take
        self._clock = clock

    def __getattr__(self, name: str) -> object:
        """What the link itself has."""
        return getattr(self._link, name)

    async def ask(self, query: Told, timeout_s: float) -> Answer:
        """Ask, as the link does, and tell what came; a question that no link carries is not told.

        What came in a form that is no answer counts as none.
        """
        asked_ns, asked_mono_ns = self._clock.wall_ns(), self._clock.mono_ns()

        def told(answer: bytes | None) -> None:
            took_s = (self._clock.mono_ns() - asked_mono_ns) / 1e9
            self._take(Exchange(self._link.url, asked_ns, query.body, answer, took_s))

        try:
            answer = await self._link.ask(query, timeout_s)
        except RequestRefused as error:
            told(query.whole(b"", error.code))
            raise
        except (RequestTimeout, DecodeError):
            told(None)
            raise
        told(query.whole(answer[0]))
        return answer
