"""A device is known by its template's signs, and not taken for another."""

from __future__ import annotations

import asyncio
import random
import struct
from typing import TYPE_CHECKING

import pytest

from drivers.modbus import plugin
from gateway.clock import SystemClock
from gateway.commissioning.evidence import surprise
from gateway.commissioning.identifying import LIKELY, Identifier
from gateway.commissioning.knowledge import gather
from gateway.model import Kind, Tag
from gateway.resolution.library import TEMPLATES
from tests.image_link import ImageLink
from tests.register_images import Image, of_device, of_plc
from tests.unit.test_device_templates import METERS, PLCS, shipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.commissioning.identifying import Candidate

UNTELLABLE = {
    "siemens/s7-1200": "its program decides what is where",
    "mitsubishi/fx5u": "a parameter decides what is where",
}
WEAK = {"abb/acs355-acs580", "omron/e5cc", "advantech/adam6051", "waveshare/io-8ch"}
"""Few registers that hold anything at all: possible, never likely."""
KNOWN = {url: gather(f"{url}://127.0.0.1/") for url in ("modbus+tcp",)}


def identify(
    image: Image, unit: int = 1, names: Mapping[str, str] | None = None
) -> list[Candidate]:
    link = ImageLink({unit: image})
    known = KNOWN["modbus+tcp"]
    identifier = Identifier(known.hypotheses, link, plugin, SystemClock(), 0.5, 0)
    return asyncio.run(identifier.identify(unit, names or {}, _there))


async def _there() -> bool:
    return True


@pytest.mark.parametrize(
    "scheme", ["modbus+ascii", "modbus+rtu", "modbus+rtuovertcp", "modbus+tls"]
)
def test_templates_are_known_on_every_kind_of_link(scheme: str) -> None:
    place = "/dev/ttyS0" if scheme in {"modbus+ascii", "modbus+rtu"} else "127.0.0.1:4001"
    found = {one.template for one in gather(f"{scheme}://{place}").hypotheses}
    assert {"chint/dtsu666", "delta/vfd-b-e", "inovance/h5u"} <= found


def test_every_template_says_how_it_is_known() -> None:
    """Those of other protocols are known by their address, which tells the meter itself."""
    models = [shipped(name).model for name in TEMPLATES.names()]
    spoken = {
        model.template: any(p.startswith("modbus") for p in model.protocols) for model in models
    }
    silent = {model.template for model in models if not model.identity.signs}
    assert {name for name in silent if spoken[name]} == set(UNTELLABLE)


@pytest.mark.parametrize(("table", "name"), [*METERS.items(), ("chint_dtsu666", "chint/dtsu666")])
def test_a_device_is_known_by_its_signs(table: str, name: str) -> None:
    for seed in range(5):
        image = of_device(table, random.Random(seed), 7)
        best = identify(image, 7)[0]
        assert best.hypothesis.template == name, [
            (c.hypothesis.name, c.bits, c.why()) for c in identify(image, 7)[:3]
        ]
        if name not in WEAK:
            assert best.probability > LIKELY, (best.bits, best.why())


@pytest.mark.parametrize(
    ("plc", "name"), [(plc, name) for plc, name in PLCS.items() if name not in UNTELLABLE]
)
def test_a_plc_is_known_by_the_areas_that_it_has(plc: str, name: str) -> None:
    best = identify(of_plc(plc))[0]
    assert best.hypothesis.template == name


@pytest.mark.parametrize("seed", range(12))
def test_registers_of_anything_are_no_known_device(seed: int) -> None:
    """A PLC's program may put anything anywhere: half zeros, small numbers, all bits."""
    chance = random.Random(seed)

    def any_word() -> int:
        kind = chance.random()
        if kind < 0.5:
            return 0
        return int(2 ** chance.uniform(0, 16)) - 1 if kind < 0.8 else chance.randrange(65536)

    image = Image()
    for table in ("holding", "input"):
        count = chance.choice([100, 2000, 10_000])
        image.tables[table] = {address: any_word() for address in range(count)}
    for table in ("coil", "discrete"):
        image.tables[table] = dict.fromkeys(range(chance.choice([16, 2000, 65_536])), 0)
    assert [one.hypothesis.name for one in identify(image) if one.probability > LIKELY] == []


