"""The PLC's own addresses, by the shipped templates and by what a site file states of a program."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drivers.modbus import plugin
from drivers.modbus.register import Function, Register
from gateway.driver import AddressError
from gateway.errors import ConfigError
from gateway.model import Kind, Order, Tag
from gateway.resolution.device_template import load_template
from gateway.templates import load
from tests.modbus_tags import make
from tests.unit.test_device_templates import PLCS, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

SITE = """\
site: {{cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}}
devices:
  plc:
    link: modbus+tcp://10.0.0.5
    template: {template}
    areas: {areas}
    tags:
      one: {tag}
"""


@cache
def areas(template: str) -> tuple[dict[str, object], ...]:
    found, faults = load_template(template, Path())
    assert found is not None, faults
    return tuple(area.model_dump(exclude={"name"}) for area in found.model.areas)


def spelt(plc: str, row: dict[str, str], element: int) -> tuple[str, ...]:
    """Write an element as programmers of that PLC do; for a bit of a byte or a word all ways."""
    name = row["area"].removesuffix("_high").rstrip("+0123456789")
    if plc.startswith("siemens"):
        byte, bit = divmod(element, 8)
        if row["type"] == "bit":
            return f"{name}{byte}.{bit}", f"%{name.lower()}{byte}.{bit}", f"{name}X{byte}.{bit}"
        return {
            "VW": (f"VW{2 * element}", f"%VW{2 * element}", f"vw{2 * element}"),
            "AIW": (f"AIW{2 * element}",),
            "DB": (f"DBW{2 * element}", f"%DBW{2 * element}"),
        }[name]
    if plc.startswith("mitsubishi"):
        return (f"D{element}",)
    return (f"{name}{element:o}" if row["number_base"] == "8" else f"{name}{element}",)


def elements(row: dict[str, str]) -> Iterator[int]:
    first, last = int(row["first"]), int(row["last"])
    yield from range(first, min(first + 200, last + 1))
    yield from range(first + 200, last, 997)
    yield last


@pytest.mark.parametrize("plc", PLCS)
def test_every_row_of_every_table(plc: str) -> None:
    """First, last and many between, against the arithmetic of the table itself."""
    seen = 0
    for row in rows("plc_areas.csv"):
        if row["plc"] != plc:
            continue
        for element in elements(row):
            at, stride = int(row["modbus_base"]), int(row["stride"])
            wire = at + (element - int(row["first"])) * stride
            for spelling in spelt(plc, row, element):
                address = plugin.address(spelling, areas(PLCS[plc]))
                assert address.register == Register(Function[row["function"].upper()], wire)
                assert address.kind == row["type"], spelling
            seen += 1
    assert seen >= 400 if plc != "mitsubishi_fx5u" else seen > 200


def test_no_two_areas_of_one_table_share_a_register() -> None:
    """But V of a PLC and what its other spellings name: each number has one meaning."""
    for template in PLCS.values():
        taken: dict[tuple[str, int], str] = {}
        for area in areas(template):
            wide = 2 if area["counts"] == "bytes" else 1
            per = 8 if area["counts"] == "bytes" and area["kind"] == "bit" else 1
            stride = int(str(area["stride"]))
            count = (int(str(area["last"])) - int(str(area["first"])) + 1) * per * stride
            start, count = int(str(area["at"])), count if per > 1 else count // wide
            for at in (start, start + count - 1):
                key = (str(area["function"]), at)
                assert key not in taken, f"{template}: {area['area']} and {taken[key]} at {key}"
                taken[key] = str(area["area"])


SMART = "siemens/s7-200-smart"


@pytest.mark.parametrize(
    ("at", "register", "kind", "bits"),
    [
        ("V10.3", (3, 5, 11), Kind.BIT, None),
        ("V11.3", (3, 5, 3), Kind.BIT, None),
        ("VX11.0", (3, 5, 0), Kind.BIT, None),
        ("VB10", (3, 5, None), Kind.BITFIELD, (8, 15)),
        ("VB11", (3, 5, None), Kind.BITFIELD, (0, 7)),
        ("VW10", (3, 5, None), Kind.U16, None),
        ("VD100", (3, 50, None), Kind.U32, None),
        ("AIW2", (4, 1, None), Kind.I16, None),
        ("AID2", (4, 1, None), Kind.I32, None),
        ("I31.7", (2, 255, None), Kind.BIT, None),
        ("Q0.0", (1, 0, None), Kind.BIT, None),
    ],
)
def test_bits_bytes_words_and_doubles(
    at: str, register: tuple[int, int, int | None], kind: Kind, bits: tuple[int, int] | None
) -> None:
    address = plugin.address(at, areas(SMART))
    assert (address.register, address.kind, address.bits) == (register, kind, bits)


@pytest.mark.parametrize(
    ("template", "at", "code", "says"),
    [
        (SMART, "VW11", "unaligned", "whole words, from `VW10` or `VW12`"),
        (SMART, "VD3", "unaligned", "whole words, from `VD2` or `VD4`"),
        (SMART, "V10", "bad-bit", "`V10.0` to `V10.7`, or write `VW10` for a word"),
        (SMART, "V10.8", "bad-bit", "`V10.0` to `V10.7`"),
        (SMART, "VW10.3", "bad-bit", "write `V11.3`"),
        (SMART, "VW10.12", "bad-bit", "write `V10.4`"),
        (SMART, "IB0", "bad-kind", "write `I0.0` to `I0.7`"),
        (SMART, "VW20000", "address-range", "VW0–VW19998; the nearest is VW19998"),
        (SMART, "VD19998", "address-range", "VD0–VD19996; the nearest is VD19996"),
        (SMART, "I32.0", "address-range", "I0.0–I31.7; the nearest is I31.7"),
        (SMART, "AIW112", "address-range", "AIW0–AIW110; the nearest is AIW110"),
        (SMART, "MW4", "unknown-area", "there are: Q, I, AI, V; what else"),
        ("siemens/s7-1200", "DB10.DBW4", "unknown-area", "stated under `areas`"),
        ("siemens/s7-1200", "DB4.0", "bad-bit", "`DBX4.0` to `DBX4.7`, or write `DBW4`"),
        ("xinje/xd-xl", "D20480", "address-range", "D0–D20479; the nearest is D20479"),
        ("xinje/xd-xl", "X8", "bad-digit", "after X7 comes X10"),
        ("xinje/xc", "M8600", "address-range", "M0–M7999, M8000–M8511; the nearest is M8511"),
        ("delta/dvp", "C300", "address-range", "C0–C199, C200–C255; the nearest is C255"),
        ("delta/dvp", "Y400", "address-range", "Y0–Y377; the nearest is Y377"),
        ("inovance/h5u", "Y2000", "address-range", "Y0–Y1777; the nearest is Y1777"),
        ("mitsubishi/fx5u", "M0", "unknown-area", "there are: D"),
    ],
)
def test_what_is_out_of_range_is_said_with_what_there_is(
    template: str, at: str, code: str, says: str
) -> None:
    with pytest.raises(AddressError) as caught:
        plugin.address(at, areas(template))
    assert caught.value.code == code
    assert says in caught.value.next


def one(folder: Path, template: str, stated: str, tag: str) -> Tag:
    path = folder / "site.yaml"
    path.write_text(SITE.format(template=template, areas=stated, tag=tag), "utf-8")
    ((group,),) = (device.groups for device in load(path).devices)
    (found,) = group.tags
    return found


@pytest.mark.parametrize(
    ("template", "stated", "at", "register"),
    [
        # MBUS_INIT with HoldStart = &VB1000; words count from there.
        (
            SMART,
            "[{area: V, counts: bytes, function: holding, at: 0, first: 1000, last: 2999}]",
            "VD1004",
            (3, 2, None),
        ),
        # MB_HOLD_REG := P#DB10.DBX20.0 WORD 50
        (
            "siemens/s7-1200",
            "[{area: DB10, counts: bytes, function: holding, at: 0, first: 20, last: 119}]",
            "DB10.DBX21.3",
            (3, 0, 3),
        ),
        # MB_HOLD_REG := P#M100.0 WORD 50
        (
            "siemens/s7-1200",
            "[{area: M, counts: bytes, function: holding, at: 0, first: 100, last: 199}]",
            "%MW102",
            (3, 1, None),
        ),
        (
            "mitsubishi/fx5u",
            "[{area: D, function: holding, at: 200, first: 1000, last: 1999}]",
            "D1010",
            (3, 210, None),
        ),
        (
            "mitsubishi/fx5u",
            "[{area: Y, base: 8, function: coil, at: 0, last: 1023}]",
            "Y20",
            (1, 16, None),
        ),
        (
            "inovance/h3u",
            "[{area: D, function: holding, at: 0, last: 9999}]",
            "D9999",
            (3, 9999, None),
        ),
    ],
)
def test_what_a_program_decides_is_stated_in_the_site_file(
    tmp_path: Path, template: str, stated: str, at: str, register: tuple[int, int, int | None]
) -> None:
    kind = "" if at[0] in "Y%" or "X" in at else ", kind: u32" if "VD" in at else ", kind: u16"
    assert one(tmp_path, template, stated, f'{{at: "{at}"{kind}}}').register == register


def test_an_area_that_is_stated_takes_the_place_of_the_templates(tmp_path: Path) -> None:
    """D from 1000 on at 0: D5 would be another register's value."""
    stated = "[{area: D, function: holding, at: 0, first: 1000, last: 1999}]"
    with pytest.raises(ConfigError) as caught:
        one(tmp_path, "mitsubishi/fx5u", stated, "{at: D5, kind: u16}")
    (fault,) = caught.value.faults
    assert "this device has D1000–D1999; the nearest is D1000" in str(fault)
    assert "site.yaml:8" in str(fault)


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ("[{area: D, function: holding, at: 0, first: 9, last: 8}]", "upside-down"),
        ("[{area: D, function: holding, at: 65000, last: 999}]", "address-range"),
        ("[{area: V, counts: bytes, base: 8, function: holding, at: 0, last: 8}]", "bad-area"),
        ("[{area: Q, counts: bytes, function: coil, at: 0, last: 8192}]", "address-range"),
        ("[{area: D, function: holdings, at: 0, last: 8}]", "unknown-word"),
    ],
)
def test_areas_that_can_not_be(tmp_path: Path, stated: str, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        one(tmp_path, "mitsubishi/fx5u", stated, "{at: D5, kind: u16}")
    assert caught.value.faults[0].code == code
    assert caught.value.faults[0].line == 6


def test_a_byte_and_a_float_of_a_siemens_plc(tmp_path: Path) -> None:
    byte = one(tmp_path, SMART, "[]", "{at: VB11}")
    assert (byte.kind, byte.bits) == (Kind.BITFIELD, (0, 7))
    real = one(tmp_path, SMART, "[]", "{at: VD100, kind: f32}")
    assert (real.kind, real.order) == (Kind.F32, Order.ABCD)


@pytest.mark.parametrize("tag", ["{at: VB11, kind: u16}", "{at: VB11, kind: bitfield, bits: 0-3}"])
def test_a_byte_is_a_part_of_a_register_already(tmp_path: Path, tag: str) -> None:
    with pytest.raises(ConfigError, match="VB11 is a part of a register already"):
        one(tmp_path, SMART, "[]", tag)


@pytest.mark.parametrize(
    ("template", "at", "kind"),
    [
        ("delta/dvp", "D4095", Kind.F32),
        ("inovance/h3u", "D8511", Kind.U32),
        ("inovance/h3u", "C199", Kind.U32),
        ("xinje/xc", "D7998", Kind.F64),
        (SMART, "VW19998", Kind.F32),
        (SMART, "VD19996", Kind.F64),
        ("mitsubishi/fx5u", "D65535", Kind.U32),
    ],
)
def test_what_reaches_over_the_end_of_an_area_is_refused(
    template: str, at: str, kind: Kind
) -> None:
    """D4096 of a DVP lies at 36864, not behind D4095: its upper word would be another's."""
    known = areas(template)
    tag, room = make("t", at, kind, areas=known), plugin.address(at, known).room
    with pytest.raises(AddressError, match=r"its area ends after \d|reach beyond address 65535"):
        plugin.check_tag(tag, {"room": room})


@pytest.mark.parametrize(
    ("template", "at", "kind"),
    [
        ("delta/dvp", "D4094", Kind.F32),
        ("delta/dvp", "C255", Kind.U32),
        ("inovance/h3u", "C255", Kind.U32),
        (SMART, "VD19996", Kind.F32),
    ],
)
def test_what_ends_with_its_area_is_not(template: str, at: str, kind: Kind) -> None:
    known = areas(template)
    plugin.check_tag(make("t", at, kind, areas=known), {"room": plugin.address(at, known).room})


def test_the_end_of_an_area_is_told_with_the_line_of_the_site_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        one(tmp_path, "delta/dvp", "[]", "{at: D4095, kind: f32}")
    assert "site.yaml:8" in str(caught.value.faults[0])
    assert "`D4095`: f32 takes 2 registers, and its area ends after 1" in str(caught.value)
