"""What may be written as an address, and what the standard's tables say of it."""

from __future__ import annotations

import pytest

from drivers.dlt645 import plugin
from drivers.dlt645.address import parse
from drivers.dlt645.decode import decoder
from drivers.dlt645.identifiers import Item, block, item
from gateway.driver import AddressError
from gateway.model import Kind
from gateway.resolution.binding import modulus
from simulators.dlt645 import number, text
from tests.dlt645_kit import ADDRESS, make


@pytest.mark.parametrize("at", ["00010000", "00-01-00-00", "00 01 00 00", "10000", " 00010000 "])
def test_an_identifier_however_it_is_written(at: str) -> None:
    found = parse(at)
    assert found.register == (0x00010000, 4, 0, 4, "", 2, False)
    assert (found.kind, found.length, found.scale) == (Kind.BCD, 2, 0.01)
    assert found.spelled == "00010000"


@pytest.mark.parametrize(
    ("at", "item_"),
    [
        ("00000000", (4, 2, True)),
        ("00080C01", (4, 2, False)),
        ("00150000", (4, 2, False)),
        ("00013F0C", (4, 2, False)),
        ("02010300", (2, 1, False)),
        ("02020100", (3, 3, True)),
        ("02030000", (3, 4, True)),
        ("02050300", (3, 4, True)),
        ("02060200", (2, 3, True)),
        ("02070100", (2, 1, False)),
        ("02800002", (2, 2, False)),
        ("02800007", (2, 1, True)),
        ("0280FF02 -XXX.X", (2, 1, True)),
        ("0280ff03 XXXXXXXX", (4, 0, False)),
        ("04000409", (3, 0, False)),
    ],
)
def test_formats_of_numbers(at: str, item_: tuple[int, int, bool]) -> None:
    found = Item(*make(at).register)  # type: ignore[misc]
    assert (found.size, found.decimals, found.signed) == item_


@pytest.mark.parametrize(
    ("at", "code", "says"),
    [
        ("D100", "bad-address", "eight hex digits"),
        ("000100", "bad-address", "no data identifier"),
        ("123456789", "bad-address", "no data identifier"),
        ("0001FF00", "bad-address", "block of several items"),
        ("02010000", "bad-address", "02010000 XXX.X"),
        ("02010400", "bad-address", "not known"),
        ("00014000", "bad-address", "not known"),
        ("0001000D", "bad-address", "not known"),
        ("000B0000", "bad-address", "not known"),
        ("01000000", "bad-address", "not known"),
        ("02010100.time", "bad-address", "only a maximum demand"),
        ("01010000.day", "bad-address", "no part .day"),
        ("02010100 XXX", "bad-address", "no format"),
        ("02010100 XX.XXXXXXXXXXXXXXXX", "bad-address", "no format"),
        ("02010100 YYMM", "bad-address", "no format"),
        ("01010000.time XX.XX", "bad-address", "no format"),
    ],
)
def test_what_is_no_address_is_said(at: str, code: str, says: str) -> None:
    with pytest.raises(AddressError, match=says) as caught:
        parse(at)
    assert caught.value.code == code
    assert caught.value.next


@pytest.mark.parametrize(
    ("at", "data", "value"),
    [
        ("00010000", number(123456.78, 4, 2), 123456.78),
        ("00010000", number(999999.99, 4, 2), 999999.99),
        ("00000000", number(-0.01, 4, 2), -0.01),
        ("02010100", number(230.1, 2, 1), 230.1),
        ("02020100", number(-0.567, 3, 3), -0.567),
        ("02020100", number(799.999, 3, 3), 799.999),
        ("02060000", number(-1, 2, 3), -1.0),
        ("02030000", bytes.fromhex("FFFFFF"), None),
        ("02010100", bytes.fromhex("FFFF"), None),
        ("02010100", bytes.fromhex("0A12"), None),
        ("04000306", number(40, 3, 0), 40),
        ("01010000", number(3.4567, 3, 4), 3.4567),
        ("01010000.time", bytes.fromhex("2611251405")[::-1], "2026-11-25 14:05"),
        ("01010000.time", bytes(5), None),
        ("04000101", bytes.fromhex("26112503")[::-1], "2026-11-25"),
        ("04000101", bytes.fromhex("26023003")[::-1], None),
        ("04000102", bytes.fromhex("140533")[::-1], "14:05:33"),
        ("04000102", bytes.fromhex("1405FF")[::-1], None),
        ("04000401", bytes.fromhex(ADDRESS)[::-1], ADDRESS),
        ("04000401", b"\xff" * 6, None),
        ("0400040B", text("DTSU666", 10), "DTSU666"),
        ("0400040B", b"\xff" * 10, None),
        ("04000501", b"\x05\x80", 0x8005),
        ("0280FF02 hhmmss", bytes.fromhex("235959")[::-1], "23:59:59"),
    ],
)
def test_bytes_to_values(at: str, data: bytes, value: object) -> None:
    found = decoder(make(at))(data)
    assert found == value
    assert isinstance(found, type(value))


def test_a_value_is_scaled_without_noise() -> None:
    assert decoder(make("02020100", scale=40))(number(1.235, 3, 3)) == 49.4
    assert decoder(make("02800007", offset=273.15))(number(-12.5, 2, 1)) == 260.65
    missing = make("02800002")._replace(missing=(9999,))
    assert decoder(missing)(number(99.99, 2, 2)) is None


def test_a_register_of_energy_wraps_where_its_digits_end() -> None:
    assert modulus(make("00010000")) == pytest.approx(1_000_000)
    assert modulus(make("00010000", scale=40)) == pytest.approx(40_000_000)


@pytest.mark.parametrize(
    ("di", "found"),
    [
        (0x00010000, (0x0001FF00, 0, 0)),
        (0x00010403, (0x0001FF03, 4, 0)),
        (0x01010100, (0x0101FF00, 1, 0)),
        (0x02010100, (0x0201FF00, 0, 3)),
        (0x02020300, (0x0202FF00, 2, 3)),
        (0x02030000, (0x0203FF00, 0, 4)),
        (0x02060300, (0x0206FF00, 3, 4)),
        (0x02800002, None),
        (0x04000101, None),
        (0x0280FF01, None),
    ],
)
def test_blocks_of_the_standard(di: int, found: tuple[int, int, int] | None) -> None:
    assert block(di) == found


def test_every_item_of_a_block_has_the_same_form() -> None:
    for di in range(0x00000000, 0x02100000, 0x100):
        one, whole = item(di), block(di)
        assert (whole is None) <= (one is None or di >> 24 > 2)
        if one and whole:
            assert (whole.di & ~0xFF00) == (di & ~0xFF00)
            assert item(whole.di) is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": Kind.U32}, "bad-kind"),
        ({"bits": (0, 3)}, "bad-kind"),
        ({"length": 4}, "bad-length"),
        ({"scale": 1e-20}, "bad-scale"),
        ({"missing": (float("inf"),)}, "bad-scale"),
    ],
)
def test_a_tag_says_nothing_else_than_its_identifier(change: dict[str, object], code: str) -> None:
    tag = make("02010100")
    plugin.check_tag(tag, {})
    with pytest.raises(AddressError) as caught:
        plugin.check_tag(tag._replace(**change), {})  # type: ignore[arg-type]
    assert caught.value.code == code


def test_text_has_no_scale_and_an_address_twelve_digits() -> None:
    with pytest.raises(AddressError, match="no number to scale"):
        plugin.check_tag(make("04000102", scale=2), {})
    with pytest.raises(AddressError, match="twelve digits"):
        plugin.check_tag(make("04000102"), {"address": "AAAAAAAAAAAA"})
