"""Machines of which a trace tells power, bits or a counter alone, through the whole engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.traces import line, replayed, windows

if TYPE_CHECKING:
    from pathlib import Path

SITE = """\
site: {cluster: c, enterprise: e, site: s, gateway: gw-01,
  timezone: Asia/Shanghai, industry: common}
assets:
  press-1:
    type: machine
    ideal_cycle: 10s
    micro_stop: 0s
    RULES
"""


def press(*rules: str) -> str:
    return SITE.replace("RULES", "\n    ".join(rules))


def test_state_and_count_of_a_clamp_meter(tmp_path: Path) -> None:
    """Off for 20 min, strokes of 10 s for 30 min, then standby; samples each second."""
    site = press(
        "levels: {standby: 0.5, run: 3.5, hysteresis: 0.2, dwell: 3s}",
        "count_from: {power: {above: 8, below: 5, dwell: 1s}}",
    )

    def power(second: int) -> float:
        if second < 1200:
            return 0.1
        if second < 3000:
            return 9.0 if second % 10 < 5 else 4.0
        return 1.0

    lines = [line(s, "power", power(s), "press-1") for s in range(3700)]
    records = replayed(tmp_path, lines, site)
    [hour] = windows(records, "oee", "hour")
    assert hour["basis"]["state"] == "power"
    assert hour["time_s"]["run"] == 1800
    assert hour["time_s"]["idle"] == 1800
    assert hour["time_s"]["unknown"] == 0
    assert hour["count"]["total"] == 180
    assert (hour["a"], hour["p"]) == (0.5, 1)
    told = [(one["state"], one["since"]) for one in records if one["class"] == "state"]
    began = told[0][1]
    assert [(word, (since - began) // 1000) for word, since in told] == [
        ("idle", 0), ("running", 1200), ("idle", 3000),
    ]  # fmt: skip


def test_state_of_bits(tmp_path: Path) -> None:
    rule = "state_from: {bits: [[alarm, fault], [running, running]], else: waiting}"
    lines: list[str] = []
    for second in range(0, 3700, 5):
        bad = 3000 <= second < 3300
        q = {"q": "bad"} if bad else {}
        value = None if bad else 600 <= second < 1200
        lines.append(line(second, "alarm", value, "press-1", **q))
        lines.append(line(second, "running", second < 2400, "press-1"))
    [hour] = windows(replayed(tmp_path, lines, press(rule)), "oee", "hour")
    assert hour["basis"]["state"] == "plc"
    assert hour["time_s"]["run"] == 1800
    # Nothing good was heard for longer than the time-out: unknown from the last good value on.
    assert hour["time_s"]["unknown"] == 305
    assert hour["time_s"]["delay"] == 600 + 895


def test_state_of_a_counter(tmp_path: Path) -> None:
    """A piece each 10 s for half an hour; 30 s after the last one the machine is idle."""
    rule = "state_from: {count: {within: 3}}"
    lines = [line(s, "count", min(s, 1800) // 10, "press-1") for s in range(0, 3700, 2)]
    [hour] = windows(replayed(tmp_path, lines, press(rule)), "oee", "hour")
    assert hour["basis"]["state"] == "counter"
    assert hour["time_s"]["unknown"] == 10  # until the first count
    assert hour["time_s"]["run"] == 1820
    assert hour["time_s"]["idle"] == 1770
    assert hour["count"]["total"] == 180


PROFILE = """\
profile: own
version: 1.0.0
extends: common
name: {zh: 自用, en: Own}
types:
  press:
    extends: machine
    name: {zh: 压机, en: Press}
    signals:
      meter_a: {layer: X, kind: register, unit: kWh, name: {zh: 一号表, en: Meter A}}
      meter_b: {layer: X, kind: register, unit: kWh, name: {zh: 二号表, en: Meter B}}
      energy: {is: "meter_a + meter_b"}
"""


def test_energy_of_two_meters_is_their_sum(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(PROFILE, "utf-8")
    site = press().replace("industry: common", "industry: ./own.yaml")
    site = site.replace("type: machine", "type: press")
    lines: list[str] = []
    for second in range(0, 3700, 10):
        lines.append(line(second, "meter_a", round(500 + second / 1000, 3), "press-1"))
        lines.append(line(second, "meter_b", round(80 + second / 4000, 4), "press-1"))
    [hour] = windows(replayed(tmp_path, lines, site), "energy/electricity", "hour")
    assert abs(hour["use"] - 4.5) < 1e-9
    assert hour["reg"] == {"start": 580.0, "end": 584.5}
    assert not hour["est"]
