"""The gateway as a process while the system's clock is wrong, comes right, and is played with."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway import api
from tests.e2e.asyncapi_judge import Judge
from tests.e2e.clocked_gateway import SYNCED
from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.test_workshop_truth import judge_figures
from tests.e2e.workshop import Workshop, bodies, workshop

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
COMMAND = (sys.executable, "-m", "tests.e2e.clocked_gateway")
YEAR_S = 365 * 86_400
YEARS_20 = 20 * YEAR_S
SEEN_S = 2.2
"""The library looks into its file once a second."""
MOST_MISSED = 0.15
NEAR = 0.02
NEAR_MS = 1500
"""A poll, its delivery and this process on a busy machine."""


def libfaketime() -> str:
    """Where the library is; `make apt-test` installs it, and without it these tests fail."""
    places = itertools.chain.from_iterable(
        Path(folder).glob("**/faketime/libfaketimeMT.so.1") for folder in LIBRARIES
    )
    return str(next(places))


@dataclass
class Site:
    """A workshop whose gateway sees a clock that the test sets."""

    made: Workshop
    subscriber: Subscriber
    folder: Path

    def set_clock(self, ahead_s: float, *, synced: bool) -> None:
        """What the gateway's system clock says from now on, minus the truth; and who stands by."""
        self._synced.unlink(missing_ok=True)
        fresh = self.folder / "ahead.new"
        fresh.write_text(f"{ahead_s:+f}\n", "utf-8")
        fresh.rename(self.folder / "ahead")
        if synced:
            if self.made.gateway is not None:
                time.sleep(SEEN_S)  # a time server sets the clock, and then says that it is right
            self._synced.touch()

    def start(self) -> None:
        self.made.command = COMMAND
        self.made.env = {
            **os.environ,
            "LD_PRELOAD": libfaketime(),
            "FAKETIME_TIMESTAMP_FILE": str(self.folder / "ahead"),
            "FAKETIME_CACHE_DURATION": "1",  # else the file is read at every look at a clock
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            SYNCED: str(self._synced),
        }
        self.made.start()

    def heard(self, tail: str) -> list[dict[str, Any]]:
        return bodies(self.subscriber, tail)

    @property
    def _synced(self) -> Path:
        return self.folder / "synced"


@contextlib.contextmanager
def site(folder: Path) -> Iterator[Site]:
    with (
        Mosquitto(folder) as broker,
        Subscriber(broker.port) as subscriber,
        workshop(folder, broker.port) as made,
    ):
        yield Site(made, subscriber, folder)


def place(identity: str) -> tuple[int, int]:
    """Epoch and number of an id."""
    _gateway, epoch, number = identity.split(":")
    return int(epoch), int(number)


def corrected(record: dict[str, Any], events: list[dict[str, Any]]) -> int:
    """By how many ms a record's times are to be corrected, as a platform would."""
    offsets = [
        event["data"]["offset_ms"]
        for event in events
        if place(event["data"]["from"]) <= place(record["id"]) <= place(event["data"]["to"])
    ]
    assert offsets or record.get("clock") != "unsync", "marked, and nobody says how wrong"
    return int(offsets[-1]) if offsets else 0


def polls(made: Site) -> tuple[int, int]:
    """Missed and made, as the gateway counts them."""

    async def look() -> Any:  # noqa: ANN401 - JSON
        return (await anext(api.follow(made.folder / "store")))["devices"]

    devices = asyncio.run(look()).values()
    missed, made_ = (sum(device[name] for device in devices) for name in ("missed", "polls"))
    return missed, made_


def judge_polls(made: Site, before: tuple[int, int]) -> None:
    """None is missed since, but for what the machine that runs the tests takes from the gateway.

    That steps cost none at all is shown on virtual time, in tests/unit/test_clock_steps.py.
    """
    missed, all_ = (now - then for now, then in zip(polls(made), before, strict=True))
    print(f"\n{missed} of {all_} polls missed")
    assert missed <= all_ * MOST_MISSED


