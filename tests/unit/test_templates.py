"""A site file resolved: the workshop's tags and addresses, bindings, units and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drivers.modbus.register import Function, Register
from gateway.errors import ConfigError
from gateway.figures.journal import Journal
from gateway.figures.media import OTHERS
from gateway.figures.oee import Sums, figures
from gateway.figures.presence import Presence
from gateway.figures.windows import Window
from gateway.kpi import ProductTerms
from gateway.model import Entry, Kind, Order
from gateway.resolution.profile import KNOWN_KPIS
from gateway.templates import load
from tests.folds import fold_energy
from tests.plant_kit import SITE, asset, binding, changed, device, kpi, sound, tags, write

if TYPE_CHECKING:
    from gateway.model import Value

SCENARIOS = Path(__file__).parent.parent.parent / "simulators" / "scenarios"


def test_the_plcs_own_addresses_become_registers(tmp_path: Path) -> None:
    plant = sound(tmp_path)
    found = {
        name: (tag.register, tag.kind, tag.order) for name, tag in tags(plant, "plc-inj").items()
    }
    cdab = Order.CDAB
    holding, coil = Function.HOLDING, Function.COIL
    assert found == {
        "run_state": (Register(holding, 100), Kind.U16, cdab),
        "indexes": (Register(holding, 102), Kind.U32, cdab),
        "mounted": (Register(holding, 104), Kind.U16, cdab),
        "rejects": (Register(holding, 106), Kind.U32, cdab),
        "mould_temp": (Register(holding, 110), Kind.I16, cdab),
        "running": (Register(coil, 20), Kind.BIT, cdab),
        "start": (Register(coil, 63488 + 16), Kind.BIT, cdab),
        "recipe": (Register(holding, 200), Kind.STRING, cdab),
        "setpoint": (Register(holding, 120), Kind.U16, cdab),
        "raw": (Register(holding, 40), Kind.F32, Order.ABCD),
    }


def test_a_device_keeps_its_link_limits_groups_and_place(tmp_path: Path) -> None:
    path = write(tmp_path)
    plant = load(path)
    plc = device(plant, "plc-inj")
    assert (plc.link, plc.timeout_s, plc.where) == ("modbus+tcp://10.0.0.5:502", 0.5, f"{path}:9")
    assert plc.options["unit"] == 3
    assert plc.options["max_read"] == 125
    assert [(group.name, group.period_s, len(group.tags)) for group in plc.groups] == [
        ("default", 2.0, 9),
        ("slow", 60.0, 1),
    ]
    assert tags(plant, "plc-inj")["indexes"].where == f"{path}:17"
    meter = tags(plant, "meter-1")
    assert meter["frequency"].where.startswith("profiles/devices/chint/dtsu666.yaml:")
    assert meter["voltage_l1"].where == f"{path}:41"
    assert plant.files[0] == path
    profiles = {"shoes.yaml", "machinery.yaml", "common.yaml"}
    assert {file.name for file in plant.files[1:]} == {"h5u.yaml", "dtsu666.yaml", *profiles}
    assert len({device.link for device in plant.devices}) == 3


def test_what_the_site_says_of_a_tag_arrives_in_it(tmp_path: Path) -> None:
    found = tags(sound(tmp_path), "plc-inj")
    oven = found["mould_temp"]
    assert (oven.scale, oven.unit, oven.deadband, oven.group) == (0.1, "°C", 0.5, "slow")
    assert found["recipe"].length == 16
    write_ = found["setpoint"].write
    assert write_ is not None
    assert (write_.min, write_.max, write_.every_s) == (0, 200, 5)
    assert found["run_state"].write is None


def test_a_meters_template_brings_its_tags_and_ratios(tmp_path: Path) -> None:
    found = tags(sound(tmp_path), "meter-1")
    assert len(found) == 31 + 1
    assert "ct_ratio" not in found
    assert "energy_export_2016" not in found
    assert found["energy_import_2016"].register == Register(Function.HOLDING, 16414)
    assert found["energy_import"].scale == 40
    assert found["current_l1"].scale == pytest.approx(0.04)
    assert (found["current_l1"].low, found["current_l1"].high) == (0, 4000)
    assert found["voltage_l1"].scale == 0.1
    assert found["frequency"].scale == 0.01
    assert found["voltage_l12"].order is Order.ABCD


def test_the_site_overrides_a_templates_tag_key_by_key(tmp_path: Path) -> None:
    found = tags(sound(tmp_path), "meter-1")
    voltage = found["voltage_l1"]
    assert (voltage.at, voltage.unit, voltage.scale) == ("holding:8198", "V", 0.1)
    assert (voltage.deadband, voltage.low, voltage.high) == (0.5, 0, 260)
    assert voltage.text["zh"] == "A 相电压"
    assert found["demand_active"].scale == 40, "the ratio stays"


def test_a_tag_speaks_the_unit_of_the_signal_that_it_feeds(tmp_path: Path) -> None:
    plant = sound(tmp_path)
    power = tags(plant, "meter-1")["active_power"]
    assert power.unit == "kW"
    assert power.scale == pytest.approx(0.1 * 40 / 1000)
    assert (power.low, power.high) == (-4000, 4000)
    assert tags(plant, "meter-1")["active_power_l1"].unit == "W"
    bound = binding(plant, "injection-1", "power")
    assert bound.tag is power
    assert (bound.unit, bound.low, bound.high) == ("kW", -500, 1000)
    assert binding(plant, "injection-1", "count").unit == "index"


def test_the_deadband_and_the_limits_of_writing_are_converted_too(tmp_path: Path) -> None:
    text = changed(
        "      demand_active: {scale: 1, unit: W}\n",
        "      active_power: {deadband: 50, offset: 10, write: {min: 0, max: 2000}}\n",
    )
    power = tags(sound(tmp_path, text), "meter-1")["active_power"]
    assert (power.deadband, power.offset) == (0.05, 0.01)
    assert power.write is not None
    assert (power.write.min, power.write.max) == (0, 2)


def test_a_binding_carries_what_the_profile_says_of_the_signal(tmp_path: Path) -> None:
    plant = sound(tmp_path)
    count = binding(plant, "injection-1", "count")
    assert (count.layer, count.text["zh"], count.low) == ("N", "转盘步进计数", 0)
    assert (count.tag.device, count.tag.name) == ("plc-inj", "indexes")
    assert binding(plant, "injection-1", "mould_temp").layer == "X"
    assert binding(plant, "injection-1", "mould_temp").high == 350


@pytest.mark.parametrize(
    ("declared", "wraps_at"),
    [
        ("{at: D102, kind: u32}", 2**32),
        ("{at: D102, kind: u16}", 65536),
        ("{at: D102, kind: i16}", 65536),
        ("{at: D102, kind: u16, scale: 10}", 655360),
        ("{at: D102, kind: u16, scale: -0.5}", 32768),
        ("{at: D102, kind: u64}", 2**64),
        ("{at: D102, kind: bcd, length: 2}", 100_000_000),
        ("{at: D102, kind: bitfield, bits: 0-11}", 4096),
        ("{at: D102, kind: f32}", None),
    ],
)
def test_a_counter_wraps_where_its_kind_and_scale_say(
    tmp_path: Path, declared: str, wraps_at: float | None
) -> None:
    plant = sound(tmp_path, changed("indexes: {at: D102, kind: u32}", f"indexes: {declared}"))
    count = binding(plant, "injection-1", "count")
    assert count.modulus == wraps_at
    spec = kpi(plant, "injection-1")
    assert spec.moduli.get("count") == wraps_at
    assert spec.counts.get("count") == (None if wraps_at is None else abs(count.tag.scale))
    assert binding(plant, "injection-1", "mounted").modulus is None


def test_figures_merge_profile_and_site(tmp_path: Path) -> None:
    spec = kpi(sound(tmp_path), "injection-1")
    assert (spec.counting, spec.piece, spec.stations, spec.pieces_per_index) == (
        "stations",
        "pair",
        24,
        1,
    )
    assert set(spec.signals) == {"state", "count", "mounted", "reject", "energy", "power"}
    assert (spec.ideal_cycle_s, spec.ideal_basis) == (12, "nameplate")
    assert spec.products == {"A17": (ProductTerms(0, 10),)}
    assert spec.micro_stop_s == 120
    assert (spec.quality, spec.state_basis) == ("measured", "plc")
    assert spec.max_rate == pytest.approx(0.3)
    assert spec.silence_s == 10
    assert spec.windows == ("hour", "shift", "day", "order", "product")
    assert spec.interim_s is None
    assert {"station_loss_time", "kwh_per_good"} < set(spec.kpis)
    assert spec.profile.startswith("shoes@1.1.0+")
    assert spec.factors["co2"].value == 0.5306
    assert spec.states["3"] == "waiting"
    assert spec.states["故障"] == "fault"


def test_what_the_site_leaves_open_comes_from_the_profile_or_is_unknown(tmp_path: Path) -> None:
    spec = kpi(sound(tmp_path), "lasting-1")
    assert (spec.ideal_cycle_s, spec.ideal_basis) == (None, "default")
    assert spec.micro_stop_s == 30
    assert spec.silence_s == 15, "three polls of the device that gives the state"
    assert spec.counting == "pairs"
    assert spec.stations is None


def test_a_meter_has_energy_figures_and_no_pieces(tmp_path: Path) -> None:
    plant = sound(tmp_path)
    spec = kpi(plant, "meter")
    assert (spec.counting, spec.piece, spec.quality) == ("none", "", "none")
    assert spec.signals == ("energy", "power")
    assert {"power_factor", "demand_fixed_max_kw", "kgce", "kgco2"} < set(spec.kpis)
    assert not {"a", "oee", "kwh_per_good"} & set(spec.kpis)
    assert "quarter" in spec.windows
    assert asset(plant, "meter").line == "main"


@pytest.mark.parametrize(
    ("bind", "quality"),
    [
        ("count: plc-inj.indexes, reject: plc-inj.rejects", "measured"),
        ("count: plc-inj.indexes", "none"),
        ("reject: plc-inj.rejects", "none"),
    ],
)
def test_quality_is_measured_where_good_can_be_told_from_bad(
    tmp_path: Path, bind: str, quality: str
) -> None:
    text = SITE + f"  second:\n    type: rotary-injection\n    bind: {{{bind}}}\n"
    assert kpi(sound(tmp_path, text), "second").quality == quality


def test_the_words_of_a_state_bit_are_1_and_0(tmp_path: Path) -> None:
    text = SITE + (
        "  second:\n    type: rotary-injection\n    bind: {state: plc-inj.running}\n"
        "    states: {true: running, 0: idle}\n"
    )
    spec = kpi(sound(tmp_path, text), "second")
    assert (spec.states["1"], spec.states["0"]) == ("running", "idle")
    journal = Journal()

    def note(t_ms: int, signal: str, value: Value) -> None:
        journal.put(t_ms, signal, value)

    presence = Presence(journal, spec.states, 10_000, note)
    presence.read(1000, raw=True)
    presence.read(2000, raw=False)
    assert list(journal.state.values) == ["running", "idle"]


def test_unbound_tags_go_out_under_their_device(tmp_path: Path) -> None:
    plant = sound(tmp_path)
    rest = asset(plant, "plc-inj")
    assert (rest.line, rest.kind, rest.kpi) == ("_dev", "device", None)
    assert [b.signal for b in rest.feeds()] == ["running", "start", "recipe", "setpoint", "raw"]
    assert {b.layer for b in rest.feeds()} == {""}
    meter = asset(plant, "meter-1")
    assert len(meter.loose) == 32 - 2
    assert meter.text["zh"].startswith("正泰")
    assert "plc-last" not in {a.name for a in plant.assets}, "all of its tags are bound"


def test_a_binding_polls_a_tag_that_the_template_leaves_out(tmp_path: Path) -> None:
    text = SITE + "  probe:\n    bind: {blind: meter-1.energy_q1_2016}\n"
    plant = sound(tmp_path, text)
    assert "energy_q1_2016" in tags(plant, "meter-1")
    assert binding(plant, "probe", "blind").unit == "kvarh"
    assert asset(plant, "probe").kpi is None


def test_without_an_industry_tags_are_only_moved(tmp_path: Path) -> None:
    text = SITE.replace("  industry: shoes\n", "")
    head, _assets = text.split("assets:\n")
    text = f"{head}assets:\n  any:\n    bind: {{whatever: plc-inj.indexes}}\n"
    plant = sound(tmp_path, text)
    assert asset(plant, "any").kpi is None
    assert binding(plant, "any", "whatever").layer == ""
    assert plant.kpis == {}


@pytest.mark.parametrize("name", ["injection-1", "lasting-1"])
def test_the_engine_gives_every_figure_that_a_profile_lists(tmp_path: Path, name: str) -> None:
    text = changed("    micro_stop: 30s\n", "    ideal_cycle: 9s\n")
    spec = kpi(sound(tmp_path, text), name)
    readings = [Entry(0, "energy", 10.0), Entry(3_600_000, "energy", 12.0)]
    hour = Window("hour", 0, 3_600_000)
    metered = {**fold_energy(readings, hour, spec, good=4).kpi}
    for medium in OTHERS:
        metered |= fold_energy(readings, hour, spec, good=4, medium=medium).kpi
    computed = {*figures(Sums(), spec, "idle").kpi, *metered}
    elsewhere = {"base_load_kw", "first_pass_yield", "rework_ratio", "startup_reject_loss_time"}
    elsewhere |= {"cost", "average_price", "shared_kwh", "kwh_per_good_with_shared"}
    elsewhere |= {"attended_time", "earned_time", "line_efficiency"}
    # Off shift, by serial, by signals not bound, by a tariff, and of machines that are shared.
    assert set(spec.kpis) - computed <= elsewhere
    assert computed <= set(KNOWN_KPIS)
    assert metered["kgce"] == pytest.approx(2 * 0.1229)


def test_meta_can_say_what_the_figures_mean(tmp_path: Path) -> None:
    plant = sound(tmp_path)
    spec = kpi(plant, "injection-1")
    assert set(spec.kpis) <= plant.kpis.keys()
    assert plant.kpis["kwh_per_good"].u == "kWh/{piece}"
    nee = plant.kpis["nee"]
    assert (nee.n, nee.u, nee.layer) == ("nee", "", "N")
    assert nee.desc == {"zh": "净设备效率", "en": "Net equipment effectiveness"}


def test_what_will_be_null_is_a_notice(tmp_path: Path) -> None:
    notices = sound(tmp_path).notices
    (ideal,) = [notice for notice in notices if notice.code == "no-ideal-cycle"]
    assert ideal.what.startswith("assets.lasting-1:")
    assert "p, oee, nee" in ideal.next
    unbound = {notice.what: notice.next for notice in notices if notice.code == "unbound"}
    assert "kwh_per_good" in unbound["assets.lasting-1.bind: energy is not bound"]
    assert set(unbound) == {
        "assets.lasting-1.bind: energy is not bound",
        "assets.lasting-1.bind: power is not bound",
        "assets.injection-1.products: the signal product is not bound, so no product is ever known",
    }


def test_a_state_without_words_is_a_notice(tmp_path: Path) -> None:
    plant = sound(tmp_path, changed("    states: {0: idle, 1: running}\n", ""))
    (notice,) = [n for n in plant.notices if n.code == "no-states"]
    assert "plc-last.run_state" in notice.what


def test_a_key_that_does_nothing_is_a_notice(tmp_path: Path) -> None:
    text = SITE + "  any:\n    ideal_cycle: 5s\n    bind: {x: plc-inj.raw}\n"
    (notice,) = [n for n in sound(tmp_path, text).notices if n.code == "no-type"]
    assert "ideal_cycle" in notice.what


def test_the_workshop_of_the_demo_resolves() -> None:
    plant = load(SCENARIOS / "workshop.site.yaml")
    assert [d.name for d in plant.devices] == ["plc-inj", "plc-last", "meter-1"]
    assert [a.name for a in plant.assets if a.kpi] == ["injection-1", "lasting-1"]
    assert kpi(plant, "injection-1").interim_s == 5
    assert kpi(plant, "injection-1").stations == 24
    assert binding(plant, "injection-1", "mould_setpoint").layer == "X"
    assert plant.store.path == SCENARIOS / "store"


def test_load_tells_all_faults_of_file_and_references_at_once(tmp_path: Path) -> None:
    text = changed("    poll: 2s\n", "    poll: 2\n").replace(
        "energy: meter-1.energy_import\n", "energy: meter-1.enery_import\n"
    )
    with pytest.raises(ConfigError) as raised:
        load(write(tmp_path, text))
    assert [(f.line, f.code) for f in raised.value.faults] == [
        (13, "bare-number"),
        (55, "unknown-tag"),
    ]
