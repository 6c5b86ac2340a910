"""Ids that are missing: found, waited for, asked for again, and in the end explained.

Within an epoch the sequence has no holes but those that are declared (docs/platform.md, rule 3).
What shared subscriptions bring comes in any order, so a hole is one only after a while.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, NamedTuple

from .contract import MAX_SEQ, ROOT, Id
from .storing import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .database import Database

PATIENCE_MS = 90_000
"""What is late but under way gets so long: the backlog begins up to a minute after a connect."""
TRIES = 6
"""Each after twice the pause of the one before: what comes again may go to a subscriber of the
group that is dead, for as long as the broker keeps its session."""
NEAR = 100
"""Holes so many ids apart are asked for as one range: what is stored already does no harm."""
MOST_REQUESTS = 8
EXPIRES_MS = 60_000
WHERE = "(cluster, enterprise, site, gateway) = (?, ?, ?, ?)"

Gateway = tuple[str, str, str, str]
"""Cluster, enterprise, site and name."""


class Request(NamedTuple):
    """A command to be published, at QoS 1 and not retained."""

    topic: str
    payload: str


class Holes:
    """Of all gateways.

    Args:
        database: shared with the other subscribers: one of them asks, whichever comes first.
        key: signs requests; None: the gateways take unsigned ones.
        patience_ms: how old a hole is before it is asked for.
    """

    def __init__(
        self, database: Database, key: str | None = None, patience_ms: int = PATIENCE_MS
    ) -> None:
        self._db = database
        self._key = key
        self._patience_ms = patience_ms
        self._looked: dict[tuple[str, str, str, str, int], int] = {}

    def look(self) -> list[Request]:
        """Note new holes, forget those that are filled; return what is to be asked for now."""
        requests: list[Request] = []
        with self._db.transaction():
            for cluster, enterprise, site, gateway, online, since in self._db.rows(
                "SELECT cluster, enterprise, site, gateway, online, since FROM gateways"
            ):
                of = (cluster, enterprise, site, gateway)
                self._note(of)
                if online and now_ms() - since >= self._patience_ms:
                    requests += self._ask(of)
        return requests

    def _note(self, of: Gateway) -> None:
        """Bring the list of holes to what is stored now; what is known of one that stays, stays."""
        known = {
            (epoch, first): last
            for epoch, first, last in self._db.rows(
                f"SELECT epoch, first, last FROM holes WHERE {WHERE}", of
            )
        }
        now = {(epoch, first): last for epoch, first, last in self._missing(of, known)}
        for epoch, first in known.keys() - now.keys():
            self._db.run(
                f"DELETE FROM holes WHERE {WHERE} AND (epoch, first) = (?, ?)", (*of, epoch, first)
            )
        for (epoch, first), last in now.items():
            if known.get((epoch, first)) != last:
                self._db.run(
                    "INSERT INTO holes VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '')"
                    " ON CONFLICT (cluster, enterprise, site, gateway, epoch, first)"
                    " DO UPDATE SET last = excluded.last",
                    (*of, epoch, first, last, now_ms()),
                )

    def _missing(
        self, of: Gateway, known: Mapping[tuple[int, int], int]
    ) -> Iterator[tuple[int, int, int]]:
        """Epoch, first and last of each run of ids that is not stored.

        What came before the first id ever heard is not missed. The end of an epoch can't be
        seen: where another follows, whatever is left of it is asked for, and mostly there is
        nothing. Looked through are the holes known, and what is stored above them.
        """
        epochs = self._db.rows(
            f"SELECT epoch, lowest, highest FROM epochs WHERE {WHERE} ORDER BY epoch", of
        )
        for number, (epoch, lowest, highest) in enumerate(epochs):
            if number and lowest > 1:
                yield epoch, 1, lowest - 1
            above: int = self._looked.get((*of, epoch)) or lowest
            for (in_epoch, first), hole_last in known.items():
                if in_epoch == epoch and lowest < first and hole_last < above:
                    yield from self._between(of, epoch, first - 1, hole_last + 1)
            yield from self._between(of, epoch, above, highest)
            self._looked[(*of, epoch)] = highest
            if number + 1 < len(epochs):
                yield epoch, highest + 1, MAX_SEQ

    def _between(
        self, of: Gateway, epoch: int, lowest: int, highest: int
    ) -> Iterator[tuple[int, int, int]]:
        for before, after in self._db.rows(
            "SELECT seq, next FROM (SELECT seq, LEAD(seq) OVER (ORDER BY seq) AS next"
            f" FROM records WHERE {WHERE} AND epoch = ? AND seq BETWEEN ? AND ?) AS pairs"
            " WHERE next > seq + 1",
            (*of, epoch, lowest, highest),
        ):
            yield epoch, before + 1, after - 1

    def _ask(self, of: Gateway) -> Iterator[Request]:
        """Ask for holes that are due and that no gap explains, near ones together."""
        now = now_ms()
        ranges: list[tuple[int, int, int]] = []
        for epoch, first, last, asked, tries in self._db.rows(
            f"SELECT epoch, first, last, asked, tries FROM holes WHERE {WHERE}"
            " AND found <= ? AND tries < ? ORDER BY epoch, first",
            (*of, now - self._patience_ms, TRIES),
        ):
            if now < asked + self._patience_ms * 2**tries:
                continue
            reason = self._declared(of, epoch, first, last)
            if not reason:
                near = bool(ranges) and ranges[-1][0] == epoch and first - ranges[-1][2] < NEAR
                if not near and len(ranges) == MOST_REQUESTS:
                    break
                start = ranges.pop()[1] if near else first
                ranges.append((epoch, start, last))
            self._db.run(
                f"UPDATE holes SET asked = ?, tries = ?, outcome = ? WHERE {WHERE}"
                " AND (epoch, first) = (?, ?)",
                (
                    now,
                    TRIES if reason else tries + 1,
                    f"declared: {reason}" if reason else "",
                    *of,
                    epoch,
                    first,
                ),
            )
        return (self._request(of, *asked_for) for asked_for in ranges)

    def _declared(self, of: Gateway, epoch: int, first: int, last: int) -> str:
        """The reason of a declared gap that a hole lies in, or ""."""
        found = self._db.rows(
            f"SELECT reason FROM gaps WHERE {WHERE} AND (from_epoch, from_seq) <= (?, ?)"
            " AND (to_epoch, to_seq) >= (?, ?) LIMIT 1",
            (*of, epoch, first, epoch, last),
        )
        return str(found[0][0]) if found else ""

    def _request(self, of: Gateway, epoch: int, first: int, last: int) -> Request:
        """Spell and sign `cmd/resend`."""
        cluster, enterprise, site, gateway = of
        topic = f"{ROOT}/{cluster}/{enterprise}/{site}/_gw/{gateway}/cmd/resend"
        now = now_ms()
        body = {
            "v": "1.0",
            "cid": f"hole-{secrets.token_hex(4)}.{epoch}.{first}.{last}",
            "ts": now,
            "exp": now + EXPIRES_MS,
            "args": {"from": str(Id(gateway, epoch, first)), "to": str(Id(gateway, epoch, last))},
            "by": "platform",
        }
        text = json.dumps(body, separators=(",", ":"))
        if self._key is None:
            return Request(topic, text)
        sig = hmac.new(self._key.encode(), f"{topic}\n{text}".encode(), hashlib.sha256).hexdigest()
        return Request(topic, f'{text[:-1]},"sig":"{sig}"}}')
