"""Questions, prepared once: what is sent, and how its right answer looks.

pymodbus builds the frames; a question then lives as bytes.

Source: Modbus Application Protocol V1.1b3, 6.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    MaskWriteRegisterRequest,
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from drivers.modbus.register import Function, Store

if TYPE_CHECKING:
    from pymodbus.pdu import ModbusPDU

    from drivers.modbus.register import Writing

EXCEPTION = 0x80
"""Added to the function of an answer that refuses."""
_DIAGNOSTICS = 8

_REQUESTS = {
    Function.COIL: ReadCoilsRequest,
    Function.DISCRETE: ReadDiscreteInputsRequest,
    Function.HOLDING: ReadHoldingRegistersRequest,
    Function.INPUT: ReadInputRegistersRequest,
}


@dataclass(frozen=True, slots=True)
class Query:
    """A question, prepared once: only its transaction id changes.

    Attributes:
        tail: the frame behind the transaction id.
        size: bytes of data in the right answer to a read.
        echo: the right answer to a write, whole.
    """

    tail: bytes
    unit: int
    function: int
    size: int
    echo: bytes = b""

    head: ClassVar[int] = 2
    """Bytes of an answer's PDU that tell how long it is."""

    def length(self, head: bytes | bytearray) -> int:  # noqa: ARG002 - for answers that tell it
        """Bytes of the PDU that begins so, of an answer that is neither `size` nor `echo`; or 0."""
        return 0

    @property
    def body(self) -> bytes:
        """Unit id and PDU, as a serial line carries them."""
        return self.tail[4:]

    @property
    def mirrors(self) -> bool:
        """Whether the right answer is the question itself."""
        return self.echo == self.body[1:]

    def whole(self, data: bytes, refused: int = 0) -> bytes:
        """The PDU of an answer, of its data, or of the exception that it is."""
        right = self.echo or bytes((self.function, len(data))) + data
        return bytes((self.function | EXCEPTION, refused)) if refused else right


def query(function: Function, start: int, count: int, unit: int) -> Query:
    """Prepare the question for `count` registers or bits from `start`."""
    request = _REQUESTS[function](address=start, count=count, dev_id=unit)
    size = (count + 7) // 8 if function.is_bits else 2 * count
    return Query(_frame(request)[2:], unit, int(function), size)


def write_query(writing: Writing, unit: int) -> Query:
    """Prepare a write. The right answer repeats the request, or its first five bytes.

    Source: Modbus Application Protocol V1.1b3, 6.5, 6.6, 6.11, 6.12 and 6.16.
    """
    store, address, words = writing
    request: ModbusPDU
    match store:
        case Store.COIL:
            request = WriteSingleCoilRequest(address=address, bits=[bool(words[0])], dev_id=unit)
        case Store.COILS:
            bits = [bool(word) for word in words]
            request = WriteMultipleCoilsRequest(address=address, bits=bits, dev_id=unit)
        case Store.REGISTER:
            request = WriteSingleRegisterRequest(
                address=address, registers=list(words), dev_id=unit
            )
        case Store.REGISTERS:
            request = WriteMultipleRegistersRequest(
                address=address, count=len(words), registers=list(words), dev_id=unit
            )
        case Store.MASK:
            keep, put = words
            request = MaskWriteRegisterRequest(
                address=address, and_mask=keep, or_mask=put, dev_id=unit
            )
    frame = _frame(request)
    pdu = frame[7:]
    echo = pdu[:5] if store in {Store.COILS, Store.REGISTERS} else pdu
    return Query(frame[2:], unit, int(store), 0, echo)


def loopback(number: int, unit: int) -> Query:
    """Prepare a question that any device answers in a way of its own: "return query data".

    Source: Modbus Application Protocol V1.1b3, 6.8, sub-function 00.
    """
    pdu = struct.pack(">BHH", _DIAGNOSTICS, 0, number)
    return Query(struct.pack(">HHB", 0, len(pdu) + 1, unit) + pdu, unit, _DIAGNOSTICS, 0, pdu)


def _frame(request: ModbusPDU) -> bytes:
    return FramerSocket(DecodePDU(is_server=False)).buildFrame(request)
