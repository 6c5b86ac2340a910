"""One request's PDU to its answer's, as a Modbus server owes it; pure bytes, no socket.

Source: Modbus Application Protocol V1.1b3, sections 6 and 7: first the function, then the
quantity, then the address is judged, and each has its exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.memory import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulators.memory import Memory

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
MAX_READ_BITS, MAX_READ_REGISTERS = 2000, 125
MAX_WRITE_BITS, MAX_WRITE_REGISTERS = 1968, 123
MAX_BOTH_WRITE = 121
"""Registers that function 23 writes at most (V1.1b3, 6.17)."""
LOOPBACK, DEVICE_ID = b"\x08\0\0", b"\x2b\x0e"
"""Diagnostics, "return query data"; read device identification."""
SINGLE = 5
"""Length of a PDU of function, address and one word: all reads and the single writes."""
READS = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}
_DIGITS = bytes.maketrans(b"\x00\x01", b"01")


class Refused(Exception):  # noqa: N818 - the answer is an exception, not a failure of ours
    """The request is answered by an exception.

    Attributes:
        code: 1 illegal function, 2 illegal data address, 3 illegal data value.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def answer(memory: Memory, pdu: bytes, identity: Sequence[str] = ()) -> bytes:
    """Answer one request.

    Args:
        memory: what the unit addressed holds; a permitted write changes it.
        pdu: function code and data, at least one byte, of any content.
        identity: vendor, product code and revision, where the unit tells them (function 43).
    """
    function = pdu[0]
    try:
        if pdu.startswith(LOOPBACK):
            return pdu
        if pdu.startswith(DEVICE_ID) and identity:
            return _identify(pdu, [text.encode()[:60] for text in identity])
        if function in READS:
            return _read(memory, READS[function], pdu)
        write = _WRITES.get(function)
        return write(memory, pdu) if write else refuse(function, ILLEGAL_FUNCTION)
    except Refused as refused:
        return refuse(function, refused.code)


def refuse(function: int, code: int) -> bytes:
    """Spell an exception answer."""
    return bytes((function | 0x80, code))


def shift(pdu: bytes) -> bytes:
    """A read of what lies one address further; any other request as it is."""
    if pdu[0] in READS and len(pdu) == SINGLE:
        return pdu[:1] + (_word(pdu, 1) + 1 & 0xFFFF).to_bytes(2, "big") + pdu[3:]
    return pdu


