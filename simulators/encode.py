"""Numbers to registers: the simulators' own encoders, sharing no line with the driver's decoders.

Registers travel high byte first (Modbus Application Protocol V1.1b3, 4.2); in which order the two
registers of a wide number stand is each maker's choice.
"""

from __future__ import annotations

import struct

from gateway.model import Kind, Order

_FORMS = {
    Kind.U16: ">H",
    Kind.I16: ">h",
    Kind.BITFIELD: ">H",
    Kind.U32: ">I",
    Kind.I32: ">i",
    Kind.U64: ">Q",
    Kind.I64: ">q",
    Kind.F32: ">f",
    Kind.F64: ">d",
}


def u16(value: int) -> bytes:
    """One register, unsigned; wraps at 65536 as a PLC's word does."""
    return (value & 0xFFFF).to_bytes(2, "big")


def i16(value: int) -> bytes:
    """One register, two's complement; stops at -32768 and 32767 as an analogue input does."""
    return max(-32768, min(value, 32767)).to_bytes(2, "big", signed=True)


def u32_low_first(value: int) -> bytes:
    """Two registers, low word first (CDAB), as Inovance PLCs keep a double word."""
    high, low = divmod(value & 0xFFFF_FFFF, 0x1_0000)
    return u16(low) + u16(high)


def f32(value: float) -> bytes:
    """Two registers, IEEE 754 single, high word first (ABCD), as CHINT meters send it."""
    return struct.pack(">f", value)


def number(kind: Kind, raw: float, length: int = 1) -> bytes:
    """A number high byte first; it must be one that the kind holds.

    Args:
        kind: of the number.
        raw: unscaled.
        length: registers of BCD.
    """
    if kind is Kind.BCD:
        return bytes.fromhex(f"{int(raw):0{4 * length}d}")
    return struct.pack(_FORMS[kind], raw if kind in {Kind.F32, Kind.F64} else int(raw))


def arrange(big_endian: bytes, order: Order) -> bytes:
    """Put a number's registers, and the bytes in each, into a maker's order."""
    if order in {Order.BADC, Order.DCBA}:
        swapped = bytearray(big_endian)
        swapped[::2], swapped[1::2] = big_endian[1::2], big_endian[::2]
        big_endian = bytes(swapped)
    if order in {Order.CDAB, Order.DCBA}:
        words = [big_endian[at : at + 2] for at in range(0, len(big_endian), 2)]
        return b"".join(reversed(words))
    return big_endian


def text(said: str, length: int, *, swaps: bool) -> bytes:
    """Characters, two a register, swapped where the maker does; zeros fill the rest."""
    data = said.encode("ascii", "replace")[: 2 * length].ljust(2 * length, b"\0")
    return arrange(data, Order.BADC if swaps else Order.ABCD)
