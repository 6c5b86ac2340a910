"""What the other side refuses is kept, and keeps nothing else from flowing."""

from __future__ import annotations

import pytest

from gateway.publishers.message import Message
from gateway.publishers.refusals import FIRST_WAIT_S, MOST_WAIT_S, Verdict
from tests.unit.delivery_fakes import Rig


def refused_topic() -> Rig:
    """A rig whose topic a1/telemetry/live has just been refused for record 1."""
    rig = Rig(rate=1e6)
    rig.connect()
    rig.answer(rig.transport.sent[0])
    rig.make("telemetry", "a1")
    rig.pump()
    rig.answer(rig.transport.sent[1], Verdict.HOLD_TOPIC, "Not authorized (0x87)")
    return rig


def test_a_refused_topic_is_held_and_the_others_flow() -> None:
    rig = refused_topic()
    rig.make("telemetry", "a1")
    other = rig.make("telemetry", "a2")
    rig.store.commit()
    rig.pump()
    assert rig.sent_keys()[1:] == [other.key]
    rig.answer(rig.transport.sent[-1])
    assert rig.position.acked == {other.key}
    assert {t: h.why for t, h in rig.delivery.refusals.topics.items()} == {
        "a1/telemetry/live": "Not authorized (0x87)"
    }


def test_a_held_topic_is_tried_again_with_one_message_and_then_drained() -> None:
    rig = refused_topic()
    later = [rig.make("telemetry", "a1") for _index in range(3)]
    rig.store.commit()
    assert rig.pump() == pytest.approx(FIRST_WAIT_S)
    rig.clock.advance(FIRST_WAIT_S)
    rig.pump()
    assert rig.sent_keys()[1:] == [1]
    rig.answer(rig.transport.sent[-1])
    rig.answer_all()
    assert rig.sent_keys()[2:] == [record.key for record in later]
    assert rig.position.acked == {1, 2, 3, 4}
    assert not rig.delivery.refusals.topics


def test_a_topic_refused_again_waits_twice_as_long_up_to_a_bound() -> None:
    rig = refused_topic()
    wait_s = FIRST_WAIT_S
    for _turn in range(8):
        rig.clock.advance(wait_s)
        rig.pump()
        rig.answer(rig.transport.sent[-1], Verdict.HOLD_TOPIC, "Not authorized (0x87)")
        wait_s = min(MOST_WAIT_S, wait_s * 2)
        assert rig.pump() == pytest.approx(wait_s)
    assert rig.position.acked == set()


def test_several_refused_in_one_window_are_all_kept() -> None:
    rig = Rig(rate=1e6)
    rig.connect()
    for _index in range(3):
        rig.make("telemetry")
    rig.store.commit()
    rig.pump()
    for message in rig.transport.sent[1:]:
        rig.delivery.acked(message, Verdict.HOLD_TOPIC, "no")
    rig.clock.advance(FIRST_WAIT_S)
    rig.pump()
    assert rig.sent_keys()[3:] == [1]
    rig.answer_all()
    assert rig.position.acked == {1, 2, 3}


def test_a_new_connection_tries_held_topics_at_once() -> None:
    rig = refused_topic()
    rig.store.commit()
    rig.delivery.lost()
    rig.connect()
    assert rig.sent_keys() == [1]
    rig.answer_all()
    assert rig.position.acked == {1}


def test_a_newer_state_takes_the_place_of_the_one_refused() -> None:
    rig = Rig(rate=1e6)
    rig.connect()
    rig.make("state")
    rig.store.commit()
    rig.pump()
    rig.answer(rig.transport.sent[1], Verdict.HOLD_TOPIC, "no")
    newer = rig.make("state")
    rig.store.commit()
    rig.delivery.lost()
    rig.connect()
    assert [m.key for m in rig.transport.sent if m.retain and m.key] == [newer.key]
    rig.answer_all()
    assert rig.position.acked == {1, 2}


def test_what_stands_parked_goes_once_a_statement_taken_back_is_accepted() -> None:
    """The asset was removed, so that the probe of its topic became the empty message."""
    rig = Rig(rate=1e6)
    rig.connect()
    state = rig.make("state")
    rig.store.commit()
    rig.pump()
    refused = rig.transport.sent[-1]
    rig.answer(refused, Verdict.HOLD_TOPIC, "no")
    rig.delivery.tell(Message(0, refused.topic, b"", retain=True, again=False))
    rig.pump()
    assert rig.transport.sent[-1].payload == b""
    rig.answer_all()
    assert rig.position.acked == {state.key}
    assert not rig.position.parked.count


