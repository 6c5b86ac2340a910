"""Numbers to registers: the simulators' own encoders, sharing no line with the driver's decoders.

Registers travel high byte first (Modbus Application Protocol V1.1b3, 4.2); in which order the two
registers of a wide number stand is each maker's choice.
"""

from __future__ import annotations

import struct


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
