"""The grammar of addresses, and what is said about those that aren't any."""

from __future__ import annotations

import pytest

from drivers.modbus import plugin
from drivers.modbus.register import Function, Register
from gateway.driver import AddressError
from gateway.model import Kind

HOLDING, INPUT, COIL, DISCRETE = Function.HOLDING, Function.INPUT, Function.COIL, Function.DISCRETE

H5U: list[dict[str, object]] = [
    {"area": "M", "base": 10, "function": "coil", "at": 0, "last": 7999, "kind": "bit"},
    {"area": "S", "base": 10, "function": "coil", "at": 57344, "last": 4095, "kind": "bit"},
    {"area": "X", "base": 8, "function": "coil", "at": 63488, "last": 1023, "kind": "bit"},
    {"area": "D", "base": 10, "function": "holding", "at": 0, "last": 7999, "kind": "u16"},
    {"area": "R", "base": 10, "function": "holding", "at": 12288, "last": 32767, "kind": "u16"},
]
MOVED: list[dict[str, object]] = [
    {"area": "D", "function": "holding", "at": 4096, "first": 0, "last": 4095, "kind": "u16"},
    {"area": "D_high", "function": "holding", "at": 36864, "first": 4096, "last": 9999},
    {"area": "M", "function": "coil", "at": 0, "last": 7999, "kind": "bit"},
    {"area": "M8000+", "function": "coil", "at": 24576, "first": 8000, "last": 8511},
    {"area": "C", "function": "holding", "at": 62464, "last": 199},
    {
        "area": "C32",
        "function": "holding",
        "at": 63232,
        "first": 200,
        "last": 255,
        "stride": 2,
        "kind": "u32",
        "order": "CDAB",
    },
    {"area": "T_bit", "function": "coil", "at": 61440, "last": 511},
    {"area": "W", "base": 16, "function": "holding", "at": 100, "last": 511},
]


@pytest.mark.parametrize(
    ("at", "register", "kind"),
    [
        ("holding:40", Register(HOLDING, 40), None),
        ("holding:0", Register(HOLDING, 0), None),
        ("holding:65535", Register(HOLDING, 65535), None),
        (" Holding:40 ", Register(HOLDING, 40), None),
        ("holding:100.3", Register(HOLDING, 100, 3), Kind.BIT),
        ("input:3", Register(INPUT, 3), None),
        ("coil:20", Register(COIL, 20), Kind.BIT),
        ("discrete:7", Register(DISCRETE, 7), Kind.BIT),
        ("4x00041", Register(HOLDING, 40), None),
        ("4X000041", Register(HOLDING, 40), None),
        ("4x0041", Register(HOLDING, 40), None),
        ("4x65536", Register(HOLDING, 65535), None),
        ("4x00101.15", Register(HOLDING, 100, 15), Kind.BIT),
        ("3x00004", Register(INPUT, 3), None),
        ("0x00021", Register(COIL, 20), Kind.BIT),
        ("1x00008", Register(DISCRETE, 7), Kind.BIT),
    ],
)
def test_protocol_addresses(at: str, register: Register, kind: Kind | None) -> None:
    address = plugin.address(at, H5U)
    assert (address.register, address.kind, address.order) == (register, kind, None)


@pytest.mark.parametrize(
    ("at", "register", "kind"),
    [
        ("D100", Register(HOLDING, 100), Kind.U16),
        ("d100", Register(HOLDING, 100), Kind.U16),
        ("D7999", Register(HOLDING, 7999), Kind.U16),
        ("D100.3", Register(HOLDING, 100, 3), Kind.BIT),
        ("R0", Register(HOLDING, 12288), Kind.U16),
        ("M20", Register(COIL, 20), Kind.BIT),
        ("S4095", Register(COIL, 61439), Kind.BIT),
        ("X7", Register(COIL, 63495), Kind.BIT),
        ("X10", Register(COIL, 63496), Kind.BIT),
        ("X20", Register(COIL, 63504), Kind.BIT),
        ("X1777", Register(COIL, 64511), Kind.BIT),
    ],
)
def test_plc_addresses(at: str, register: Register, kind: Kind) -> None:
    address = plugin.address(at, H5U)
    assert (address.register, address.kind) == (register, kind)


