"""What is asked for again goes out again: as history, under its old ids, and moves nothing."""

from __future__ import annotations

import pytest

from gateway.publishers.history import MOST_REQUESTS
from gateway.publishers.refusals import Verdict
from tests.unit.delivery_fakes import Rig


def delivered(count: int, rate: float = 1e6) -> Rig:
    """A rig on whose connection so many records were delivered."""
    rig = Rig(rate)
    rig.connect()
    for _index in range(count):
        rig.make("telemetry")
    rig.store.commit()
    rig.answer_all()
    assert len(rig.position.acked) == count
    rig.transport.sent.clear()
    return rig


def test_a_range_goes_out_again_as_history_under_its_old_ids() -> None:
    rig = delivered(300)
    assert rig.position.low == 300
    assert rig.delivery.resend(51, 250) == 200
    rig.pump()
    rig.answer_all()
    assert rig.sent_keys() == list(range(51, 251))
    assert set(rig.topics()) == {"a1/telemetry/hist"}
    assert rig.transport.sent[0].payload == b'51 1 {"x":1}'
    assert not rig.transport.sent[0].retain


def test_what_is_no_longer_stored_is_simply_not_there() -> None:
    rig = delivered(20)
    del rig.store.records[4:10]
    assert rig.delivery.resend(1, 1000) == 14
    rig.pump()
    rig.answer_all()
    assert rig.sent_keys() == [*range(1, 5), *range(11, 21)]
    assert rig.delivery.resend(5, 10) == 0
    assert rig.delivery.resend(30, 20) == 0


def test_live_goes_first_and_the_backlogs_rate_holds() -> None:
    rig = delivered(100, rate=100.0)
    rig.delivery.resend(1, 100)
    rig.pump()
    assert len(rig.sent_keys()) <= 10
    live = rig.make("telemetry")
    rig.pump()
    assert rig.sent_keys()[-1] == live.key
    for _step in range(50):
        rig.clock.advance(0.01)
        rig.answer_all()
    assert rig.sent_keys().count(100) == 1


def test_what_is_not_delivered_yet_comes_once_and_in_its_order() -> None:
    rig = Rig(rate=1e6)
    for _index in range(200):
        rig.make("telemetry")
    rig.store.commit()
    for key in range(1, 51):
        rig.position.ack(key)
    rig.connect(spread_s=1.0)
    assert rig.delivery.resend(40, 60) == 21
    rig.clock.advance(1.0)
    rig.answer_all()
    sent = rig.sent_keys()
    assert sorted(sent) == list(range(40, 201))
    assert [key for key in sent if key > 50] == list(range(51, 201))


def test_a_lost_connection_sends_what_is_left_on_the_next() -> None:
    rig = delivered(200)
    rig.delivery.resend(1, 200)
    rig.pump()
    before = rig.sent_keys()
    assert 0 < len(before) < 200
    rig.answer(rig.transport.sent[0])
    rig.delivery.lost()
    rig.connect()
    rig.answer_all()
    assert set(before[1:]) | set(rig.sent_keys()) >= set(range(2, 201))
    assert len(rig.sent_keys()) == len(set(rig.sent_keys()))
    assert rig.position.acked == set(range(1, 201))


def test_requests_wait_for_each_other_up_to_a_bound() -> None:
    rig = delivered(50)
    asked = [rig.delivery.resend(2 * n + 1, 2 * n + 2) for n in range(MOST_REQUESTS + 3)]
    assert asked == [2] * MOST_REQUESTS + [0] * 3
    rig.pump()
    rig.answer_all()
    assert rig.sent_keys() == list(range(1, 2 * MOST_REQUESTS + 1))
    assert rig.delivery.resend(1, 1) == 1


def test_a_stop_forgets_them() -> None:
    rig = delivered(5)
    rig.delivery.resend(1, 5)
    rig.delivery.close()
    rig.pump()
    assert rig.sent_keys() == []


@pytest.mark.parametrize("verdict", [Verdict.HOLD_TOPIC, Verdict.SET_ASIDE])
def test_a_refusal_of_what_was_delivered_before_loses_nothing(verdict: Verdict) -> None:
    rig = delivered(3)
    rig.delivery.resend(1, 3)
    rig.pump()
    for message in list(rig.transport.sent):
        rig.answer(message, verdict, "no")
    later = rig.make("telemetry", "a2")
    rig.store.commit()
    rig.pump()
    rig.answer(rig.transport.sent[-1])
    assert rig.position.acked == {1, 2, 3, later.key}
