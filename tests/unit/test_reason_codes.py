"""Stop reasons of a machine: codes of its own, and what its meta says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.difference import mark
from gateway.meta import describe
from gateway.templates import load

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Asset
    from gateway.plant import Plant

SITE = """\
site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai, industry: shoes}
devices:
  plc:
    link: modbus+tcp://10.0.0.5:502
    tags: {state: {at: 4x00001, kind: u16}, energy: {at: 4x00002, kind: u32, unit: kWh}}
assets:
  last-1:
    type: toe-lasting
    bind: {state: plc.state}
    states: {1: running}
    reasons: {0x0C: mechanical, 换模: meal}
  meter-1: {type: energy-meter, bind: {energy: plc.energy}}
"""


def plant_of(folder: Path, text: str = SITE) -> Plant:
    path = folder / "site.yaml"
    path.write_text(text, "utf-8")
    return load(path)


def asset_of(plant: Plant, name: str) -> Asset:
    return next(asset for asset in plant.assets if asset.name == name)


def test_a_machines_own_codes_go_before_those_of_the_profile(tmp_path: Path) -> None:
    machine = asset_of(plant_of(tmp_path), "last-1")
    assert machine.kpi is not None
    reasons = machine.kpi.reasons
    assert reasons["12"] == reasons["mechanical"] == reasons["故障"] == "breakdown"
    assert reasons["换模"] == reasons["meal"] == "planned"
    assert reasons["mould_change"] == "setup"


def test_meta_says_of_each_reason_all_that_may_be_given_for_it(tmp_path: Path) -> None:
    plant = plant_of(tmp_path)
    machine = asset_of(plant, "last-1")
    _rev, draft = describe(machine, plant.timezone, (), 0, plant.reasons_of(machine))
    told = {reason["n"]: reason for reason in orjson.loads(draft.body)["reasons"]}
    assert told["meal"] == {
        "n": "meal",
        "loss": "planned",
        "desc": {"zh": "用餐", "en": "Meal"},
        "codes": ["用餐", "换模"],
    }
    assert "换模" not in told["mould_change"]["codes"]
    assert "12" in told["mechanical"]["codes"]
    assert told["mechanical"]["loss"] == "breakdown"


def test_a_meter_has_no_reasons(tmp_path: Path) -> None:
    plant = plant_of(tmp_path)
    meter = asset_of(plant, "meter-1")
    assert plant.reasons_of(meter) == ()
    assert "reasons" not in orjson.loads(describe(meter, plant.timezone, (), 0, ())[1].body)


def test_another_code_or_another_name_is_a_change_of_the_machine_alone(tmp_path: Path) -> None:
    before = mark(plant_of(tmp_path))
    after = mark(plant_of(tmp_path, SITE.replace("换模: meal", "换模: trial")))
    assert after.assets["last-1"] != before.assets["last-1"]
    assert after.assets["meter-1"] == before.assets["meter-1"]
