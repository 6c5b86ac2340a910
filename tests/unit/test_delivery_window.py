"""How much is under way: more over a long line, less at a slow server, never beyond a limit."""

from __future__ import annotations

from collections import deque

import pytest

from gateway.clock import ManualClock
from gateway.publishers.flight import FIRST, IDLE_NS, LEAST, Flight
from gateway.publishers.message import Message


class Line:
    """A server behind a line, in virtual time: it answers in order, one after another.

    Args:
        rtt_s: there and back.
        rate: messages that the server takes in a second.
    """

    def __init__(self, rtt_s: float, rate: float, limit: int = 1000) -> None:
        self.clock = ManualClock()
        self.flight = Flight(self.clock)
        self.flight.begin(limit)
        self.rtt_s = rtt_s
        self.rate = rate
        self.answers: deque[tuple[float, Message]] = deque()
        self.busy_until_s = 0.0
        self.most = 0

    def run(self, seconds: float) -> float:
        """Keep the window full; return messages answered in a second."""
        end_s = self.now_s() + seconds
        done = 0
        while self.now_s() < end_s:
            while self.flight.has_room():
                self.send()
            self.most = max(self.most, len(self.flight))
            at_s, message = self.answers.popleft()
            self.clock.advance(max(0.0, at_s - self.now_s()))
            assert self.flight.answered(message)
            done += 1
        return done / seconds

    def send(self, size: int = 10) -> Message:
        message = Message(1, "t", b"x" * size, retain=False)
        self.flight.sent(message)
        begins_s = max(self.busy_until_s, self.now_s() + self.rtt_s / 2)
        self.busy_until_s = begins_s + 1 / self.rate
        self.answers.append((self.busy_until_s + self.rtt_s / 2, message))
        return message

    def now_s(self) -> float:
        return self.clock.mono_ns() * 1e-9


def test_a_long_line_gets_a_window_that_fills_it() -> None:
    line = Line(rtt_s=0.04, rate=10_000)
    line.run(1.0)
    assert line.run(5.0) > 5_000, "a window of 100 would give 2,500"
    assert line.flight.rtt_ns < 200e6


def test_a_near_fast_server_is_left_as_it_is() -> None:
    line = Line(rtt_s=0.0002, rate=10_000)
    assert line.run(5.0) > 9_000


def test_a_slow_server_is_asked_for_little_at_a_time() -> None:
    line = Line(rtt_s=0.001, rate=50)
    line.run(10.0)
    line.most = 0
    assert line.run(10.0) > 45
    assert line.most <= 8
    assert line.flight.rtt_ns < 250e6, "live data waits no longer than this"


def test_the_brokers_limit_holds() -> None:
    line = Line(rtt_s=0.2, rate=10_000, limit=20)
    line.run(5.0)
    assert line.most == line.flight.window == 20


def test_a_line_that_becomes_longer_for_good_is_believed_in_the_end() -> None:
    line = Line(rtt_s=0.01, rate=10_000)
    line.run(3.0)
    line.rtt_s = 0.3
    line.run(3 * IDLE_NS * 1e-9)
    assert line.flight.window > LEAST
    assert line.run(5.0) > 1_000


def test_an_idle_line_changes_nothing() -> None:
    line = Line(rtt_s=0.04, rate=10_000)
    for _index in range(5000):
        line.send()
        at_s, message = line.answers.popleft()
        line.clock.advance(max(0.0, at_s - line.now_s()))
        line.flight.answered(message)
    assert line.flight.window == FIRST


def test_silence_is_measured_from_the_last_answer() -> None:
    line = Line(rtt_s=0.04, rate=100)
    line.clock.advance(500.0)
    assert line.flight.silent_s() == 0.0
    first, second = line.send(), line.send()
    line.clock.advance(20.0)
    assert line.flight.silent_s() == pytest.approx(20.0)
    line.flight.answered(first)
    assert line.flight.silent_s() == 0.0
    line.clock.advance(30.0)
    assert line.flight.silent_s() == pytest.approx(30.0)
    line.flight.answered(second)
    assert line.flight.silent_s() == 0.0
    assert not line.flight.answered(second)


def test_bytes_are_bounded_too() -> None:
    line = Line(rtt_s=0.04, rate=100)
    line.send(1 << 20)
    assert not line.flight.has_room()
