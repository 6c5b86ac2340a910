"""What the example's subscriber makes of what it hears, in SQLite and in PostgreSQL."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from examples.platform.subscriber.contract import MAX_SEQ, topic_of
from examples.platform.subscriber.database import Database
from examples.platform.subscriber.holes import Holes
from examples.platform.subscriber.quality import scores
from examples.platform.subscriber.storing import Heard, Storing, now_ms
from tests.commands_kit import seal
from tests.e2e.mqtt_rig import CLASSES, draft
from tests.e2e.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = "cii/v1/c1/e1/s1"
KEY = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        made = Database(str(tmp_path / "platform.db"))
    else:
        url = request.getfixturevalue("server")
        made = Database(url)
        made.run("DROP SCHEMA public CASCADE")
        made.run("CREATE SCHEMA public")
        made.close()
        made = Database(url)
    yield made
    made.close()


def heard(name: str, seq: int, *, epoch: int = 7, hist: bool = False, **fields: Any) -> Heard:  # noqa: ANN401
    """A message of the contract's samples."""
    made = draft(name)
    body = {"v": "1.0", "id": f"gw-01:{epoch}:{seq}", "ts": now_ms(), "hist": hist}
    body |= json.loads(made.body) | fields
    tail = f"{made.cls}/live" if name == "telemetry" else made.cls
    return Heard(f"{ROOT}/l1/press-1/{tail}", json.dumps(body).encode(), now_ms())


def status(epoch: int, conn: int, *, online: bool) -> Heard:
    body = {"v": "1.0", "gw": "gw-01", "epoch": epoch, "conn": conn, "online": online}
    told = json.dumps(body | {"ts": now_ms(), "mqtt": "5"}).encode()
    return Heard(f"{ROOT}/_gw/gw-01/status", told, now_ms())


def event(kind: str, seq: int, data: dict[str, Any]) -> Heard:
    one = heard("event", seq, type=kind, data=data)
    return one._replace(topic=f"{ROOT}/_gw/gw-01/event/{kind}")


def test_in_any_order_and_however_often_it_is_the_same(database: Database) -> None:
    """Restatements, states and figures end as their ids and revisions have it."""
    windows = [heard("oee", 10 + rev, rev=rev, oee=rev / 10) for rev in range(4)]
    open_one = heard("oee", 30, rev=3, final=False, oee=0.9)
    states = [heard("state", 20 + n, since=n, reason=f"E{n}") for n in range(4)]
    everything = [*windows, open_one, *states, heard("telemetry", 1), heard("meta", 2)] * 3
    random.Random(4).shuffle(everything)
    storing = Storing(database, "one")
    assert sum(storing.keep([message]) for message in everything) == 11
    assert storing.keep(everything) == 0
    ((window,),) = database.rows("SELECT body FROM windows")
    assert json.loads(window)["oee"] == 0.3
    ((state,),) = database.rows("SELECT body FROM current WHERE class = 'state'")
    assert json.loads(state)["reason"] == "E3"
    readings = database.rows("SELECT tag, value, quality FROM readings ORDER BY t, tag")
    assert readings == [("good", 4410.0, 0), ("spindle_kw", 7.31, 0), ("spindle_kw", None, 2)]


def test_a_late_will_is_ignored_and_an_empty_message_clears(database: Database) -> None:
    storing = Storing(database, "one")
    storing.keep([status(7, 2, online=True), status(7, 1, online=False), heard("alarm", 1)])
    assert database.rows("SELECT epoch, conn, online FROM gateways") == [(7, 2, 1)]
    assert len(database.rows("SELECT * FROM current")) == 1
    storing.keep([Heard(heard("alarm", 1).topic, b"", 0), status(7, 2, online=False)])
    assert database.rows("SELECT online FROM gateways") == [(0,)]
    assert not database.rows("SELECT * FROM current")


def test_what_cant_be_read_stops_nothing(database: Database) -> None:
    storing = Storing(database, "one")
    topic = heard("state", 1).topic
    wrong = [Heard(topic, b"{", 0), Heard(topic, b'{"id":1}', 0), Heard("cii/v1/x", b"1", 0)]
    assert storing.keep([*wrong, heard("state", 5)]) == 1


