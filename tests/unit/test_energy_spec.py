"""What a site file says of energy, as plain settings: the document's own example, resolved."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.meta import describe
from gateway.metering import Shared
from gateway.plain import dump, loader
from gateway.plant import Plant
from gateway.resolution.standard import STANDARDS, compressors
from gateway.sitefile.document import load as load_document
from gateway.sitefile.document import validate
from gateway.sitefile.tariffs import TariffConfig
from gateway.templates import load

if TYPE_CHECKING:
    from gateway.kpi import KpiSpec

ROOT = Path(__file__).parents[2]
SITE = re.findall(
    r"^```yaml\n(.*?)^```$", (ROOT / "docs/energy.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)[0]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return plant_of(tmp_path, SITE)


def plant_of(folder: Path, text: str) -> Plant:
    (folder / "site.yaml").write_text(text, "utf-8")
    return load(folder / "site.yaml")


def spec(plant: Plant, name: str) -> KpiSpec:
    found = next(asset.kpi for asset in plant.assets if asset.name == name)
    assert found is not None
    return found


def test_scales_and_wraps_of_registers(plant: Plant) -> None:
    main, press = spec(plant, "main-meter"), spec(plant, "press-1")
    ratio = main.metering.scales["energy"] / press.metering.scales["energy"]
    assert ratio == pytest.approx(40), "the current transformer's"
    assert main.moduli["energy"] == 1_000_000, "of the display, not of the tag"
    assert set(press.metering.scales) == {"energy"}, "counters have none"


def test_demand_plates_and_shares(plant: Plant) -> None:
    main = spec(plant, "main-meter").metering
    assert (main.block_min, main.step_min, main.contract_kw, main.contract_by) == (
        15,
        1,
        315,
        "fixed",
    )
    plate = spec(plant, "compressor-1").metering.nameplate
    assert plate is not None
    assert (plate.limits, plate.standard) == ((6.7, 7.3, 8.1), "GB 19153-2019")
    assert spec(plant, "compressor-1").metering.shared == Shared({"press-1": 1.0}, "run_time")


def test_tariff_and_factors(plant: Plant) -> None:
    metering = spec(plant, "press-1").metering
    assert metering.tariff is not None
    assert metering.tariff.holidays == {date(2026, 10, 1)}
    (version,) = metering.tariff.versions
    assert version.prices == {"peak": 1, "flat": 0.7, "valley": 0.4}
    assert version.rules[0].slots[0] == (0, 480, "valley")
    assert [one.value for one in metering.factors] == [0.5366, 0.5306]
    assert plant.kpis["cost"].u == "CNY"
    assert plant.kpis["average_price"].u == "CNY/kWh"


def test_the_settings_travel_and_come_back_equal(plant: Plant) -> None:
    assert loader(Plant)(dump(plant)) == plant


def test_a_tariff_in_a_file_of_its_own_is_watched(tmp_path: Path) -> None:
    head, tail = SITE.split("tariff:\n")
    own, factors = tail.split("factors:\n")
    (tmp_path / "own.yaml").write_text(re.sub("^  ", "", own, flags=re.MULTILINE), "utf-8")
    apart = plant_of(tmp_path, f"{head}tariff: own.yaml\nfactors:\n{factors}")
    assert tmp_path / "own.yaml" in apart.files
    here = plant_of(tmp_path, SITE)
    assert spec(apart, "press-1").metering == spec(here, "press-1").metering


def test_a_shared_machine_may_work_for_a_line(tmp_path: Path) -> None:
    text = SITE.replace("among: [press-1]", "among: line-1")
    shared = spec(plant_of(tmp_path, text), "compressor-1").metering.shared
    assert shared == Shared({"press-1": 1.0}, "run_time")


@pytest.mark.parametrize(
    "plate",
    [
        "power: 45, pressure: 0.8, cooling: air",
        "power: 37, pressure: 0.8, cooling: liquid",
        "power: 37, pressure: 1.0, cooling: air",
        "power: 37, pressure: 0.8",
        "power: 37, pressure: 0.8, cooling: air, drive: variable",
    ],
)
def test_what_no_table_is_for_has_no_published_level(tmp_path: Path, plate: str) -> None:
    plant = plant_of(tmp_path, SITE.replace("power: 37, pressure: 0.8, cooling: air", plate))
    notices = [fault for fault in plant.notices if fault.code == "no-published-level"]
    assert [fault.line for fault in notices] == [SITE[: SITE.index("nameplate")].count("\n") + 1]
    asset = next(asset for asset in plant.assets if asset.name == "compressor-1")
    body = json.loads(describe(asset, plant.timezone, (), 0)[1].body)
    assert body["asset"]["efficiency"]["desc"]["en"] == "no published level"
    found = spec(plant, "compressor-1").metering.nameplate
    assert found is not None
    assert found.limits == ()


def test_a_level_that_is_published_is_in_the_meta(plant: Plant) -> None:
    asset = next(asset for asset in plant.assets if asset.name == "compressor-1")
    body = json.loads(describe(asset, plant.timezone, (), 0)[1].body)
    assert body["asset"]["efficiency"]["limits"] == [6.7, 7.3, 8.1]
    bare = dataclasses.replace(asset, kpi=spec(plant, "press-1"))
    body = json.loads(describe(bare, plant.timezone, (), 0)[1].body)
    assert "efficiency" not in body["asset"]


def test_every_shipped_standard_says_where_it_is_from() -> None:
    assert STANDARDS.names() == ["gb-19153-2019"]
    assert compressors().confidence
    for table in compressors().tables:
        for lines in table.grades.values():
            known = [line for line in lines if line is not None]
            assert known == sorted(known), "lower is better"


def test_the_sample_tariff_is_sound_marked_and_without_prices() -> None:
    path = ROOT / "profiles/tariffs/zhejiang-sample.yaml"
    assert path.read_text("utf-8").startswith("# SAMPLE, UNVERIFIED")
    tariff, faults = validate(load_document(path), (), TariffConfig)
    assert faults == []
    assert tariff is not None
    assert not any(version.prices for version in tariff.versions)
    assert all("unverified" in version.source for version in tariff.versions)
