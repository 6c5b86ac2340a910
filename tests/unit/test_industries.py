"""The content of the shipped industries: every machine of a trade, named as the trade does."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
import yaml

from gateway import config, templates
from gateway.checking import examine
from gateway.meta import describe
from gateway.resolution.industry import load_profile
from gateway.resolution.library import PROFILES
from gateway.resolution.profile import BASE, KNOWN_KPIS, SIGNALS, SignalKind

if TYPE_CHECKING:
    from gateway.resolution.profile import MachineType, Profile, Signal

ROOT = Path(__file__).parents[2]
SITES = sorted((ROOT / "docs/sites").glob("*.site.yaml"))
SHARED = {
    "compressor": "none",
    "boiler": "none",
    "oven": "none",
    "dust-collector": "none",
    **{f"{kind}-meter": "none" for kind in ("energy", "water", "air", "gas", "steam", "heat")},
    "machine": "direct",
}
MACHINERY = {
    "additive-manufacturing": "multiplied",
    "robot": "direct",
    "flexible-cell": "direct",
    "smart-line": "direct",
    "inspection-machine": "tests",
    "press": "multiplied",
    "injection-machine": "multiplied",
    "assembly-machine": "direct",
    "cnc": "multiplied",
    "furnace": "multiplied",
    "test-bench": "tests",
    "packing-station": "multiplied",
}
MACHINES = {
    "common": {},
    "machinery": MACHINERY,
    "shoes": MACHINERY
    | {
        "clicking-press": "multiplied",
        "laser-cutter": "direct",
        "knife-cutter": "direct",
        "computer-stitching": "direct",
        "last-making": "multiplied",
        "toe-lasting": "pairs",
        "waist-lasting": "pairs",
        "heel-lasting": "pairs",
        "roughing": "pairs",
        "sole-press": "pairs",
        "heat-setting": "pairs",
        "gluing-line": "multiplied",
        "rotary-injection": "stations",
        "pu-pouring": "stations",
        "eva-injection": "multiplied",
        "sole-injection": "multiplied",
        "packing": "multiplied",
    },
    "apparel": MACHINERY
    | {
        "spreader": "multiplied",
        "auto-cutter": "multiplied",
        "sewing-machine": "direct",
        "computer-sewing": "direct",
        "hanging-station": "direct",
        "hanging-line": "direct",
        "ironing": "direct",
        "fusing": "direct",
        "dyeing": "tests",
        "printing": "direct",
        "sorting": "direct",
        "packing": "multiplied",
    },
    "valves": MACHINERY
    | {
        "cnc-lathe": "multiplied",
        "machining-center": "multiplied",
        "melting-furnace": "multiplied",
        "sand-casting": "multiplied",
        "welding": "direct",
        "grinding": "direct",
        "pressure-test-bench": "tests",
        "assembly-station": "direct",
        "coating-line": "multiplied",
    },
    "electrical": MACHINERY
    | {
        "stamping-press": "multiplied",
        "progressive-die-press": "multiplied",
        "material-dryer": "none",
        "spot-welder": "direct",
        "riveting-machine": "direct",
        "trip-test-bench": "tests",
        "instant-trip-test-bench": "tests",
        "dielectric-test-bench": "tests",
    },
    "auto-parts": MACHINERY
    | {
        "cnc-lathe": "multiplied",
        "machining-center": "multiplied",
        "forging-press": "multiplied",
        "heat-treatment-furnace": "multiplied",
        "surface-treatment-line": "multiplied",
        "assembly-station": "direct",
        "leak-test-bench": "tests",
    },
}
"""Machine types of each trade's process, and the rule by which each is counted."""

TAGS: dict[SignalKind, dict[str, object]] = {
    SignalKind.STATE: {"kind": "u16"},
    SignalKind.COUNTER: {"kind": "u32"},
    SignalKind.REGISTER: {"kind": "u32"},
    SignalKind.NUMBER: {"kind": "f32"},
    SignalKind.FLAG: {"kind": "bit"},
    SignalKind.TEXT: {"kind": "string", "length": 8},
}


@cache
def shipped(name: str) -> Profile:
    industry, faults = load_profile(name, Path())
    assert faults == []
    assert industry is not None
    return industry.profile


def tag_of(signal: Signal, place: int) -> dict[str, object]:
    area = "coil" if signal.kind is SignalKind.FLAG else "holding"
    told: dict[str, object] = {"at": f"{area}:{place}", **TAGS[signal.kind]}
    return told | ({"unit": signal.unit} if signal.unit else {})


def asset_of(name: str, machine: MachineType) -> dict[str, object]:
    asked = {
        parameter: spec.min
        for parameter, spec in machine.parameters.items()
        if spec.default is None
    }
    asset: dict[str, object] = {
        "type": name,
        "bind": {signal: f"plc-{name}.{signal}" for signal in machine.signals},
        "parameters": asked,
    }
    if machine.counting != "none":
        asset["ideal_cycle"] = "10s"
    if "state" in machine.signals:
        asset["states"] = {"0": "idle", "1": "running"}
    return asset