def test_a_refused_status_is_replaced_by_the_next_one() -> None:
    rig = Rig()
    rig.connect()
    old = rig.transport.sent[0]
    rig.answer(old, Verdict.HOLD_TOPIC, "no")
    rig.delivery.lost()
    rig.connect()
    assert rig.topics() == ["status"]
    assert rig.transport.sent[0] is not old
    rig.answer(rig.transport.sent[0])
    assert not rig.delivery.refusals.topics


def test_a_record_that_is_never_taken_is_set_aside_and_declared_once() -> None:
    rig = Rig(rate=1e6)
    rig.connect()
    rig.make("telemetry")
    after = rig.make("telemetry")
    rig.store.commit()
    rig.pump()
    rig.answer(rig.transport.sent[1], Verdict.SET_ASIDE, "Packet too large (0x95)")
    rig.answer(rig.transport.sent[2])
    assert rig.position.acked == {after.key}
    assert rig.position.declared == [1]
    assert rig.delivery.outcomes.aside_why == "Packet too large (0x95)"
    rig.delivery.lost()
    rig.connect()
    assert rig.sent_keys() == []


def test_what_exceeds_the_servers_packet_size_is_never_sent() -> None:
    rig = Rig()
    rig.connect().most_bytes = 100
    rig.make("telemetry", body=b"x" * 200)
    small = rig.make("telemetry")
    rig.pump()
    assert rig.sent_keys() == [small.key]
    assert rig.position.declared == [1]


def test_a_full_quota_pauses_everything_and_sends_the_same_message_again() -> None:
    rig = Rig()
    rig.connect()
    rig.make("telemetry")
    rig.pump()
    refused = rig.transport.sent[1]
    rig.delivery.acked(refused, Verdict.LATER, "Quota exceeded (0x97)")
    rig.make("telemetry")
    assert rig.pump() == pytest.approx(1.0)
    rig.clock.advance(1.0)
    rig.pump()
    assert rig.transport.sent[2] is refused
    assert rig.transport.sent[3].key == 2


def test_unheard_counts_as_delivered_and_is_counted() -> None:
    rig = Rig()
    rig.connect()
    rig.make("telemetry")
    rig.pump()
    rig.answer(rig.transport.sent[1], Verdict.UNHEARD)
    assert rig.position.acked == {1}
    assert rig.delivery.unheard_count == 1


def test_a_poisonous_message_is_found_and_set_aside_and_the_rest_arrives() -> None:
    """The server drops the connection whenever it is sent record 3, and says nothing."""
    rig = Rig(rate=1e6)
    for _index in range(6):
        rig.make("telemetry")
    rig.store.commit()
    for _turn in range(12):
        rig.connect()
        done = 0
        while done < len(rig.transport.sent):
            message = rig.transport.sent[done]
            if message.key == 3:
                break
            rig.answer(message)
            done += 1
        if 3 not in rig.sent_keys():
            break
        rig.delivery.lost()
    assert rig.position.acked == {1, 2, 4, 5, 6}
    assert rig.position.declared == [3]


def test_a_dead_network_sets_nothing_aside() -> None:
    """Connections that break before anything is acknowledged prove nothing."""
    rig = Rig()
    rig.make("telemetry")
    rig.store.commit()
    for _turn in range(20):
        rig.connect()
        rig.delivery.lost()
    assert not rig.delivery.outcomes.aside
    rig.connect()
    rig.answer_all()
    assert rig.position.acked == {1}


def test_what_is_refused_altogether_is_not_read_again_and_again() -> None:
    rig = Rig(rate=1e6)
    for _index in range(1000):
        rig.make("telemetry")
    rig.store.commit()
    rig.connect()
    for message in list(rig.transport.sent):
        if message.key:
            rig.answer(message, Verdict.HOLD_TOPIC, "no")
    while rig.pump() == 0:
        pass
    rig.start(rig.position.standing)
    rig.connect(window=4)
    reads = rig.reads
    for message in list(rig.transport.sent):
        if message.key:
            rig.answer(message, Verdict.HOLD_TOPIC, "no")
    assert rig.sent_keys() == [1, 2]
    assert rig.reads - reads <= 1
    assert rig.position.low == 1000
    rig.clock.advance(FIRST_WAIT_S)
    rig.pump()
    rig.answer_all()
    assert rig.sent_keys()[2:] == list(range(1, 1001))
    assert not len(rig.position.parked)
