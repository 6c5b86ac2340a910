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


def test_h5u_has_every_area_of_its_table() -> None:
    model = shipped("inovance/h5u").model
    table = {row["area"]: row for row in rows("plc_areas.csv") if row["plc"] == "inovance_h5u"}
    assert set(table) == {"M", "B", "S", "X", "Y", "D", "R"}
    assert [area.area for area in model.areas] == list(table)
    for area in model.areas:
        row = table[area.area]
        found = (area.base, area.function, area.at, area.first, area.last, area.stride)
        numbers = (row[key] for key in ("modbus_base", "first", "last", "stride"))
        assert found == (int(row["number_base"]), row["function"], *map(int, numbers))
        assert area.kind == row["type"]
    assert {area.area for area in model.areas if area.base == 8} == {"X", "Y"}
    assert model.order is Order.CDAB
    assert any("confidence C" in note for note in model.notes)


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
