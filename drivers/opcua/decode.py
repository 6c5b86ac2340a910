"""Answers as values, read one after the other: what every answer can be read with.

Lengths are checked against what there is before anything is built of them. Where an answer looks
like the one before, `layout.py` reads it in one go.

Source: OPC 10000-6, 5.2.2 (built-in types), 5.2.2.16 (Variant), 5.2.2.17 (DataValue).
"""

from __future__ import annotations

import base64
import math
import struct
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from gateway.errors import DecodeError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = 116_444_736_000_000_000
"""1970 in hundreds of nanoseconds since 1601, which is how a DateTime counts."""
_LAST = 2_650_467_744_000_000_000
"""The year 9999, which stands for "never" (OPC 10000-6, 5.2.2.5)."""
_DEEPEST = 100
"""Levels of nesting that a decoder must take, and may refuse beyond (OPC 10000-6, 5.1.5)."""

BOOLEAN, DATE_TIME, STRING, BYTE_STRING, XML = 1, 13, 12, 15, 16
GUID, NODE_ID, EXPANDED, STATUS, QUALIFIED, LOCALIZED = 14, 17, 18, 19, 20, 21
STRUCTURE, DATA_VALUE, VARIANT, DIAGNOSTIC = 22, 23, 24, 25
ARRAY = 0x80
_DIMENSIONS = 0x40

CODES = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d"}
"""Types of one size → how `struct` spells them."""
_FIXED = {code: struct.Struct(f"<{letter}") for code, letter in {**CODES, 19: "I"}.items()}
_INT = struct.Struct("<i")
_TIME = struct.Struct("<q")
_CODE = struct.Struct("<I")
_SPACE = struct.Struct("<H")


class Body(NamedTuple):
    """A structure as it came, before its type is known.

    Attributes:
        encoding: the NodeId of its encoding, its namespace as an index of this session.
        data: without its length.
    """

    encoding: tuple[int, str, int | str]
    data: bytes


class DataValue(NamedTuple):
    """One value with all that came with it.

    Attributes:
        type: of the variant, with `ARRAY` where there are several; 0: there is none.
        status: 0 is good.
        source, server: hundreds of ns since 1601; 0 where none came.
    """

    type: int
    value: Any
    status: int
    source: int
    server: int


