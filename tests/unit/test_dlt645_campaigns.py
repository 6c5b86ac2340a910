"""Answers of meters that come late, wrong or mutated, by the thousand, in virtual time.

`make soak` runs 10,000 late-answer schedules and 1,000,000 mutated answers; NXGATE_SCHEDULES and
NXGATE_MUTATIONS give other numbers.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from drivers.dlt645 import frames
from gateway.errors import DriverError, RequestRefused, RequestTimeout
from simulators.dlt645 import Meter, frame, number
from tests.dlt645_kit import ADDRESS, GARBLINGS, OTHER, make, three_phase
from tests.dlt645_line import PACE, Bench, on
from tests.unit.test_modbus_campaigns import mutated

if TYPE_CHECKING:
    from drivers.dlt645.frames import Query

DIS = (0x00010000, 0x02010100, 0x02010200, 0x02030000)


@pytest.mark.parametrize("name", GARBLINGS)
def test_a_wrong_answer_is_no_value(name: str) -> None:
    meter = Meter(ADDRESS, three_phase())
    tags = tuple(make(at) for at in ("02010100", "02800002", "04000102"))
    right = (230.1, 49.98, "14:05:33")

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        plan = driver.prepare(tags)
        meter.spoil = GARBLINGS[name]
        with suppress(RequestTimeout):
            assert set((await driver.read(plan)).values) == {None}
        meter.spoil = bytes
        with suppress(RequestTimeout):  # what it sends may take longer than the next question
            assert (await driver.read(driver.prepare(tags))).values == right
        assert (await driver.read(driver.prepare(tags))).values == right

    on(check, meter)


def told(address: str, di: int, round_: int) -> bytes:
    """What a meter holds under an identifier, in which turn."""
    return number((int(address[-2:]) * 7919 + di % 997 * 31 + round_) % 10**8, 4, 0)


class Talk:
    """Two meters asked at random; what each answers tells when it was asked, and for what."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.turn = 0
        self.meters = [
            Meter(address, lambda di, address=address: self._hold(address, di))  # type: ignore[misc]
            for address in (ADDRESS, OTHER)
        ]
        self.knows = self.chance.random() < 0.6
        self.answered = self.unanswered = 0

    def _hold(self, address: str, di: int) -> bytes | None:
        if di == 0x04000401:
            return bytes.fromhex(address)[::-1] if self.knows else None
        return told(address, di, self.turn)

    def question(self) -> tuple[Meter, int, Query]:
        meter, di = self.chance.choice(self.meters), self.chance.choice(DIS)
        return meter, di, frames.read(meter.address, di, 4)


def late_answers(seed: int) -> tuple[int, int, int]:
    """Ask ten times at random; return how many were answered, not answered, and came late."""
    talk = Talk(seed)

    async def check(bench: Bench) -> None:
        for talk.turn in range(10):
            meter, di, query = talk.question()
            kind = talk.chance.random()
            meter.delay_s = talk.chance.uniform(*((0.02, 0.3) if kind < 0.6 else (0.5, 0.8)))
            meter.is_silent = kind > 0.9
            try:
                data, *_times = await bench.link.ask(query, 0.5)
            except DriverError:
                talk.unanswered += 1
                continue
            talk.answered += 1
            assert data[1:] == told(meter.address, di, talk.turn), (seed, talk.turn)

    bench = on(check, *talk.meters, pace=replace(PACE, max_delay_s=3.0))
    return talk.answered, talk.unanswered, bench.link.late


def test_late_answers_by_the_hundred() -> None:
    found = [late_answers(seed) for seed in range(150)]
    answered, unanswered, late = (sum(one) for one in zip(*found, strict=True))
    assert answered > 700
    assert unanswered > 200
    assert late > 30


@pytest.mark.soak
def test_ten_thousand_schedules() -> None:
    count = int(os.environ.get("NXGATE_SCHEDULES", "10000"))
    found = [late_answers(seed) for seed in range(count)]
    print("answered, not, late:", *(sum(one) for one in zip(*found, strict=True)))


def mutations(count: int, seed: int) -> dict[str, float]:
    """Ask meters whose every answer is mutated."""
    talk = Talk(seed)
    heard: list[bytes] = []
    found = {"answers": 0.0, "right": 0.0, "refused": 0.0, "wrong": 0.0, "slowest_s": 0.0}

    def spoil(right: bytes) -> bytes:
        found["answers"] += 1
        heard.append(mutated(right, talk.chance, len(right)))
        return heard[-1]

    for meter in talk.meters:
        meter.spoil = spoil

    async def check(bench: Bench) -> None:
        while found["answers"] < count:
            talk.turn += 1
            meter, di, query = talk.question()
            del heard[:-8]
            began_s = bench.loop.time()
            try:
                data, *_times = await bench.link.ask(query, 0.1)
            except (RequestTimeout, RequestRefused):
                found["refused"] += 1
            else:
                is_right = data[1:] == told(meter.address, di, talk.turn)
                found["right" if is_right else "wrong"] += 1
                if not is_right:
                    whole = frame(query.unit, data[0], query.data + data[1:])
                    assert whole in b"".join(heard), (data, heard)
            found["slowest_s"] = max(found["slowest_s"], bench.loop.time() - began_s)

    on(check, *talk.meters)
    print(found)
    return found


def test_mutated_answers_are_no_values() -> None:
    """Never a wrong value but by a checksum that is right, never a question without an end."""
    found = mutations(5_000, 5)
    assert found["right"] > 50
    assert found["refused"] > 1_000
    assert found["wrong"] <= 20
    assert found["slowest_s"] < 5


@pytest.mark.soak
def test_a_million_mutated_answers() -> None:
    count = int(os.environ.get("NXGATE_MUTATIONS", "1000000"))
    found = mutations(count, 1)
    assert found["wrong"] <= count / 256  # a sum of bytes is right by chance once in 256
    assert found["slowest_s"] < 5
