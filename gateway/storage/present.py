"""How things stand: the newest meta, state and alarms, which each new connection begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.model import Place, Record
    from gateway.storage.rows import Current


class Present:
    """Belongs to the event loop.

    Attributes:
        records: by place; the newest may not be committed yet.
        gone: newest statements of what was removed or renamed; to be cleared.
    """

    def __init__(self) -> None:
        self.records: Current = {}
        self.gone: list[Record] = []

    def put(self, record: Record) -> None:
        """Take a record of a class of which the newest says how things stand."""
        self.records[record.place] = record

    def holds(self, record: Record) -> bool:
        """Tell whether a record is still the newest of its place."""
        return self.records.get(record.place) is record

    def retire(self, stands: Callable[[Place], bool]) -> list[Record]:
        """Forget every place that doesn't stand any more, and return what was newest there."""
        places = [place for place in self.records if not stands(place)]
        retired = [self.records.pop(place) for place in places]
        self.gone = [record for record in self.gone if not stands(record.place)] + retired
        return retired

    def share(self, stored: Mapping[Place, Record]) -> None:
        """Hold what stands as the shelf does, packed, and not beside it."""
        for place, record in stored.items():
            mine = self.records.get(place)
            if mine is not None and mine.key == record.key:
                self.records[place] = record