def pack_bits(bits: bytes) -> bytes:
    """Pack bytes of 0 or 1 into bits, the first in the lowest bit of the first byte."""
    number = int(bits[::-1].translate(_DIGITS), 2)
    return number.to_bytes((len(bits) + 7) // 8, "little")


def unpack_bits(data: bytes, count: int) -> bytes:
    """Undo `pack_bits` for the first `count` bits."""
    return bytes(data[index >> 3] >> (index & 7) & 1 for index in range(count))


def _read(memory: Memory, table: Table, pdu: bytes) -> bytes:
    if not memory.has(table):
        raise Refused(ILLEGAL_FUNCTION)
    at, count = _span(pdu, MAX_READ_BITS if table.is_bits else MAX_READ_REGISTERS)
    data = memory.get(table, at, count)
    if data is None:
        raise Refused(ILLEGAL_ADDRESS)
    if table.is_bits:
        data = pack_bits(data)
    return bytes((pdu[0], len(data))) + data


def _write_coil(memory: Memory, pdu: bytes) -> bytes:
    _allow(memory, Table.COIL)
    if len(pdu) != SINGLE or pdu[3:] not in {b"\x00\x00", b"\xff\x00"}:
        raise Refused(ILLEGAL_VALUE)
    _write(memory, Table.COIL, _word(pdu, 1), b"\x01" if pdu[3] else b"\x00")
    return pdu


def _write_register(memory: Memory, pdu: bytes) -> bytes:
    _allow(memory, Table.HOLDING)
    if len(pdu) != SINGLE:
        raise Refused(ILLEGAL_VALUE)
    _write(memory, Table.HOLDING, _word(pdu, 1), pdu[3:])
    return pdu


def _write_coils(memory: Memory, pdu: bytes) -> bytes:
    _allow(memory, Table.COIL)
    at, count = _span(pdu[:SINGLE], MAX_WRITE_BITS)
    data = _payload(pdu, (count + 7) // 8)
    _write(memory, Table.COIL, at, unpack_bits(data, count))
    return pdu[:SINGLE]


def _write_registers(memory: Memory, pdu: bytes) -> bytes:
    _allow(memory, Table.HOLDING)
    at, count = _span(pdu[:SINGLE], MAX_WRITE_REGISTERS)
    _write(memory, Table.HOLDING, at, _payload(pdu, count * 2))
    return pdu[:SINGLE]


def _mask_register(memory: Memory, pdu: bytes) -> bytes:
    _allow(memory, Table.HOLDING)
    if len(pdu) != SINGLE + 2:
        raise Refused(ILLEGAL_VALUE)
    at, keep, put = _word(pdu, 1), _word(pdu, 3), _word(pdu, 5)
    now = memory.get(Table.HOLDING, at, 1)
    if now is None:
        raise Refused(ILLEGAL_ADDRESS)
    word = (_word(now, 0) & keep) | (put & ~keep & 0xFFFF)
    _write(memory, Table.HOLDING, at, word.to_bytes(2, "big"))
    return pdu


def _read_and_write(memory: Memory, pdu: bytes) -> bytes:
    """Function 23 writes before it reads (V1.1b3, 6.17)."""
    _allow(memory, Table.HOLDING)
    to, count = _span(pdu[:1] + pdu[5:9], MAX_BOTH_WRITE)
    if pdu[9:10] != bytes((count * 2,)) or len(pdu) != 10 + count * 2:
        raise Refused(ILLEGAL_VALUE)
    at, wanted = _span(pdu[:SINGLE], MAX_READ_REGISTERS)
    if memory.get(Table.HOLDING, at, wanted) is None:
        raise Refused(ILLEGAL_ADDRESS)
    _write(memory, Table.HOLDING, to, pdu[10:])
    data = memory.get(Table.HOLDING, at, wanted) or b""
    return bytes((pdu[0], len(data))) + data


def _identify(pdu: bytes, texts: list[bytes]) -> bytes:
    """Basic identification, as a stream or one object of it (V1.1b3, 6.21)."""
    code, first = (*pdu[2:4], 0, 0)[:2]
    wanted = range(first if first < len(texts) else 0, len(texts))
    if code == 4:  # noqa: PLR2004 - one object
        if first >= len(texts):
            raise Refused(ILLEGAL_ADDRESS)
        wanted = range(first, first + 1)
    elif code not in {1, 2, 3} or len(pdu) != 4:  # noqa: PLR2004 - basic, regular, extended
        raise Refused(ILLEGAL_VALUE)
    objects = b"".join(bytes((n, len(texts[n]))) + texts[n] for n in wanted)
    return pdu[:3] + bytes((0x81, 0, 0, len(wanted))) + objects


def _allow(memory: Memory, table: Table) -> None:
    """A device that has nothing to write doesn't offer the function at all."""
    if not memory.writes(table):
        raise Refused(ILLEGAL_FUNCTION)


def _write(memory: Memory, table: Table, at: int, data: bytes) -> None:
    if not memory.write(table, at, data):
        raise Refused(ILLEGAL_ADDRESS)


def _span(pdu: bytes, most: int) -> tuple[int, int]:
    """Return address and quantity; a wrong length or quantity is an illegal value."""
    if len(pdu) != SINGLE:
        raise Refused(ILLEGAL_VALUE)
    count = _word(pdu, 3)
    if not 1 <= count <= most:
        raise Refused(ILLEGAL_VALUE)
    return _word(pdu, 1), count


def _payload(pdu: bytes, length: int) -> bytes:
    """Return the data behind the byte count, which must be `length` and true."""
    if len(pdu) != 6 + length or pdu[5] != length:
        raise Refused(ILLEGAL_VALUE)
    return pdu[6:]


def _word(pdu: bytes, offset: int) -> int:
    return pdu[offset] << 8 | pdu[offset + 1]


_WRITES: dict[int, Callable[[Memory, bytes], bytes]] = {
    5: _write_coil,
    6: _write_register,
    15: _write_coils,
    16: _write_registers,
    22: _mask_register,
    23: _read_and_write,
}
