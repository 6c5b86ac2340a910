"""Profiles over profiles, types over types: what comes of it, and which file is to blame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from gateway.resolution.industry import Industry, load_profile
from gateway.resolution.profile_schema import schema_profile
from gateway.resolution.reasons import losses, verdicts, walk

if TYPE_CHECKING:
    from gateway.errors import Fault

BASE = """\
profile: base
version: 1.0.0
extends: common
name: {zh: 基础, en: Base}
sources: [of the base]
reasons:
  flow: {codes: [7]}
kpis:
  nee: {name: {zh: 净, en: Net}}
types:
  press:
    extends: machine
    name: {zh: 压机, en: Press}
    windows: [hour, shift]
    signals:
      force: {layer: X, kind: number, unit: kN, low: 0, high: 500, name: {zh: 力, en: Force}}
"""
OVER = """\
profile: over
version: 2.0.0
extends: ./base.yaml
name: {zh: 上, en: Over}
types:
  press:
    micro_stop: 30s
    signals: {force: {high: 900}}
  small-press:
    extends: press
    name: {zh: 小压机, en: Small press}
    windows: [day]
    signals: {force: {high: 100}}
"""


def load(
    folder: Path, over: str = OVER, base: str = BASE, *extensions: str
) -> tuple[Industry | None, list[Fault]]:
    (folder / "base.yaml").write_text(base, "utf-8")
    (folder / "over.yaml").write_text(over, "utf-8")
    paths = []
    for index, text in enumerate(extensions):
        paths.append(folder / f"extra-{index}.yaml")
        paths[-1].write_text(text, "utf-8")
    return load_profile("./over.yaml", folder, paths)


def sound(folder: Path, over: str = OVER, base: str = BASE, *extensions: str) -> Industry:
    industry, faults = load(folder, over, base, *extensions)
    assert faults == []
    assert industry is not None
    return industry


def test_mappings_are_merged_by_path_and_lists_replaced(tmp_path: Path) -> None:
    profile = sound(tmp_path).profile
    press, small = profile.types["press"], profile.types["small-press"]
    assert (press.counting, press.micro_stop, press.windows) == ("direct", 30, ("hour", "shift"))
    assert (press.signals["force"].high, press.signals["force"].unit) == (900, "kN")
    assert (small.micro_stop, small.windows) == (30, ("day",))
    assert (small.signals["force"].high, small.signals["force"].low) == (100, 0)
    assert small.name == {"zh": "小压机", "en": "Small press"}
    assert press.extends is None
    assert profile.kpis["nee"].unit == ""
    assert profile.kpis["nee"].name["en"] == "Net"
    assert profile.reasons["flow"].codes == ("7",)
    assert {"starved", "blocked"} <= profile.reasons["flow"].of.keys()


def test_who_a_profile_is_is_never_inherited(tmp_path: Path) -> None:
    profile = sound(tmp_path).profile
    assert (profile.profile, profile.version, profile.sources) == ("over", "2.0.0", ())
    assert profile.name["en"] == "Over"


def test_what_a_profile_does_to_a_type_reaches_the_types_that_extend_it(tmp_path: Path) -> None:
    over = OVER + "  machine: {micro_stop: 45s}\n"
    over = over.replace("    micro_stop: 30s\n", "")
    types = sound(tmp_path, over).profile.types
    assert [types[name].micro_stop for name in ("machine", "press", "small-press")] == [45] * 3


def test_an_extension_sets_the_type_that_it_names_and_no_other(tmp_path: Path) -> None:
    extra = "extends: over\ntypes: {press: {micro_stop: 10s}}\n"
    types = sound(tmp_path, OVER, BASE, extra).profile.types
    assert [types[name].micro_stop for name in ("press", "small-press")] == [10, 30]


def test_the_version_covers_all_files_and_all_are_watched(tmp_path: Path) -> None:
    before = sound(tmp_path)
    assert [path.name for path in before.files] == ["over.yaml", "base.yaml", "common.yaml"]
    after = sound(tmp_path, base=BASE.replace("low: 0", "low: 1"))
    assert after.version.startswith("over@2.0.0+")
    assert after.version != before.version
    assert sound(tmp_path, base=f"# said otherwise\n{BASE}").version == before.version


def test_a_fault_of_the_base_is_told_there_and_once(tmp_path: Path) -> None:
    industry, faults = load(tmp_path, base=BASE.replace("unit: kN, ", ""))
    assert industry is None
    assert [Path(fault.file).name for fault in faults] == ["base.yaml"]
    assert "types.press.signals.force" in faults[0].what


def test_a_fault_that_comes_of_both_is_told_where_the_upper_one_says_it(tmp_path: Path) -> None:
    _none, faults = load(tmp_path, OVER.replace("high: 100", "high: -5"))
    (fault,) = faults
    line = OVER.replace("high: 100", "high: -5").splitlines()[fault.line - 1]
    assert Path(fault.file).name == "over.yaml"
    assert line[fault.column - 1 :].startswith("{high: -5}")


def test_a_reason_gives_its_loss_to_all_below_it(tmp_path: Path) -> None:
    reasons = """\
reasons:
  breakdown:
    of:
      oven:
        name: {zh: 烘箱, en: Oven}
        codes: [E12, 12, true]
        of:
          door: {name: {zh: 门, en: Door}, codes: [12.5, 门]}
          clean: {name: {zh: 清洁, en: Cleaning}, loss: planned}
"""
    profile = sound(tmp_path, OVER + reasons).profile
    found = losses(profile.reasons)
    told = {word: found[word] for word in ("oven", "E12", "12", "1", "door", "12.5", "门")}
    assert set(told.values()) == {"breakdown"}
    assert found["clean"] == "planned"
    assert found["缺料"] == "waiting"
    for path, key, _reason, loss in walk(profile.reasons):
        assert found[key] == loss, path


def test_results_are_spelled_as_they_are_read(tmp_path: Path) -> None:
    profile = sound(tmp_path, OVER + "results: {pass: [good, 2.0], fail: [false]}\n").profile
    found = verdicts(profile.results)
    assert (found["good"], found["2"], found["0"]) == (True, True, False)


def test_the_schema_lets_what_extends_leave_out_what_it_inherits() -> None:
    schema = schema_profile()
    for text in (BASE, OVER):
        jsonschema.validate(yaml.safe_load(text), schema)
    data = yaml.safe_load(BASE)
    del data["extends"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**yaml.safe_load(OVER), "types": {"x": {"kind": "robot"}}}, schema)
    nameless = {key: value for key, value in yaml.safe_load(OVER).items() if key != "version"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(nameless, schema)
