"""A gateway with VictoriaMetrics beside it, both ended at moments of chance: each value once."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.e2e.influx_rig import TOKEN
from tests.e2e.mosquitto import wait_for
from tests.e2e.relay import Relay
from tests.e2e.test_workshop_kills import stored
from tests.e2e.victoria import Victoria
from tests.e2e.workshop import Workshop, snapshot, workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.model import Record

SITE = {"cluster": "wenzhou-shoes", "enterprise": "demo-footwear", "site": "plant-1"}
UNCOMMITTED_MS = 2_000
Point = tuple[str, int]


def publish_to(made: Workshop, port: int) -> None:
    """Have the site write to a database, and to nothing else."""
    token = made.folder / "influx.token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    text = made.site.read_text("utf-8")
    head, _cluster, tail = text.partition("  cluster: {kind: mqtt")
    section = (
        f'  history: {{kind: influx, url: "http://127.0.0.1:{port}", org: o, bucket: b,'
        f" token: {{file: influx.token}}}}\n"
    )
    made.site.write_text(head + section + tail.partition("\n")[2], "utf-8")


def told(records: list[Record]) -> Iterator[tuple[Point, float]]:
    """What the records say, as a database of numbers holds it: series and UTC ms → value."""
    for record in records:
        body: dict[str, Any] = orjson.loads(record.body)
        place = {**SITE, "line": record.line, "asset": record.asset}
        if record.cls == "telemetry":
            assert "clock" not in body
            for row in body["rows"]:
                for name, value in row["m"].items():
                    if value is not None:
                        series = place | {"__name__": f"telemetry_{name}"}
                        number = 0.0 if isinstance(value, str) else float(value)
                        yield (json.dumps(series, sort_keys=True), row["t"]), number
        elif record.cls == "state":
            series = place | {"__name__": "state_since"}
            yield (json.dumps(series, sort_keys=True), record.ts_ms), body["since"]


def acked(made: Workshop) -> int:
    """How many records the server has taken of the running gateway's."""
    with suppress(OSError, StopAsyncIteration):
        return int(snapshot(made)["publishers"]["history"]["acked"])
    return 0


def kills(folder: Path, count: int, seed: int) -> str:
    """End gateway or server so often; return what was seen."""
    chance = random.Random(seed)
    ended = {"gateway": 0, "server": 0, "line": 0}
    killed_ms: list[int] = []
    with (
        Victoria(folder) as server,
        Relay(server.port) as relay,
        workshop(folder, 1, poll="100ms") as made,
    ):
        publish_to(made, relay.port)
        made.start()
        for number in range(count):
            wait_for(lambda: acked(made) > 15, "records are taken", 90)
            time.sleep(chance.uniform(0.0, 1.5))
            what = ("gateway", "server", "line")[number % 3]
            ended[what] += 1
            if what == "gateway":
                made.end(signal.SIGKILL)
                killed_ms.append(round(time.time() * 1000))
                made.start()
            elif what == "server":
                server.stop()
                time.sleep(chance.uniform(0.0, 1.5))
                server.start()
            else:
                relay.shut()
                time.sleep(chance.uniform(0.0, 1.5))
                relay.open()
        assert made.simulator is not None
        made.simulator.terminate()
        made.simulator.wait(30)
        time.sleep(1.5)  # what was read last is committed
        wait_for(lambda: not snapshot(made)["publishers"]["history"]["outbox"], "all taken", 60)
        assert made.end() == 0, made.log()
        records = stored(folder)
        wanted = dict(told(records))
        match = '{__name__=~"telemetry_.*|state_since"}'
        held = {
            (series, t_ms): [v for t, v in points if t == t_ms]
            for series, points in server.points(match).items()
            for t_ms, _value in points
        }
        assert wanted.keys() <= held.keys()
        assert all(len(values) == 1 for values in held.values())
        wrong = {
            point: held[point]
            for point, value in wanted.items()
            if held[point] != [pytest.approx(value, rel=1e-9)]
        }
        assert not wrong
        for series, t_ms in held.keys() - wanted.keys():
            # telemetry may go before it is committed: that of the last moment before a kill
            assert "telemetry_" in series
            assert any(0 <= at_ms - t_ms < UNCOMMITTED_MS for at_ms in killed_ms), (series, t_ms)
    return f"{len(records)} records, {len(wanted)} values, each once; ended: {ended}"


def test_each_value_once_after_kills_and_replays(tmp_path: Path) -> None:
    print(f"\n{kills(tmp_path, 2, 3)}")


@pytest.mark.soak
def test_each_value_once_after_many(tmp_path: Path) -> None:
    count = int(os.environ.get("NXGATE_KILLS", "20"))
    seed = int(os.environ.get("NXGATE_SEED", "5"))
    print(f"\n{kills(tmp_path, count, seed)}")
