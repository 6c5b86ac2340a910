"""Every shipped device template, held against the register tables that it was made from."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gateway.model import Order
from gateway.resolution.device_template import LoadedTemplate, load_template
from gateway.resolution.library import TEMPLATES
from gateway.sitefile.document import load

TABLES = Path(__file__).parent.parent / "cases" / "devices"
ORDERS = {"big": Order.ABCD, "low_first": Order.CDAB}
UNITS = {"degC": "°C", "deg": "°", "rpm": "r/min"}
PLCS = {
    "delta_dvp": "delta/dvp",
    "inovance_h3u": "inovance/h3u",
    "inovance_h5u": "inovance/h5u",
    "xinje_xc": "xinje/xc",
    "xinje_xd_xl": "xinje/xd-xl",
    "siemens_s7_200_smart": "siemens/s7-200-smart",
    "siemens_s7_1200": "siemens/s7-1200",
    "mitsubishi_fx5u": "mitsubishi/fx5u",
}
PLC_AREAS = {"AIW": "AI", "VW": "V", "user_map": "D"}
"""What a table calls an area → what the PLC's programmer does, where that differs."""
METERS = {
    "abb_acs355_acs580": "abb/acs355-acs580",
    "abb_b23": "abb/b23",
    "acrel_adl400": "acrel/adl400",
    "acrel_adw300": "acrel/adw300",
    "advantech_adam6050_6051": "advantech/adam6051",
    "carlogavazzi_em24_din": "carlogavazzi/em24-din",
    "carlogavazzi_em340": "carlogavazzi/em340",
    "chint_ddsu666": "chint/ddsu666",
    "delta_vfd_b_e": "delta/vfd-b-e",
    "eastron_sdm120": "eastron/sdm120",
    "eastron_sdm630": "eastron/sdm630",
    "inovance_md500_family": "inovance/md500",
    "mam8x0_compressor_controller": "mam/mam8x0",
    "omron_e5cc_2byte": "omron/e5cc",
    "pzem_016": "peacefair/pzem-016",
    "schneider_iem3155": "schneider/iem3155",
    "schneider_pm5xxx": "schneider/pm5xxx",
    "siemens_pac2200": "siemens/pac2200",
    "siemens_pac3200": "siemens/pac3200",
    "waveshare_io_8ch": "waveshare/io-8ch",
    "waveshare_relay_8ch": "waveshare/relay-8ch",
}
"""Register table → the template made from it; dtsu666 has tests of its own."""


def shipped(name: str) -> LoadedTemplate:
    template, faults = load_template(name, Path())
    assert faults == []
    assert template is not None
    return template


def rows(table: str) -> list[dict[str, str]]:
    with (TABLES / table).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def names_in(value: object) -> list[dict[str, str]]:
    """Every mapping under a key `name`."""
    if isinstance(value, list):
        return [name for item in value for name in names_in(item)]
    if not isinstance(value, dict):
        return []
    found = [value["name"]] if isinstance(value.get("name"), dict) else []
    return [*found, *(name for item in value.values() for name in names_in(item))]


@pytest.mark.parametrize("name", TEMPLATES.names())
def test_every_template_loads_and_is_named_in_both_languages(name: str) -> None:
    template = shipped(name)
    assert template.model.template == name
    names = names_in(template.document.data)
    assert len(names) >= 1 + len(template.model.tags) + len(template.model.parameters)
    for text in names:
        assert set(text) == {"zh", "en"}
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text["zh"]), text
        assert text["en"].isascii(), text


def test_the_first_two_are_there() -> None:
    assert {"inovance/h5u", "chint/dtsu666"} <= set(TEMPLATES.names())


def test_dtsu666_has_every_row_of_its_table_and_no_other() -> None:
    model = shipped("chint/dtsu666").model
    table = {row["name"]: row for row in rows("chint_dtsu666.csv")}
    assert len(table) == 42
    assert set(model.tags) == set(table)
    for name, row in table.items():
        tag = model.tags[name]
        assert tag.at == f"{row['function']}:{row['address']}", name
        assert tag.kind == row["type"], name
        assert tag.unit == (row["unit"] or None), name
        assert (1.0 if tag.scale is None else tag.scale) == float(row["scale"]), name
        if row["word_order"]:
            assert (tag.order or model.order) is ORDERS[row["word_order"]], name
        assert tag.write is None, name


