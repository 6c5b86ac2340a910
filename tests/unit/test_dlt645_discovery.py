"""Meters whose addresses nobody wrote down, found in virtual time."""

from __future__ import annotations

import random
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest

from drivers.dlt645 import frames
from drivers.dlt645.discovery import Discovery
from drivers.dlt645.frames import Dlt645
from simulators.dlt645 import Meter, Party, frame, number
from tests.dlt645_kit import ADDRESS, three_phase
from tests.dlt645_line import MeterLine, on

if TYPE_CHECKING:
    from tests.dlt645_line import Bench


class Colliding(Party):
    """Meters that speak at once are heard as none of them."""

    def take(self, data: bytes) -> list[tuple[float, bytes]]:
        answers = super().take(data)
        if len(answers) < 2:
            return answers
        pairs = zip_longest(*(answer for _delay, answer in answers), fillvalue=0xFF)
        mixed = bytearray()
        for signs in pairs:
            mixed.append(min(signs))
        mixed[-3] ^= 0x5A
        return [(answers[0][0], bytes(mixed))]


def meter(address: str, *, phases: int = 3) -> Meter:
    held = three_phase() if phases == 3 else {0x02010100: number(230, 2, 1)}
    held[0x04000401] = bytes.fromhex(address)[::-1]
    return Meter(address, held)


def found(meters: list[Meter], party: type[Party]) -> tuple[list[dict[str, str]], float]:
    result: list[dict[str, str]] = []
    took = 0.0

    async def check(bench: Bench) -> None:
        nonlocal took
        began_s = bench.loop.time()
        line = MeterLine(party(meters))
        await Discovery(
            line, bench.loop, lambda _what: None, lambda one: result.append({**one})
        ).run()
        took = bench.loop.time() - began_s

    on(check)
    return result, took


@pytest.mark.parametrize("party", [Party, Colliding], ids=["one after the other", "at once"])
@pytest.mark.parametrize(
    "addresses",
    [
        [ADDRESS],
        ["000000000017", "000000000018"],
        ["202411110002", "202411110102", "202411110003", "000000000002"],
        ["111111111111", "222222222222", "333333333333", "999999999999", "000000000000"],
    ],
    ids=len,
)
def test_all_are_found_by_their_addresses(addresses: list[str], party: type[Party]) -> None:
    met, took_s = found([meter(address) for address in addresses], party)
    assert sorted(one["address"] for one in met) == sorted(addresses)
    assert {one["template"] for one in met} == {"dlt645/three-phase"}
    assert took_s < (5 if len(addresses) == 1 else 400)


@pytest.mark.parametrize("seed", range(6))
def test_any_meters_at_all(seed: int) -> None:
    chance = random.Random(seed)
    first = f"{chance.randrange(10**12):012d}"
    others = {first[:6] + f"{chance.randrange(10**6):06d}" for _one in range(4)}
    met, _took = found([meter(address) for address in others], Colliding)
    assert {one["address"] for one in met} == others


def test_one_phase_and_nobody() -> None:
    met, took_s = found([meter("000000000017", phases=1)], Party)
    assert met == [{"address": "000000000017", "template": "dlt645/single-phase"}]
    assert found([], Party)[0] == []
    assert took_s < 5


def test_a_wildcard_means_those_that_end_so() -> None:
    framing = Dlt645()
    query = frames.read_any(bytes.fromhex("0200"))
    own = bytes.fromhex("020011112420")
    answer = frame(own, 0x91, query.data + own)
    assert framing.find(answer, query) is not None
    for other in ("030011112420", "0200aaaaaaaa", "020011112f20"):
        unit = bytes.fromhex(other)
        assert framing.find(frame(unit, 0x91, query.data + unit), query) is None