def judge_times(made: Site, began_s: float) -> None:
    """Every reading has the time at which it was made, once corrected."""
    events = made.heard("event/clock")
    now_ms = time.time() * 1000
    for record in made.heard("lasting-1/telemetry/live"):
        offset_ms = corrected(record, events)
        for row in record["rows"]:
            assert began_s * 1000 - NEAR_MS <= row["t"] + offset_ms <= now_ms + NEAR_MS
    judge = Judge()
    for heard in list(made.subscriber.heard):
        judge.judge(heard.topic, heard.payload, retained=heard.retained)


def test_a_boot_with_the_wrong_time(tmp_path: Path) -> None:
    """Two years ago, says the clock; after eight seconds a time server is reached."""
    with site(tmp_path) as made:
        ahead_s = -2 * YEAR_S - 1234.5
        began_s = time.time()
        made.set_clock(ahead_s, synced=False)
        made.start()
        wait_for(lambda: len(made.heard("lasting-1/telemetry/live")) > 5, "values come")
        before = polls(made)
        early = [json.loads(heard.payload) for heard in made.subscriber.heard]
        marks = {record.get("clock") for record in early if "id" in record}
        assert marks == {"unsync"}
        assert not made.heard("event/clock")
        for record in made.heard("lasting-1/telemetry/live"):
            assert abs(record["ts"] / 1000 - time.time() - ahead_s) < 30
        made.set_clock(0, synced=True)
        wait_for(lambda: made.heard("event/clock"), "the times are corrected")
        (event,) = made.heard("event/clock")
        assert abs(event["data"]["offset_ms"] + ahead_s * 1000) < 50
        assert place(event["data"]["from"])[1] == 1
        assert len(event["data"]["boot"]) == 36
        time.sleep(7)  # a window that is open is told each 5 s
        judge_polls(made, before)
        assert made.made.end() == 0, made.made.log()
        judge_times(made, began_s)
        late = [r for r in made.heard("lasting-1/telemetry/live") if "clock" not in r]
        assert late
        assert all(place(r["id"]) > place(event["data"]["to"]) for r in late)
        state = made.heard("lasting-1/state")[-1]
        assert abs(state["since"] / 1000 - time.time()) < 3600, "the state was told again"
        offset_ms = event["data"]["offset_ms"]
        judge_figures(
            made.made.events(), made.subscriber, offset_ms=offset_ms, exact=True, within=NEAR
        )
        assert "the clock is right (ntp)" in made.made.log()


def play(folder: Path, steps: int, seed: int) -> None:
    """Set the clock of a running gateway again and again, by up to 20 years."""
    chance = random.Random(seed)
    with site(folder) as made:
        began_s = time.time()
        made.set_clock(0, synced=True)
        made.start()
        wait_for(lambda: len(made.heard("lasting-1/telemetry/live")) > 2, "values come")
        before = polls(made)
        for step in range(steps):
            ahead_s = chance.choice([chance.uniform(-YEARS_20, YEARS_20), chance.uniform(-99, 99)])
            made.set_clock(ahead_s, synced=False)
            time.sleep(chance.uniform(1.2, 2.2))
            if step % 4 == 3:  # the time server sets it right again
                made.set_clock(0, synced=True)
                time.sleep(chance.uniform(0.5, 1.5))
        made.set_clock(0, synced=True)
        time.sleep(3)
        judge_polls(made, before)
        assert made.made.end() == 0, made.made.log()
        judge_times(made, began_s)
        times = [row["t"] for r in made.heard("lasting-1/telemetry/live") for row in r["rows"]]
        assert times == sorted(times)
        assert all(abs(e["data"]["offset_ms"]) < 2500 for e in made.heard("event/clock"))
        judge_figures(made.made.events(), made.subscriber, exact=True, within=NEAR)


def test_a_clock_that_is_played_with(tmp_path: Path) -> None:
    play(tmp_path, 2, seed=1)


@pytest.mark.soak
def test_two_hundred_steps(tmp_path: Path) -> None:
    play(tmp_path, int(os.environ.get("NXGATE_CLOCK_STEPS", "200")), seed=2)
