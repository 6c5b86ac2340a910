"""What goes out when, and unchanged: the delivery loop against a scripted transport."""

from __future__ import annotations

import pytest

from gateway.publishers import delivery as module
from gateway.publishers import flight
from gateway.publishers.refusals import Verdict
from tests.unit.delivery_fakes import Rig


def test_telemetry_goes_before_its_commit_and_nothing_else_does() -> None:
    rig = Rig()
    rig.connect()
    state = rig.make("state")
    telemetry = rig.make("telemetry")
    event = rig.make("event/x")
    rig.pump()
    assert rig.sent_keys() == [telemetry.key]
    rig.store.commit()
    rig.pump()
    assert rig.sent_keys() == [telemetry.key, state.key, event.key]


def test_on_a_dead_disk_only_figures_and_gaps_wait_for_their_commit() -> None:
    rig = Rig()
    rig.connect()
    names = ("oee", "meta", "energy/electricity", "state", "event/gap", "alarm/disk", "event/x")
    made = [rig.make(cls) for cls in names]
    behind = rig.make("telemetry")
    rig.pump()
    assert rig.sent_keys() == []
    rig.store.ring = True
    rig.pump()
    ahead = [made[1], made[3], made[5], made[6], behind]
    assert rig.sent_keys() == [record.key for record in ahead]
    rig.store.ring = False
    rig.store.commit()
    rig.pump()
    assert rig.sent_keys()[5:] == [made[0].key, made[2].key, made[4].key]


def test_telemetry_never_overtakes_the_meta_of_its_asset() -> None:
    rig = Rig()
    rig.connect()
    meta = rig.make("meta", "a1")
    behind = rig.make("telemetry", "a1")
    other = rig.make("telemetry", "a2")
    rig.pump()
    assert rig.sent_keys() == [other.key]
    rig.store.commit()
    rig.pump()
    after = rig.make("telemetry", "a1")
    rig.pump()
    assert rig.sent_keys() == [other.key, meta.key, behind.key, after.key]


def test_a_meta_not_on_disk_at_the_connect_still_precedes_its_telemetry() -> None:
    rig = Rig()
    meta = rig.make("meta", "a1")
    rig.connect()
    telemetry = rig.make("telemetry", "a1")
    rig.pump()
    assert rig.sent_keys() == []
    rig.store.commit()
    rig.pump()
    assert rig.sent_keys() == [meta.key, telemetry.key]
    assert rig.transport.sent[1].retain


def test_a_connection_begins_with_status_then_metas_then_states() -> None:
    rig = Rig()
    for cls in ("state", "meta"):
        for asset in ("a1", "a2"):
            rig.make(cls, asset)
    newest = rig.make("state", "a1")
    rig.store.commit()
    rig.connect(spread_s=10.0)
    live = rig.make("telemetry", "a1")
    rig.pump()
    assert rig.topics() == [
        "status", "a1/meta", "a2/meta", "a2/state", "a1/state", "a1/telemetry/live",
    ]  # fmt: skip
    assert rig.transport.sent[4].key == newest.key
    assert all(message.retain for message in rig.transport.sent[:5])
    assert rig.transport.sent[5].key == live.key


def test_what_was_made_without_a_connection_is_backlog_never_retained_and_marked_late() -> None:
    rig = Rig()
    first = rig.make("state")
    rig.make("telemetry")
    rig.make("state")
    rig.store.commit()
    rig.clock.advance(1.0)
    rig.connect()
    by_key = {message.key: message for message in rig.transport.sent}
    assert not by_key[first.key].retain
    assert by_key[first.key].payload.startswith(b"1 1 ")
    assert by_key[2].topic == "a1/telemetry/hist"
    assert by_key[3].retain, "the current state is sent retained, once"
    assert sorted(rig.sent_keys()) == [1, 2, 3]


def test_what_is_told_last_of_an_asset_that_goes_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    rig.connect()
    rig.make("state", "stays")
    gone = rig.make("state", "goes")
    now = rig.store.current()
    del now[gone.place]
    monkeypatch.setattr(rig.store, "current", lambda: now)
    rig.store.commit()
    rig.pump()
    kept = {message.topic: message.retain for message in rig.transport.sent}
    assert kept["stays/state"]
    assert not kept["goes/state"]


