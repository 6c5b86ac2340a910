"""Protocol buffers as Sparkplug B uses them, written field by field.

A message of the protobuf library is an object for each metric and each of its parts: 3 µs a value.
Here a field is its bytes, and a metric is put together from what is known of it beforehand.

Field numbers: Sparkplug 3.0, 6.4.1 (the payload's definition). Wire format: protobuf's "Encoding"
page; a decoder takes a varint of more bytes than it needs, which gives one field one length.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.model import Value


class Type(IntEnum):
    """Datatypes (Sparkplug 3.0, 6.4.16); those of 8 and 16 bits are left out on purpose.

    Decoders differ over negative ones: some take them for 32 bits wide, some cut them.
    """

    INT32 = 3
    INT64 = 4
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    DATASET = 16


MS_BYTES = 6
"""Of a time in ms as a varint; enough until the year 2109."""
_MORE = 0x80
_LOW = 0x7F
_64 = (1 << 64) - 1
_PACK_DOUBLE = struct.Struct("<d").pack


def varint(number: int) -> bytes:
    """Encode a number ≥ 0, seven bits a byte, the least first."""
    out = bytearray()
    while number > _LOW:
        out.append(number & _LOW | _MORE)
        number >>= 7
    out.append(number)
    return bytes(out)


def padded(number: int, size: int) -> bytes:
    """Encode a number ≥ 0 as a varint of so many bytes."""
    groups = [number >> 7 * place & _LOW for place in range(size)]
    return bytes([group | _MORE for group in groups[:-1]] + groups[-1:])


def time_of(ms: int) -> bytes:
    """A UTC time in ms, always of the same length."""
    return padded(max(0, ms), MS_BYTES)


def number(field: int, value: int) -> bytes:
    """A field that is a varint; a negative value as its two's complement of 64 bits."""
    return varint(field << 3) + varint(value & _64)


def chunk(field: int, content: bytes) -> bytes:
    """A field that is text, bytes or a message."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def double(field: int, value: float) -> bytes:
    """A field that is a number of 64 bits."""
    return varint(field << 3 | 1) + _PACK_DOUBLE(value)


# A metric's fields.
NAME, ALIAS, TIMESTAMP, DATATYPE, HISTORICAL, NULL, PROPERTIES = 1, 2, 3, 4, 5, 7, 9
INT, LONG_VALUE, DOUBLE_VALUE, BOOLEAN_VALUE, STRING_VALUE, DATASET_VALUE = 10, 11, 13, 14, 15, 17
IS_NULL = number(NULL, 1)
IS_HISTORICAL = number(HISTORICAL, 1)
TIME_TAG = varint(TIMESTAMP << 3)
ALIAS_TAG = varint(ALIAS << 3)
LONG_TAG = varint(LONG_VALUE << 3)
DOUBLE_TAG = varint(DOUBLE_VALUE << 3 | 1)
BOOLEAN_TAG = varint(BOOLEAN_VALUE << 3)
BOOLEANS = (number(BOOLEAN_VALUE, 0), number(BOOLEAN_VALUE, 1))


def value_of(kind: Type, value: Value | bytes) -> bytes:
    """A metric's value, or that it has none.

    Raises:
        TypeError, ValueError, OverflowError: it isn't of that datatype.
    """
    if value is None:
        return IS_NULL
    return _VALUES[kind](value)


def _bytes(value: Value | bytes) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


_VALUES: dict[Type, Callable[[Any], bytes]] = {
    Type.INT32: lambda value: number(INT, int(value) & 0xFFFFFFFF),
    Type.INT64: lambda value: number(LONG_VALUE, int(value)),
    Type.DATETIME: lambda value: number(LONG_VALUE, int(value)),
    Type.DOUBLE: lambda value: double(DOUBLE_VALUE, float(value)),
    Type.BOOLEAN: lambda value: BOOLEANS[bool(value)],
    Type.STRING: lambda value: chunk(STRING_VALUE, _bytes(value)),
    Type.DATASET: lambda value: chunk(DATASET_VALUE, _bytes(value)),
}


def metric(*fields: bytes) -> bytes:
    """A payload's field that is one metric."""
    return chunk(2, b"".join(fields))


