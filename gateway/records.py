"""Where all records of a gateway go: into the store, and at once to every publisher."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from gateway.contract import OWN_LINE, event
from gateway.ids import record_id
from gateway.publishers.splitting import fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.clock import Clock
    from gateway.destinations import Destinations
    from gateway.ledger import Ledger
    from gateway.model import Draft
    from gateway.store import Dropped, Store

UNSYNC = b'{"clock":"unsync",'


def mark(draft: Draft) -> Draft:
    """Say of a draft that its times are uncertain, as the contract's envelope has it."""
    if draft.body.startswith(UNSYNC):  # a part of a record that was too large, and marked
        return draft
    return dataclasses.replace(draft, body=UNSYNC + draft.body[1:])


class Records:
    """Takes drafts from every room that makes some.

    Args:
        store: numbers and keeps them.
        ledger: its log lines belong into the same commit.
        destinations: get them as soon as they have a number.
        clock: for the gateway's own events.
    """

    def __init__(
        self, store: Store, ledger: Ledger, destinations: Destinations, clock: Clock
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._destinations = destinations
        self._clock = clock
        store.on_drop.append(self._declare)

    def keep(self, drafts: Sequence[Draft]) -> None:
        """Store and offer drafts, in their order, with what the ledger has to log."""
        if not self._clock.trusted():
            drafts = [mark(draft) for draft in drafts]
        drafts = fit(drafts, self._destinations.most_body)
        self._destinations.offer(self._store.append(drafts, self._ledger.take_log()))

    def event(self, kind: str, data: Mapping[str, object]) -> None:
        """Tell an event of the gateway itself, e.g. `gap`; now is when it happened."""
        gateway, now_ms = self._store.gateway, self._clock.wall_ns() // 1_000_000
        self.keep([event(kind, OWN_LINE, gateway, now_ms, data)])

    def _declare(self, dropped: Dropped) -> None:
        """Tell the platform which records it will never get, and what there is in their place."""
        if dropped.parts:
            self.keep(dropped.parts)
        gateway = self._store.gateway
        self.event(
            "gap",
            {
                "publisher": dropped.publisher,
                "from": record_id(gateway, dropped.first),
                "to": record_id(gateway, dropped.last),
                "t0": dropped.t0_ms,
                "t1": dropped.t1_ms,
                "class": dropped.cls,
                "count": dropped.count,
                "reason": dropped.reason,
            },
        )
