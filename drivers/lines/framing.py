"""What a protocol tells a line of its questions and frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable


class Found(NamedTuple):
    """A frame in what came in: data[start:end], and its content."""

    start: int
    end: int
    pdu: bytes


class Query(Protocol):
    """A question, prepared once."""

    @property
    def unit(self) -> Hashable:
        """Who is asked."""

    @property
    def body(self) -> bytes:
        """What is put into a frame."""

    @property
    def mirrors(self) -> bool:
        """Whether the right answer is the question itself."""


Q = TypeVar("Q", bound=Query)


class Framing(Protocol[Q]):
    """One protocol's way of putting questions on a line and of knowing their answers."""

    @property
    def most(self) -> int:
        """Bytes of the longest frame; what is older than that is no answer's."""

    @property
    def stall_s(self) -> float:
        """How long a device may pause within a frame."""

    @property
    def names_refused(self) -> bool:
        """Whether a refusal tells which question it answers."""

    def wrap(self, body: bytes) -> bytes:
        """The frame of a question."""

    def size(self, query: Q) -> int:
        """Bytes of the right answer on the line, about."""

    def find(self, data: bytes | bytearray, query: Q) -> Found | None:
        """The first frame that may be the answer to a question."""

    def find_late(self, data: bytes | bytearray, query: Q) -> Found | None:
        """The same for a question whose time is over: only what can't be another's answer."""

    def read(self, query: Q, pdu: bytes) -> bytes:
        """What an answer says.

        Raises:
            RequestRefused: the device says no.
            DecodeError: it confirms something else than was written.
        """

    def question(self, data: bytes) -> int:
        """The end of the first whole question of any master in some bytes; 0 where none is."""

    def probe(self, unit: Hashable, number: int) -> Q:
        """A question that is answered by any device, in a way that tells it from others."""
