"""The language of industry profiles, the shoes profile, and what an extension may do to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from gateway.figures.media import MEDIA, OTHERS
from gateway.resolution.energy_terms import ENERGY_SIGNALS, FLOWS
from gateway.resolution.industry import Industry, load_profile
from gateway.resolution.library import PROFILES
from gateway.resolution.profile import (
    KNOWN_KPIS,
    PARAMETERS,
    SIGNALS,
    SignalKind,
)
from gateway.resolution.profile_schema import schema_profile
from gateway.sitefile.document import load

if TYPE_CHECKING:
    from gateway.errors import Fault

HERE = Path()
CONTRACT = Path(__file__).parents[2] / "docs/contract/asyncapi.yaml"
MEASURED = {SignalKind.COUNTER, SignalKind.REGISTER, SignalKind.NUMBER}


def shipped(name: str = "shoes") -> Industry:
    industry, faults = load_profile(name, HERE)
    assert faults == []
    assert industry is not None
    return industry


def extended(tmp_path: Path, text: str) -> tuple[Industry | None, list[Fault], str]:
    path = tmp_path / "extra.yaml"
    path.write_text(text, "utf-8")
    industry, faults = load_profile("shoes", HERE, [path])
    return industry, faults, str(path)


def points_at(fault: Fault, text: str) -> str:
    return text.splitlines()[fault.line - 1][fault.column - 1 :]


@pytest.mark.parametrize("name", PROFILES.names())
def test_every_profile_loads_and_says_everything_of_every_signal(name: str) -> None:
    profile = shipped(name).profile
    for machine, spec in profile.types.items():
        for signal, told in spec.signals.items():
            where = f"{machine}.{signal}"
            assert set(told.name) == {"zh", "en"}, where
            assert told.layer in {"N", "X"}, where
            if told.kind in MEASURED:
                assert told.unit is not None, where
                assert told.low is not None, where
            if told.kind is SignalKind.NUMBER:
                assert told.high is not None, where
            if told.kind is SignalKind.COUNTER:
                assert told.counts, where


@pytest.mark.parametrize("name", PROFILES.names())
def test_every_profile_is_valid_by_the_published_schema(name: str) -> None:
    schema = schema_profile()
    jsonschema.Draft202012Validator.check_schema(schema)
    _document, path, _faults = PROFILES.open(name, HERE)
    jsonschema.validate(load(path).data, schema)


def test_the_schema_refuses_an_unknown_key() -> None:
    _document, path, _faults = PROFILES.open("shoes", HERE)
    data = {**load(path).data, "formulas": {}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema_profile())


def test_shoes_has_its_machines_and_how_they_are_counted() -> None:
    profile = shipped().profile
    injection = profile.types["rotary-injection"]
    mandatory = {name for name, signal in injection.signals.items() if signal.layer == "N"}
    assert mandatory == {"state", "count", "mounted", "reject", "energy", "power"}
    assert injection.signals["count"].unit == "index"
    assert injection.piece is not None
    assert injection.piece.unit == "pair"
    lasting = profile.types["toe-lasting"]
    assert {"count_left", "count_right", "reject_left", "reject_right"} < set(lasting.signals)


def test_shoes_ships_no_figure_that_looks_like_a_norm() -> None:
    for machine in shipped().profile.types.values():
        assert machine.ideal_cycle is None
        for name in ("max_rate", "max_kw", "stations"):
            assert name not in machine.parameters or machine.parameters[name].default is None


def test_shoes_carries_the_energy_factors_with_year_scope_and_source() -> None:
    factors = shipped().profile.factors
    assert (factors["kgce"].value, factors["kgce"].unit) == (0.1229, "kgce/kWh")
    assert "GB/T 2589-2020" in factors["kgce"].source
    co2 = factors["co2"]
    assert (co2.value, co2.year, co2.scope) == (0.5306, 2023, "national")


def test_the_version_is_a_hash_of_the_content(tmp_path: Path) -> None:
    version = shipped().version
    assert re.fullmatch(r"shoes@\d+\.\d+\.\d+\+[0-9a-f]{4}", version)
    assert version == shipped().version
    text = "extends: shoes\ntypes:\n  toe-lasting: {micro_stop: 30s}\n"
    industry, faults, _path = extended(tmp_path, text)
    assert faults == []
    assert industry is not None
    assert industry.version != version
    assert industry.version.startswith(f"shoes@{industry.profile.version}+")


def test_an_extension_sets_what_is_open_and_adds_signals_of_its_own(tmp_path: Path) -> None:
    text = """\
extends: shoes
states: {läuft: running}
types:
  toe-lasting:
    micro_stop: 30s
    ideal_cycle: 8s
    interim: 10s
    states: {RUN: running}
    parameters: {max_kw: {default: 12}}
    signals:
      oil_temp: {layer: X, kind: number, unit: °C, low: 0, high: 120, name: {zh: 油温, en: Oil}}
      power: {high: 40}
