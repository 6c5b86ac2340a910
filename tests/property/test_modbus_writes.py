"""Whatever may be written reads back as it was asked for; the rest is refused, never rounded."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drivers.modbus.check import check_tag
from drivers.modbus.config import Settings
from drivers.modbus.encode import words_of
from drivers.modbus.writing import prepare
from gateway.driver import AddressError, Unwritable
from gateway.model import Kind, Order, Tag, Write
from tests.modbus_tags import make
from tests.modbus_wire import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

RANGES = {
    Kind.U16: (0, 2**16 - 1),
    Kind.I16: (-(2**15), 2**15 - 1),
    Kind.U32: (0, 2**32 - 1),
    Kind.I32: (-(2**31), 2**31 - 1),
    Kind.U64: (0, 2**63 - 1),
    Kind.I64: (-(2**63), 2**63 - 1),
}
orders = st.sampled_from(list(Order))
scales = st.sampled_from([1, 0.1, 0.01, 0.5, 2, 10, -0.1, 1 / 3, 0.025])


def sent(tag: Tag, value: object) -> bytes:
    words = words_of(tag, value)  # type: ignore[arg-type]
    return struct.pack(f">{len(words)}H", *words)


@given(st.sampled_from(list(RANGES)), orders, st.data())
def test_whole_numbers_go_out_as_the_other_encoder_has_them(
    kind: Kind, order: Order, data: st.DataObject
) -> None:
    raw = data.draw(st.integers(*RANGES[kind]))
    assert sent(make("x", "holding:1", kind, order), raw) == encode(kind, order, raw)


@given(st.sampled_from([Kind.U16, Kind.I16, Kind.I32]), orders, scales, st.data())
def test_each_step_can_be_written_and_nothing_between(
    kind: Kind, order: Order, scale: float, data: st.DataObject
) -> None:
    raw = data.draw(st.integers(*RANGES[kind]))
    tag = make("x", "holding:1", kind, order, scale=scale, offset=-40)
    exact = Fraction(f"{scale:.12g}") * raw - 40
    value = float(exact) if exact.denominator > 1 else int(exact)
    assert sent(tag, value) == encode(kind, order, raw)
    between = float(exact + Fraction(f"{scale:.12g}") / 3)
    with pytest.raises(Unwritable):
        words_of(tag, between)


@given(st.sampled_from(list(RANGES)), st.integers(-(2**70), 2**70))
def test_what_does_not_fit_is_refused(kind: Kind, value: int) -> None:
    low, high = RANGES[kind]
    assume(not low <= value <= (2**64 - 1 if kind is Kind.U64 else high))
    with pytest.raises(Unwritable):
        words_of(make("x", "holding:1", kind), value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), orders)
def test_a_float_register_holds_what_it_can(value: float, order: Order) -> None:
    plain = value + 0.0  # one zero
    assert sent(make("x", "holding:1", Kind.F32, order), value) == encode(Kind.F32, order, plain)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8), orders)
def test_text(text: str, order: Order) -> None:
    assume(text == text.strip())
    tag = make("x", "holding:1", Kind.STRING, order, length=4)
    assert sent(tag, text) == encode(Kind.STRING, order, text, 4)


@given(st.integers(0, 99_999_999), orders)
def test_bcd(value: int, order: Order) -> None:
    tag = make("x", "holding:1", Kind.BCD, order, length=2)
    assert sent(tag, value) == encode(Kind.BCD, order, value, 2)


@given(
    st.sampled_from(list(Kind)),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
)
def test_anything_is_written_exactly_or_refused(kind: Kind, value: object) -> None:
    """No input raises anything else, and what is sent reads as what was asked."""
    at = "holding:1.3" if kind is Kind.BIT else "holding:1"
    tag = make("x", at, kind, bits=(2, 5) if kind is Kind.BITFIELD else None)
    try:
        prepared = prepare(tag, value, Settings())  # type: ignore[arg-type]
    except Unwritable:
        return
    asked = prepared.asked
    if isinstance(value, float) and isinstance(asked, (int, float)):
        assert math.isclose(asked, value, rel_tol=1e-6, abs_tol=1e-6)  # of a step, or an f32's
    else:
        assert asked == value or kind in {Kind.F32, Kind.F64}


@pytest.mark.parametrize("value", ["炉温", " A17", "A17 ", "A\0B", "123456789", "A\n"])
def test_text_that_would_read_differently_is_refused(value: str) -> None:
    with pytest.raises(Unwritable):
        words_of(make("x", "holding:1", Kind.STRING, length=4), value)


@pytest.mark.parametrize(("value", "kind"), [(1e39, Kind.F32), (float("inf"), Kind.F64)])
def test_floats_beyond_the_register_are_refused(value: float, kind: Kind) -> None:
    with pytest.raises(Unwritable):
        words_of(make("x", "holding:1", kind), value)


@pytest.mark.parametrize(
    ("at", "kind", "value", "options", "function"),
    [
        ("coil:7", Kind.BIT, True, {}, 5),
        ("coil:7", Kind.BIT, True, {"write": "multiple"}, 15),
        ("holding:7", Kind.U16, 1, {}, 6),
        ("holding:7", Kind.U16, 1, {"write": "single"}, 6),
        ("holding:7", Kind.U16, 1, {"write": "multiple"}, 16),
        ("holding:7", Kind.U32, 1, {}, 16),
        ("holding:7.3", Kind.BIT, True, {}, 22),
        ("holding:7", Kind.BITFIELD, 1, {}, 22),
    ],
)
def test_functions(
    at: str, kind: Kind, value: int, options: Mapping[str, object], function: int
) -> None:
    tag = make("x", at, kind, bits=(4, 6) if kind is Kind.BITFIELD else None)
    assert prepare(tag, value, Settings.of(options)).query.function == function


@pytest.mark.parametrize(
    ("at", "kind", "write", "options", "code"),
    [
        ("input:7", Kind.U16, Write(0, 1, 1), {}, "read-only"),
        ("discrete:7", Kind.BIT, Write(None, None, 1), {}, "read-only"),
        ("holding:7", Kind.U32, Write(0, 1, 1), {"write": "single"}, "read-only"),
        ("holding:7", Kind.U16, Write(0, None, 1), {}, "no-range"),
        ("holding:7", Kind.U16, Write(0, 1, 1), {"write": "maybe"}, "bad-option"),
    ],
)
def test_what_can_not_be_written_is_said_beforehand(
    at: str, kind: Kind, write: Write, options: Mapping[str, object], code: str
) -> None:
    with pytest.raises(AddressError) as caught:
        check_tag(make("x", at, kind)._replace(write=write), options)
    assert caught.value.code == code
