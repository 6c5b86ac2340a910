"""Which register is shown, and how it is read: every way weighed against what a display shows.

A candidate is an address, a kind, an order and a scale. It is as likely as its kind, order and
scale are common, as the registers around it look like such numbers, and as its value would be
shown so. Further readings, taken when the display showed something else, rule out what only
matched by chance.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.commissioning.decodings import DECODINGS, unsigned
from gateway.commissioning.surroundings import fit
from gateway.model import Kind

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from gateway.commissioning.decodings import Decoding
    from gateway.commissioning.displays import Shown
    from gateway.commissioning.readings import Reading

LEAST_POWER, MOST_POWER = -4, 3
"""Powers of ten that a scale may be."""
_FLOATS = {Kind.F32, Kind.F64}
_FLOAT_SCALES = {0: -0.3, -3: -2.8, -1: -3.0, -2: -3.2, 3: -4.0}
_EXACT, _FINER, _COARSER, _TIMES = -0.5, -1.3, -3.5, -4.0
"""The register's last digit is the display's; a register that is finer by one digit, by another
and so on; one that is coarser, so that the digits shown happen to be 0; a scale above 1."""
_RARE = -9.0

Seen = tuple["Reading", "Shown"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way of reading one register.

    Attributes:
        address: from 0.
        power: the scale is 10 to this.
        values: what it reads as, one per reading.
        score: logarithm of its likelihood.
        full: addresses of its registers that held anything but 0.
    """

    address: int
    decoding: Decoding
    power: int
    values: tuple[float, ...]
    score: float
    full: tuple[int, ...]

    @property
    def kind(self) -> Kind:
        """How the number is kept."""
        return self.decoding.kind

    @property
    def scale(self) -> float:
        """What the register is multiplied by."""
        return float(f"1e{self.power}")

    @property
    def alike(self) -> Hashable:
        """The same for all that read the same numbers out of the same registers."""
        if self.kind in _FLOATS or self.kind is Kind.BCD:
            return self.address, self.decoding, self.power
        return self.power, self.full, self.values


@dataclass(frozen=True, slots=True)
class Ranked:
    """A number in the registers.

    Attributes:
        best: the likeliest way of reading it.
        others: ways that read the same as yet, because registers beside it are 0, likeliest first.
        share: of all numbers' likelihood.
    """

    best: Candidate
    others: tuple[Candidate, ...]
    share: float


def rank(seen: Sequence[Seen]) -> list[Ranked]:
    """All numbers that every reading allows, likeliest first.

    Args:
        seen: readings of one region, each with what was shown.
    """
    (first, _shown), *_others = seen
    groups: dict[Hashable, list[Candidate]] = defaultdict(list)
    for place in range(len(first.words)):
        for decoding in DECODINGS:
            for one in _at(seen, place, decoding):
                groups[one.alike].append(one)
    if not groups:
        return []
    most = max(one.score for group in groups.values() for one in group)
    sums = {key: sum(math.exp(one.score - most) for one in groups[key]) for key in groups}
    whole = sum(sums.values())
    ranked: list[Ranked] = []
    for key, group in groups.items():
        best, *others = sorted(group, key=lambda one: -one.score)
        ranked.append(Ranked(best, tuple(others), sums[key] / whole))
    return sorted(ranked, key=lambda one: (-one.share, one.best.address))


def _at(seen: Sequence[Seen], place: int, decoding: Decoding) -> Iterator[Candidate]:
    """The candidate of one address and decoding, at the scale that fits all readings."""
    raws: list[float] = []
    for reading, _shown in seen:
        raw = _raw(reading, place, decoding)
        if raw is None:
            raw = _plainer(reading, place, decoding)
        if raw is None or raw == 0:
            return
        raws.append(raw)
    if decoding.kind is not unsigned(decoding.kind) and all(raw > 0 for raw in raws):
        return  # the unsigned kind's
    power = _power(seen[0][1], raws[0])
    if power is None:
        return
    scale = float(f"1e{power}")
    values = tuple(raw * scale for raw in raws)
    score = decoding.prior + _usual(decoding.kind, power, seen[0][1])
    for (_reading, shown), value in zip(seen, values, strict=True):
        likelihood = shown.likelihood(value)
        if likelihood is None:
            return
        score += likelihood
    first = seen[0][0].region.first
    fits = [fit(reading.words, first, place, decoding) for reading, _shown in seen]
    score += sum(fits) / len(fits)
    full = tuple(
        first + at
        for at in range(place, place + decoding.width)
        if any(reading.words[at] for reading, _shown in seen)
    )
    yield Candidate(first + place, decoding, power, values, score, full)


def _raw(reading: Reading, place: int, decoding: Decoding) -> float | None:
    group = reading.words[place : place + decoding.width]
    words = [word for word in group if word is not None]
    return decoding.read(words) if len(words) == decoding.width else None


def _plainer(reading: Reading, place: int, decoding: Decoding) -> float | None:
    """What the unsigned kind reads where the signed one leaves it to that."""
    plain = unsigned(decoding.kind)
    if plain is decoding.kind:
        return None
    return _raw(reading, place, decoding._replace(kind=plain))


def _power(shown: Shown, raw: float) -> int | None:
    """The power of ten that makes a raw number about what is shown."""
    ratio = shown.value / raw
    if ratio <= 0:
        return None
    power = round(math.log10(ratio))
    return power if LEAST_POWER <= power <= MOST_POWER else None


def _usual(kind: Kind, power: int, shown: Shown) -> float:
    """How usual a scale is for what is shown."""
    if kind in _FLOATS:
        return _FLOAT_SCALES.get(power, _RARE)
    finer = -power - shown.decimals
    if finer >= 0:
        return _EXACT + _FINER * finer + (_TIMES if power > 0 else 0.0)
    return _COARSER + finer + (_TIMES if power > 0 else 0.0)