@pytest.mark.parametrize(
    ("at", "register", "order"),
    [
        ("D4095", Register(HOLDING, 8191), None),
        ("D4096", Register(HOLDING, 36864), None),
        ("D9999", Register(HOLDING, 42767), None),
        ("M7999", Register(COIL, 7999), None),
        ("M8000", Register(COIL, 24576), None),
        ("C199", Register(HOLDING, 62663), None),
        ("C201", Register(HOLDING, 63234), "CDAB"),
        ("T_bit5", Register(COIL, 61445), None),
        ("W1F", Register(HOLDING, 131), None),
    ],
)
def test_areas_that_continue_elsewhere(at: str, register: Register, order: str | None) -> None:
    address = plugin.address(at, MOVED)
    assert (address.register, address.order) == (register, order)


@pytest.mark.parametrize(
    ("at", "code", "what", "next_"),
    [
        ("D8000", "address-range", "`D8000` is out of range", "this device has D0–D7999"),
        ("X2000", "address-range", "`X2000` is out of range", "this device has X0–X1777"),
        (
            "X8",
            "bad-digit",
            "`X8`: X is numbered in octal, which has no digit 8",
            "after X7 comes X10",
        ),
        (
            "D1A",
            "bad-digit",
            "`D1A`: D is numbered in decimal, which has no digit A",
            "after D9 comes D10",
        ),
        ("HD12", "unknown-area", "`HD12`: this device has no area `HD`", "did you mean `D`?"),
        (
            "Q5",
            "unknown-area",
            "`Q5`: this device has no area `Q`",
            "there are: M, S, X, D, R",
        ),
        ("D100.16", "bad-bit", "`D100.16`: a register has bits 0 to 15", "write the bit as"),
        ("D100.A", "bad-bit", "`D100.A`: a register has bits 0 to 15", "write the bit as"),
        ("D100.", "bad-bit", "`D100.`: a register has bits 0 to 15", "write the bit as"),
        ("M20.1", "bad-bit", "`M20.1`: coil addresses are single bits", "leave out `.1`"),
        ("coil:20.0", "bad-bit", "`coil:20.0`: coil addresses are single bits", "leave out `.0`"),
        ("holdin:40", "unknown-area", "there is no `holdin`", "did you mean `holding`?"),
        ("register:40", "unknown-area", "there is no `register`", "there are: coil, discrete"),
        ("holding:65536", "address-range", "beyond the last address", "`holding:65535`"),
        ("holding:-1", "bad-address", "`-1` is not a number", "a number from 0 to 65535"),
        ("holding:", "bad-address", "`` is not a number", "a number from 0 to 65535"),
        ("holding:４０", "bad-address", "is not a number", "a number from 0 to 65535"),
        ("holding:" + "9" * 9999, "bad-address", "is not a number", "a number from 0"),
        ("holding:0x2006", "bad-address", "addresses are decimal", "write `holding:8198`"),
        ("4x00000", "address-range", "counts from 1 to 65536", "write `holding:0`"),
        ("3x65537", "address-range", "counts from 1 to 65536", "write `input:65535`"),
        ("40041", "ambiguous-address", "which way it counts", "`4x00041` if the manual counts"),
        ("40041", "ambiguous-address", "which way it counts", "or `holding:40041`"),
        ("400041", "ambiguous-address", "which way it counts", "write `4x00041`, which counts"),
        ("D", "bad-address", "`D` is not an address", "write one like `M0`, `holding:40`"),
        ("", "bad-address", "`` is not an address", "write one like `M0`"),
        ("D" + "1" * 9999, "bad-address", "is not an address", "write one like"),
        ("ns=2;s=Parts", "bad-address", "is not an address", "write one like"),
    ],
)
def test_wrong_addresses(at: str, code: str, what: str, next_: str) -> None:
    with pytest.raises(AddressError) as caught:
        plugin.address(at, H5U)
    assert caught.value.code == code
    assert what in caught.value.what
    assert next_ in caught.value.next


def test_range_of_an_area_in_parts() -> None:
    with pytest.raises(AddressError, match="this device has D0–D4095, D4096–D9999"):
        plugin.address("D10000", MOVED)


def test_plc_address_without_a_template() -> None:
    with pytest.raises(AddressError, match="give the PLC's `template`, or write `holding:100`"):
        plugin.address("D100", ())
