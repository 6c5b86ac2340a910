"""What an InfluxDB refuses, kept apart from what it takes: against InfluxDB's own parser."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest

from gateway.clock import SystemClock
from gateway.model import Draft
from gateway.publishers import influx
from gateway.publishers.backoff import Backoff
from tests.e2e.influx_rig import TOKEN, config, running
from tests.e2e.influx_server import Influxd, V2Server
from tests.e2e.mqtt_rig import CLASSES, draft

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.influx_server import Answer

OK: Answer = (204, b"", {})


def telemetry(asset: str, values: dict[str, object], t_ms: int | None = None) -> Draft:
    now_ms = SystemClock().wall_ns() // 1_000_000
    body = {"rev": "a", "rows": [{"t": t_ms or now_ms, "m": values}]}
    return Draft("telemetry", "l1", asset, now_ms, json.dumps(body).encode())


def test_every_class_is_line_protocol_to_influxdb(tmp_path: Path) -> None:
    """Whatever a name or a text holds, InfluxDB reads back what was meant."""
    names = ["kw", "oven 1", "a,b", "a=b", "中文", "100%", "#1", "it's"]
    told: dict[str, object] = {name: float(n) for n, name in enumerate(names)}
    said = {"text": 'a "b", c=d \\ 中文\\"', "on": True, "time": 5}

    async def go() -> None:
        with Influxd(tmp_path) as influxd, V2Server(influxd.write) as server:
            async with running(tmp_path, server.url) as rig:
                records = rig.make(*(draft(name) for name in CLASSES))
                records += rig.make(telemetry("odd, one=1", told | said))
                await rig.delivered([r for r in records if r.cls != "meta"])
                assert rig.publisher.status().outbox == 0
            (row,) = influxd.query("SELECT * FROM telemetry WHERE asset = 'odd, one=1'")
            assert {name: row[name] for name in told} == told
            assert row["text"] == said["text"]
            assert row["on"] is True
            assert row["time_"] == 5
            (window,) = influxd.query("SELECT * FROM oee")
            assert (window["a"], window["rev"], window["product"]) == (0.85, "0", "P-8")
            assert (window["time"], window["time_s_delay"]) == (1_790_000_000_000_000_000, 540)
            (energy,) = influxd.query("SELECT * FROM energy")
            assert (energy["use"], energy["medium"]) == (11.25, "electricity")
            (state,) = influxd.query("SELECT * FROM state")
            assert (state["state"], state["code"], state["reason"]) == ("fault", 4, "E102")
            (event,) = influxd.query("SELECT * FROM event WHERE type = 'order_change'")
            assert json.loads(event["data"]) == {"from": "WO-76", "to": "WO-77"}
            (asked, headers), *_more = server.asked
            assert asked == {"org": ["plant"], "bucket": ["nxgate"], "precision": ["ns"]}
            assert headers["Authorization"] == f"Token {TOKEN}"
            assert headers["Content-Encoding"] == "gzip"

    asyncio.run(go())


def test_a_field_of_another_type_holds_up_its_asset_and_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> None:
        with Influxd(tmp_path) as influxd, V2Server(influxd.write) as server:
            now_ns = SystemClock().wall_ns()  # a field's type is that of its week
            assert influxd.write(b'telemetry,site=o kw="text" %d\n' % now_ns)[0] == 204
            async with running(tmp_path, server.url) as rig:
                good = [rig.make(telemetry(f"m-{n}", {"n": n}))[0] for n in range(20)]
                (bad,) = rig.make(telemetry("bad", {"kw": 7.5}))
                good += [rig.make(telemetry(f"m-{n}", {"n": n}))[0] for n in range(20, 40)]
                await rig.delivered(good)
                await rig.until(lambda: rig.publisher.status().held, "held")
                status = rig.publisher.status()
                assert list(status.held) == ["l1/bad/telemetry"]
                assert "field type conflict" in status.held["l1/bad/telemetry"]
                assert status.parked == 1
                assert not rig.store.position("cluster").is_done(bad.place, bad.key)
            assert len(influxd.query("SELECT n FROM telemetry")) == 40

    with caplog.at_level(logging.WARNING):
        asyncio.run(go())
    (told,) = [r.getMessage() for r in caplog.records if "l1/bad/telemetry" in r.getMessage()]
    assert "rename the tag" in told


def test_what_will_never_be_taken_is_declared_and_the_rest_of_it_stored(tmp_path: Path) -> None:
    """One line of a record is refused by the server: its other lines are there."""

    async def go() -> None:
        def judge(body: bytes) -> Answer:
            if b" poison=" in body:
                said = {"code": "invalid", "message": "unable to parse 'telemetry'"}
                return 400, json.dumps(said).encode(), {}
            return influxd.write(body)

        with Influxd(tmp_path) as influxd, V2Server(judge) as server:
            async with running(tmp_path, server.url) as rig:
                rows = [{"t": t, "m": {"poison" if t == 2 else "n": t}} for t in range(1, 5)]
                body = json.dumps({"rev": "a", "rows": rows}).encode()
                now_ms = SystemClock().wall_ns() // 1_000_000
                (bad,) = rig.make(Draft("telemetry", "l1", "bad", now_ms, body))
                good = [rig.make(telemetry(f"m-{n}", {"n": n}))[0] for n in range(10)]
                await rig.delivered([*good, bad])
                assert rig.publisher.status().aside == 1
                await rig.until(
                    lambda: influxd.query("SELECT * FROM event WHERE type = 'gap'"), "declared"
                )
            rows_kept = influxd.query("SELECT n FROM telemetry WHERE asset = 'bad'")
            assert [row["n"] for row in rows_kept] == [1, 3, 4]

    asyncio.run(go())


def test_a_server_that_takes_small_bodies_gets_small_ones(tmp_path: Path) -> None:
    async def go() -> None:
        def judge(body: bytes) -> Answer:
            return (
                (413, b'{"message":"too large"}', {}) if len(body) > 3000 else influxd.write(body)
            )

        with Influxd(tmp_path) as influxd, V2Server(judge) as server:
            async with running(tmp_path, server.url) as rig:
                small = [rig.make(telemetry(f"m-{n}", {"n": n}))[0] for n in range(60)]
                wide: dict[str, object] = {f"tag_{n}": n + 0.5 for n in range(600)}
                rig.make(telemetry("wide", wide))
                await rig.delivered(small)
                found = "SELECT * FROM telemetry WHERE asset = 'wide'"
                await rig.until(
                    lambda: (rows := influxd.query(found)) and rows[0].get("tag_599") is not None,
                    "all parts of the wide one",
                )
            (row,) = influxd.query(found)
            assert {name: row[name] for name in wide} == wide

    asyncio.run(go())


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(tmp_path: Path) -> None:
    async def go() -> None:
        times: list[float] = []

        def judge(_body: bytes) -> Answer:
            times.append(loop.time())
            return OK if len(times) > 1 else (503, b"later", {"Retry-After": "1"})

        loop = asyncio.get_running_loop()
        with V2Server(judge) as server:
            async with running(tmp_path, server.url) as rig:
                await rig.delivered(rig.make(telemetry("m-1", {"n": 1})))
        assert times[1] - times[0] > 0.95

    asyncio.run(go())


@pytest.mark.parametrize(
    ("status", "cause", "advice"),
    [(401, "credentials", "token"), (404, "unsuitable", "bucket"), (302, "unsuitable", "url")],
)
def test_what_haste_cant_mend_is_told_and_kept(
    tmp_path: Path, status: int, cause: str, advice: str
) -> None:
    async def go() -> None:
        with V2Server(lambda _body: (status, b'{"message":"no way"}', {})) as server:
            async with running(tmp_path, server.url) as rig:
                (record,) = rig.make(telemetry("m-1", {"n": 1}))
                await rig.until(lambda: rig.publisher.status().error, "told")
                told = rig.publisher.status()
                assert told.cause == cause
                assert f"HTTP {status}: no way" in told.error
                assert advice in told.error
                assert not told.connected
                assert told.outbox == 1
                assert TOKEN not in told.error
                assert not rig.store.position("cluster").is_done(record.place, record.key)

    asyncio.run(go())


def test_another_section_writes_to_another_server_and_loses_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        with V2Server(lambda _body: OK) as old, V2Server(lambda _body: OK) as new:
            async with running(tmp_path, old.url) as rig:
                first = rig.make(telemetry("m-1", {"n": 1}))
                await rig.delivered(first)
                under_way = rig.make(telemetry("m-1", {"n": 2}))
                await rig.publisher.change(config(tmp_path, new.url, bucket="other"))
                await rig.delivered([*under_way, *rig.make(telemetry("m-1", {"n": 3}))])
                assert rig.publisher.status().url == new.url
            told = b"".join(new.bodies)
            assert b" n=2 " in told + b"".join(old.bodies)
            assert b" n=3 " in told
            assert new.asked[0][0]["bucket"] == ["other"]

    asyncio.run(go())


def test_a_record_that_brings_the_server_down_is_found_and_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone it breaks five connections that had taken something else before."""
    monkeypatch.setattr(Backoff, "pause_s", lambda _self, _at_least_s=0.0: 0.05)
    monkeypatch.setattr(influx, "LINGER_S", 0.05)

    async def go() -> None:
        def judge(body: bytes) -> Answer:
            return (500, b"panic", {}) if b" poison=" in body else OK

        with V2Server(judge) as server:
            async with running(tmp_path, server.url) as rig:
                records = rig.make(telemetry("bad", {"poison": 1}))
                for number in range(100):
                    records += rig.make(telemetry("m-1", {"n": number}))
                    await asyncio.sleep(0.1)
                    if rig.publisher.status().aside:
                        break
                await rig.delivered(records)
                assert rig.publisher.status().aside == 1

    asyncio.run(go())
