"""Asking units that no site file names: is anybody there, and who.

The function "read device identification" gives names as texts, as many as the device has, so its
answer tells its own length.

Source: Modbus Application Protocol V1.1b3, 6.21 (function 43, MEI type 14).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from drivers.modbus.queries import Query, query
from drivers.modbus.refusals import exception
from drivers.modbus.register import Function
from gateway.driver import Hello
from gateway.errors import ConnectionLost, DriverError, RequestRefused, RequestTimeout
from gateway.words import _

if TYPE_CHECKING:
    from drivers.modbus.driver import Asks

OBJECTS = dict(enumerate(("vendor", "product", "revision", "url", "name", "model", "application")))
"""The basic and the regular objects; what else there is is the maker's own."""
_NOBODY = {0x0A, 0x0B}
"""What a Modbus gateway says of a unit that isn't there."""
_FUNCTION, _MEI = 0x2B, 0x0E
_BASIC = 1
_FIRST = 7
"""Bytes before the first object."""
_USUAL = 60
"""Bytes of such an answer, about."""
_MOST_PARTS = 8


class Names(Query):
    """The question for names; its answer may be of any length."""

    __slots__ = ()
    head = 253

    def length(self, head: bytes | bytearray) -> int:
        """Bytes of the PDU that begins so, 0 where it isn't told yet."""
        if len(head) < _FIRST or head[:2] != bytes((_FUNCTION, _MEI)):
            return 0
        end = _FIRST
        for _object in range(head[6]):
            if len(head) < end + 2:
                return 0
            end += 2 + head[end + 1]
        return end


class Explorer:
    """Asks on a link that is open, or opens it again; see `gateway.driver.Explorer`."""

    units = range(1, 248)

    def __init__(self, link: Asks) -> None:
        self._link = link

    async def hello(self, unit: int, timeout_s: float, *, is_thorough: bool) -> Hello | None:
        """Ask for one register, and tell what came back; None: nobody is there.

        Args:
            unit: to be asked.
            timeout_s: how long an answer may take.
            is_thorough: ask one that is silent for an input register too; on a line that goes
                with a loopback (function 8), since the link wants to know first where it stands.

        Raises:
            ConnectionLost: the link can't be opened.
        """
        tables = (Function.HOLDING, Function.INPUT) if is_thorough else (Function.HOLDING,)
        for table in tables:
            heard = await self._first(unit, table, timeout_s)
            if heard is not None:
                return heard
        return None

    async def _first(self, unit: int, table: Function, timeout_s: float) -> Hello | None:
        try:
            data = await self._ask(query(table, 0, 1, unit), timeout_s)
        except RequestTimeout:
            return None
        except RequestRefused as error:
            return None if error.code in _NOBODY else Hello(exception(error.code))
        except ConnectionLost:
            await self._link.open()  # many hang up on a unit that they have not
            return None
        except DriverError as error:
            return Hello(str(error))
        text = _("{at} is {value}").format(at=f"{table.word} 0", value=int.from_bytes(data))
        return Hello(text, f"{table.word}:0")

    async def names(self, unit: int, timeout_s: float) -> dict[str, str]:
        """What a unit says of itself by function 43; empty where it doesn't know it."""
        found: dict[str, str] = {}
        following = 0
        for _part in range(_MOST_PARTS):
            pdu = struct.pack(">BBBB", _FUNCTION, _MEI, _BASIC, following)
            tail = struct.pack(">HHB", 0, len(pdu) + 1, unit) + pdu
            try:
                data = await self._ask(Names(tail, unit, _FUNCTION, _USUAL), timeout_s)
            except DriverError:
                return found
            found |= _texts(data)
            if not data[2] or data[3] <= following:
                return found
            following = data[3]
        return found

    async def _ask(self, asked: Query, timeout_s: float) -> bytes:
        await self._link.open()
        data, _time_ns, _mono_ns = await self._link.ask(asked, timeout_s)
        return data


def _texts(data: bytes) -> dict[str, str]:
    """The objects of an answer, without those that have no name in the standard."""
    found: dict[str, str] = {}
    place = _FIRST - 2
    while place + 2 <= len(data):
        number, size = data[place], data[place + 1]
        text = data[place + 2 : place + 2 + size].split(b"\0")[0].decode("utf-8", "replace").strip()
        if number in OBJECTS and text:
            found[OBJECTS[number]] = "".join(sign if sign.isprintable() else "?" for sign in text)
        place += 2 + size
    return found
