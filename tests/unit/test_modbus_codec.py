"""Values from registers: exact examples for every kind, order and way of having no value."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import pytest

from drivers.modbus.codec import bits_decoder, registers_decoder, width
from gateway.model import Kind, Order
from tests.modbus_tags import make

if TYPE_CHECKING:
    from gateway.model import Tag, Value


def decode(tag: Tag, data: str | bytes) -> Value:
    """One tag from the registers it takes, given as hex or bytes in wire order."""
    raw = bytes.fromhex(data) if isinstance(data, str) else data
    out: list[Value] = []
    good = registers_decoder([tag], [0], width(tag))(raw, out)
    (value,) = out
    assert good is (value is not None)
    return value


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        (Kind.U16, "FFFE", 65534),
        (Kind.I16, "FFFE", -2),
        (Kind.U32, "0001 0002", 65538),
        (Kind.I32, "FFFF FFFE", -2),
        (Kind.U64, "FFFF FFFF FFFF FFFF", 2**64 - 1),
        (Kind.I64, "8000 0000 0000 0000", -(2**63)),
        (Kind.F32, "42F6 8000", 123.25),
        (Kind.F64, "405E D000 0000 0000", 123.25),
    ],
)
def test_numbers(kind: Kind, data: str, value: float) -> None:
    raw = bytes.fromhex(data)
    found = decode(make("t", "holding:0", kind), raw)
    assert found == value
    assert type(found) is type(value)
    swapped = bytes(raw[at ^ 1] for at in range(len(raw)))
    low_word_first = b"".join(raw[at : at + 2] for at in range(len(raw) - 2, -1, -2))
    assert decode(make("t", "holding:0", kind, Order.BADC), swapped) == value
    assert decode(make("t", "holding:0", kind, Order.CDAB), low_word_first) == value
    assert decode(make("t", "holding:0", kind, Order.DCBA), raw[::-1]) == value


@pytest.mark.parametrize(
    ("tag", "data", "value"),
    [
        # What a person would write, not what binary multiplication makes of it.
        (make("t", "holding:0", scale=0.1), "090A", 231.4),
        (make("t", "holding:0", scale=0.01), "1388", 50.0),
        (make("t", "holding:0", scale=0.1, offset=-40), "00C9", -19.9),
        (make("t", "holding:0", scale=0.05), "0007", 0.35),
        (make("t", "holding:0", Kind.F32, scale=0.1), struct.pack(">f", 2314), 231.4),
        (make("t", "holding:0", scale=3 * 0.1), "0003", 0.9),
        (make("t", "holding:0", scale=1 / 3), "0003", 1.0),
        (make("t", "holding:0", Kind.I16, scale=-0.001), "FFFF", 0.001),
        (make("t", "holding:0", scale=1e-12), "0001", 1e-12),
        # Whole numbers stay whole.
        (make("t", "holding:0", scale=10), "0003", 30),
        (make("t", "holding:0", offset=-5), "0003", -2),
        (make("t", "holding:0", scale=2.5), "0002", 5.0),
        # Unless no JSON encoder takes them.
        (make("t", "holding:0", Kind.U64, scale=10), "FFFF FFFF FFFF FFFF", (2**64 - 1) * 10.0),
        (make("t", "holding:0", Kind.U32, scale=1e12), "FFFF FFFF", 4294967295e12),
        (make("t", "holding:0", Kind.BITFIELD, bits=(4, 7), scale=0.5), "0A5C", 2.5),
        (make("t", "holding:0", Kind.BCD, scale=0.01), "1234", 12.34),
    ],
)
def test_scale_and_offset(tag: Tag, data: str | bytes, value: float) -> None:
    found = decode(tag, data)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("tag", "data", "value"),
    [
        (make("t", "holding:0.0"), "0001", True),
        (make("t", "holding:0.15"), "8000", True),
        (make("t", "holding:0.3"), "FFF7", False),
        (make("t", "holding:0.0", order=Order.BADC), "0100", True),
        (make("t", "holding:0", Kind.BITFIELD, bits=(0, 3)), "ABCD", 0xD),
        (make("t", "holding:0", Kind.BITFIELD, bits=(15, 15)), "8000", 1),
        (make("t", "holding:0", Kind.BITFIELD, bits=(0, 15)), "ABCD", 0xABCD),
        (make("t", "holding:0", Kind.BITFIELD, Order.DCBA, bits=(0, 3)), "0D00", 0xD),
        (make("t", "holding:0", Kind.BCD), "9876", 9876),
        (make("t", "holding:0", Kind.BCD, length=2), "0012 3456", 123456),
        (make("t", "holding:0", Kind.BCD, Order.CDAB, length=2), "3456 0012", 123456),
        (make("t", "holding:0", Kind.BCD, length=4), "1234 5678 9012 3456", 1234567890123456),
    ],
)
def test_bits_and_digits(tag: Tag, data: str, value: float) -> None:
    assert decode(tag, data) == value


@pytest.mark.parametrize(
    ("order", "data", "value"),
    [
        (Order.ABCD, b"A17\0", "A17"),
        (Order.CDAB, b"A17\0", "A17"),
        (Order.BADC, b"1A\x007", "A17"),
        (Order.DCBA, b"1A\x007", "A17"),
        (Order.ABCD, b"  A17   ", "A17"),
        (Order.ABCD, b"A17\0left over", "A17"),
        (Order.ABCD, bytes(8), ""),
        (Order.ABCD, "圆盘机 2".encode(), "圆盘机 2"),
        (Order.ABCD, "圆盘机 2 ".encode("gb18030"), "圆盘机 2"),
        (Order.ABCD, b"\xff\xff\xff\xff", None),
    ],
)
def test_text(order: Order, data: bytes, value: str | None) -> None:
    data += b"\0" * (len(data) % 2)
    tag = make("t", "holding:0", Kind.STRING, order, length=len(data) // 2)
    assert decode(tag, data) == value


@pytest.mark.parametrize(
    ("tag", "data"),
    [
        (make("t", "holding:0", Kind.F32), "7FC0 0000"),
        (make("t", "holding:0", Kind.F32, scale=0.1), "7FC0 0000"),
        (make("t", "holding:0", Kind.F32), "FF80 0000"),
        (make("t", "holding:0", Kind.F64), "7FF0 0000 0000 0000"),
        (make("t", "holding:0", Kind.F64, scale=10), "7FEF FFFF FFFF FFFF"),
        (make("t", "holding:0", Kind.BCD), "12A4"),
        (make("t", "holding:0", Kind.BCD), "1E04"),
        (make("t", "holding:0", missing=(65535.0,)), "FFFF"),
        (make("t", "holding:0", Kind.I16, missing=(-32768.0, 32767.0), scale=0.1), "8000"),
        (make("t", "holding:0", Kind.BITFIELD, bits=(0, 3), missing=(15.0,)), "000F"),
        (make("t", "holding:0", Kind.BCD, missing=(9999.0,)), "9999"),
        # Markers that passed through a float on their way.
        (make("t", "holding:0", Kind.U64, missing=(float(2**64 - 1),)), "FFFF FFFF FFFF FFFF"),
        (make("t", "holding:0", Kind.I64, missing=(float(2**63 - 1),)), "7FFF FFFF FFFF FFFF"),
        (make("t", "holding:0", Kind.F32, missing=(9.96921e36,)), struct.pack(">f", 9.96921e36)),
        (make("t", "holding:0", Kind.F32, missing=(-1.0,), scale=0.1), struct.pack(">f", -1)),
        (make("t", "holding:0", Kind.F64, missing=(-1.0,)), struct.pack(">d", -1)),
    ],
)
def test_no_value(tag: Tag, data: str | bytes) -> None:
    assert decode(tag, data) is None


def test_a_marker_is_no_other_number() -> None:
    tag = make("t", "holding:0", Kind.U64, missing=(float(2**64 - 1),))
    assert decode(tag, "FFFF FFFF FFFF FFFE") == 2**64 - 2
    assert decode(make("t", "holding:0", Kind.F32, missing=(1e39,)), "42F6 8000") == 123.25


def test_one_bad_value_does_not_spoil_its_block() -> None:
    tags = [make("a", "holding:0", Kind.F32), make("b", "holding:2"), make("c", "holding:3.1")]
    out: list[Value] = ["before"]
    good = registers_decoder(tags, [0, 2, 3], 4)(bytes.fromhex("7FC00000 0007 0002"), out)
    assert (good, out) == (False, ["before", None, 7, True])


def test_overlaps_orders_and_gaps_in_one_block() -> None:
    """Values come in the order of the tags, whatever lies where."""
    tags = [
        make("float", "holding:6", Kind.F32, Order.CDAB),
        make("word", "holding:0"),
        make("wide", "holding:0", Kind.U32),
        make("bit0", "holding:1.0"),
        make("bit1", "holding:1.1"),
        make("text", "holding:3", Kind.STRING, Order.CDAB, length=2),
        make("again", "holding:0"),
    ]
    data = bytes.fromhex("0001 0002 EEEE 4131 3700 EEEE 8000 42F6 EEEE")
    out: list[Value] = []
    assert registers_decoder(tags, [6, 0, 0, 1, 1, 3, 0], 9)(data, out)
    assert out == [123.25, 1, 65538, False, True, "A17", 1]


@pytest.mark.parametrize("size", [0, 2, 5, 7, 8, 250])
def test_data_of_another_length_never_passes(size: int) -> None:
    decode_block = registers_decoder([make("t", "holding:0", Kind.U32)], [0], 3)
    with pytest.raises(struct.error):
        decode_block(bytes(size), [])


def test_coils_come_lowest_bit_first() -> None:
    out: list[Value] = []
    assert bits_decoder([0, 9, 3, 0], 10)(bytes((0b0000_0001, 0b0000_0010)), out)
    assert out == [True, True, False, True]
    out = []
    bits_decoder([2], 3)(bytes((0b100,)), out)
    assert out == [True]


def test_sixteen_whole_coils() -> None:
    out: list[Value] = []
    bits_decoder(range(16), 16)(bytes((0x0F, 0xF0)), out)
    assert out == [True] * 4 + [False] * 8 + [True] * 4


def test_negative_zero_and_tiny_floats_are_values() -> None:
    assert decode(make("t", "holding:0", Kind.F32), "8000 0000") == 0
    tiny = decode(make("t", "holding:0", Kind.F32), "0000 0001")
    assert isinstance(tiny, float)
    assert math.isclose(tiny, 1.4e-45, rel_tol=0.01)
