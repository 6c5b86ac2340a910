"""What is derived of an asset, as site file and machine type say it together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway import config
from gateway.derivation import CountRule, Levels, StateRule
from gateway.resolution.pulses import MODULE
from gateway.templates import Drivers, resolve

if TYPE_CHECKING:
    from gateway.derivation import Derivation
    from gateway.errors import Fault
    from gateway.kpi import KpiSpec
    from gateway.model import Asset

SITE = """\
site: {cluster: c, enterprise: e, site: s, gateway: g,
  timezone: Asia/Shanghai, industry: ./own.yaml}
devices:
  io:
    link: modbus+tcp://10.0.0.5:502
    poll: POLL
    tags:
      kw: {at: holding:0, kind: f32, unit: kW}
      phase_a: {at: holding:2, kind: f32, unit: kW}
      phase_b: {at: holding:4, kind: f32, unit: kW}
      in0: {at: discrete:0}
      in1: {at: discrete:1}
      shots: {at: holding:6, kind: u32}
      word: {at: holding:8, kind: u16}
assets:
  press-1:
    type: press
    BODY
"""
PROFILE = """\
profile: own
version: 1.0.0
extends: common
name: {zh: 自用, en: Own}
open: [types.*.signals.+]
types:
  press:
    extends: machine
    name: {zh: 压机, en: Press}
    signals:
      phase_a: {layer: X, kind: number, unit: kW, name: {zh: A 相, en: Phase A}}
      phase_b: {layer: X, kind: number, unit: kW, name: {zh: B 相, en: Phase B}}
      power: {is: "phase_a + phase_b"}
      load: {layer: X, kind: number, unit: "%", high: 100, name: {zh: 负荷, en: Load},
        is: "power / 8 * 100"}
"""


def made(
    folder: Path, body: str, *, poll: str = "1s", profile: str = PROFILE
) -> tuple[Asset, list[Fault], tuple[Fault, ...]]:
    (folder / "own.yaml").write_text(profile, "utf-8")
    text = SITE.replace("POLL", poll).replace("BODY", body.replace("\n", "\n    "))
    (folder / "site.yaml").write_text(text, "utf-8")
    site, faults = config.read(folder / "site.yaml")
    plant, more = resolve(site, Drivers())
    [asset] = [asset for asset in plant.assets if asset.name == "press-1"]
    return asset, [*faults, *more], plant.notices


def sound(folder: Path, body: str, **how: str) -> tuple[Derivation, KpiSpec]:
    asset, faults, _notices = made(folder, body, **how)
    assert not faults
    assert asset.derived is not None
    assert asset.kpi is not None
    return asset.derived, asset.kpi


def test_signals_are_computed_in_the_order_of_their_needs(tmp_path: Path) -> None:
    derived, kpi = sound(tmp_path, "bind: {phase_a: io.phase_a, phase_b: io.phase_b}")
    assert list(derived.formulas) == ["power", "load"]
    assert [(s.signal, s.value, s.unit, s.high) for s in derived.signals] == [
        ("power", "float", "kW", 10000), ("load", "float", "%", 100),
    ]  # fmt: skip
    assert "power" in kpi.signals
    assert kpi.silence_s == 10


def test_what_a_tag_gives_is_not_computed(tmp_path: Path) -> None:
    derived, _kpi = sound(tmp_path, "bind: {power: io.kw, phase_a: io.phase_a}")
    assert derived.formulas == {"load": "power / 8 * 100"}


def test_half_of_the_inputs_give_a_notice(tmp_path: Path) -> None:
    asset, faults, notices = made(tmp_path, "bind: {phase_a: io.phase_a}")
    assert asset.derived is None
    assert not faults
    [notice] = [str(n) for n in notices if "can't be computed" in n.what]
    assert "power can't be computed, phase_b is not bound" in notice
    assert ":18:" in notice


LEVELS = "levels: {standby: 0.3, idle: 2, run: 5.5, hysteresis: 0.2, dwell: 5s}"


def test_levels_tell_the_state_of_a_machine_without_one(tmp_path: Path) -> None:
    derived, kpi = sound(tmp_path, f"bind: {{power: io.kw}}\n{LEVELS}\nstates: {{standby: setup}}")
    edges = (("standby", 0.3), ("idle", 2.0), ("run", 5.5))
    assert derived.levels == Levels(edges, 0.2, 5000)
    assert derived.state == StateRule("level", ("level",))
    assert kpi.state_basis == "power"
    words = {word: kpi.states[word] for word in ("off", "standby", "idle", "run")}
    assert words == {"off": "idle", "standby": "setup", "idle": "idle", "run": "running"}
    assert {"level", "state", "power"} <= set(kpi.signals)
    assert kpi.silence_s == 15


def test_a_bound_state_is_the_state_and_the_level_is_told_beside_it(tmp_path: Path) -> None:
    body = f"bind: {{power: io.kw, state: io.word}}\n{LEVELS}\nstates: {{1: running}}"
    derived, kpi = sound(tmp_path, body)
    assert derived.state is None
    assert kpi.state_basis == "plc"
    assert "level" in kpi.signals


def test_bits_of_the_site_file(tmp_path: Path) -> None:
    body = """bind: {alarm: io.in0, running: io.in1}
