"""The state to tell: the machine's own, or the planned stop that somebody declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from gateway.figures.statement import state_fields
from gateway.figures.states import PLANNED_STOP, STOPS
from gateway.model import Draft

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.figures.journal import Journal
    from gateway.figures.presence import Presence
    from gateway.model import Asset

_HAS_REASON = STOPS | {PLANNED_STOP, "setup"}
"""States that people give a reason for; what is unknown has one of its own."""


class Shown(NamedTuple):
    """What was told of a state, but for its times: another one is news.

    Attributes:
        reason: as somebody said it; "" where nobody did.
    """

    word: str
    reason: str = ""
    order: str = ""

    @classmethod
    def recall(cls, fields: Mapping[str, str]) -> Shown:
        """Take up what a state record told."""
        word = fields["state"]
        reason = fields.get("reason", "") if word in _HAS_REASON else ""
        return cls(word, reason, fields.get("order", ""))


def shown_of(presence: Presence, journal: Journal) -> tuple[Shown, int, str]:
    """What is to be told now.

    Returns:
        It, since when in UTC ms, and the machine's side of the reason, or "".
    """
    word, since, why = presence.shown()
    planned = journal.planned_stop
    place = len(planned) - 1
    if place >= 0 and planned.values[place]:
        while place and planned.values[place - 1]:
            place -= 1  # said twice
        word, since, why = PLANNED_STOP, planned.times[place], ""
    elif place > 0 and planned.values[place - 1]:
        since = max(since, planned.times[place])
    order = journal.order.values[-1] if journal.order.times else ""
    reason = ""
    if word in _HAS_REASON and journal.reason.times and journal.reason.times[-1] >= since:
        reason = journal.reason.values[-1]
    return Shown(word, reason, order), since, why


def draft_of(asset: Asset, shown: Shown, before: str, since: int, why: str, now_ms: int) -> Draft:
    """A state record.

    Args:
        asset: whose.
        shown: what to tell.
        before: the state told before, or "".
        since: when it began, UTC ms.
        why: the machine's side of the reason.
        now_ms: UTC ms.
    """
    prev = before if before != shown.word else ""
    fields = state_fields(shown.word, since, prev, shown.reason or why, shown.order)
    return Draft("state", asset.line, asset.name, now_ms, orjson.dumps(fields))