def factory_with_all(industry: str, folder: Path) -> Path:
    """A site file with an asset of every type, each of its signals bound to a tag of its own."""
    types = shipped(industry).types
    site = {
        "site": {
            "cluster": "wenzhou",
            "enterprise": "everything",
            "site": "plant-1",
            "gateway": "gw-99",
            "timezone": "Asia/Shanghai",
            "industry": industry,
        },
        "devices": {
            f"plc-{name}": {
                "link": f"modbus+tcp://10.0.9.{number}:502",
                "tags": {
                    signal: tag_of(spec, 10 * place)
                    for place, (signal, spec) in enumerate(machine.signals.items())
                },
            }
            for number, (name, machine) in enumerate(types.items(), 1)
        },
        "assets": {f"{name}-1": asset_of(name, machine) for name, machine in types.items()},
    }
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(site, allow_unicode=True, sort_keys=False), "utf-8")
    return path


def test_every_shipped_industry_is_listed_here() -> None:
    assert set(PROFILES.names()) == set(MACHINES)


@pytest.mark.parametrize("industry", MACHINES)
def test_an_industry_has_every_machine_of_its_process(industry: str) -> None:
    counting = {name: machine.counting for name, machine in shipped(industry).types.items()}
    assert (SHARED | MACHINES[industry]).items() <= counting.items()


def test_every_figure_that_the_gateway_computes_is_described() -> None:
    assert set(KNOWN_KPIS) == set(shipped("common").kpis) | set(BASE)


@pytest.mark.parametrize("industry", MACHINES)
def test_nothing_in_an_industry_looks_like_a_norm(industry: str) -> None:
    """Ideal cycles are the site file's, and what counts are multiplied with is 1 until told."""
    for name, machine in shipped(industry).types.items():
        assert machine.ideal_cycle is None, name
        for parameter, spec in machine.parameters.items():
            assert spec.default in {None, 1}, f"{name}.{parameter}"


@pytest.mark.parametrize("industry", MACHINES)
def test_types_have_distinct_names_in_both_languages(industry: str) -> None:
    types = shipped(industry).types.values()
    for language in ("zh", "en"):
        names = [machine.name[language] for machine in types]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("industry", MACHINES)
def test_every_machine_tells_state_and_energy_as_part_of_n(industry: str) -> None:
    for name, machine in shipped(industry).types.items():
        if machine.kind == "machine":
            assert machine.signals["state"].layer == "N", name
            assert machine.signals["energy"].layer == "N", name


@pytest.mark.parametrize("industry", MACHINES)
def test_a_site_can_have_every_type_with_every_signal(industry: str, tmp_path: Path) -> None:
    faults, notices = examine(factory_with_all(industry, tmp_path))
    assert faults == []
    assert notices == []


@pytest.mark.parametrize("industry", MACHINES)
def test_meta_names_every_signal_and_figure_of_every_type(industry: str, tmp_path: Path) -> None:
    site, faults = config.read(factory_with_all(industry, tmp_path))
    plant, more = templates.resolve(site, templates.Drivers())
    assert not faults
    assert not more
    types = shipped(industry).types
    for asset in plant.assets:
        machine = types[asset.name.removesuffix("-1")]
        assert asset.kpi is not None
        figures = [plant.kpis[name] for name in asset.kpi.kpis]
        _rev, draft = describe(asset, plant.timezone, figures, 0)
        told = orjson.loads(draft.body)
        assert told["asset"]["piece"] == (machine.piece.unit if machine.piece else "")
        assert {tag["n"] for tag in told["tags"]} == set(machine.signals)
        for entry in [*told["tags"], *told.get("kpis", [])]:
            assert set(entry["desc"]) == {"zh", "en"}, f"{asset.name}.{entry['n']}"
            assert "{" not in entry.get("u", ""), f"{asset.name}.{entry['n']}"


@pytest.mark.parametrize("industry", MACHINES)
def test_own_signals_are_x_and_those_of_figures_have_their_units(industry: str) -> None:
    for name, machine in shipped(industry).types.items():
        for signal, spec in machine.signals.items():
            if signal not in SIGNALS and signal not in machine.factors:
                assert spec.layer == "X", f"{name}.{signal}"


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.stem)
def test_the_sample_sites_are_sound(path: Path) -> None:
    faults, _notices = examine(path)
    assert faults == []


def test_there_is_a_sample_site_of_every_industry() -> None:
    assert {path.name.removesuffix(".site.yaml") for path in SITES} == set(MACHINES) - {
        "common",
        "machinery",
    }
