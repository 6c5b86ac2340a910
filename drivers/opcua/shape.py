"""What is done to the values of some nodes, prepared for the types that the server gives them.

A server rarely changes the type of a node, so what goes with kinds and types is settled when an
answer with other types comes, and not at each value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from drivers.opcua import messages, status
from drivers.opcua.convert import SPANS, conversion, fits
from drivers.opcua.decode import ARRAY, Body
from gateway.model import Kind, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from drivers.opcua.columns import Columns
    from drivers.opcua.server import Server
    from gateway.model import Tag, Value

GOOD, BAD = Quality.GOOD, Quality.BAD


class Shaped(NamedTuple):
    """Values of tags.

    Attributes:
        quality: None where all are good.
        refused: tag → why it is bad, where it is said.
    """

    values: list[Value]
    quality: list[Quality] | None
    refused: dict[str, str]


class Shape:
    """Turns columns into values of tags.

    Args:
        tags: in the order in which their values are wanted.
        seats: of each tag, the node's place in the columns.
        parts: of each tag, the way into the node's value.
        endpoint: for messages.
        server: knows how its structures are built, and what its numbers are called.
        ids: of each tag, its node.

    Attributes:
        seats: as given.
        is_straight: each node is one tag's, in their order.
        types: that the server gave last, by tag.
    """

    def __init__(
        self,
        tags: tuple[Tag, ...],
        seats: tuple[int, ...],
        parts: tuple[tuple[int | str, ...], ...],
        endpoint: str,
        server: Server | None = None,
        ids: tuple[bytes, ...] = (),
    ) -> None:
        self._server = server
        self._ids = ids
        self.tags = tags
        self.seats = seats
        self._parts = parts
        self._endpoint = endpoint
        self.is_straight = seats == tuple(range(len(seats))) and not any(parts)
        self.types: tuple[int, ...] = ()
        self._steps: list[tuple[int, Callable[[Any], Value]]] = []
        self._misfits: dict[int, str] = {}
        self._said: dict[tuple[int, int], str] = {}

    def values(self, held: Columns) -> Shaped:
        """One value a tag, and what keeps those from being good that aren't."""
        picked, types = self._pick(held)
        if types != self.types:
            self._prepare(types)
        for place, apply in self._steps:
            value = picked[place]
            if value is not None:
                picked[place] = apply(value)
        if held.statuses is None and None not in picked:
            return Shaped(picked, None, {})
        return self._judged(held.statuses, picked, types)

    def _pick(self, held: Columns) -> tuple[list[Any], tuple[int, ...]]:
        """The value of each tag, and its type."""
        if self.is_straight:
            return list(held.values), held.types
        picked: list[Any] = []
        types: list[int] = []
        for seat, part in zip(self.seats, self._parts, strict=True):
            value, kind = held.values[seat], held.types[seat]
            if part:
                value, kind = self._inside(value, kind, part)
            picked.append(value)
            types.append(kind)
        return picked, tuple(types)

    def _inside(self, value: Any, kind: int, part: tuple[int | str, ...]) -> tuple[Any, int]:  # noqa: ANN401 - what the server gives
        """Go into a value; (None, 0) where it has no such part, or nobody knows how it is built."""
        for step in part:
            if isinstance(step, int):
                if not isinstance(value, list) or step >= len(value):
                    return None, 0
                value = value[step]
                if not isinstance(value, list):
                    kind &= ~ARRAY
                continue
            fields = value
            if isinstance(value, Body):
                fields = self._server.types.fields(value) if self._server else None
            if not isinstance(fields, dict) or step not in fields:
                return None, 0
            kind, value = fields[step]
        return value, kind

    def _prepare(self, types: tuple[int, ...]) -> None:
        """Settle what is to be done to each value, now that the types are known."""
        self.types = types
        self._steps = []
        self._misfits = {}
        for place, (tag, kind) in enumerate(zip(self.tags, types, strict=True)):
            names = self._names(place, kind) if tag.kind is Kind.STRING and kind in SPANS else None
            if names is not None:
                self._steps.append((place, names.get))
            elif kind and not fits(tag, kind):
                self._steps.append((place, _nothing))
                self._misfits[place] = messages.wrong_type(tag, kind)
            elif kind:
                apply = conversion(tag, kind)
                if apply is not None:
                    self._steps.append((place, apply))

    def _names(self, place: int, kind: int) -> Mapping[int, str] | None:
        """What the numbers of a tag's node are called, where that is known."""
        if self._server is None or self._parts[place] or not kind:
            return None
        enumerations = self._server.enumerations
        names = enumerations.names(self._ids[place])
        if self._ids[place] in enumerations.wanted:
            self.types = ()  # to be prepared anew once they are
        return names

    def _judged(
        self, statuses: tuple[int, ...] | None, values: list[Value], types: tuple[int, ...]
    ) -> Shaped:
        """Quality of each; what is bad has no value, and says why."""
        marks = [GOOD] * len(values)
        refused = {}
        for place, tag in enumerate(self.tags):
            code = statuses[self.seats[place]] if statuses is not None else 0
            if code:
                marks[place] = status.quality(code)
                if marks[place] is BAD:
                    values[place] = None
                    refused[tag.name] = self._say(place, code)
            if values[place] is None and marks[place] is not BAD:
                marks[place] = BAD
                refused[tag.name] = self._misfits.get(place) or (
                    messages.valueless(tag) if types[place] else messages.no_part(tag)
                )
        return Shaped(values, marks if any(marks) else None, refused)

    def _say(self, place: int, code: int) -> str:
        """What a status means for a tag; put into words once."""
        text = self._said.get((place, code))
        if text is None:
            text = messages.bad_status(self.tags[place], code, self._endpoint)
            self._said[place, code] = text
        return text


def _nothing(_raw: object) -> Value:
    """In place of a value that is of no use to its tag."""
    return None