def test_dtsu666_ratios_multiply_what_the_transformers_transform() -> None:
    model = shipped("chint/dtsu666").model
    assert {name: p.default for name, p in model.parameters.items()} == {
        "ct_ratio": 1,
        "pt_ratio": 1,
    }
    expected = {"V": {"pt_ratio"}, "A": {"ct_ratio"}, "Hz": set()}
    both = {"ct_ratio", "pt_ratio"}
    for name, tag in model.tags.items():
        wanted = expected.get(tag.unit or "", both if tag.unit else set())
        assert set(tag.times) == wanted, name


def test_dtsu666_polls_measurements_and_not_its_set_up() -> None:
    model = shipped("chint/dtsu666").model
    quiet = {name for name, tag in model.tags.items() if not tag.poll}
    assert quiet == {"ct_ratio", "pt_ratio", "protocol", "modbus_address", "baud"} | {
        name for name in model.tags if name.endswith("_2016")
    }
    assert model.tags["energy_import"].poll
    assert any("DL/T 645" in note for note in model.notes)


def test_every_measured_tag_has_a_plausible_range() -> None:
    for name, tag in shipped("chint/dtsu666").model.tags.items():
        if tag.unit in {"kWh", "kvarh"}:
            assert (tag.low, tag.high) == (0, None), name
        elif tag.poll:
            assert tag.low is not None, name
            assert tag.high is not None, name
            assert tag.low < tag.high, name