def head(ms: int) -> bytes:
    """What a payload begins with: when it is sent."""
    return b"\x08" + time_of(ms)


SEQUENCE = tuple(number(3, seq) for seq in range(256))
"""What a payload ends with: its sequence number."""


# What a metric has beside its value.


def properties(texts: Iterable[tuple[str, str | float | int]]) -> bytes:
    """A metric's properties: text as String, whole numbers as Int32, others as Double."""
    keys, values = b"", b""
    for key, value in texts:
        keys += chunk(1, key.encode())
        match value:
            case str():
                said = number(1, Type.STRING) + chunk(8, value.encode())
            case int():
                said = number(1, Type.INT32) + number(3, value & 0xFFFFFFFF)
            case _:
                said = number(1, Type.DOUBLE) + double(6, value)
        values += chunk(2, said)
    return keys + values


QUALITIES = tuple(properties((("Quality", code),)) for code in (192, 500, 0))
"""The contract's good, uncertain, bad as Sparkplug's good, stale, bad: it has no word for a value
that may be wrong (6.4.14)."""


def property_set(said: bytes) -> bytes:
    """The field of a metric that holds what `properties` gave."""
    return chunk(PROPERTIES, said) if said else b""


def dataset(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A table of texts.

    Args:
        columns: their names.
        rows: a text for each column.
    """
    names = b"".join(chunk(2, column.encode()) for column in columns)
    types = number(3, Type.STRING) * len(columns)
    cells = (b"".join(chunk(1, chunk(6, cell.encode())) for cell in row) for row in rows)
    return number(1, len(columns)) + names + types + b"".join(chunk(4, row) for row in cells)


# Many whole numbers at once.
SIZES = (3, 5, 10)
"""Bytes of a padded varint: for 0 ≤ n < 2²¹, for 0 ≤ n < 2³⁵, and for all of 64 bits."""
_LANES = {3: ("I", 4), 5: ("Q", 8), 10: ("q8x", 16)}


def varints(values: Sequence[int], size: int) -> tuple[bytes, int]:
    """Encode whole numbers as varints of one size, all of them in a few steps.

    Each number stands in a lane of its own in one large number, whose groups of seven bits are
    moved apart.

    Args:
        values: whole numbers.
        size: one of `SIZES`.

    Returns:
        The lanes, and the bytes of each; the varint is at its beginning.

    Raises:
        struct.error: one is no whole number of such a size.
    """
    lanes = _lanes(len(values), size)
    packed = int.from_bytes(lanes.pack(*values), "little")
    if packed & lanes.beyond:
        raise struct.error
    spread = lanes.more
    for place, mask in enumerate(lanes.masks):
        spread |= (packed & mask) << place
    return spread.to_bytes(lanes.bytes, "little"), lanes.width


class _Lanes:
    """What is needed to encode so many numbers: made once for each count."""

    def __init__(self, count: int, size: int) -> None:
        code, self.width = _LANES[size]
        self.pack = struct.Struct("<" + code * count).pack
        self.bytes = count * self.width
        ones = int.from_bytes((b"\1" + bytes(self.width - 1)) * count, "little")
        self.masks = [(_LOW << 7 * place & _64) * ones for place in range(size)]
        self.beyond = _above(7 * size, self.width) * ones if size != SIZES[-1] else 0
        self.more = sum(_MORE << 8 * place for place in range(size - 1)) * ones


def _above(bits: int, width: int) -> int:
    """All bits of a lane of so many bytes but the lowest."""
    return (1 << 8 * width) - (1 << bits)


@lru_cache(maxsize=64)
def _lanes(count: int, size: int) -> _Lanes:
    return _Lanes(count, size)
