"""How likely registers are laid out as a candidate says, by those around it.

A map holds like beside like: where a float stands, floats stand before and behind it at the same
parity; where the high words of 32-bit numbers lie, the registers are 0 at every second address.
The registers around a candidate are taken in its own steps, and each step is weighed as its kind
would have it against registers that each hold a number of their own. Nearer ones count for more,
because a map has several parts.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from gateway.commissioning.decodings import arranged
from gateway.model import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.commissioning.decodings import Decoding

REACH = 40
"""Registers before and behind."""
FADE = 0.95
"""A step counts for so much of the one nearer."""
_BACK = 64
"""Registers behind which a region's beginning is no longer looked for."""
BREAK = 0.4
"""What a step that is clearly something else leaves of those behind it: another part begins."""
LEAST, MOST = -0.6, 0.9
"""What one register of a step can say; its part of the map may be an exception."""
WHOLE = 9.0
"""What all of them can say."""
EVEN, ODD = 0.3, -0.5
"""Most maps put numbers of several registers at even addresses."""
BEGINS = 1.2
"""Where the registers begin, a number does."""
_LN16 = math.log(65536)
_WORD = 1 / 65536
_ZERO, _ANY_SIZE = 0.45, 0.65
"""Share of registers that are 0; of the others, those of any size, and the rest any bits."""
_FLOATS = {Kind.F32: (">f", 23), Kind.F64: (">d", 52)}
_EXPONENTS = 37
"""Powers of two between a thousandth and a hundred million."""
_SENSIBLE = (1e-3, 1e8)
_ODD = 0.04
"""Share of steps that are something else than their part of the map."""
_HALF_EMPTY = {2: 0.6, 4: 0.9}
"""Share of whole numbers of so many registers whose upper half is 0."""
_NEGATIVE = 0.08
_SMALLER, _ALL_SIZES = 1.2, 5.6
"""How much rarer a larger upper half is, and the sum of that over all sizes."""


def fit(words: Sequence[int | None], first: int, place: int, decoding: Decoding) -> float:
    """Logarithm of how much likelier the registers are by a decoding than as single numbers.

    Args:
        words: of the region.
        first: address of the region's first register.
        place: of the candidate's first register in it.
        decoding: the candidate's.
    """
    width = decoding.width
    if width == 1 and decoding.kind is not Kind.BCD:
        return 0.0
    total = _step(words, place, decoding)
    for direction in (-1, 1):
        weight = 1.0
        for step in range(1, REACH // width + 1):
            weight *= FADE
            at = place + direction * step * width
            if at < 0 or at + width > len(words):
                break
            says = _step(words, at, decoding)
            total += weight * says
            if says <= LEAST * width:
                weight *= BREAK
    place_says = _aligned(words, first, place, width) if width > 1 else 0.0
    return max(-WHOLE, min(WHOLE, total)) + place_says


def _aligned(words: Sequence[int | None], first: int, place: int, width: int) -> float:
    """Whether a number of several registers is where they use to be."""
    says = EVEN if (first + place) % 2 == 0 else ODD
    begin = place
    while begin and words[begin - 1] is not None and place - begin < _BACK:
        begin -= 1
    is_edge = words[begin - 1] is None if begin else first == 0
    if is_edge:
        says += BEGINS if (place - begin) % width == 0 else -BEGINS
    return says


def _step(words: Sequence[int | None], place: int, decoding: Decoding) -> float:
    """One step: so much likelier as one number than as several."""
    group = words[place : place + decoding.width]
    whole = [word for word in group if word is not None]
    if len(whole) < decoding.width:
        return LEAST * decoding.width if whole else 0.0  # what is there ends within a number
    alone = sum(math.log(_alone(word)) for word in whole)
    says = math.log(_as(whole, decoding)) - alone
    return decoding.width * max(LEAST, min(MOST, says / decoding.width))


def _alone(word: int) -> float:
    """Probability of a register that holds a number of its own."""
    if word == 0:
        return _ZERO
    return (1 - _ZERO) * (_ANY_SIZE / (word * _LN16) + (1 - _ANY_SIZE) * _WORD)


def _as(words: Sequence[int], decoding: Decoding) -> float:
    """Probability of registers that hold one number together."""
    width = decoding.width
    if not any(words):
        return float(_ZERO**width)
    data = arranged(words, decoding.order)
    if decoding.kind in _FLOATS:
        likely = _as_float(data, decoding.kind)
    elif decoding.kind is Kind.BCD:
        likely = 0.5 * 0.1 ** (4.0 * width) if data.hex().isdecimal() else 0.0
    else:
        likely = _as_whole(data)
    return likely + _ODD * _WORD**width


def _as_whole(data: bytes) -> float:
    """The same of a whole number: mostly its upper half is 0, or a small negative number's."""
    if len(data) == 2:  # noqa: PLR2004 - one register
        return _alone(int.from_bytes(data))
    width, half = len(data) // 2, len(data) // 2
    high, low = data[:half], data[half:]
    if not any(high):
        return _HALF_EMPTY[width] * _as_whole(low)
    parts = float(256**half)
    if high == b"\xff" * half:
        rest = parts - int.from_bytes(low)
        return _NEGATIVE / (rest * math.log(parts))
    size = float(int.from_bytes(high))
    return (1 - _NEGATIVE - _HALF_EMPTY[width]) / (math.pow(size, _SMALLER) * _ALL_SIZES) / parts


def _as_float(data: bytes, kind: Kind) -> float:
    code, mantissa = _FLOATS[kind]
    (value,) = struct.unpack(code, data)
    low, high = _SENSIBLE
    if not low <= abs(value) < high:
        return 0.0
    return (0.65 if value > 0 else 0.1) / _EXPONENTS / float(1 << mantissa)
