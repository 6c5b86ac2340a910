"""The watchdog is fed by progress: what is stuck stops it, what others do to us does not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from gateway import words
from gateway.clock import ManualClock
from gateway.health import Health
from gateway.poller import Poller
from gateway.supervision.moving import LIMIT_S, Moving, Part, of_publisher
from gateway.supervision.notify import Supervisor
from gateway.supervision.watchdog import Watchdog
from tests.unit.test_itself import STATUS
from tests.unit.test_poller import FakeDriver, FakeLink, Taken, device
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.publishers.base import PublisherStatus

S = 1_000_000_000


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    before = words.chosen()
    words.choose("en")
    yield
    words.choose(before)


def seconds_until_stuck(moving: Moving, parts: list[Part], most: int) -> int | None:
    for second in range(most):
        if moving.look(parts, second * S):
            return second
    return None


def test_a_part_that_has_something_to_do_and_does_none_of_it_is_stuck() -> None:
    parts = [Part("polls", True, 7), Part("commits", False, 0)]  # noqa: FBT003
    assert seconds_until_stuck(Moving(), parts, 1000) == LIMIT_S


def test_a_part_that_moves_or_has_nothing_to_do_is_not() -> None:
    moving = Moving()
    for second in range(2000):
        parts = [Part("slow", True, second // 290), Part("idle", second % 299 != 0, 0)]  # noqa: FBT003
        assert moving.look(parts, second * S) == []


def test_one_that_is_stuck_is_not_forgiven_for_the_others() -> None:
    moving = Moving()
    for second in range(400):
        parts = [Part("stuck", True, 1), Part("busy", True, second)]  # noqa: FBT003
        told = moving.look(parts, second * S)
    assert told == ["stuck"]
    assert moving.look([Part("stuck", True, 2)], 400 * S) == []  # noqa: FBT003


def test_a_process_that_was_not_run_for_an_hour_was_not_stuck() -> None:
    moving = Moving()
    parts = [Part("polls", True, 7)]  # noqa: FBT003
    assert moving.look(parts, 0) == []
    assert moving.look(parts, 3600 * S) == []


class _Told:
    """A publisher that tells one status."""

    name = "cluster"

    def __init__(self, **fields: object) -> None:
        self._status = replace(STATUS, **cast("Any", fields))

    def status(self) -> PublisherStatus:
        return self._status


@pytest.mark.parametrize(
    ("fields", "is_due"),
    [
        ({"in_flight": 1, "outbox": 0}, True),
        ({"in_flight": 0, "outbox": 3, "parked": 0}, True),
        ({"in_flight": 0, "outbox": 3, "parked": 3}, False),
        ({"in_flight": 0, "outbox": 9, "parked": 3, "held": {"cii/v1/x": "no"}}, False),
        ({"in_flight": 0, "outbox": 0}, False),
        ({"connected": False, "attempts": 4}, True),
        ({"connected": False, "attempts": 0}, False),
    ],
)
def test_when_a_delivery_is_due(fields: dict[str, Any], *, is_due: bool) -> None:
    (part,) = of_publisher(cast("Any", _Told(**fields)))
    assert part.is_due is is_due


class _Store:
    """Commits of which none ends, once it is stuck."""

    def __init__(self) -> None:
        self.attempts = 0
        self.is_stuck = False

    def commits_due(self) -> tuple[bool, int]:
        self.attempts += not self.is_stuck
        return True, self.attempts


@contextlib.contextmanager
def heard(folder: Path) -> Iterator[tuple[str, socket.socket]]:
    """A socket like systemd's, and its address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        address = str(folder / "notify")
        listener.bind(address)
        listener.settimeout(0.0)
        yield address, listener


def lines(listener: socket.socket) -> list[str]:
    found: list[str] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found += listener.recv(4096).decode().splitlines()
    return found


def test_the_supervisor_hears_how_it_fares(tmp_path: Path) -> None:
    store, clock = _Store(), ManualClock()
    with heard(tmp_path) as (address, listener):
        watchdog = Watchdog(Supervisor(address), clock, cast("Any", store), list, dict)
        watchdog.ready()
        assert lines(listener) == ["READY=1", "WATCHDOG=1", "STATUS=running"]
        for _second in range(3):
            clock.mono += S
            watchdog.look()
        assert lines(listener) == ["WATCHDOG=1"] * 3
        store.is_stuck = True
        told = []
        for _second in range(round(LIMIT_S) + 2):
            clock.mono += S
            watchdog.look()
            told += lines(listener)
        assert 0 < told.count("WATCHDOG=1") <= LIMIT_S
        (why,) = (line for line in told if line.startswith("STATUS="))
        assert "commits" in why
        assert told[-1] == why
        store.is_stuck = False
        clock.mono += S
        watchdog.look()
        assert lines(listener) == ["STATUS=running", "WATCHDOG=1"]
        watchdog.stopping()
        assert lines(listener) == ["STOPPING=1", "STATUS=stopping"]


def test_an_abstract_address_is_reached_and_a_dead_one_does_no_harm(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = f"nxgate-{id(listener)}"
        listener.bind(f"\0{name}")
        Supervisor(f"@{name}").tell("READY=1")
        assert listener.recv(100) == b"READY=1"
    Supervisor(f"@{name}").tell("READY=1")
    Supervisor(str(tmp_path / "nobody")).tell("READY=1")
    Supervisor(None).tell("READY=1")


def stuck_polls(driver: FakeDriver, link: FakeLink, loop: VirtualLoop, seconds: int) -> set[str]:
    """What is stuck after so long beside a device that is well."""
    units: Any = [
        (device("well", 1.0), FakeLink("fake://other"), FakeDriver(loop, "well")),
        (device("plc", 1.0), link, driver),
    ]
    found: set[str] = set()

    async def main() -> None:
        poller = Poller(units, Taken(), loop, Health())
        task = asyncio.create_task(poller.run())
        moving = Moving()
        for _second in range(seconds):
            await asyncio.sleep(1)
            found.update(moving.look((Part(*seen) for seen in poller.progress()), loop.mono_ns()))
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run_virtual(loop, main())
    return found


def test_a_poll_that_never_ends_is_named() -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "plc", takes_s=1e9)
    assert stuck_polls(driver, FakeLink(), loop, 310) == {"polls of fake://bus"}


@pytest.mark.parametrize("timeout_s", [0.5, 60.0])
def test_a_silent_device_is_not_stuck(timeout_s: float) -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "plc", silent=True, timeout_s=timeout_s)
    assert not stuck_polls(driver, FakeLink(), loop, 3600)


def test_a_line_that_is_not_there_and_a_driver_that_fails_are_not_stuck() -> None:
    loop = VirtualLoop()
    assert not stuck_polls(FakeDriver(loop, "plc"), FakeLink(refuse=True), loop, 3600)
    loop = VirtualLoop()
    broken = FakeDriver(loop, "plc", broken=ValueError("a slip"))
    assert not stuck_polls(broken, FakeLink(), loop, 3600)


def test_a_schedule_whose_timer_is_lost_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = VirtualLoop()
    with monkeypatch.context() as patch:
        patch.setattr("gateway.cadence.Cadence._tick", lambda _self: None)
        stuck = stuck_polls(FakeDriver(loop, "plc"), FakeLink(), loop, 310)
    assert stuck == {"the schedule of polls"}