"""
    industry, faults, path = extended(tmp_path, text)
    assert faults == []
    assert industry is not None
    assert str(industry.files[-1]) == path
    lasting = industry.profile.types["toe-lasting"]
    assert (lasting.micro_stop, lasting.ideal_cycle, lasting.interim) == (30, 8, 10)
    assert lasting.states == {"RUN": "running"}
    assert lasting.parameters["max_kw"].default == 12
    assert lasting.signals["oil_temp"].layer == "X"
    assert (lasting.signals["power"].high, lasting.signals["power"].unit) == (40, "kW")
    assert industry.profile.states["läuft"] == "running"
    assert industry.profile.types["rotary-injection"] == shipped().profile.types["rotary-injection"]


GOOD = "kind: counter, unit: pair, name: {zh: 良, en: Good}, counts: {zh: 双, en: pair}"
SIGNAL = "kind: number, unit: V, low: 0, high: 9, name: {zh: 电压, en: Voltage}"


@pytest.mark.parametrize(
    ("body", "place", "code", "says"),
    [
        ("version: 2.0.0", "version", "not-open", "version: an extension may not set this"),
        ("open: ['types.*']", "open", "not-open", "may not set this"),
        ("factors: {co2: {value: 0.1}}", "factors", "not-open", "factors"),
        ("kpis: {nee: {}}", "nee", "not-open", "kpis.nee: the profile already"),
        ("states: {running: idle}", "running", "not-open", "states.running: the profile already"),
        ("types: {toe-lastin: {micro_stop: 1s}}", "toe-lastin", "unknown-key", "toe-lasting?"),
        ("types: {toe-lasting: {micro_stp: 1s}}", "micro_stp", "unknown-key", "micro_stop?"),
        ("types: {toe-lasting: {windows: [day]}}", "windows", "not-open", "micro_stop"),
        ("types: {toe-lasting: {counting: direct}}", "counting", "not-open", "counting"),
        ("types: {toe-lasting: {micro_stop: 90}}", "90", "bare-number", "micro_stop"),
        ("types: {toe-lasting: {kpis: [nee]}}", "kpis", "not-open", "kpis"),
        ("types: {toe-lasting: {states: {x: working}}}", "working", "unknown-word", "running"),
        (
            "types: {toe-lasting: {signals: {power: {unit: W}}}}",
            "unit",
            "not-open",
            "types.toe-lasting.signals.power.unit: an extension may not set this",
        ),
        (
            "types: {toe-lasting: {signals: {power: {high: -200}}}}",
            "{high: -200}",
            "upside-down",
            "low (-100) is not below high (-200)",
        ),
        (
            "types: {toe-lasting: {parameters: {max_kw: {max: 1}}}}",
            "max: 1",
            "not-open",
            "default",
        ),
        (
            "types: {toe-lasting: {parameters: {max_kw: {default: -1}}}}",
            "-1",
            "out-of-range",
            "outside",
        ),
        (
            f"types: {{toe-lasting: {{signals: {{oil: {{layer: N, {SIGNAL}}}}}}}}}",
            "N, kind",
            "not-open",
            "layer: X",
        ),
        (
            f"types: {{toe-lasting: {{signals: {{oil: {{{SIGNAL}}}}}}}}}",
            "oil",
            "missing-key",
            "layer",
        ),
        (
            f"types: {{toe-lasting: {{signals: {{good: {{layer: X, {GOOD}}}}}}}}}",
            "good",
            "not-open",
            "another name",
        ),
    ],
)
def test_an_extension_may_do_nothing_else(
    tmp_path: Path, body: str, place: str, code: str, says: str
) -> None:
    text = f"extends: shoes\n{body}\n"
    industry, faults, path = extended(tmp_path, text)
    assert industry is None
    (fault,) = faults
    assert (fault.file, fault.code) == (path, code)
    assert points_at(fault, text).startswith(place)
    assert says in str(fault)


def test_an_extension_says_what_it_extends(tmp_path: Path) -> None:
    for text in ("types: {toe-lasting: {micro_stop: 1s}}\n", "extends: garments\n"):
        industry, faults, path = extended(tmp_path, text)
        assert industry is None
        assert [(f.file, f.line, f.code) for f in faults] == [(path, 1, "wrong-profile")]
        assert "extends: shoes" in faults[0].next


def test_all_that_extensions_do_wrong_is_told_at_once(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("extends: shoes\nversion: 9.9.9\nfactors: {}\n", "utf-8")
    two.write_text("extends: shoes\ntypes: {toe-lasting: {windows: [day]}}\n", "utf-8")
    industry, faults = load_profile("shoes", HERE, [one, two])
    assert industry is None
    assert sorted((Path(f.file).name, f.line) for f in faults) == [
        ("one.yaml", 2),
        ("one.yaml", 3),
        ("two.yaml", 2),
    ]


def test_a_second_extension_cannot_redefine_what_the_first_added(tmp_path: Path) -> None:
    signal = f"types: {{toe-lasting: {{signals: {{oil: {{layer: X, {SIGNAL}}}}}}}}}"
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"extends: shoes\n{signal}\n", "utf-8")
    _industry, faults = load_profile("shoes", HERE, [tmp_path / "one.yaml", tmp_path / "two.yaml"])
    assert {Path(fault.file).name for fault in faults} == {"two.yaml"}
    assert {fault.code for fault in faults} == {"not-open"}


SMALL = """\
profile: valves
version: 1.0.0
name: {zh: 泵阀, en: Valves}
kpis:
  nee: {layer: N, unit: "", name: {zh: 净效率, en: NEE}}
