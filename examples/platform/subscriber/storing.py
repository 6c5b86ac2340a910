"""A batch of messages in one transaction; only afterwards are they acknowledged to the broker.

A message that comes again, to this subscriber or another one, finds its id taken and changes
nothing: delivery is at least once, storing is exactly once.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from .contract import Id, Topic, id_of, topic_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .database import Database

log = logging.getLogger("subscriber")

RIGHT_MS = 2_000
"""A clock that was off by less was right (docs/platform.md)."""


class Heard(NamedTuple):
    """A message as it came."""

    topic: str
    payload: bytes
    arrived_ms: int


def now_ms() -> int:
    """UTC ms."""
    return time.time_ns() // 1_000_000


class Storing:
    """Puts what is heard where it belongs.

    Args:
        database: the tables.
        name: of this subscriber, kept with each record.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._db = database
        self._name = name

    def keep(self, batch: Iterable[Heard]) -> int:
        """Store messages; return how many records were new.

        A message that can't be read is logged and left out: it must not come again for ever.
        """
        new = 0
        with self._db.transaction():
            for heard in batch:
                try:
                    new += self._keep(heard)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    log.warning("%s: can't be read: %r: %.200s", heard.topic, error, heard.payload)
        return new

    def _keep(self, heard: Heard) -> bool:
        topic = topic_of(heard.topic)
        if topic is None:
            raise ValueError("no topic of the contract")
        if topic.cls.startswith("reply/"):
            self._reply(topic, json.loads(heard.payload))
            return False
        if not heard.payload:  # what the broker had kept there is no more
            self._db.run(
                "DELETE FROM current WHERE (cluster, enterprise, site, line, asset, class)"
                " = (?, ?, ?, ?, ?, ?)",
                topic,
            )
            return False
        body: dict[str, Any] = json.loads(heard.payload)
        if topic.cls == "status":
            self._status(topic, body)
            return False
        key = id_of(body["id"])
        taken = self._db.run(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (
                *topic[:3],
                *key,
                *topic[3:],
                body["ts"],
                int(body["hist"]),
                int("clock" in body),
                heard.arrived_ms,
                self._name,
                heard.payload.decode(),
            ),
        )
        if taken:
            self._db.run(
                "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (cluster, enterprise, site, gateway, epoch) DO UPDATE SET"
                " lowest = CASE WHEN excluded.lowest < epochs.lowest"
                " THEN excluded.lowest ELSE epochs.lowest END,"
                " highest = CASE WHEN excluded.highest > epochs.highest"
                " THEN excluded.highest ELSE epochs.highest END",
                (*topic[:3], *key, key.seq),
            )
            self._spread(topic, key, body, heard.payload.decode())
        return bool(taken)

    def _spread(self, topic: Topic, key: Id, body: dict[str, Any], text: str) -> None:
        """Put a new record into the tables that questions are asked of."""
        cls, _slash, tail = topic.cls.partition("/")
        if cls == "telemetry":
            self._readings(topic, key, body)
        elif cls in {"oee", "energy"}:
            self._window(topic, key, body, text)
        elif cls in {"meta", "state", "alarm"}:
            self._db.run(
                "INSERT INTO current VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (cluster, enterprise, site, line, asset, class) DO UPDATE SET"
                " gateway = excluded.gateway, epoch = excluded.epoch, seq = excluded.seq,"
                " body = excluded.body"
                " WHERE (excluded.epoch, excluded.seq) > (current.epoch, current.seq)",
                (*topic, *key, text),
            )
        elif tail == "gap":
            self._gap(topic, key, body["data"])
        elif tail == "clock":
            self._clock(topic, key, body["data"])

    def _readings(self, topic: Topic, key: Id, body: dict[str, Any]) -> None:
        """Null is not zero: it stays null, with quality 2."""
        for row in body["rows"]:
            marks = row.get("q", {})
            for tag, value in row["m"].items():
                text = value if isinstance(value, str) else None
                number = float(value) if isinstance(value, (int, float)) else None
                self._db.run(
                    "INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*topic[:5], tag, row["t"], number, text, marks.get(tag, 0), *key),
                )

    def _window(self, topic: Topic, key: Id, body: dict[str, Any], text: str) -> None:
        """The highest revision wins; at the same one the final, then the higher id."""
        window = body["win"]
        parts = (window.get("product", ""), window.get("order", ""))
        self._db.run(
            "INSERT INTO windows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (cluster, enterprise, site, line, asset, class, kind, start, product,"
            " ordered) DO UPDATE SET rev = excluded.rev, final = excluded.final,"
            " gateway = excluded.gateway, epoch = excluded.epoch, seq = excluded.seq,"
            " body = excluded.body"
            " WHERE (excluded.rev, excluded.final, excluded.epoch, excluded.seq)"
            " > (windows.rev, windows.final, windows.epoch, windows.seq)",
            (
                *topic,
                window["kind"],
                window["start"],
                *parts,
                body["rev"],
                int(body["final"]),
                *key,
                text,
            ),
        )
        if self._is_revoked(topic, key):
            self._revoke(topic, key.gateway, key, key)

    def _status(self, topic: Topic, body: dict[str, Any]) -> None:
        """A lower (epoch, conn) is a late Will of an earlier session."""
        online = int(body["online"])
        self._db.run(
            "INSERT INTO gateways VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (cluster, enterprise, site, gateway) DO UPDATE SET"
            " epoch = excluded.epoch, conn = excluded.conn, ts = excluded.ts,"
            " since = CASE WHEN gateways.online = excluded.online THEN gateways.since"
            " ELSE excluded.since END, online = excluded.online"
            " WHERE (excluded.epoch, excluded.conn) >= (gateways.epoch, gateways.conn)",
            (*topic[:3], body["gw"], body["epoch"], body["conn"], online, body["ts"], now_ms()),
        )

    def _gap(self, topic: Topic, key: Id, data: dict[str, Any]) -> None:
        """Ids that a publisher of the gateway will never send."""
        first, last = id_of(data["from"]), id_of(data["to"])
        self._db.run(
            "INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *topic[:3],
                key.gateway,
                data.get("publisher", ""),
                data.get("class", ""),
                *first[1:],
                *last[1:],
                data.get("count", 0),
                data.get("reason", ""),
                *key[1:],
            ),
        )

    def _clock(self, topic: Topic, key: Id, data: dict[str, Any]) -> None:
        """Times of a range of ids are to be corrected, and its windows are told anew."""
        first, last = id_of(data["from"]), id_of(data["to"])
        self._db.run(
            "INSERT INTO corrections VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*topic[:3], key.gateway, *first[1:], *last[1:], data["offset_ms"], *key[1:]),
        )
        if abs(data["offset_ms"]) >= RIGHT_MS:
            self._revoke(topic, key.gateway, first, last)

    def _is_revoked(self, topic: Topic, key: Id) -> bool:
        """Tell whether the newest correction of a record's time is one."""
        found = self._db.rows(
            "SELECT offset_ms FROM corrections WHERE (cluster, enterprise, site, gateway)"
            " = (?, ?, ?, ?) AND (from_epoch, from_seq) <= (?, ?) AND (to_epoch, to_seq) >= (?, ?)"
            " ORDER BY epoch DESC, seq DESC LIMIT 1",
            (*topic[:3], key.gateway, *key[1:], *key[1:]),
        )
        return bool(found) and abs(found[0][0]) >= RIGHT_MS

    def _revoke(self, topic: Topic, gateway: str, first: Id, last: Id) -> None:
        """Drop windows that lay at times that were none."""
        self._db.run(
            "DELETE FROM windows WHERE (cluster, enterprise, site, gateway) = (?, ?, ?, ?)"
            " AND (epoch, seq) >= (?, ?) AND (epoch, seq) <= (?, ?)",
            (*topic[:3], gateway, *first[1:], *last[1:]),
        )

    def _reply(self, topic: Topic, body: dict[str, Any]) -> None:
        """The gateway's answer to a request for a hole."""
        outcome = f"{body['code']}: {body.get('msg', '')}".rstrip(": ")
        asked = str(body.get("cid", ""))
        if asked.startswith("hole-"):
            _hole, epoch, first, last = asked.split(".")
            self._db.run(
                "UPDATE holes SET outcome = ? WHERE (cluster, enterprise, site, gateway, epoch)"
                " = (?, ?, ?, ?, ?) AND first BETWEEN ? AND ?",
                (outcome, *topic[:3], topic.asset, int(epoch), int(first), int(last)),
            )
