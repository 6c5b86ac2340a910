"""What publishers will never get is told to people at once, and not every second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.storage.facts import Dropped
from gateway.storage.losses import SUM_UP_S, Losses

if TYPE_CHECKING:
    import pytest


def lost(count: int, cls: str = "telemetry", publisher: str = "cluster") -> Dropped:
    return Dropped(publisher, 1, count, 0, 0, cls, count, "too_big")


def test_a_loss_is_told_at_once_and_then_summed_up(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    losses = Losses(lambda: now)
    losses.say(lost(3))
    for _second in range(int(SUM_UP_S) - 1):
        now += 1.0
        losses.say(lost(2))
    losses.say(lost(1, "oee"))
    losses.say(lost(1, publisher="second"))
    assert caplog.messages == [
        "cluster will never get 3 records of telemetry: too_big",
        "cluster will never get 1 records of oee: too_big",
        "second will never get 1 records of telemetry: too_big",
    ]
    now = SUM_UP_S
    losses.say(lost(5))
    summed = 2 * (int(SUM_UP_S) - 1) + 5
    assert caplog.messages[3:] == [f"cluster will never get {summed} records of telemetry: too_big"]