state_from: {bits: [[alarm, fault], [running, running]], else: waiting}"""
    derived, kpi = sound(tmp_path, body, poll="5s")
    assert derived.state == StateRule("bits", ("alarm", "running"), ("fault", "running"), "waiting")
    assert kpi.state_basis == "plc"
    assert derived.fresh_ms == {"alarm": 15_000, "running": 15_000}
    assert kpi.silence_s == 15


def test_a_types_own_rule_holds_where_its_signals_are_bound(tmp_path: Path) -> None:
    rule = PROFILE + "    state_from: {bits: [[alarm, fault], [running, running]]}\n"
    derived, _kpi = sound(tmp_path, "bind: {alarm: io.in0, running: io.in1}", profile=rule)
    assert derived.state is not None
    body = f"bind: {{running: io.in1, power: io.kw}}\n{LEVELS}"
    derived, _kpi = sound(tmp_path, body, profile=rule)
    assert derived.state == StateRule("level", ("level",))


def test_packml(tmp_path: Path) -> None:
    body = """bind: {packml_state: io.word, packml_mode: io.shots}
state_from: {packml: [packml_state, packml_mode], setup_modes: [4]}"""
    derived, _kpi = sound(tmp_path, body)
    rule = StateRule("packml", ("packml_state", "packml_mode"), setup_modes=(4,))
    assert derived.state == rule


def test_a_counter_tells_the_state_by_the_slowest_product(tmp_path: Path) -> None:
    body = """bind: {count: io.shots}
state_from: {count: {within: 3}}
ideal_cycle: 10s
products: {A: {ideal_cycle: 20s}}"""
    derived, kpi = sound(tmp_path, body)
    assert derived.state == StateRule("count", ("count",), within_ms=60_000)
    assert kpi.state_basis == "counter"


def test_strokes_of_the_power_count(tmp_path: Path) -> None:
    body = """bind: {power: io.kw}
count_from: {power: {above: 8, below: 3, dwell: 1s}}
state_from: {count: {within: 3}}
ideal_cycle: 10s"""
    derived, kpi = sound(tmp_path, body)
    assert derived.count == CountRule("power", 8, 3, 1000)
    assert "count" in kpi.signals
    assert kpi.state_basis == "power"


def test_pulses_that_last_two_polls_are_counted(tmp_path: Path) -> None:
    body = """bind: {pulse: io.in0}
count_from: {pulse: {min_pulse: 2s, min_pause: 3s}}"""
    derived, _kpi = sound(tmp_path, body)
    assert derived.count == CountRule("pulse")


def test_pulses_of_which_nothing_is_said_give_a_notice(tmp_path: Path) -> None:
    _asset, faults, notices = made(tmp_path, "bind: {pulse: io.in0}", poll="500ms")
    assert not faults
    [notice] = [n for n in notices if n.code == "pulses"]
    assert "polling each 500 ms: any that is shorter than 1 s" in notice.what
    assert MODULE in notice.next


def test_the_module_that_is_named_has_a_template_with_counters() -> None:
    name = MODULE.partition("template: ")[2].rstrip(")")
    template = Path(__file__).parents[2] / "profiles" / "devices" / f"{name}.yaml"
    assert "counter0" in template.read_text("utf-8")


@pytest.mark.parametrize("short", ["min_pulse", "min_pause"])
def test_short_pulses_are_refused(tmp_path: Path, short: str) -> None:
    other = {"min_pulse": "min_pause", "min_pause": "min_pulse"}[short]
    body = f"""bind: {{pulse: io.in0}}
count_from: {{pulse: {{{short}: 600ms, {other}: 9s}}}}"""
    _asset, [fault], _notices = made(tmp_path, body)
    what = short.removeprefix("min_")
    assert fault.line == 19
    assert f".{short}: a {what} of 600 ms is under two polls of 1 s each" in fault.what
    assert "every 300 ms or faster" in fault.next
    assert MODULE in fault.next


@pytest.mark.parametrize(
    ("body", "line", "says"),
    [
        ("levels: {run: 5}", 18, "it needs the signal power, which is not bound"),
        ("bind: {count: io.shots}\ncount_from: {power: {above: 8, below: 3}}", 19,
         "a tag gives count already"),
        ("bind: {state: io.word}\nstates: {1: running}\nstate_from: {count: {within: 3}}", 20,
         "a tag gives state already"),
        ("state_from: {bits: [[alarm, fault]]}", 18, "the signal alarm, which is not bound"),
        ("state_from: {bits: [[oops, fault]]}", 18,
         "the signal oops, which this type of machine does not have"),
        ("bind: {count: io.shots}\nstate_from: {count: {within: 3}}", 19,
         "within ideal cycles, and there is none"),
        ("count_from: {pulse: {min_pulse: 1s, min_pause: 1s}}", 18, "the signal pulse"),
    ],
)  # fmt: skip
def test_what_can_not_be_derived_is_a_fault_at_its_line(
    tmp_path: Path, body: str, line: int, says: str
) -> None:
    _asset, faults, _notices = made(tmp_path, body)
    [fault] = [fault for fault in faults if says in fault.what]
    assert fault.line == line
    assert len(faults) == 1


def test_an_alarm_may_watch_what_is_derived(tmp_path: Path) -> None:
    body = """bind: {phase_a: io.phase_a, phase_b: io.phase_b}
alarms: {overload: {on: load, above: 95}}"""
    asset, faults, _notices = made(tmp_path, body)
    assert not faults
    [alarm] = asset.alarms
    assert (alarm.device, alarm.tag, alarm.signal) == ("press-1", "load", "load")
    assert alarm.text["en"] == "Load above 95 %"
