"""Value = raw × scale + offset, free of binary noise: 2314 × 0.1 is 231.4, not 231.40000000000003.

Scale and offset are taken as the decimal fractions they were written as, brought to whole numbers
a, b and q, and the value is (raw × a + b) / q: exact up to one division, which rounds correctly. A
scale that is no short decimal (1/3) is multiplied as it is.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple


class Scaling(NamedTuple):
    """value = (raw × a + b) / q."""

    a: float
    b: float
    q: int

    @classmethod
    def of(cls, scale: float, offset: float) -> Scaling:
        """Find whole numbers for a scale and an offset, where they are decimal fractions."""
        slope, start = _decimal(scale), _decimal(offset)
        if slope is None or start is None:
            return cls(scale, offset, 1)
        q = math.lcm(slope.denominator, start.denominator)
        return cls(int(slope * q), int(start * q), q)


def _decimal(number: float) -> Fraction | None:
    """The short decimal fraction that a float stands for, None where it stands for none.

    Twelve digits, because a product of two such numbers (scale × CT ratio) is itself noisy in
    the sixteenth: 3 × 0.1 arrives as 0.30000000000000004.
    """
    near = Fraction(f"{number:.12g}")
    return near if math.isclose(float(near), number, rel_tol=5e-16) else None