def test_a_meter_of_2016_is_told_from_one_of_today() -> None:
    image = of_device("chint_dtsu666", random.Random(1), 7)
    for address in range(0x101E, 0x101E + 20):
        image.tables["holding"].pop(address, None)
    best = identify(image, 7)[0]
    assert best.hypothesis.name == "chint/dtsu666, manual_2016"
    assert best.hypothesis.changes["energy_import"] == {"at": "holding:16414"}
    assert identify(of_device("chint_dtsu666", random.Random(1), 7), 7)[0].hypothesis.variant == ""


def test_a_meter_that_counts_at_both_places_is_no_less_that_meter() -> None:
    """Which register to take is the integrator's to say; what it is, is sure."""
    image = of_device("chint_dtsu666", random.Random(1), 7)
    best, other, *_rest = identify(image, 7)
    assert (best.hypothesis.name, best.confidence) == ("chint/dtsu666", "sure")
    assert other.hypothesis.name == "chint/dtsu666, manual_2016"
    assert best.probability < 0.7


def test_a_meter_that_tells_its_voltage_in_tenths() -> None:
    image = of_device("chint_ddsu666", random.Random(2), 3)
    image.put("holding", 8192, struct.pack(">f", 2304.0))
    best = identify(image, 3)[0]
    assert best.hypothesis.changes == {"voltage": {"scale": 0.1}}


def test_an_em24_that_counts_at_66() -> None:
    image = of_device("carlogavazzi_em24_din", random.Random(3))
    image.put("input", 62, bytes(4))
    assert identify(image)[0].hypothesis.variant == "energy_at_66"


def test_a_phase_that_is_not_connected_does_not_speak_against_a_meter() -> None:
    image = of_device("eastron_sdm630", random.Random(4))
    for address in (2, 4):
        image.put("input", address, bytes(4))
    assert identify(image)[0].hypothesis.template == "eastron/sdm630"


def test_what_a_device_calls_itself_counts_for_much() -> None:
    image = of_device("schneider_pm5xxx", random.Random(5))
    said = {"vendor": "Schneider Electric", "product": "METSEPM5110"}
    best, *others = identify(image, names=said)
    assert best.hypothesis.template == "schneider/pm5xxx"
    assert all(other.probability < 0.01 for other in others)
    other = {**said, "product": "A9MEM3155"}
    found = {one.hypothesis.template: one.bits for one in identify(image, names=other)}
    assert found["schneider/pm5xxx"] < best.bits


def test_a_device_that_falls_silent_is_left_alone() -> None:
    link = ImageLink({})
    known = KNOWN["modbus+tcp"]
    identifier = Identifier(known.hypotheses, link, plugin, SystemClock(), 0.5, 0)
    asked: list[bool] = []

    async def gone() -> bool:
        asked.append(False)
        return False

    assert asyncio.run(identifier.identify(9, {}, gone)) == []
    assert (len(link.asked), len(asked)) == (6, 1)


def test_a_device_that_is_silent_to_what_it_has_not() -> None:
    link = ImageLink({1: of_device("eastron_sdm120", random.Random(1))}, is_mute=True)
    known = KNOWN["modbus+tcp"]
    identifier = Identifier(known.hypotheses, link, plugin, SystemClock(), 0.5, 0)
    best = asyncio.run(identifier.identify(1, {}, _there))[0]
    assert best.hypothesis.template == "eastron/sdm120"
    assert best.confidence == "sure"


def test_a_device_is_asked_little() -> None:
    """What is contradicted is asked no more: some thirty questions where there are 200 signs."""
    link = ImageLink({1: of_device("eastron_sdm120", random.Random(1))})
    known = KNOWN["modbus+tcp"]
    identifier = Identifier(known.hypotheses, link, plugin, SystemClock(), 0.5, 0)
    asyncio.run(identifier.identify(1, {}, _there))
    assert len(link.asked) < 60
    assert len(set(link.asked)) >= len(link.asked) - 20


def test_the_rarer_a_value_the_more_it_says() -> None:
    word = Tag("d", "t", Kind.U16, "holding:0", (3, 0, None))
    assert surprise(word, 0, 65535) == pytest.approx(0, abs=0.01)
    assert surprise(word, 0, 99) < 1
    assert 4 < surprise(replace_tag(word, scale=0.1), 80, 300) < 7
    number = replace_tag(word, kind=Kind.F32)
    assert 9 < surprise(number, 45, 65) < 13


def replace_tag(tag: Tag, **changes: object) -> Tag:
    return tag._replace(**changes)  # type: ignore[arg-type]