def test_retain_of_live_records_follows_their_class() -> None:
    rig = Rig()
    rig.connect()
    for cls in ("meta", "state", "alarm/hot", "oee", "energy/electricity", "event/x", "telemetry"):
        rig.make(cls)
    rig.store.commit()
    rig.pump()
    retained = {message.topic for message in rig.transport.sent if message.retain}
    assert retained == {"status", "a1/meta", "a1/state", "a1/alarm/hot"}


def test_the_current_state_is_not_sent_twice_as_a_first_delivery() -> None:
    rig = Rig()
    rig.make("state")
    rig.store.commit()
    rig.connect()
    rig.answer_all()
    assert rig.sent_keys() == [1]
    assert rig.position.acked == {1}


def test_only_the_window_is_in_flight_and_the_backlog_leaves_a_quarter_of_it() -> None:
    rig = Rig(rate=1e6)
    for _index in range(50):
        rig.make("telemetry")
    rig.store.commit()
    rig.connect(window=8)
    rig.pump()
    assert len(rig.transport.sent) == 6
    live = [rig.make("telemetry") for _index in range(5)]
    rig.pump()
    assert rig.sent_keys()[5:] == [record.key for record in live[:2]]
    assert len(rig.delivery.flight) == 8


def test_live_goes_first_when_the_window_opens() -> None:
    rig = Rig(rate=1e6)
    for _index in range(20):
        rig.make("telemetry")
    rig.store.commit()
    rig.connect(window=1)
    live = rig.make("telemetry")
    rig.answer(rig.transport.sent[0])
    assert rig.sent_keys() == [live.key]


def test_the_backlog_keeps_its_rate_and_its_turn() -> None:
    rig = Rig(rate=100.0)
    for _index in range(60):
        rig.make("telemetry")
    rig.store.commit()
    rig.connect(window=1000)
    assert len(rig.sent_keys()) == 10, "a tenth of a second's worth at once"
    wait_s = rig.pump()
    assert wait_s == pytest.approx(0.02, rel=1e-3)
    for _step in range(100):
        rig.clock.advance(0.005)
        rig.pump()
    assert len(rig.sent_keys()) == pytest.approx(60, abs=1)


def test_the_backlog_waits_for_its_spread() -> None:
    rig = Rig()
    rig.make("telemetry")
    rig.store.commit()
    rig.connect(spread_s=30.0)
    assert rig.sent_keys() == []
    assert rig.pump() == pytest.approx(30.0)
    rig.clock.advance(30.0)
    rig.pump()
    assert rig.sent_keys() == [1]


def test_resends_go_first_and_unchanged() -> None:
    rig = Rig()
    rig.connect(window=2)
    rig.answer(rig.transport.sent[0])
    first, second, third = (rig.make("telemetry") for _index in range(3))
    rig.pump()
    assert rig.sent_keys() == [first.key, second.key]
    before = {message.key: message for message in rig.transport.sent if message.key}
    rig.delivery.lost()
    rig.store.commit()
    rig.clock.advance(60.0)
    rig.connect()
    assert rig.topics() == [
        "a1/telemetry/live", "a1/telemetry/live", "status", "a1/telemetry/hist",
    ]  # fmt: skip
    assert rig.transport.sent[0] is before[first.key]
    assert rig.transport.sent[0].payload.startswith(b"1 0 "), "hist stays as first handed over"
    assert rig.transport.sent[3].key == third.key


def test_an_answer_to_an_earlier_connection_is_no_answer() -> None:
    rig = Rig()
    rig.connect()
    rig.make("telemetry")
    rig.pump()
    stale = rig.transport.sent[1]
    rig.delivery.lost()
    rig.delivery.acked(stale, Verdict.DELIVERED)
    assert rig.position.acked == set()


