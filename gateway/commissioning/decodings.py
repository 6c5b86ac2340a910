"""The ways in which registers can hold a number: kind, and order of bytes and words."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, NamedTuple

from gateway.model import Kind, Order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Decoding(NamedTuple):
    """A way of reading.

    Attributes:
        width: registers that it takes.
        prior: how common it is in devices, as a logarithm.
    """

    kind: Kind
    order: Order
    width: int
    prior: float

    def read(self, words: Sequence[int]) -> float | None:
        """The number in so many registers; None where they hold none, or one read otherwise.

        A number that a plainer kind reads alike is that kind's: a signed one that isn't negative,
        digits of BCD that are the number itself.
        """
        data = arranged(words, self.order)
        if self.kind is Kind.BCD:
            digits = data.hex()
            number = int(digits) if digits.isdecimal() else None
            return None if number == int.from_bytes(data) else number
        (value,) = struct.unpack(_CODES[self.kind], data)
        if self.kind in _SIGNED and value >= 0:
            return None
        if isinstance(value, float) and (not math.isfinite(value) or abs(value) < _LEAST):
            return None
        return float(value) if isinstance(value, float) else int(value)


_CODES = {
    Kind.U16: ">H",
    Kind.I16: ">h",
    Kind.U32: ">I",
    Kind.I32: ">i",
    Kind.U64: ">Q",
    Kind.I64: ">q",
    Kind.F32: ">f",
    Kind.F64: ">d",
}
_SIGNED = {Kind.I16: Kind.U16, Kind.I32: Kind.U32, Kind.I64: Kind.U64}
_LEAST = 1e-6
_KINDS = (
    (Kind.U16, 1, -1.2),
    (Kind.I16, 1, -1.2),
    (Kind.U32, 2, -1.8),
    (Kind.I32, 2, -1.8),
    (Kind.F32, 2, -1.5),
    (Kind.U64, 4, -3.5),
    (Kind.I64, 4, -3.5),
    (Kind.F64, 4, -3.5),
    (Kind.BCD, 1, -5.0),
    (Kind.BCD, 2, -5.0),
)
_ORDERS = ((Order.ABCD, -0.4), (Order.CDAB, -1.2), (Order.BADC, -4.5), (Order.DCBA, -4.0))
_SWAPPED_WORD = -6.0
"""Of one register with its bytes exchanged."""


def _all() -> Iterator[Decoding]:
    for kind, width, prior in _KINDS:
        if width == 1:
            yield Decoding(kind, Order.ABCD, 1, prior)
            yield Decoding(kind, Order.BADC, 1, prior + _SWAPPED_WORD)
        else:
            for order, more in _ORDERS:
                yield Decoding(kind, order, width, prior + more)


DECODINGS = tuple(_all())


def signed(kind: Kind) -> Kind | None:
    """The kind that reads the same while nothing is negative."""
    return next((one for one, plain in _SIGNED.items() if plain is kind), None)


def unsigned(kind: Kind) -> Kind:
    """The plainer kind of a signed one; any other as it is."""
    return _SIGNED.get(kind, kind)


def arranged(words: Sequence[int], order: Order) -> bytes:
    """Registers as the bytes of one number, highest first."""
    ordered = list(words)
    if order in {Order.CDAB, Order.DCBA}:
        ordered.reverse()
    data = struct.pack(f">{len(ordered)}H", *ordered)
    if order in {Order.BADC, Order.DCBA}:
        data = b"".join(data[at + 1 : at + 2] + data[at : at + 1] for at in range(0, len(data), 2))
    return data
