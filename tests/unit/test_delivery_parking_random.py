"""A broker that grants and denies topics, over lost lines and restarts: nothing lost or stuck."""

from __future__ import annotations

import os
import random
from array import array

import pytest

from gateway.publishers.refusals import Verdict
from tests.unit.delivery_fakes import Rig

SEEDS = int(os.environ.get("NXGATE_PARKING_SEEDS", "40"))
ASSETS = ("a1", "a2", "a3")
CLASSES = ("telemetry", "telemetry", "telemetry", "state", "event/x", "meta")
TOPICS = [f"{a}/{c}" for a in ASSETS for c in ("telemetry/live", "telemetry/hist", "state")]


class Life:
    """One gateway and its broker, a random step at a time."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.rig = Rig(rate=500.0)
        self.denied: set[str] = set()
        self.connected = False
        self.arrived: set[int] = set()
        self.dropped: set[int] = set()
        self.saved = self.rig.position.standing

    def step(self) -> None:  # noqa: C901 - a branch for each thing that may happen
        chance, rig = self.chance, self.rig
        match chance.randrange(22):
            case 0:
                self.denied ^= {chance.choice(TOPICS)}
            case 1 if self.connected:
                rig.delivery.lost()
                self.connected = False
            case 2 | 3 if not self.connected:
                rig.connect(chance.randint(1, 12), chance.choice((0.0, 0.1)))
                self.connected = True
            case 4:
                self.settle()
                self.saved = rig.position.standing
                rig.store.commit()
                rig.pump()
            case 5 if chance.random() < 0.3:
                self.restart()
            case 6:
                rig.clock.advance(chance.choice((0.01, 0.1, 40.0, 700.0)))
                rig.pump()
            case 7 | 8 | 9:
                for _index in range(chance.randint(1, 8)):
                    rig.make(chance.choice(CLASSES), chance.choice(ASSETS))
                rig.pump()
            case 10:
                first = chance.randint(1, rig.store.last_key + 1)
                rig.delivery.resend(first, first + chance.randint(0, 40))
            case 11 if chance.random() < 0.2:
                self.drop(chance.randint(1, 30))
            case _:
                self.answer(chance.randint(1, 12))
        for record in rig.store.records:
            done = rig.position.is_done(record.place, record.key)
            assert not done or record.key in self.arrived, f"{record} was never delivered"

    def drop(self, count: int) -> None:
        """The oldest committed records must go; what was not delivered is declared."""
        store, position = self.rig.store, self.rig.position
        committed = [r for r in store.records if r.key <= store.committed_key]
        gone = committed[:count]
        lost = array("q", (r.key for r in gone if not position.is_acked(r.key)))
        if lost:
            position.lose(lost)
        for record in gone:
            if position.parked.covers(record.place, record.key):
                position.outstanding -= position.parked.count_down(record.place)
        self.dropped.update(record.key for record in gone)
        store.records = store.records[len(gone) :]

    def settle(self) -> None:
        """Pass over what isn't there, as the store lets a position do."""
        store, position = self.rig.store, self.rig.position
        low, end = position.low, store.committed_key
        position.settle([r.key for r in store.records if low < r.key <= end], end)
        position.forget_lost()

    def restart(self) -> None:
        if self.connected:
            self.rig.delivery.lost()
        self.connected = False
        self.rig.store.commit()
        if self.chance.random() < 0.5:
            self.settle()
            self.saved = self.rig.position.standing
        self.rig.start(self.saved)

    def answer(self, count: int) -> None:
        """Answer some of what was sent, mostly in order, as the topics are granted now."""
        if not self.connected:
            return
        waiting = list(self.rig.delivery.flight)
        if self.chance.random() < 0.2:
            self.chance.shuffle(waiting)
        for message in waiting[:count]:
            if message.topic in self.denied:
                self.rig.answer(message, Verdict.HOLD_TOPIC, "no")
            else:
                self.arrived.add(message.key)
                self.rig.answer(message)

    def end(self) -> None:
        """Grant everything: all of it arrives, and nothing is left of the refusals."""
        rig = self.rig
        if self.connected:
            rig.delivery.lost()
        rig.store.commit()
        self.denied.clear()
        rig.clock.advance(1000.0)
        rig.connect()
        self.connected = True
        for _turn in range(10_000):
            self.answer(100)
            rig.clock.advance(0.1)
            rig.pump()
            self.settle()
            if rig.delivery.idle and not rig.position.pending(rig.store.last_key):
                break
        assert {record.key for record in rig.store.records} <= self.arrived
        assert (rig.position.low, rig.position.ranges) == (rig.store.last_key, [])
        assert not len(rig.position.parked)
        assert not rig.delivery.refusals.topics


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_is_denied_and_granted_at_random_arrives_in_the_end(seed: int) -> None:
    life = Life(seed)
    for _step in range(400):
        life.step()
    life.end()
