"""A question to a server and its answer, as bytes; no library is needed to prepare the one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from gateway.errors import ConnectionLost


class Question(NamedTuple):
    """A request, prepared: only its header changes.

    Attributes:
        service, answer: ids of the encodings.
        body: behind the request's header.
    """

    service: int
    answer: int
    body: bytes


class Answer(NamedTuple):
    """What a server answered.

    Attributes:
        data, pos: the answer, and where it begins behind its header.
        time_ns, mono_ns: when it arrived, on both clocks.
    """

    data: bytes
    pos: int
    time_ns: int
    mono_ns: int


class Asks(Protocol):
    """A session, for whoever has something to ask."""

    endpoint: str
    reason: str
    is_alive: bool

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """Send a question and wait for its answer.

        Raises:
            ConnectionLost: not open, lost while waiting, or the session is over.
            RequestTimeout: no answer in time.
            RequestRefused: the server refused all of it, with its status code.
            DecodeError: the answer is none to this question.
        """

    def drop(self, reason: str) -> None:
        """End the connection now; whatever waits gets the reason."""

    def lost(self) -> ConnectionLost:
        """The error to raise once it is over."""

    async def close(self) -> None:
        """End the session and the connection; safe to call twice."""
