"""From what a server gives to what a tag of its kind holds.

The server says with each value which type it has; the site file says which kind the tag is. Where
the two don't go together the tag is bad and says what to write, rather than being bent: a counter
that wraps is counted by its kind.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from drivers.opcua.decode import (
    ARRAY,
    BOOLEAN,
    BYTE_STRING,
    DATE_TIME,
    EXPANDED,
    GUID,
    LOCALIZED,
    NODE_ID,
    QUALIFIED,
    STRING,
    XML,
)
from gateway.model import Kind
from gateway.scaling import Scaling

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import Tag, Value

    Apply = Callable[[Any], Value]

SPANS = {
    2: (-(2**7), 2**7 - 1),
    3: (0, 2**8 - 1),
    4: (-(2**15), 2**15 - 1),
    5: (0, 2**16 - 1),
    6: (-(2**31), 2**31 - 1),
    7: (0, 2**32 - 1),
    8: (-(2**63), 2**63 - 1),
    9: (0, 2**64 - 1),
    19: (0, 2**32 - 1),
}
"""Whole numbers by their built-in type: the lowest and the highest."""
KIND_TYPES = {
    Kind.U16: 5,
    Kind.I16: 4,
    Kind.U32: 7,
    Kind.I32: 6,
    Kind.U64: 9,
    Kind.I64: 8,
}
FLOATS = {10, 11}
_NUMBERS = {*SPANS, *FLOATS}
_TEXTS = {STRING, DATE_TIME, GUID, BYTE_STRING, XML, NODE_ID, EXPANDED, QUALIFIED, LOCALIZED}
TYPE_NAMES = (
    *("nothing", "Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64"),
    *("UInt64", "Float", "Double", "String", "DateTime", "Guid", "ByteString", "XmlElement"),
    *("NodeId", "ExpandedNodeId", "StatusCode", "QualifiedName", "LocalizedText", "structure"),
    *("DataValue", "Variant", "DiagnosticInfo"),
)
"""The built-in types by their numbers (OPC 10000-6, 5.1.2)."""


def type_name(kind: int) -> str:
    """A type as people know it: `Double`, `UInt16[]`."""
    number = kind & ~ARRAY
    name = TYPE_NAMES[number] if number < len(TYPE_NAMES) else str(number)
    return f"{name}[]" if kind & ARRAY else name


def fits(tag: Tag, kind: int) -> bool:
    """Whether values of a built-in type are of a tag's kind."""
    if tag.kind is Kind.BIT:
        return kind == BOOLEAN
    if tag.kind is Kind.STRING:
        return kind in _TEXTS
    if tag.kind in {Kind.F32, Kind.F64}:
        return kind in _NUMBERS
    return kind in SPANS


def suggestion(kind: int) -> str:
    """The tag's kind that a type goes with, "" where there is none."""
    if kind == BOOLEAN:
        return Kind.BIT
    if kind in _TEXTS:
        return Kind.STRING
    if kind in FLOATS:
        return Kind.F64 if kind == 11 else Kind.F32  # noqa: PLR2004 - Double
    names = {2: Kind.I16, 3: Kind.U16, 19: Kind.U32}
    names |= {number: name for name, number in KIND_TYPES.items()}
    return names.get(kind, "")


def conversion(tag: Tag, kind: int) -> Apply | None:
    """What is to be done to a value of a type that fits, None where it is as it should be."""
    if tag.kind is Kind.BIT or tag.kind is Kind.STRING:
        return None
    low, high = SPANS.get(kind, (0, 0))
    wanted = SPANS[KIND_TYPES[tag.kind]] if tag.kind in KIND_TYPES else (low, high)
    spans = (low, high) if kind in SPANS and (low < wanted[0] or high > wanted[1]) else None
    bits = tag.bits if tag.kind is Kind.BITFIELD else None
    missing = frozenset(tag.missing)
    scaling = None if tag.scale == 1 and not tag.offset else Scaling.of(tag.scale, tag.offset)
    if kind not in FLOATS and spans is None and bits is None and not missing and scaling is None:
        return None
    limits = wanted if spans else None
    return _step(kind in FLOATS, limits, bits, missing, scaling)


@lru_cache(1024)
def _step(
    is_float: bool,  # noqa: FBT001 - a key of the cache
    limits: tuple[int, int] | None,
    bits: tuple[int, int] | None,
    missing: frozenset[float],
    scaling: Scaling | None,
) -> Apply:
    """One closure for all tags that are treated alike."""
    if is_float and not missing and scaling is None:
        return _finite
    shift = bits[0] if bits else 0
    mask = (1 << bits[1] - bits[0] + 1) - 1 if bits else 0
    a, b, q = scaling or (1, 0, 1)

    def apply(raw: Any) -> Value:  # noqa: ANN401 - a number
        if is_float and not -_HUGE <= raw <= _HUGE:
            return None
        if limits and not limits[0] <= raw <= limits[1]:
            return None
        if mask:
            raw = raw >> shift & mask
        if raw in missing:
            return None
        if scaling is None:
            return raw  # type: ignore[no-any-return]
        number = raw * a + b
        return number if q == 1 else number / q  # type: ignore[no-any-return]

    return apply


_HUGE = 1.7976931348623157e308


def _finite(raw: float) -> Value:
    """A float, unless it is NaN or infinite, which is no reading of anything."""
    return raw if -_HUGE <= raw <= _HUGE else None
