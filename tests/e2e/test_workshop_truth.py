"""The demo workshop's OEE is the simulator's truth."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from simulators.figures import Rule, as_read, truth_figures
from tests.e2e.asyncapi_judge import Judge
from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.workshop import bodies, workshop

if TYPE_CHECKING:
    from pathlib import Path

MACHINES = {
    "injection-1": ("plc-inj", Rule(1.9, 24, 1.0, 5.0)),
    "lasting-1": ("plc-last", Rule(1.9, None, 1.0, 5.0)),
}
FIRST_MS = 100
STATE_AT = 100
"""Both machines hold their state in D100, read with all the rest in one request."""


def run(folder: Path, seconds: float, *, exact: bool) -> dict[str, tuple[float, float]]:
    """Run the workshop, hold every message to the contract, and compare the figures.

    Args:
        folder: for everything.
        seconds: how long.
        exact: compare with what a poll could see, else with what really happened.

    Returns:
        OEE of the gateway and of the truth, by asset.
    """
    with (
        Mosquitto(folder) as broker,
        Subscriber(broker.port) as subscriber,
        workshop(folder, broker.port) as made,
    ):
        made.start()
        wait_for(lambda: bodies(subscriber, "lasting-1/oee"), "figures come")
        time.sleep(seconds)
        assert made.end() == 0, made.log()
        judge = Judge()
        for heard in list(subscriber.heard):
            judge.judge(heard.topic, heard.payload, retained=heard.retained)
        return judge_figures(made.events(), subscriber, exact=exact)


def judge_figures(
    events: list[Any],
    subscriber: Subscriber,
    *,
    exact: bool,
    offset_ms: int = 0,
    within: float = 1e-3,
) -> dict[str, tuple[float, float]]:
    """Compare the figures told last with what happened.

    Args:
        events: the truth.
        subscriber: heard all there was.
        exact: as for `run`.
        offset_ms: by how much the first readings' times are wrong.
        within: relative difference that is allowed where exact; the label of a reading is as
            late as this machine is busy.
    """
    found: dict[str, tuple[float, float]] = {}
    for asset, (device, rule) in MACHINES.items():
        records = bodies(subscriber, f"{asset}/oee")
        last = [r for r in records if r["win"]["kind"] == "day"][-1]
        spent = last["time_s"]
        start = last["win"]["start"]
        until = start + round(1000 * spent["planned"])
        first = offset_ms + next(
            row["t"]
            for record in bodies(subscriber, f"{asset}/telemetry/live")
            for row in record["rows"]
            if row["m"].get("state") is not None
        )
        story = as_read(events, device, STATE_AT) if exact else events
        # What the first reading brought was made before it.
        story = [e for e in story if e["type"] == "state" or e["t"] > first + FIRST_MS]
        true = truth_figures(story, device, (start, until), rule, [(first, until)])
        assert last["oee"] is not None
        assert true["oee"]
        found[asset] = (last["oee"], true["oee"])
        assert last["coverage"] == pytest.approx((until - first) / (until - start), abs=1e-3)
        if exact:
            for name in ("a", "p", "q", "oee"):
                assert last[name] == pytest.approx(true[name], rel=within), (asset, name)
    return found


def test_the_figures_are_those_of_what_was_read(tmp_path: Path) -> None:
    for asset, (ours, true) in run(tmp_path, 15, exact=True).items():
        assert ours == pytest.approx(true, rel=1e-3), asset


@pytest.mark.soak
def test_an_hour_is_within_a_thousandth_of_what_happened(tmp_path: Path) -> None:
    seconds = float(os.environ.get("NXGATE_SOAK_SECONDS", "3600"))
    for asset, (ours, true) in run(tmp_path, seconds, exact=False).items():
        print(f"\n{asset}: OEE {ours:.6f}, truth {true:.6f}, {seconds:.0f} s")
        assert ours == pytest.approx(true, rel=1e-3), asset
