"""Whatever a meter holds, and however it answers: each tag is its value, or bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.dlt645.config import Settings
from drivers.dlt645.identifiers import block, item
from drivers.dlt645.plan import PreparedPlan
from gateway.model import Quality
from simulators.dlt645 import Meter, number
from tests.dlt645_kit import ADDRESS, make
from tests.dlt645_line import on

if TYPE_CHECKING:
    from tests.dlt645_line import Bench

FAMILIES = [
    [0x00010000 | n << 8 for n in range(7)],
    [0x00020001 | n << 8 for n in range(4)],
    [0x02010000 | n << 8 for n in (1, 2, 3)],
    [0x02020000 | n << 8 for n in (1, 2, 3)],
    [0x02030000 | n << 8 for n in range(4)],
    [0x02060000 | n << 8 for n in range(4)],
    [0x02800002],
    [0x04000409],
]
EVERY = [di for family in FAMILIES for di in family]


def value_of(di: int, seed: int) -> tuple[float, bytes]:
    """What a meter holds: other digits under each identifier."""
    found = item(di)
    assert found is not None
    raw = (di * 7919 + seed * 104_729) % 10 ** (2 * found.size - 1)
    if found.signed and raw % 3 == 0:
        raw = -raw
    return raw / 10**found.decimals, number(raw, found.size, 0)


@st.composite
def meters(draw: st.DrawFn) -> tuple[dict[int, float], dict[int, bytes], int]:
    """Its values, what it answers with (blocks whole, cut, too long, or none), bytes in a frame."""
    seed = draw(st.integers(0, 10**6))
    values: dict[int, float] = {}
    held: dict[int, bytes] = {}
    for family in FAMILIES:
        count = draw(st.integers(0, len(family)))
        for di in family[:count]:
            values[di], held[di] = value_of(di, seed)
        whole = block(family[0])
        how = draw(st.sampled_from(["whole", "cut", "long", "none"]))
        if whole is None or how == "none" or not count:
            continue
        data = b"".join(held[di] for di in family[:count])
        size = len(held[family[0]])
        held[whole.di] = {"whole": data, "cut": data[:-1], "long": data + bytes(size)}[how]
        # One item more: where the standard's number allows for it, it is an item like the others.
        is_allowed = not whole.items or count + 1 == whole.items
        if how == "long" and is_allowed and count < len(family):
            values[family[count]] = 0.0
            held[family[count]] = bytes(size)
    return values, held, draw(st.integers(9, 60))


@settings(max_examples=150, deadline=None)
@given(meters(), st.lists(st.sampled_from(EVERY), min_size=1, max_size=12, unique=True))
def test_each_tag_is_what_the_meter_holds_or_bad(
    meter: tuple[dict[int, float], dict[int, bytes], int], asked: list[int]
) -> None:
    values, held, longest = meter
    tags = tuple(make(f"{di:08X}") for di in asked)

    async def check(bench: Bench) -> None:
        driver = bench.driver()
        plan = driver.prepare(tags)
        for _poll in range(2):
            batch = await driver.read(plan)
            for place, di in enumerate(asked):
                assert batch.values[place] == values.get(di), f"{di:08X}"
                if batch.quality is not None:
                    is_good = batch.quality[place] is Quality.GOOD
                    assert is_good is (di in values), f"{di:08X}"
            assert set(plan.refused) == {f"{di:08X}" for di in asked if di not in values}

    on(check, Meter(ADDRESS, held, longest=longest))


@settings(max_examples=200, deadline=None)
@given(
    asked=st.lists(st.sampled_from(EVERY), min_size=1, max_size=25, unique=True),
    blocks=st.booleans(),
)
def test_a_plan_serves_each_tag_once_and_asks_no_more_than_one_by_one(
    asked: list[int], *, blocks: bool
) -> None:

    plan = PreparedPlan(tuple(make(f"{di:08X}") for di in asked), Settings(blocks=blocks))
    served = [one.tag for read in plan.reads for one in read.wanted]
    assert sorted(served) == list(range(len(asked)))
    assert len(plan.reads) <= len(asked)
    assert blocks or len(plan.reads) == len(asked)
    for read in plan.reads:
        assert all(one.end <= read.sizes[0] for one in read.wanted)
        parts = plan.parts(read)
        assert sorted(one.tag for part in parts for one in part.wanted) == sorted(
            one.tag for one in read.wanted
        )
        assert not any(part.is_divisible for part in parts)
