"""A store, a publisher and records of every class, as the agent would wire them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import orjson

from gateway.clock import SystemClock
from gateway.ids import make_key, record_id
from gateway.model import Draft, Record
from gateway.publishers.mqtt import MqttPublisher
from gateway.publishers.presence import Presence
from gateway.records import Records
from gateway.settings import Identity, MqttSettings
from gateway.store import Store
from tests.e2e.asyncapi_judge import CONTRACT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from gateway.clock import Clock
    from gateway.destinations import Destinations
    from gateway.ledger import Ledger
    from gateway.publishers.base import Factory
    from gateway.publishers.format import Format, Parts
    from gateway.publishers.inbox import Take
    from gateway.settings import PublishSettings
    from tests.e2e.mosquitto import Heard

IDENTITY = Identity("c1", "e1", "s1", "gw-01")
ROOT = "cii/v1/c1/e1/s1"
CLASSES = {
    "meta": "meta",
    "telemetry": "telemetry",
    "state": "state",
    "oee": "oee",
    "energy": "energy/electricity",
    "event": "event/order_change",
    "alarm": "alarm/overtemp",
}
_ENVELOPE = ("v", "id", "ts", "hist")
_SAMPLES = json.loads((CONTRACT.parent / "samples.json").read_text("utf-8"))


def open_store(folder: Path) -> Store:
    """Open the real store with a short commit interval."""
    return Store.open(
        folder,
        IDENTITY.gateway,
        size_bytes=1 << 30,
        keep_s={"telemetry": 86400.0, "kpi": 86400.0},
        commit_s=0.05,
        clock=SystemClock(),
    )


def config(*urls: str, **more: Any) -> MqttSettings:  # noqa: ANN401
    """Make the publisher's settings; the backlog fast and at once, unless told otherwise."""
    usual = MqttSettings(
        brokers=urls,
        client_id=None,
        username=None,
        password=None,
        tls=None,
        version="5",
        heartbeat=300.0,
        backlog=5000.0,
        spread=0.0,
        where="site.yaml:9",
    )
    return replace(usual, **more)


def draft(name: str, asset: str = "press-1", **fields: Any) -> Draft:  # noqa: ANN401
    """Make a record of a class from the contract's sample of it."""
    body = {key: value for key, value in _SAMPLES[name].items() if key not in _ENVELOPE}
    ts_ms = SystemClock().wall_ns() // 1_000_000
    return Draft(CLASSES[name], "l1", asset, ts_ms, orjson.dumps(body | fields))


class Rig:
    """One gateway's north side."""

    def __init__(
        self,
        store: Store,
        publish: PublishSettings,
        clock: Clock | None = None,
        form: Callable[[Parts], Format] = Presence,
        make: Factory | None = None,
    ) -> None:
        clock = clock or SystemClock()
        make = make or cast("Factory", partial(MqttPublisher, form=form))
        self.store = store
        self.publisher = make(
            name="cluster", config=publish, store=store, identity=IDENTITY, clock=clock
        )
        self._made: list[Record] = []
        self.noted: Callable[[Sequence[Record]], None] = lambda _records: None
        ledger = cast("Ledger", SimpleNamespace(take_log=list))
        self.records = Records(store, ledger, cast("Destinations", self), clock)

    @property
    def most_body(self) -> int:
        """As destinations tell it."""
        return self.publisher.most_body

    def offer(self, records: Sequence[Record]) -> None:
        """As destinations take it."""
        self._made.extend(records)
        self.noted(records)
        self.publisher.offer(records)

    def make(self, *drafts: Draft) -> list[Record]:
        """Append and offer, as the agent does."""
        self._made.clear()
        self.records.keep(drafts)
        return list(self._made)

    async def until(self, condition: Callable[[], object], what: str, limit_s: float = 20) -> None:
        """Wait on the loop until something is so."""
        try:
            async with asyncio.timeout(limit_s):
                while not condition():  # noqa: ASYNC110 - conditions of many kinds, in tests
                    await asyncio.sleep(0.01)
        except TimeoutError:
            shown = self.publisher.status()
            raise AssertionError(f"not within {limit_s:g} s: {what}; {shown}") from None

    async def connected(self) -> None:
        await self.until(lambda: self.publisher.status().connected, "connected")

    async def delivered(self, records: Sequence[Record], limit_s: float = 20) -> None:
        """Wait until all of these are acknowledged."""
        done = self.store.position("cluster").is_done
        await self.until(
            lambda: all(done(record.place, record.key) for record in records),
            "all acknowledged",
            limit_s,
        )


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    publish: PublishSettings,
    form: Callable[[Parts], Format] = Presence,
    make: Factory | None = None,
    take: Take | None = None,
) -> AsyncIterator[Rig]:
    """Run a publisher over a store; stopped in order at the end."""
    store = open_store(folder)
    rig = Rig(store, publish, form=form, make=make)
    if take is not None:
        rig.publisher.listen(take)
    task = asyncio.create_task(rig.publisher.run())
    try:
        yield rig
    finally:
        await rig.publisher.stop()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await store.close()


def order_of(heard: Sequence[Heard]) -> dict[tuple[str, bool, bool], list[int]]:
    """Keys in the order of their first arrival, per topic and lane (late, retained)."""
    first: dict[tuple[str, bool, bool], dict[int, None]] = {}
    for message in heard:
        body = json.loads(message.payload or b"{}")  # empty: a retained one is taken back
        if "id" in body:
            _gateway, epoch, seq = body["id"].split(":")
            lane = (message.topic, body["hist"], message.retained)
            first.setdefault(lane, {})[make_key(int(epoch), int(seq))] = None
    return {lane: list(keys) for lane, keys in first.items()}


def by_id(heard: Sequence[Heard]) -> dict[str, list[dict[str, Any]]]:
    """Bodies without `hist`, by id, in the order of arrival."""
    found: dict[str, list[dict[str, Any]]] = {}
    for message in heard:
        body = json.loads(message.payload or b"{}")
        if "id" in body:
            body.pop("hist")
            found.setdefault(body["id"], []).append(body)
    return found


def expected(record: Record) -> dict[str, Any]:
    """What a record must arrive as, but for `hist`."""
    envelope = {"v": "1.0", "id": record_id(IDENTITY.gateway, record.key), "ts": record.ts_ms}
    body: dict[str, Any] = orjson.loads(record.body)
    return envelope | body