def test_windows_of_a_wrong_clock_go_whenever_they_come(database: Database) -> None:
    storing = Storing(database, "one")
    clock = {"from": "gw-01:7:5", "to": "gw-01:7:20", "offset_ms": 86_400_000, "boot": "b"}
    storing.keep([heard("oee", 6), event("clock", 30, clock), heard("energy", 8)])
    assert not database.rows("SELECT * FROM windows")
    storing.keep([heard("oee", 31, rev=1)])
    assert database.rows("SELECT seq FROM windows") == [(31,)]
    storing.keep([event("clock", 40, clock | {"offset_ms": 100}), heard("energy", 9)])
    assert database.rows("SELECT seq FROM windows ORDER BY seq") == [(9,), (31,)]


def test_holes_are_asked_for_once_by_one_of_two(database: Database) -> None:
    storing = Storing(database, "one")
    storing.keep([status(8, 1, online=True)])
    storing.keep([heard("telemetry", n) for n in (5, 6, 9, 40, 400)])
    storing.keep([heard("telemetry", n, epoch=8) for n in (3, 4)])
    one, two = Holes(database, KEY, patience_ms=60_000), Holes(database, KEY, patience_ms=60_000)
    assert one.look() == two.look() == []
    database.run("UPDATE holes SET found = 0")
    database.run("UPDATE gateways SET since = 0")
    requests = one.look()
    assert two.look() == []
    asked = [json.loads(payload)["args"] for _topic, payload in requests]
    assert [(each["from"], each["to"]) for each in asked] == [
        ("gw-01:7:7", f"gw-01:7:{MAX_SEQ}"),
        ("gw-01:8:1", "gw-01:8:2"),
    ]
    topic, payload = requests[0]
    assert topic == f"{ROOT}/_gw/gw-01/cmd/resend"
    text = payload[: payload.index(',"sig"')] + "}"
    assert payload == seal(topic, text.encode(), KEY).decode()
    storing.keep([heard("telemetry", n) for n in (7, 8)])
    one.look()
    told = database.rows("SELECT epoch, first, last FROM holes ORDER BY epoch, first")
    assert told == [(7, 10, 39), (7, 41, 399), (7, 401, MAX_SEQ), (8, 1, 2)]


def test_a_hole_that_is_declared_is_not_asked_for(database: Database) -> None:
    storing = Storing(database, "one")
    gap = {"publisher": "cluster", "from": "gw-01:7:2", "to": "gw-01:7:9", "reason": "size"}
    storing.keep([status(7, 1, online=True), heard("state", 1), event("gap", 10, gap)])
    assert not Holes(database, KEY, patience_ms=0).look()
    assert database.rows("SELECT first, last, outcome FROM holes") == [(2, 9, "declared: size")]


def test_the_gateways_answer_stands_with_the_hole(database: Database) -> None:
    storing = Storing(database, "one")
    storing.keep([status(7, 1, online=True), heard("state", 1), heard("state", 4)])
    ((_topic, payload),) = Holes(database, KEY, patience_ms=0).look()
    reply = {"cid": json.loads(payload)["cid"], "code": "rejected", "msg": "nothing is stored"}
    storing.keep([Heard(f"{ROOT}/_gw/gw-01/reply/x", json.dumps(reply).encode(), 0)])
    assert database.rows("SELECT outcome FROM holes") == [("rejected: nothing is stored",)]


def test_a_score_has_its_four_reasons(database: Database) -> None:
    storing = Storing(database, "one")
    now = now_ms()
    window = {"start": now - 3_600_000, "end": now, "kind": "hour"}
    storing.keep([status(7, 1, online=True), heard("oee", 1, win=window, coverage=0.5)])
    storing.keep([heard("telemetry", n, hist=n == 2) for n in range(2, 6)])
    storing.keep([heard("telemetry", 6, clock="unsync"), heard("telemetry", 10)])
    (score,) = scores(database)
    assert (score.records, score.coverage, score.gaps) == (7, 0.5, 0.7)
    assert score.lateness == pytest.approx(5 / 6)
    assert score.clock == pytest.approx(5 / 6)
    assert score.score == pytest.approx(100 * 0.5 * 0.7 * 25 / 36)


def test_topics_of_others_are_none_of_ours() -> None:
    assert topic_of("cii/v2/c/e/s/l/a/meta") is None
    assert topic_of("cii/v1/c/e/s/l/a") is None
    assert topic_of("cii/v1/c/e/s//a/meta") is None
    found = topic_of("cii/v1/c/e/s/l/a/telemetry/hist")
    assert found is not None
    assert found.cls == "telemetry"
    assert set(CLASSES) >= {"meta", "telemetry"}
