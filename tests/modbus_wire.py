"""Values to registers, written apart from the driver's decoder so that no mistake cancels out.

It moves bytes about by name: a number's bytes are lettered A (highest), B, C …, a register holds
two of them, and an order says which letters stand where.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from gateway.model import Kind, Order

if TYPE_CHECKING:
    from gateway.model import Value

_BIG_ENDIAN = {
    Kind.U16: ">H",
    Kind.I16: ">h",
    Kind.U32: ">I",
    Kind.I32: ">i",
    Kind.U64: ">Q",
    Kind.I64: ">q",
    Kind.F32: ">f",
    Kind.F64: ">d",
}


def arrange(big_endian: bytes, order: Order) -> bytes:
    """Put the bytes of a number onto the wire."""
    words = [big_endian[at : at + 2] for at in range(0, len(big_endian), 2)]
    if order in {Order.CDAB, Order.DCBA}:
        words.reverse()
    if order in {Order.BADC, Order.DCBA}:
        words = [bytes((low, high)) for high, low in words]
    return b"".join(words)


def encode(kind: Kind, order: Order, value: Value, length: int = 1) -> bytes:
    """What a device with this word order sends for a value.

    Args:
        kind: a number, BCD or text; bits have no encoding of their own.
        order: of the registers and of the bytes in each.
        value: unscaled.
        length: registers of BCD or text.
    """
    if kind is Kind.STRING:
        padded = str(value).encode().ljust(2 * length, b"\0")
        swaps = order in {Order.BADC, Order.DCBA}
        return arrange(padded, Order.BADC if swaps else Order.ABCD)
    if kind is Kind.BCD:
        return arrange(bytes.fromhex(f"{value:0{4 * length}d}"), order)
    return arrange(struct.pack(_BIG_ENDIAN[kind], value), order)
