"""One write: the value as the node's own type has it, exactly or not at all.

The type is asked of the server just before, with the value that was there. A number that lies
between two steps of the type, or out of its reach, is refused with what would do; only a Float
rounds, as the server itself would. Neither status nor times are written: many servers refuse both.

Source: OPC 10000-4, 5.11.4 (Write).
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from drivers.opcua import encode
from drivers.opcua.convert import FLOATS, KIND_TYPES, SPANS, conversion, fits, type_name
from drivers.opcua.decode import BOOLEAN, CODES, LOCALIZED, STRING, Reader
from drivers.opcua.exchange import Question
from gateway.driver import Unwritable
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from drivers.opcua.exchange import Answer
    from gateway.model import Tag, Value

_WRITE, _WRITTEN = 673, 676
_ONE = 1
_HAS_VALUE = 1
_HAS_TEXT = 2
_LONGEST = 4096
"""Bytes of a text that any server takes (OPC 10000-7, base server behaviour)."""
_CLOSE = Fraction(1, 1_000_000)
"""Of a step: a scale that is no short decimal is matched as closely as this."""


class Prepared(NamedTuple):
    """A write, ready to be sent.

    Attributes:
        asked: what reading the tag gives once it is carried out.
    """

    question: Question
    asked: Value


def check(tag: Tag, value: Value) -> None:
    """See whether a value is one of the tag's kind; what the node's type takes is seen later.

    Raises:
        Unwritable: it is not.
    """
    _raw(tag, value, KIND_TYPES.get(tag.kind))


def prepare(tag: Tag, value: Value, node: bytes, kind: int) -> Prepared:
    """Turn a value into the request that writes it.

    Args:
        tag: which is written.
        value: in its unit.
        node: its id, encoded.
        kind: the built-in type that the node has.

    Raises:
        Unwritable: the tag, or a node of this type, can't take it.
    """
    if not fits(tag, kind) or not (kind in CODES or kind in {STRING, LOCALIZED}):
        text = _("{tag} is a {held} at the server: nothing of kind {kind} can be written there")
        raise Unwritable(text.format(tag=_name(tag), held=type_name(kind), kind=tag.kind))
    raw = _raw(tag, value, KIND_TYPES.get(tag.kind))
    if kind in SPANS:
        raw = _raw(tag, value, kind)
    held, asked = _variant(tag, raw, kind)
    item = node + encode.VALUE_AT + struct.pack("<B", _HAS_VALUE) + held
    return Prepared(Question(_WRITE, _WRITTEN, encode.array([item])), asked)


def status_of(answer: Answer) -> int:
    """What the server says of a write.

    Raises:
        DecodeError: the answer makes no sense.
    """
    reader = Reader(answer.data, answer.pos)
    reader.expect(_ONE)
    code = reader.uint32()
    reader.finish()
    return code


def _variant(tag: Tag, raw: float | str, kind: int) -> tuple[bytes, Value]:
    """The value as bytes, and as it reads once it is there."""
    head = bytes((kind,))
    if isinstance(raw, str):
        text = encode.text(raw)
        return head + (bytes((_HAS_TEXT,)) + text if kind == LOCALIZED else text), raw
    shape = struct.Struct(f"<{CODES[kind]}")
    try:
        data = shape.pack(raw if kind in FLOATS or kind == BOOLEAN else int(raw))
    except (struct.error, OverflowError):
        text_ = _("{tag}: no {kind} holds {value:g}")
        raise Unwritable(text_.format(tag=_name(tag), kind=type_name(kind), value=raw)) from None
    (kept,) = shape.unpack(data)
    apply = conversion(tag, kind)
    return head + data, kept if apply is None else apply(kept)


def _raw(tag: Tag, value: Value, kind: int | None) -> float | str:
    """The value as the node counts it; of a whole number's type where `kind` is one."""
    if tag.kind is Kind.BIT:
        if isinstance(value, str) or value not in (0, 1):
            raise Unwritable(_("{tag} takes true or false").format(tag=_name(tag)))
        return bool(value)
    if tag.kind is Kind.STRING:
        if not isinstance(value, str):
            raise Unwritable(_("{tag} takes text").format(tag=_name(tag)))
        if len(value.encode()) > _LONGEST:
            text = _("{tag} has room for {room} characters, not {count}")
            raise Unwritable(text.format(tag=_name(tag), room=_LONGEST, count=len(value)))
        return value
    if isinstance(value, (bool, str)) or value is None or not math.isfinite(value):
        raise Unwritable(_("{tag} takes a number").format(tag=_name(tag)))
    scale, offset = _exact(tag.scale), _exact(tag.offset)
    raw = (Fraction(str(value)) - offset) / scale
    if kind is None:
        return int(raw) if raw.denominator == 1 else float(raw)
    return _whole(tag, value, raw, SPANS[kind])


def _whole(tag: Tag, value: float, raw: Fraction, span: tuple[int, int]) -> int:
    scale, offset = _exact(tag.scale), _exact(tag.offset)
    number = round(raw)
    if not span[0] <= number <= span[1]:
        ends = sorted(float(end * scale + offset) for end in span)
        text = _("{tag} holds {low:g} to {high:g}, not {value:g}")
        raise Unwritable(text.format(tag=_name(tag), low=ends[0], high=ends[1], value=value))
    if abs(raw - number) > _CLOSE:
        near = sorted(float(step * scale + offset) for step in (math.floor(raw), math.ceil(raw)))
        text = _("{tag} has steps of {step:g}: {below:.12g} or {above:.12g}, not {value:.12g}")
        step = abs(tag.scale)
        raise Unwritable(
            text.format(tag=_name(tag), step=step, below=near[0], above=near[1], value=value)
        )
    if number in tag.missing:
        text = _("{tag}: {value:g} is the device's own mark for no value")
        raise Unwritable(text.format(tag=_name(tag), value=value))
    return number


def _exact(number: float) -> Fraction:
    """The decimal that a scale or an offset stands for, free of binary noise."""
    return Fraction(f"{number:.12g}")


def _name(tag: Tag) -> str:
    return f"{tag.device}.{tag.name}"
