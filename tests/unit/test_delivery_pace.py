"""Rates, pauses and the choice of a version, on a clock that tests drive."""

from __future__ import annotations

import random

import pytest

from gateway.bucket import TokenBucket
from gateway.clock import ManualClock
from gateway.publishers.backoff import Backoff
from gateway.publishers.causes import Cause
from gateway.publishers.mqtt_version import MqttVersion


@pytest.mark.parametrize("step_s", [0.001, 0.02, 0.09])
def test_a_bucket_keeps_its_rate_however_late_it_is_asked(step_s: float) -> None:
    clock = ManualClock()
    bucket = TokenBucket(500.0, clock)
    passed = 0
    for _step in range(round(10.0 / step_s)):
        clock.advance(step_s)
        while not bucket.wait_s():
            bucket.take()
            passed += 1
    assert passed == pytest.approx(5000 + 50, rel=0.01)


def test_a_bucket_tells_when_to_come_back() -> None:
    clock = ManualClock()
    bucket = TokenBucket(10.0, clock)
    bucket.take()
    wait_s = bucket.wait_s()
    assert wait_s == pytest.approx(0.1)
    clock.advance(wait_s)
    assert bucket.wait_s() == pytest.approx(0.0, abs=1e-9)


def test_a_slow_bucket_still_lets_one_pass() -> None:
    bucket = TokenBucket(0.5, ManualClock())
    assert bucket.wait_s() == 0.0


def test_pauses_are_spread_from_nothing_to_a_ceiling_that_doubles() -> None:
    for attempt, ceiling_s in enumerate((0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0)):
        pauses = []
        for seed in range(200):
            backoff = Backoff(random.Random(seed))
            for _earlier in range(attempt):
                backoff.pause_s()
            pauses.append(backoff.pause_s())
        assert max(pauses) <= ceiling_s
        assert max(pauses) > 0.9 * ceiling_s
        assert min(pauses) < 0.1 * ceiling_s


def test_a_pause_has_a_floor_where_haste_cant_help() -> None:
    backoff = Backoff(random.Random(1))
    pauses = [backoff.pause_s(30.0) for _attempt in range(50)]
    assert min(pauses) >= 30.0
    assert max(pauses) <= 90.0
    assert len(set(pauses)) == 50


def test_a_good_connection_resets_the_ceiling() -> None:
    backoff = Backoff(random.Random(1))
    for _attempt in range(10):
        backoff.pause_s()
    backoff.reset()
    assert backoff.pause_s() <= 0.5


def test_auto_tries_3_1_1_where_5_is_refused_or_left_unanswered() -> None:
    for cause in (Cause.VERSION, Cause.SILENT):
        version = MqttVersion("auto")
        assert version.now == "5"
        assert version.failed(cause)
        assert version.now == "3.1.1"


def test_auto_takes_a_second_drop_for_an_answer_and_goes_back_if_that_was_not_it() -> None:
    version = MqttVersion("auto")
    assert not version.failed(Cause.DROPPED)
    assert not version.failed(Cause.NETWORK)
    assert version.failed(Cause.DROPPED)
    assert not version.failed(Cause.DROPPED)
    assert version.now == "5"


@pytest.mark.parametrize("wanted", ["5", "3.1.1"])
def test_a_version_asked_for_stays(wanted: str) -> None:
    version = MqttVersion(wanted)
    for cause in Cause:
        assert not version.failed(cause)
    assert version.now == wanted


def test_a_version_that_worked_stays_and_3_1_1_is_noted() -> None:
    version = MqttVersion("auto")
    version.failed(Cause.VERSION)
    version.worked()
    for _drop in range(5):
        assert not version.failed(Cause.DROPPED)
    assert version.now == "3.1.1"
    assert "can't be seen" in version.note
    assert not MqttVersion("auto").note
