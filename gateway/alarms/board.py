"""All alarms of a gateway: which there are, how they stand, who acknowledged them.

A record of class `alarm/{name}` is retained and says how the alarm stands, active or over: who
was away when it ended learns so from the broker, where an empty place would leave an old "active"
standing. What was told survives a restart, because the store keeps the newest record of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.alarms.watch import Watch
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gateway.model import Asset, Draft, Place, Quality, Record, Value

MAINTENANCE = frozenset({"maintenance", "维修", "维护", "保养", "检修"})
"""Reasons of a planned stop during which a machine's alarms are out of service."""


class Alarms:
    """The alarms of all assets, the gateway's own among them."""

    def __init__(self) -> None:
        self._watches: dict[tuple[str, str], Watch] = {}
        self._of_tag: dict[tuple[str, str], list[Watch]] = {}
        self._of_asset: dict[str, list[Watch]] = {}

    def plan(
        self, assets: Iterable[Asset], current: Mapping[Place, Record], now_ms: int
    ) -> list[Draft]:
        """Take the alarms of these assets, and how they stand; at a start and at a change.

        One that goes on as it is keeps its delay under way.

        Args:
            assets: all of the site's, the gateway itself among them.
            current: the newest record of each place.
            now_ms: UTC ms.

        Returns:
            Records of alarms that stand as before and say something else of it now.
        """
        told: dict[tuple[str, str], list[Record]] = {}
        for record in current.values():
            kind, _slash, alarm = record.cls.partition("/")
            if kind == "alarm":
                told.setdefault((record.asset, alarm), []).append(record)
        before, self._watches = self._watches, {}
        news: list[Draft] = []
        for asset in assets:
            for spec in asset.alarms:
                place = asset.name, spec.name
                watch = before.get(place)
                if watch is None or watch.spec != spec or watch.line != asset.line:
                    watch = Watch(asset.line, asset.name, spec)
                    # An asset that moved to another line has told something in both places.
                    records = sorted(told.get(place, ()), key=lambda record: record.key)
                    if records and not watch.recall(records[-1]):
                        here = any(record.line == asset.line for record in records[:-1])
                        news += [watch.tell(now_ms)] if watch.active or here else []
                self._watches[place] = watch
        self._of_tag, self._of_asset = {}, {}
        for watch in self._watches.values():
            self._of_tag.setdefault((watch.spec.device, watch.spec.tag), []).append(watch)
            self._of_asset.setdefault(watch.asset, []).append(watch)
        self.follow(record for record in current.values() if record.cls == "state")
        return news

    def of_tag(self, device: str, tag: str) -> Sequence[Watch]:
        """The alarms that a tag feeds."""
        return self._of_tag.get((device, tag), ())

    def stands(self, place: Place) -> bool:
        """Tell whether what was told in this place is still told; yes, where it is no alarm."""
        line, asset, cls = place
        kind, _slash, alarm = cls.partition("/")
        watch = self._watches.get((asset, alarm))
        return kind != "alarm" or (watch is not None and watch.line == line)

    def follow(self, states: Iterable[Draft | Record]) -> None:
        """Take an asset's alarms out of service while it is stopped for maintenance."""
        for state in states:
            if state.cls != "state" or state.asset not in self._of_asset:
                continue
            body = orjson.loads(state.body)
            reason = str(body.get("reason", "")).lower()
            in_service = body["state"] != "planned_stop" or reason not in MAINTENANCE
            for watch in self._of_asset.get(state.asset, ()):
                watch.in_service = in_service

    def advance(self, mono_ns: int, now_ms: int) -> list[Draft]:
        """Let time pass: alarms whose delay is over; once a second."""
        made = (watch.check(mono_ns, now_ms) for watch in self._watches.values())
        return [draft for draft in made if draft is not None]

    def read(
        self, asset: str, alarm: str, value: Value, quality: Quality, mono_ns: int, now_ms: int,
        text: str = "",
    ) -> Iterator[Draft]:  # fmt: skip
        """Take a reading for one alarm by name, with words for this very case."""
        watch = self._watches[asset, alarm]
        if text and not watch.active:
            watch.text = text
        draft = watch.read(value, quality, mono_ns, now_ms)
        if draft is not None:
            yield draft

    def acknowledge(self, asset: str, alarm: str, by: str, now_ms: int) -> list[Draft]:
        """Note that somebody has seen an alarm.

        Args:
            asset: its name.
            alarm: the alarm's name.
            by: who says so.
            now_ms: UTC ms.

        Returns:
            Its record; nothing where it was acknowledged before, or never raised.

        Raises:
            LookupError: there is no such alarm; says so in words for people.
        """
        watch = self._watches.get((asset, alarm))
        if watch is None:
            text = _("{asset} has no alarm {alarm}").format(asset=asset, alarm=alarm)
            raise LookupError(text)
        draft = watch.acknowledge(by, now_ms)
        return [] if draft is None else [draft]

    def move(self, since_ms: int, delta_ms: int, now_ms: int) -> list[Draft]:
        """Shift the times from one on, because the clock was wrong by so much.

        Returns:
            Those that are active, again.
        """
        for watch in self._watches.values():
            watch.move(since_ms, delta_ms)
        return [watch.tell(now_ms) for watch in self.standing()]

    def standing(self) -> list[Watch]:
        """Those that are active, the gravest first."""
        active = [watch for watch in self._watches.values() if watch.active]
        return sorted(active, key=lambda watch: (watch.spec.severity, watch.raised_ms))

    @property
    def silenced(self) -> int:
        """How often an alarm wasn't raised because its machine was out of service."""
        return sum(watch.silenced for watch in self._watches.values())
