"""Cases for `nxgate infer`: a device's registers, one value in them, and how it is shown."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.commissioning.decodings import unsigned
from gateway.commissioning.displays import shown
from gateway.commissioning.ranking import rank
from gateway.commissioning.readings import Reading, Region
from gateway.model import Kind, Order
from tests.register_images import FLOATS, Held, Image, of_device
from tests.unit.test_device_templates import METERS

if TYPE_CHECKING:
    from gateway.commissioning.ranking import Candidate, Ranked

TABLES = [*METERS, "chint_dtsu666"]
DECIMALS = {"V": 1, "A": 2, "Hz": 2, "kWh": 1, "kW": 2, "kvar": 2, "kVA": 2, "%": 1, "": 3}
PLC_KINDS = {
    Kind.U16: 0.45,
    Kind.I16: 0.15,
    Kind.U32: 0.2,
    Kind.I32: 0.06,
    Kind.F32: 0.12,
    Kind.BCD: 0.02,
}


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be found, and what a person sees.

    Attributes:
        seen: two readings at different times, each with what was shown.
    """

    name: str
    truth: Held
    seen: tuple[tuple[Reading, str], tuple[Reading, str]]


def is_right(case: Case, found: Candidate) -> bool:
    """The same registers read as the same number: a sign that never shows is no difference."""
    truth = case.truth
    return (
        found.address == truth.address
        and unsigned(found.kind) == unsigned(truth.kind)
        and (found.decoding.order is truth.order or found.decoding.width == 1)
        and abs(found.scale - truth.scale) < 1e-9
    )


def first(case: Case, readings: int) -> Ranked | None:
    seen = [(reading, shown(text)) for reading, text in case.seen[:readings]]
    ranked = rank(seen)
    return ranked[0] if ranked else None


def make(seed: int) -> Case:
    """A case: a device's table or a PLC's data registers, a value with three digits or more."""
    chance = random.Random(seed)
    while True:
        if chance.random() < 0.7:
            table = chance.choice(TABLES)
            image = of_device(table, chance)
        else:
            table, image = "plc", of_program(chance)
        numbers = [held for held in image.held if abs(held.value) > 0]
        truth = chance.choice(numbers)
        text = spell(truth, chance.random())
        if len(text.replace("-", "").replace(".", "").lstrip("0")) >= 3:
            break
    later = moved(image, chance)
    same = next(held for held in later.held if held.name == truth.name)
    decimals = len(text.partition(".")[2])
    return Case(
        f"{table}.{truth.name}",
        truth,
        (
            (reading(image, truth, chance), text),
            (reading(later, truth, chance), f"{same.value:.{decimals}f}"),
        ),
    )


def reading(image: Image, truth: Held, chance: random.Random) -> Reading:
    """A region around the truth, as an integrator reads one; what isn't there is None."""
    words = image.tables[truth.function]
    first_, last = max(0, truth.address - 100), min(65535, truth.address + 100)
    del chance
    region = Region(truth.function, first_, last)
    return Reading(region, tuple(words.get(at) for at in range(first_, last + 1)), 0, "d")


def spell(held: Held, luck: float) -> str:
    """As displays show it: with the register's own digits, or fewer."""
    own = max(0, len(f"{held.scale:.6f}".rstrip("0").partition(".")[2]))
    usual = DECIMALS.get(held.unit, 0)
    decimals = usual if held.kind in FLOATS else own
    if luck < 0.25:
        decimals = max(0, decimals - 1)
    return f"{held.value:.{decimals}f}"


def moved(image: Image, chance: random.Random) -> Image:
    """The same device a while later: what is measured has moved, what is counted has grown."""
    later = Image({table: dict(held) for table, held in image.tables.items()})
    for held in image.held:
        grows = "energy" in held.name or held.name.startswith("count")
        factor = 1 + chance.uniform(0.002, 0.03) if grows else 1 + chance.uniform(-0.06, 0.06)
        later.hold(replace(held, value=held.value * factor))
    return later


def of_program(chance: random.Random) -> Image:
    """Data registers as a program uses them: words, double words and floats in blocks, gaps."""
    image = Image()
    image.fill("holding", 0, 400)
    wide = Order.CDAB if chance.random() < 0.8 else Order.ABCD
    address = chance.randrange(8)
    while address < 380:
        kind = chance.choices(list(PLC_KINDS), list(PLC_KINDS.values()))[0]
        width = 1 if kind in {Kind.U16, Kind.I16, Kind.BCD} else 2
        address += address % 2 if width == 2 else 0
        for _each in range(chance.randrange(1, 9)):
            image.hold(number(kind, wide, address, width, chance))
            address += width
        address += chance.choice([0, 0, 1, 2, 6, 20])
    return image


def number(kind: Kind, order: Order, address: int, width: int, chance: random.Random) -> Held:
    scale = 1.0 if kind in FLOATS | {Kind.BCD} else chance.choice([1.0, 1.0, 0.1, 0.1, 0.01])
    if kind is Kind.BCD:
        raw: float = chance.randrange(100, 9000)
    elif kind in FLOATS:
        raw = 10 ** chance.uniform(0, 4)
    else:
        raw = round(10 ** chance.uniform(1, 4 if width == 1 else 7.5))
    if kind in {Kind.I16, Kind.I32} and chance.random() < 0.4:
        raw = -raw
    order = order if width == 2 else Order.ABCD
    unit = "V" if kind in FLOATS else ""
    return Held(f"n{address}", "holding", address, kind, order, scale, unit, raw * scale)
