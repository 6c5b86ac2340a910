"""A number as a display shows it: what it can stand for is known to half its last digit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from gateway.errors import GatewayError
from gateway.words import _

_SHOWN = re.compile(r"([-+−]?[\d.,' ]*\d)\s*([^\d\s]\S*)?")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,(?:\d{1,2}|\d{4,})|[-+]?0,\d{3}")
CUT = -1.9
"""Some displays cut digits off instead of rounding: one in seven."""
MOVED = -5.0
"""The value moved between the reading and the look at the display."""
_MOST_MOVED = 0.005
_STEPS_MOVED = 3.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a display shows.

    Attributes:
        text: as it was typed.
        step: what its last digit is worth.
        decimals: digits behind the point.
        unit: that stands behind it, or "".
    """

    text: str
    value: float
    step: float
    decimals: int
    unit: str

    def likelihood(self, value: float) -> float | None:
        """How likely it is shown for a value, as a logarithm; None: it can't be."""
        off = abs(value - self.value) / self.step  # half a digit; a float's own noise on top
        if off <= 0.5 + 1e-6:
            return 0.0
        if off < 1 and abs(value) > abs(self.value):
            return CUT
        if off <= _STEPS_MOVED or abs(value - self.value) <= _MOST_MOVED * abs(self.value):
            return MOVED - math.log(off)
        return None


def shown(text: str) -> Shown:
    """Read `231.4`, `231,4`, `1,234.5` or `231.4 V`.

    Raises:
        GatewayError: it is no number, or 0, which every empty register is.
    """
    match = _SHOWN.fullmatch(text.strip())
    digits = match[1].replace("−", "-").replace(" ", "").replace("'", "") if match else ""
    if _DECIMAL_COMMA.fullmatch(digits):
        digits = digits.replace(",", ".")
    try:
        number = Decimal(digits.replace(",", ""))
    except InvalidOperation:
        what = _("{text} is no number that a display shows: write e.g. 231.4")
        raise GatewayError(what.format(text=text)) from None
    if not number:
        what = _("0 tells nothing: empty registers are 0 too; wait for another number")
        raise GatewayError(what)
    exponent = number.as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) else 0
    unit = match[2] or "" if match else ""
    return Shown(text.strip(), float(number), 10.0**-decimals, max(0, decimals), unit)
