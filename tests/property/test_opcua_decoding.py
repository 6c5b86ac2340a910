"""Answers as asyncua's encoder writes them, read by our decoder; rows alike and not."""

# asyncua names its numbers and texts as types of their own.
# mypy: disable-error-code="arg-type, list-item, unused-ignore"

from __future__ import annotations

import math
import struct
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary, variant_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.opcua.columns import Columns, Rows
from drivers.opcua.decode import Reader
from gateway.errors import DecodeError

T = ua.VariantType
SPANS = {
    T.SByte: 8,
    T.Int16: 16,
    T.Int32: 32,
    T.Int64: 64,
    T.Byte: -8,
    T.UInt16: -16,
    T.UInt32: -32,
    T.UInt64: -64,
}


def whole(bits: int) -> st.SearchStrategy[int]:
    if bits < 0:
        return st.integers(0, 2**-bits - 1)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
SCALARS: dict[ua.VariantType, st.SearchStrategy[Any]] = {
    T.Boolean: st.booleans(),
    **{kind: whole(bits) for kind, bits in SPANS.items()},
    T.Float: st.floats(width=32),
    T.Double: st.floats(),
    T.String: TEXTS,
}
MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)


@st.composite
def variants(draw: st.DrawFn) -> ua.Variant:
    kind = draw(st.sampled_from(sorted(SCALARS, key=lambda kind: kind.value)))
    if draw(st.integers(0, 5)) == 0:
        return ua.Variant(draw(st.lists(SCALARS[kind], min_size=1, max_size=5)), kind)
    return ua.Variant(draw(SCALARS[kind]), kind)


@st.composite
def data_values(draw: st.DrawFn) -> ua.DataValue:
    return ua.DataValue(
        draw(variants()),
        ua.StatusCode(draw(st.sampled_from((0, 0, 0, 0x80320000, 0x40920000)))),  # type: ignore[arg-type]
        SourceTimestamp=draw(st.none() | MOMENTS),
        ServerTimestamp=draw(st.none() | MOMENTS),
    )


def same(ours: object, theirs: object) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(theirs):
        return math.isnan(ours)
    return type(ours) is type(theirs) and ours == theirs


def ns(moment: datetime | None) -> int:
    if moment is None:
        return 0
    span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (span.days * 86_400 + span.seconds) * 1_000_000_000 + span.microseconds * 1000


def hold(columns: Columns, rows: list[ua.DataValue]) -> None:
    for place, row in enumerate(rows):
        assert row.Value is not None
        assert same(columns.values[place], row.Value.Value)
        assert columns.types[place] & 0x3F == row.Value.VariantType.value
        assert (columns.statuses or [0] * len(rows))[place] == row.StatusCode.value  # type: ignore[union-attr]
        assert columns.sources[place] == ns(row.SourceTimestamp)
        assert columns.servers[place] == ns(row.ServerTimestamp)


def encoded(rows: list[ua.DataValue], *, with_handles: bool) -> bytes:
    return b"".join(
        (struct.pack("<I", 7 * place) if with_handles else b"") + struct_to_binary(row)
        for place, row in enumerate(rows)
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(data_values(), max_size=12), min_size=1, max_size=3), st.booleans())
def test_any_rows_one_answer_after_the_other(
    answers: list[list[ua.DataValue]],
    with_handles: bool,  # noqa: FBT001
) -> None:
    rows = Rows(with_handles=with_handles)
    for answer in answers:
        reader = Reader(encoded(answer, with_handles=with_handles))
        held = rows.read(reader, len(answer))
        assert reader.left == 0
        hold(held, answer)
        if with_handles:
            assert held.handles == tuple(7 * place for place in range(len(answer)))


@settings(max_examples=60, deadline=None)
@given(
    st.data(),
    st.lists(st.sampled_from(sorted(SCALARS, key=lambda k: k.value)), min_size=4, max_size=30),
)
def test_rows_that_look_alike_are_unpacked_in_one_go(
    data: st.DataObject, kinds: list[ua.VariantType]
) -> None:
    rows = Rows()
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for _round in range(3):
        answer = [
            ua.DataValue(ua.Variant(data.draw(SCALARS[kind]), kind), SourceTimestamp=now)
            for kind in kinds
        ]
        hold(rows.read(Reader(encoded(answer, with_handles=False)), len(answer)), answer)


@settings(max_examples=200, deadline=None)
@given(st.lists(data_values(), min_size=1, max_size=6), st.data())
def test_bytes_that_were_changed_give_an_error_or_values_and_nothing_else(
    answer: list[ua.DataValue], data: st.DataObject
) -> None:
    whole = encoded(answer, with_handles=False)
    rows = Rows()
    rows.read(Reader(whole), len(answer))
    spoiled = bytearray(whole)
    for _change in range(data.draw(st.integers(1, 3))):
        spoiled[data.draw(st.integers(0, len(spoiled) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(spoiled)))
    with suppress(DecodeError):
        rows.read(Reader(bytes(spoiled[:end])), len(answer))


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        (
            ua.Variant(datetime(2026, 3, 1, 8, 30, 0, 250_000, tzinfo=UTC)),
            "2026-03-01T08:30:00.25Z",
        ),
        (
            ua.Variant(UUID("09087e75-8e5e-499b-954f-f2a9603db28a"), T.Guid),
            "09087e75-8e5e-499b-954f-f2a9603db28a",
        ),
        (ua.Variant(b"\x01\xfe", T.ByteString), "01fe"),
        (ua.Variant(ua.XmlElement("<a/>"), T.XmlElement), "<a/>"),
        (ua.Variant(ua.NodeId.from_string("ns=3;s=Arm"), T.NodeId), "ns=3;s=Arm"),
        (ua.Variant(ua.ExpandedNodeId.from_string("i=2258"), T.ExpandedNodeId), "i=2258"),
        (ua.Variant(ua.StatusCode(0x80320000), T.StatusCode), 0x80320000),  # type: ignore[arg-type]
        (ua.Variant(ua.QualifiedName("Arm", 2), T.QualifiedName), "2:Arm"),  # type: ignore[arg-type]
        (ua.Variant(ua.LocalizedText("运行", "zh"), T.LocalizedText), "运行"),
        (ua.Variant(ua.LocalizedText(), T.LocalizedText), None),
        (ua.Variant(ua.DataValue(ua.Variant(7, T.Int16)), T.DataValue), 7),
        (ua.Variant([ua.Variant(7, T.Int16), ua.Variant("x")], T.Variant), [7, "x"]),
        (ua.Variant([[1, 2, 3], [4, 5, 6]], T.Int32, Dimensions=[2, 3]), [[1, 2, 3], [4, 5, 6]]),
        (ua.Variant(None), None),
    ],
    ids=str,
)
def test_every_built_in_type(variant: ua.Variant, said: object) -> None:
    reader = Reader(variant_to_binary(variant))
    assert reader.variant()[1] == said
    assert reader.left == 0
