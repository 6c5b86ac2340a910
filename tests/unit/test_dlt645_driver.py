"""One meter and several on a line, in virtual time: what becomes of each question."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import DriverError, RequestTimeout
from gateway.model import Quality
from simulators.dlt645 import Meter, number
from tests.dlt645_kit import ADDRESS, OTHER, make, three_phase
from tests.dlt645_line import PACE, Bench, on

PHASES = tuple(make(f"02010{n}00", f"voltage_l{n}") for n in (1, 2, 3))
TARIFFS = tuple(make(f"00010{n}00", f"energy_t{n}") for n in range(5))


def test_what_belongs_together_is_asked_for_together() -> None:
    meter = Meter(ADDRESS, three_phase())
    tags = (TARIFFS[0], PHASES[1], make("02800002"), PHASES[0], TARIFFS[3])

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        batch = await driver.read(driver.prepare(tags))
        assert batch.values == (123456.78, 231.2, 49.98, 230.1, 99999.99)

    on(check, meter)
    assert meter.asked == [0x0001FF00, 0x0201FF00, 0x02800002]


def test_one_alone_is_asked_for_alone_and_a_time_comes_with_its_value() -> None:
    meter = Meter(ADDRESS, three_phase())
    tags = (PHASES[2], make("01010000", "most"), make("01010000.time", "when"))

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        batch = await driver.read(driver.prepare(tags))
        assert batch.values == (229.9, 3.4567, "2026-11-25 14:05")

    on(check, meter)
    assert meter.asked == [0x02010300, 0x01010000]


@pytest.mark.parametrize(
    "block",
    [None, number(230, 2, 1), number(230, 2, 1) * 2, number(230, 2, 1) * 4, b""],
    ids=["refused", "one phase", "two of three", "four", "empty"],
)
def test_a_block_that_is_not_as_the_standard_says_is_asked_for_item_by_item(
    block: bytes | None,
) -> None:
    held = three_phase()
    del held[0x0201FF00]
    if block is not None:
        held[0x0201FF00] = block
    meter = Meter(ADDRESS, held)

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        plan = driver.prepare(PHASES)
        for _poll in range(2):
            batch = await driver.read(plan)
            assert batch.values == (230.1, 231.2, 229.9)
            assert batch.quality is None
        await asyncio.sleep(60)
        await driver.read(plan)

    on(check, meter)
    alone = [0x02010100, 0x02010200, 0x02010300]
    assert meter.asked == [0x0201FF00, *alone, *alone, 0x0201FF00, *alone]


def test_a_block_of_tariffs_may_have_any_number_but_those_that_are_wanted() -> None:
    held = three_phase()
    held[0x0001FF00] = held[0x0001FF00][:8]
    meter = Meter(ADDRESS, held)

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        assert (await driver.read(driver.prepare(TARIFFS[:2]))).values == (123456.78, 1.25)
        assert (await driver.read(driver.prepare(TARIFFS[:3]))).values == (123456.78, 1.25, 2.5)

    on(check, meter)
    assert meter.asked[:2] == [0x0001FF00, 0x0001FF00]
    assert meter.asked[2:] == [0x00010000, 0x00010100, 0x00010200]


def test_a_template_may_say_that_a_meter_knows_no_blocks() -> None:
    meter = Meter(ADDRESS, three_phase())

    async def check(bench: Bench) -> None:
        driver = bench.driver(max_read=1)
        await driver.read(driver.prepare(PHASES))

    on(check, meter)
    assert meter.asked == [0x02010100, 0x02010200, 0x02010300]


def test_what_a_meter_lacks_is_named_and_asked_for_again_after_a_while() -> None:
    held = three_phase()
    meter = Meter(ADDRESS, held)
    tags = (PHASES[0], make("02800003", "mean_power"))

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        plan = driver.prepare(tags)
        for _poll in range(2):
            batch = await driver.read(plan)
            assert batch.values == (230.1, None)
            assert batch.quality == (Quality.GOOD, Quality.BAD)
        said = plan.refused["mean_power"]
        assert said == (
            "meter.mean_power: the meter refused 02800003 (meter 202411110002, /dev/virtual): no "
            "such data. Set in site.yaml:9. Many meters hold a part of the standard's data; see "
            "its manual."
        )
        held[0x02800003] = number(1.5, 3, 4)
        await asyncio.sleep(60)
        assert (await driver.read(plan)).values == (230.1, 1.5)
        assert plan.refused == {}

    on(check, meter)
    assert meter.asked.count(0x02800003) == 2


def test_a_format_that_is_not_the_meters_is_said() -> None:
    async def check(bench: Bench) -> None:
        driver = bench.driver()
        plan = driver.prepare((make("02800002 XXXX.XX", "wrong"),))
        batch = await driver.read(plan)
        assert batch.values == (None,)
        assert "answered with 2 bytes, and 3 are expected" in plan.refused["wrong"]
        assert "02800002 XXX.X" in plan.refused["wrong"]

    on(check, Meter(ADDRESS, three_phase()))


@pytest.mark.parametrize("longest", [9, 11, 13, 25])
def test_an_answer_in_parts_is_one(longest: int) -> None:
    meter = Meter(ADDRESS, three_phase(), longest=longest)

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        batch = await driver.read(driver.prepare((*TARIFFS, *PHASES)))
        assert batch.values == (123456.78, 1.25, 2.5, 99999.99, 0.0, 230.1, 231.2, 229.9)

    on(check, meter)


def test_an_answer_without_an_end_is_none() -> None:
    held = three_phase()
    held[0x02010100] = bytes(5000)

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        plan = driver.prepare((PHASES[0], make("02800002")))
        batch = await driver.read(plan)
        assert batch.values == (None, 49.98)
        assert "never ends" in plan.refused["voltage_l1"]

    bench = on(check, Meter(ADDRESS, held, longest=9))
    assert len(bench.line.sent) < 40


def test_a_meter_alone_is_asked_for_its_address() -> None:
    async def check(bench: Bench) -> None:
        driver = bench.driver(address="")
        plan = driver.prepare(PHASES)
        assert (await driver.read(plan)).values == (230.1, 231.2, 229.9)
        await driver.read(plan)

    bench = on(check, Meter(OTHER, three_phase()))
    wildcards = [frame for frame in bench.line.sent if b"\xaa" * 6 in frame]
    assert len(wildcards) == 1
    assert len(bench.line.sent) == 3


def test_another_meter_in_its_place_is_found_after_it_fell_silent() -> None:
    first, second = Meter(OTHER, three_phase()), Meter(ADDRESS, three_phase(1))
    second.is_silent = True

    async def check(bench: Bench) -> None:
        driver = bench.driver(address="")
        plan = driver.prepare(PHASES[:1])
        assert (await driver.read(plan)).values == (230.1,)
        first.is_silent, second.is_silent = True, False
        with pytest.raises(RequestTimeout):
            await driver.read(plan)
        assert (await driver.read(plan)).values == (230.2,)

    on(check, first, second)


def test_two_meters_that_answer_at_once_are_told_of() -> None:
    """Their frames run into each other on the wire."""
    first, second = Meter(OTHER, three_phase()), Meter(ADDRESS, three_phase())
    first.spoil = second.spoil = lambda answer: answer[:9] + b"\xa5" + answer[10:]

    async def check(bench: Bench) -> None:
        driver = bench.driver(address="")
        with pytest.raises(RequestTimeout, match="give each its address") as caught:
            await driver.read(driver.prepare(PHASES))
        assert "site.yaml:3" in str(caught.value)

    on(check, first, second)


def test_a_silent_meter_is_named_and_does_not_stop_the_other() -> None:
    silent, other = Meter(ADDRESS, three_phase(), is_silent=True), Meter(OTHER, three_phase(1))

    async def check(bench: Bench) -> None:
        driver, beside = bench.driver(), bench.driver(address=OTHER)
        with pytest.raises(RequestTimeout) as caught:
            await driver.read(driver.prepare(PHASES[:1]))
        assert str(caught.value) == (
            "meter: asked for 02010100 (meter 202411110002, /dev/virtual): no answer within 0.5 "
            "s. Set in site.yaml:3."
        )
        assert (await beside.read(beside.prepare(PHASES[:1]))).values == (230.2,)

    on(check, silent, other)


def test_a_late_answer_is_no_value_and_ends_the_doubt() -> None:
    meter = Meter(ADDRESS, three_phase(), delay_s=0.9)

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        plan = driver.prepare(PHASES[:1])
        with pytest.raises(DriverError):
            await driver.read(plan)
        meter.delay_s, meter.holds = 0.02, three_phase(5)
        assert (await driver.read(plan)).values == (230.6,)
        assert bench.link.late == 1

    on(check, meter)


def test_a_meter_that_refuses_the_probe_is_waited_out() -> None:
    """A refusal names nothing: it may be the one that is owed."""
    meter = Meter(ADDRESS, {0x02010100: number(231.5, 2, 1)}, is_silent=True)

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        plan = driver.prepare(PHASES[:1])
        asked_s = bench.loop.time()
        with pytest.raises(RequestTimeout):
            await driver.read(plan)
        meter.is_silent = False
        assert (await driver.read(plan)).values == (231.5,)
        assert bench.loop.time() - asked_s > PACE.max_delay_s
        assert meter.asked == [0x04000401, 0x02010100]

    on(check, meter)


def test_what_a_poll_costs() -> None:
    """At 2400 baud with even parity a byte takes 11 bits."""

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        block, alone = driver.costs(driver.prepare((*PHASES, make("02800002"))))
        assert (block.request, block.tags) == ("0201FF00", tuple(t.name for t in PHASES))
        assert (block.sent, block.received) == (20, 26)
        assert block.seconds == pytest.approx(46 * 11 / 2400 + 0.05 + 2 * 0.02)
        assert (alone.sent, alone.received) == (20, 22)

    on(check, Meter(ADDRESS, three_phase()))