@pytest.mark.parametrize(("plc", "name"), PLCS.items())
def test_a_plc_has_every_area_of_its_table(plc: str, name: str) -> None:
    model = shipped(name).model
    table = [row for row in rows("plc_areas.csv") if row["plc"] == plc]
    names = [PLC_AREAS.get(row["area"], row["area"]) for row in table]
    assert sorted(area.area for area in model.areas) == sorted(names)
    areas = {area.area: area for area in model.areas}
    for key, row in zip(names, table, strict=True):
        area = areas[key]
        first, last = int(row["first"]), int(row["last"])
        if area.counts == "bytes":  # the table counts registers, or bits
            each = (1, 8) if row["type"] == "bit" else (2, 1)
            first, last = (first * each[0] // each[1], (last + 1) * each[0] // each[1] - 1)
        found = (area.base, area.function, area.at, area.first, area.last, area.stride)
        base, at, stride = (int(row[column]) for column in ("number_base", "modbus_base", "stride"))
        assert found == (base, row["function"], at, first, last, stride), key
        assert area.kind == row["type"], key
    assert model.order is (Order.ABCD if plc.startswith("siemens") else Order.CDAB)


def test_h5u_says_how_far_its_word_order_is_to_be_trusted() -> None:
    assert any("confidence C" in note for note in shipped("inovance/h5u").model.notes)


@pytest.mark.parametrize(("table", "name"), METERS.items())
def test_a_template_has_every_row_of_its_table_that_can_be_read(table: str, name: str) -> None:
    model = shipped(name).model
    found = {row["name"]: row for row in rows(f"{table}.csv") if row["access"] != "w"}
    assert set(model.tags) == set(found)
    for tag, row in found.items():
        spec = model.tags[tag]
        assert spec.at == f"{row['function']}:{row['address']}", tag
        assert spec.kind == row["type"], tag
        assert (spec.unit or "") == UNITS.get(row["unit"], row["unit"]), tag
        assert (1.0 if spec.scale is None else spec.scale) == float(row["scale"]), tag
        if row["word_order"]:
            assert (spec.order or model.order) is ORDERS[row["word_order"]], tag
        assert spec.write is None, tag
        if row["unit"] and row["type"] != "bit":
            assert spec.low is not None, tag


def test_markers_of_missing_values_are_kept_out() -> None:
    abb = shipped("abb/b23").model.tags
    assert abb["energy_import"].missing == (2.0**64,)  # as a float; the codec takes the highest
    assert abb["active_power"].missing == (2**31 - 1,)
    assert shipped("carlogavazzi/em340").model.tags["energy_import"].missing == (2**31 - 1,)


def test_limits_of_reading_are_those_of_the_makers() -> None:
    limits = {name: shipped(name).model.read for name in TEMPLATES.names()}
    assert (limits["eastron/sdm630"].max, limits["eastron/sdm630"].even) == (80, True)
    assert limits["carlogavazzi/em24-din"].max == 11
    assert (limits["inovance/md500"].max, limits["inovance/md500"].gap) == (1, 0)


SMALL = """\
template: acme/press
name: {zh: 压机, en: Press}
kind: plc
protocols: [modbus+tcp]
confidence: B
sources: [its manual]
parameters:
  ratio: {default: 1, min: 1, max: 10, name: {zh: 变比, en: ratio}}
areas:
  - {area: D, function: holding, at: 0, last: 99, kind: u16}
tags:
  force: {at: D10, kind: u16, times: [ratio], name: {zh: 压力, en: Force}}
"""


@pytest.mark.parametrize(
    ("old", "new", "points_at", "code"),
    [
        ("kind: plc", "kind: robot", "robot", "unknown-word"),
        ("confidence: B", "confidence: D", "D\n", "unknown-word"),
        ("sources: [its manual]", "sources: []", "[]", "wrong-count"),
        ("en: Press}", "fr: Presse}", "{zh: 压机, fr: Presse}", "bad-text"),
        ("zh: 压力, en: Force", "zh: 压力", "{zh: 压力}", "bad-text"),
        ("name: {zh: 压力, en: Force}", "low: 1", "force:", "missing-key"),
        ("times: [ratio]", "times: [ratoi]", "ratoi", "unknown-parameter"),
        ("min: 1, max: 10", "min: 11, max: 10", "11", "upside-down"),
        ("default: 1", "default: 0.5", "0.5", "out-of-range"),
        ("last: 99", "last: 65536", "65536", "address-range"),
        ("last: 99", "first: 9, last: 1", "9, last", "upside-down"),
        ("function: holding", "function: holdings", "holdings", "unknown-word"),
        ("at: D10, ", "", "force:", "missing-key"),
        ("kind: u16, times", "knd: u16, times", "knd", "unknown-key"),
    ],
)
def test_a_template_of_ones_own_is_held_to_the_same(
    tmp_path: Path, old: str, new: str, points_at: str, code: str
) -> None:
    assert SMALL.count(old) == 1
    text = SMALL.replace(old, new)
    (tmp_path / "press.yaml").write_text(text, "utf-8")
    template, faults = load_template("./press.yaml", tmp_path)
    assert template is None
    (fault,) = faults
    assert fault.code == code
    line = text.splitlines(keepends=True)[fault.line - 1]
    assert line[fault.column - 1 :].startswith(points_at)


def test_a_template_of_ones_own_lies_beside_the_site_file(tmp_path: Path) -> None:
    (tmp_path / "press.yaml").write_text(SMALL, "utf-8")
    template, faults = load_template("./press.yaml", tmp_path)
    assert faults == []
    assert template is not None
    assert template.path == tmp_path / "press.yaml"


def test_an_unknown_template_is_nothing_and_no_fault_of_its_own() -> None:
    assert load_template("inovance/h6u", Path()) == (None, [])
    assert load_template("../devices/inovance/h5u", Path()) == (None, [])
    assert TEMPLATES.suggest("inovance/h6u") == "did you mean inovance/h5u?"


def test_a_shipped_template_is_named_by_its_place_in_the_package() -> None:
    assert shipped("inovance/h5u").document.file == "profiles/devices/inovance/h5u.yaml"
    assert load(shipped("inovance/h5u").path).data["kind"] == "plc"
