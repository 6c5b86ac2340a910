"""The whole gateway while its disk hangs, for longer than its patience."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.loop_disk import LoopDisk, frozen
from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.mqtt_rig import by_id
from tests.e2e.test_workshop_kills import check, outbox_empty, stored
from tests.e2e.workshop import workshop

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.soak]


def test_values_and_states_go_on_while_the_disk_hangs_and_nothing_is_lost(tmp_path: Path) -> None:
    disk = LoopDisk(tmp_path)
    disk.mount()
    (tmp_path / "store").symlink_to(disk.mount_point)
    try:
        with (
            Mosquitto(tmp_path) as broker,
            Subscriber(broker.port) as subscriber,
            workshop(tmp_path, broker.port, poll="100ms") as made,
        ):
            made.start()
            wait_for(lambda: len(subscriber.heard) > 100, "values come")
            assert made.simulator is not None
            with frozen(disk.mount_point):
                time.sleep(1)
                before = len(subscriber.on("/telemetry/live"))
                wait_for(lambda: "kept in memory" in made.log(), "memory stands in", 15)
                assert len(subscriber.on("/telemetry/live")) > before + 15, "values go on"
                states = len(subscriber.on("/state"))
                made.simulator.send_signal(signal.SIGSTOP)
                wait_for(lambda: len(subscriber.on("/state")) > states, "states go on", 30)
                made.simulator.send_signal(signal.SIGCONT)
            wait_for(lambda: "takes records again" in made.log(), "the disk is back", 15)
            outbox_empty(subscriber, made)
            records = stored(tmp_path)
            check(subscriber, records)
            assert len(by_id(subscriber.heard)) == len(records), "and all that was heard is stored"
            assert not subscriber.on("/event/gap")
    finally:
        disk.unmount()