def test_acks_out_of_order_lose_nothing_over_a_loss() -> None:
    rig = Rig()
    rig.connect()
    for _index in range(6):
        rig.make("telemetry")
    rig.pump()
    for message in rig.transport.sent[5:1:-2]:
        rig.answer(message)
    assert rig.position.acked == {3, 5}
    rig.delivery.lost()
    rig.connect()
    assert rig.sent_keys() == [1, 2, 4, 6]


def test_records_over_ten_seconds_old_are_history_even_in_the_live_lane() -> None:
    rig = Rig()
    rig.connect(window=1)
    rig.make("telemetry")
    rig.clock.advance(10.001)
    rig.make("telemetry")
    rig.answer(rig.transport.sent[0])
    rig.answer(rig.transport.sent[1])
    assert rig.topics() == ["status", "a1/telemetry/hist", "a1/telemetry/live"]


def test_too_much_live_becomes_backlog_and_metas_stay_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LIVE_RECORDS", 10)
    rig = Rig(rate=1e6)
    rig.connect(window=1)
    rig.make("meta")
    for _index in range(10):
        rig.make("telemetry")
    fresh = rig.make("telemetry")
    rig.store.commit()
    rig.answer_all()
    assert rig.sent_keys()[:2] == [1, fresh.key]
    assert rig.sent_keys()[2:] == list(range(2, 12))
    assert rig.topics()[3] == "a1/telemetry/hist"


def test_too_many_bytes_become_backlog_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIVE_BYTES", 100)
    rig = Rig(rate=1e6)
    rig.connect(window=1)
    for _index in range(4):
        rig.make("telemetry", body=b"x" * 30)
    rig.store.commit()
    rig.answer_all()
    assert rig.sent_keys() == [1, 2, 3, 4]
    assert set(rig.topics()) == {"status", "a1/telemetry/hist"}


def test_every_record_arrives_once_however_far_the_backlog_reaches() -> None:
    rig = Rig(rate=1e6)
    for _index in range(1000):
        rig.make("telemetry")
    rig.store.commit()
    for key in range(200, 300):
        rig.position.ack(key)
    rig.connect(window=16)
    rig.answer_all()
    assert rig.sent_keys() == [key for key in range(1, 1001) if not 200 <= key < 300]


def test_uncommitted_backlog_is_read_once_it_is_on_disk() -> None:
    rig = Rig()
    rig.make("telemetry")
    rig.connect()
    assert rig.sent_keys() == []
    rig.store.commit()
    rig.pump()
    assert rig.sent_keys() == [1]


def test_a_stop_sends_live_and_leaves_the_backlog() -> None:
    rig = Rig()
    rig.make("telemetry")
    rig.store.commit()
    rig.connect(spread_s=1.0)
    last = rig.make("state")
    rig.store.commit()
    rig.delivery.close()
    rig.make("telemetry")
    rig.clock.advance(2.0)
    rig.pump()
    assert rig.sent_keys() == [last.key]
    for message in list(rig.transport.sent):
        rig.answer(message)
    assert rig.delivery.idle


def test_no_more_bytes_are_under_way_than_the_window_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flight, "WINDOW_BYTES", 1)
    rig = Rig()
    rig.connect()
    rig.answer_all()
    keys = [rig.make("telemetry", f"a{n}").key for n in range(3)]
    rig.pump()
    assert rig.sent_keys() == keys[:1], "one message always goes"
    for key in keys[1:]:
        rig.answer(rig.transport.sent[-1])
        rig.pump()
        assert rig.sent_keys()[-1] == key


@pytest.mark.parametrize("is_live", [True, False])
def test_what_a_format_has_no_words_for_counts_as_delivered(is_live: bool) -> None:  # noqa: FBT001
    rig = Rig()
    rig.encoding.unspoken = frozenset({"energy/electricity"})
    if is_live:
        rig.connect()
    silent, spoken = rig.make("energy/electricity"), rig.make("oee")
    rig.store.commit()
    if not is_live:
        rig.connect()
    rig.pump()
    assert rig.sent_keys() == [spoken.key]
    assert rig.position.is_done(silent.place, silent.key)
    assert not rig.position.is_done(spoken.place, spoken.key)
