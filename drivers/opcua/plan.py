"""A group of tags: which nodes they want, and what became of each in the session of today."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from drivers.opcua import encode, messages
from drivers.opcua.columns import Rows
from drivers.opcua.exchange import Question
from drivers.opcua.node import place_of
from drivers.opcua.resolve import NO_SPACE
from drivers.opcua.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from drivers.opcua.node import Node
    from drivers.opcua.resolve import Found
    from drivers.opcua.server import Server
    from gateway.model import Tag

NAMESPACE_ARRAY = encode.node_id(0, "i", 2255)
RETRY_FIRST_S, RETRY_CAP_S = 1.0, 60.0
"""A node that the server lacks is asked for again after so long, doubling up to the cap."""


@dataclass(slots=True, eq=False)
class Seat:
    """One node of a plan.

    Attributes:
        tags: places of the tags that are read from it.
        id: encoded, in the session of today; None: it is not to be had.
        code: why it is not.
        failures, retry_ns: how often it was not, and when to look again.
    """

    node: Node
    tags: tuple[int, ...]
    id: bytes | None = None
    code: int = 0
    failures: int = 0
    retry_ns: int = 0


class Read(NamedTuple):
    """One request.

    Attributes:
        places: of the tags that it serves, in the order of its shape.
        rows: what its last answer looked like.
        is_last: the namespaces are asked for too, so that they are those of all before it.
    """

    question: Question
    seats: tuple[Seat, ...]
    places: tuple[int, ...]
    shape: Shape
    rows: Rows
    is_last: bool


@dataclass(slots=True, eq=False)
class UaPlan:
    """A group of tags, prepared.

    Attributes:
        tags: in the order of the values.
        seats: its nodes, each once.
        refused: tag → why it is bad.
        server: in whose session they are resolved.
        reads: one poll; None: to be made.
        aside: nodes that are not to be had for now.
        tried: nodes that were not, and are looked at again.
    """

    tags: tuple[Tag, ...]
    seats: tuple[Seat, ...]
    parts: tuple[tuple[int | str, ...], ...]
    refused: dict[str, str] = field(default_factory=dict)
    server: Server | None = None
    reads: list[Read] | None = None
    aside: list[Seat] = field(default_factory=list)
    tried: list[Seat] = field(default_factory=list)

    @classmethod
    def of(cls, tags: tuple[Tag, ...]) -> UaPlan:
        """Find the nodes of some tags."""
        wanted: dict[Node, list[int]] = {}
        places = [place_of(tag) for tag in tags]
        for index, place in enumerate(places):
            wanted.setdefault(place.node, []).append(index)
        seats = tuple(Seat(node, tuple(indices)) for node, indices in wanted.items())
        return cls(tags, seats, tuple(place.part for place in places))

    def unresolved(self, server: Server, now_ns: int) -> list[Seat]:
        """The nodes that are to be found now: all in a new session, else those whose time came."""
        if self.server is not server:
            for seat in self.seats:
                seat.id, seat.code, seat.failures, seat.retry_ns = None, 0, 0, 0
            self.server = server
            self.aside, self.tried, self.reads = [], [], None
            return list(self.seats)
        return [seat for seat in self.aside if now_ns >= seat.retry_ns]

    def resolved(self, seats: Iterable[Seat], found: Mapping[Node, Found], now_ns: int) -> None:
        """Take what was found of some nodes."""
        for seat in seats:
            what = found[seat.node]
            if not isinstance(what, bytes):
                self.set_aside(seat, what, now_ns)
                continue
            seat.id = what
            self.reads = None
            if seat.failures:
                self.aside.remove(seat)
                self.tried.append(seat)

    def set_aside(self, seat: Seat, code: int, now_ns: int) -> None:
        """Ask for a node no more for a while, because the server hasn't it."""
        seat.id, seat.code = None, code
        delay_s = min(RETRY_CAP_S, RETRY_FIRST_S * 2 ** min(seat.failures, 10))
        seat.failures += 1
        seat.retry_ns = now_ns + round(delay_s * 1e9)
        if seat not in self.aside:
            self.aside.append(seat)
        self.reads = None

    def settle(self) -> None:
        """Forget the failures of nodes that were tried again and held."""
        for seat in self.tried:
            if seat.id is not None:
                seat.failures = 0
        self.tried = []

    def requests(self, at_once: int, endpoint: str) -> list[Read]:
        """What is to be asked, so many nodes at once; the namespaces with the last of it."""
        if self.reads is None:
            seats = [seat for seat in self.seats if seat.id is not None]
            some = [seats[start : start + at_once] for start in range(0, len(seats), at_once)]
            if not some or len(some[-1]) == at_once:
                some.append([])
            last = len(some) - 1
            self.reads = [
                self.request(part, endpoint, is_last=index == last)
                for index, part in enumerate(some)
            ]
        return self.reads

    def request(self, seats: Sequence[Seat], endpoint: str, *, is_last: bool) -> Read:
        """Ask for some nodes."""
        nodes = [seat.id for seat in seats if seat.id is not None]
        body = encode.read([*nodes, NAMESPACE_ARRAY] if is_last else nodes)
        places, shape = self.shape(seats, endpoint)
        question = Question(encode.READ, encode.READ_ANSWER, body)
        return Read(question, tuple(seats), places, shape, Rows(), is_last)

    def halves(self, read: Read, endpoint: str) -> list[Read]:
        """A request as two."""
        middle = (len(read.seats) + 1) // 2
        parts = (read.seats[:middle], read.seats[middle:])
        return [
            self.request(parts[0], endpoint, is_last=False),
            self.request(parts[1], endpoint, is_last=read.is_last),
        ]

    def shape(self, seats: Sequence[Seat], endpoint: str) -> tuple[tuple[int, ...], Shape]:
        """The tags that some nodes give, by their order, and what is done to their values."""
        places = sorted((tag, index) for index, seat in enumerate(seats) for tag in seat.tags)
        tags = tuple(tag for tag, _index in places)
        shape = Shape(
            tuple(self.tags[tag] for tag in tags),
            tuple(index for _tag, index in places),
            tuple(self.parts[tag] for tag in tags),
            endpoint,
            self.server,
            tuple(seats[index].id or b"" for _tag, index in places),
        )
        return tags, shape

    def lacking(self, endpoint: str) -> dict[str, str]:
        """What there is to say of the nodes that are not to be had."""
        said = {}
        for seat in self.aside:
            for place in seat.tags:
                tag = self.tags[place]
                said[tag.name] = (
                    messages.no_namespace(tag, self._missing(seat.node), endpoint)
                    if seat.code == NO_SPACE
                    else messages.bad_status(tag, seat.code, endpoint)
                )
        return said

    def _missing(self, node: Node) -> str:
        """The namespaces of a node that the server lacks."""
        names = node.name if isinstance(node.name, tuple) else ((node.space, ""),)
        server = self.server
        lacking = [
            str(space) for space, _name in names if server is None or server.index(space) is None
        ]
        return ", ".join(dict.fromkeys(lacking))