types:
  lathe:
    name: {zh: 车床, en: Lathe}
    kind: machine
    piece: {unit: part, name: {zh: 件, en: part}}
    counting: direct
    parameters:
      max_kw: {min: 1, max: 90, unit: kW, name: {zh: 功率, en: power}}
    signals:
      state: {layer: N, kind: state, name: {zh: 状态, en: State}}
      count: {layer: N, kind: counter, unit: u, name: {zh: 数, en: N}, counts: {zh: 件, en: part}}
      energy: {layer: N, kind: register, unit: kWh, name: {zh: 电量, en: Energy}}
      load: {layer: X, kind: number, unit: "%", low: 0, high: 150, name: {zh: 负载, en: Load}}
    windows: [hour]
    kpis: [nee]
"""


@pytest.mark.parametrize(
    ("old", "new", "place", "code"),
    [
        ("version: 1.0.0", "version: 1.0", "1.0", "wrong-type"),
        ("version: 1.0.0", "version: v1", "v1", "bad-version"),
        ("kind: machine", "kind: robot", "robot", "unknown-word"),
        ("counting: direct", "counting: pairs", "pairs", "missing-signal"),
        ("counting: direct", "counting: shots", "shots", "unknown-word"),
        ("    piece: {unit: part, name: {zh: 件, en: part}}\n", "", "lathe", "missing-key"),
        ("kind: register, unit: kWh", "kind: register, unit: Wh", "Wh", "wrong-unit"),
        ("kind: register, unit: kWh", "kind: number, unit: kWh", "number", "wrong-kind"),
        ('unit: "%", low: 0', "low: 0", "{layer: X, kind: number", "missing-key"),
        ("low: 0, high: 150", "low: 150, high: 0", "150", "upside-down"),
        (", counts: {zh: 件, en: part}", "", "{layer: N, kind: counter", "missing-key"),
        ("en: State", "en: 7", "7", "bad-text"),
        ("{zh: 负载, en: Load}", "{en: Load}", "{en: Load}", "bad-text"),
        ("layer: X", "layer: Y", "Y,", "unknown-word"),
        ("      max_kw:", "      max_kva:", "max_kva", "unknown-parameter"),
        ("windows: [hour]", "windows: [week]", "week", "unknown-word"),
        ("windows: [hour]", "windows: []", "[]", "wrong-count"),
        ("kpis: [nee]", "kpis: [nne]", "nne", "unknown-kpi"),
        ("kpis: [nee]", "kpis: [teep]", "teep", "unknown-kpi"),
        ("  nee: {layer", "  neee: {layer", "neee", "unknown-kpi"),
        ("    windows", "    window", "window", "unknown-key"),
    ],
)
def test_a_profile_of_ones_own_is_held_to_the_same(
    tmp_path: Path, old: str, new: str, place: str, code: str
) -> None:
    assert SMALL.count(old) == 1
    text = SMALL.replace(old, new)
    (tmp_path / "valves.yaml").write_text(text, "utf-8")
    industry, faults = load_profile("./valves.yaml", tmp_path)
    assert industry is None
    assert code in {fault.code for fault in faults}
    fault = next(fault for fault in faults if fault.code == code)
    assert points_at(fault, text).startswith(place)


def test_a_profile_of_ones_own_lies_beside_the_site_file(tmp_path: Path) -> None:
    (tmp_path / "valves.yaml").write_text(SMALL, "utf-8")
    industry, faults = load_profile("./valves.yaml", tmp_path)
    assert faults == []
    assert industry is not None
    assert industry.version.startswith("valves@1.0.0+")


def test_an_unknown_profile_is_nothing_and_no_fault_of_its_own() -> None:
    assert load_profile("shoe", HERE) == (None, [])
    assert load_profile("../industries/shoes", HERE) == (None, [])
    assert PROFILES.suggest("shoe") == "did you mean shoes?"


def test_every_figure_needs_only_what_there_is() -> None:
    needs = {need for needed in KNOWN_KPIS.values() for need in needed}
    assert needs <= {"state", "count", "quality", "ideal", *ENERGY_SIGNALS}
    assert {"energy", *FLOWS} < needs
    assert {"state", "energy", "power", "mounted"} < set(SIGNALS)


def test_media_are_those_of_the_engine_in_units_that_the_contract_allows() -> None:
    contract = yaml.safe_load(CONTRACT.read_text("utf-8"))
    allowed = contract["components"]["schemas"]["energy"]["allOf"][1]["properties"]["u"]["enum"]
    assert tuple(medium.name for medium in OTHERS) == FLOWS
    for medium in MEDIA:
        assert medium.unit in allowed
        assert SIGNALS[medium.signals[0]] == (SignalKind.REGISTER, medium.unit)
        assert medium.per_good in KNOWN_KPIS
        assert medium.most in PARAMETERS