class Reader:
    """Reads an answer from its beginning to its end."""

    __slots__ = ("_depth", "data", "pos")

    def __init__(self, data: bytes, pos: int = 0) -> None:
        self.data = data
        self.pos = pos
        self._depth = 0

    @property
    def left(self) -> int:
        """Bytes that are still to be read."""
        return len(self.data) - self.pos

    def byte(self) -> int:
        """One byte."""
        return self.take(1)[0]

    def peek(self) -> int:
        """The byte that comes next, which is still to be read."""
        held = self.byte()
        self.pos -= 1
        return held

    def take(self, size: int) -> bytes:
        """So many bytes.

        Raises:
            DecodeError: there are fewer.
        """
        end = self.pos + size
        if size < 0 or end > len(self.data):
            raise self.wrong(_("it ends too early"))
        held = self.data[self.pos : end]
        self.pos = end
        return held

    def one(self, shape: struct.Struct) -> Any:  # noqa: ANN401 - what the shape says
        """What a shape of one field reads."""
        (value,) = shape.unpack(self.take(shape.size))
        return value

    def int32(self) -> int:
        """A signed number of 32 bits, such as a length."""
        return int(self.one(_INT))

    def uint32(self) -> int:
        """An unsigned number of 32 bits."""
        return int(self.one(_CODE))

    def expect(self, number: int) -> None:
        """The number of results, which must be that of what was asked for.

        Raises:
            DecodeError: it is another one.
        """
        if self.int32() != number:
            raise self.wrong(_("it holds another number of results than was asked for"))

    def count(self, least: int = 1) -> int:
        """How many elements follow, each of so many bytes at least; -1 (none) counts as 0."""
        number = self.int32()
        if number > self.left // least:
            raise self.wrong(_("it promises more than it holds"))
        return max(number, 0)

    def bytestring(self) -> bytes | None:
        """Bytes with their length; None is another thing than none."""
        size = self.int32()
        return None if size < 0 else self.take(size)

    def string(self) -> str | None:
        """A text; what is no UTF-8 is shown, not refused."""
        data = self.bytestring()
        return None if data is None else data.decode("utf-8", "replace")

    def node_id(self) -> tuple[int, str, int | str]:
        """A NodeId or ExpandedNodeId: index of its namespace, sort, identifier."""
        return self.expanded()[0]

    def expanded(self) -> tuple[tuple[int, str, int | str], int]:
        """An ExpandedNodeId, and the server that has it; 0 is the one that answers."""
        form = self.byte()
        held = self._identifier(form & 0x3F)
        if form & 0x80:
            self.string()
        return held, self.uint32() if form & 0x40 else 0

    def _identifier(self, form: int) -> tuple[int, str, int | str]:
        match form:
            case 0:
                return 0, "i", self.byte()
            case 1:
                return self.byte(), "i", self.one(_SPACE)
            case 2:
                return self.one(_SPACE), "i", self.uint32()
            case 3:
                return self.one(_SPACE), "s", self.string() or ""
            case 4:
                return self.one(_SPACE), "g", str(UUID(bytes_le=self.take(16)))
            case 5:
                held = self.one(_SPACE), self.bytestring() or b""
                return held[0], "b", base64.b64encode(held[1]).decode()
        raise self.wrong(_("it names a node in no known way"))

    def structure(self) -> Body | None:
        """An ExtensionObject; None where it is empty."""
        encoding = self.node_id()
        has_body = self.byte()
        return Body(encoding, self.bytestring() or b"") if has_body else None

    def variant(self) -> tuple[int, Any]:
        """A Variant: its type (with `ARRAY`), and what it holds."""
        form = self.byte()
        kind = form & 0x3F
        if not form & ARRAY:
            return kind, self.builtin(kind) if kind else None
        if not kind:
            raise self.wrong(_("it holds several of nothing"))
        number = self.int32()
        if number > self.left:
            raise self.wrong(_("it promises more than it holds"))
        values: Any
        shape = CODES.get(kind)
        if number < 0:
            values = None
        elif shape:
            block = struct.Struct(f"<{number}{shape}")
            values = list(block.unpack(self.take(block.size)))
        else:
            values = [self.builtin(kind) for _index in range(number)]
        if form & _DIMENSIONS:
            sizes = [self.int32() for _index in range(self.count(4))]
            values = self._shaped(values, sizes)
        return kind | ARRAY, values

    def _shaped(self, values: Any, sizes: list[int]) -> Any:  # noqa: ANN401 - nested lists
        """A row as a matrix of its dimensions, the last varying fastest."""
        if values is None or min(sizes, default=0) <= 0 or math.prod(sizes) != len(values):
            return values
        for size in reversed(sizes[1:]):
            values = [values[at : at + size] for at in range(0, len(values), size)]
        return values

    def builtin(self, kind: int) -> Any:  # noqa: ANN401 - what the type says
        """One value of a built-in type, by its number."""
        fixed = _FIXED.get(kind)
        if fixed is not None:
            return self.one(fixed)
        if self._depth >= _DEEPEST:
            raise self.wrong(_("it is nested without end"))
        self._depth += 1
        try:
            return self._other(kind)
        finally:
            self._depth -= 1

    def _other(self, kind: int) -> Any:  # noqa: ANN401 - what the type says
        read = _READERS.get(kind)
        if read is None:
            text = _("it holds something of the unknown type {kind}")
            raise self.wrong(text.format(kind=kind))
        return read(self)

    def _guid(self) -> str:
        return str(UUID(bytes_le=self.take(16)))

    def _hexadecimal(self) -> str | None:
        data = self.bytestring()
        return None if data is None else data.hex()

    def _node(self) -> str:
        index, sort, name = self.node_id()
        return f"ns={index};{sort}={name}" if index else f"{sort}={name}"

    def _qualified(self) -> str:
        index, name = self.one(_SPACE), self.string() or ""
        return f"{index}:{name}" if index else name

    def localized(self) -> str | None:
        """A LocalizedText: its text, whatever the language."""
        form = self.byte()
        if form & 1:
            self.string()
        return self.string() if form & 2 else None

    def diagnostic(self) -> None:
        """Pass over a DiagnosticInfo; nobody asks for one."""
        form = self.byte()
        for bit in (1, 2, 4, 8):
            if form & bit:
                self.int32()
        if form & 0x10:
            self.string()
        if form & 0x20:
            self.uint32()
        if form & 0x40:
            self.builtin(DIAGNOSTIC)

    def data_value(self) -> DataValue:
        """A DataValue; picoseconds are passed over."""
        form = self.byte()
        kind, value = self.variant() if form & 1 else (0, None)
        status = self.uint32() if form & 2 else 0
        source = self.one(_TIME) if form & 4 else 0
        if form & 0x10:
            self.take(2)
        server = self.one(_TIME) if form & 8 else 0
        if form & 0x20:
            self.take(2)
        return DataValue(kind, value, status, source, server)

    def finish(self) -> None:
        """What stands behind all results: diagnostics that nobody asked for, and nothing more.

        Raises:
            DecodeError: there is more.
        """
        for _index in range(self.count()):
            self.diagnostic()
        if self.left:
            raise self.wrong(_("it goes on where it should end"))

    def wrong(self, what: str) -> DecodeError:
        """The error to raise where the answer makes no sense."""
        text = _("the answer makes no sense at byte {pos}: {what}").format(pos=self.pos, what=what)
        return DecodeError(text, self.data)


_READERS: dict[int, Callable[[Reader], Any]] = {
    STRING: Reader.string,
    DATE_TIME: lambda reader: moment(reader.one(_TIME)),
    GUID: Reader._guid,  # noqa: SLF001 - of this file
    BYTE_STRING: Reader._hexadecimal,  # noqa: SLF001
    XML: Reader.string,
    NODE_ID: Reader._node,  # noqa: SLF001
    EXPANDED: Reader._node,  # noqa: SLF001
    QUALIFIED: Reader._qualified,  # noqa: SLF001
    LOCALIZED: Reader.localized,
    STRUCTURE: Reader.structure,
    DATA_VALUE: lambda reader: reader.data_value().value,
    VARIANT: lambda reader: reader.variant()[1],
    DIAGNOSTIC: Reader.diagnostic,
}
"""How a value of each type without a size of its own is read."""


def moment(ticks: int) -> str | None:
    """A DateTime as ISO 8601 in UTC; None where it stands for none."""
    if ticks <= 0 or ticks >= _LAST:
        return None
    from datetime import datetime, timedelta  # noqa: PLC0415 - few tags hold a time

    seconds, rest = divmod(ticks - EPOCH, 10_000_000)
    whole = datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001 - Z is added
    fraction = f".{rest:07d}".rstrip("0") if rest else ""
    return f"{whole.isoformat()}{fraction}Z"
