"""What is replayed from a recording is what was told live, but for id, ts and hist."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from gateway.clock import ManualClock
from gateway.figures.calendar import Calendar
from gateway.ledger import Ledger
from gateway.model import Batch, Quality
from gateway.pipeline import Pipeline
from gateway.templates import load
from tests.kpi_traces import HOUR, T0
from tests.traces import replayed

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Draft, Value

SITE = """\
site: {cluster: c, enterprise: e, site: s, gateway: gw-01, timezone: Asia/Shanghai, industry: shoes}
calendar: {shifts: {early: {start: "00:00", end: "02:30", breaks: [["01:00", "01:10"]]}}}
devices:
  plc-1:
    link: modbus+tcp://127.0.0.1:502
    poll: 1s
    tags:
      run: {at: 'holding:0', kind: u16}
      left: {at: 'holding:1', kind: u16}
      right: {at: 'holding:2', kind: u16}
      bad: {at: 'holding:3', kind: u16}
      code: {at: 'holding:4', kind: u16}
  meter-1:
    link: modbus+tcp://127.0.0.1:503
    poll: 10s
    tags: {kwh: {at: 'holding:0', kind: u32, unit: kWh, scale: 0.01}}
assets:
  last-1:
    line: l1
    type: toe-lasting
    ideal_cycle: 10s
    states: {1: running, 2: fault, 3: idle, 4: setup}
    bind:
      state: plc-1.run
      count_left: plc-1.left
      count_right: plc-1.right
      reject_left: plc-1.bad
      reject_right: plc-1.bad
      product: plc-1.code
      energy: meter-1.kwh
"""


class Live:
    """A gateway's way of a value under a clock of its own, with a recorder beside it."""

    def __init__(self, site: Path, phase_ms: int) -> None:
        plant = load(site)
        self.ledger = Ledger(plant.assets, Calendar(ZoneInfo(plant.timezone), plant.rosters))
        self.pipeline = Pipeline(self.ledger, 300.0)
        self.pipeline.prepare(plant.assets, plant.devices, dict.fromkeys(self._names(plant), ""))
        self.groups = {group.device: group for one in plant.devices for group in one.groups}
        self.lines: list[str] = []
        self.pipeline.tap.listeners.append(
            lambda told: self.lines.extend(told.decode().split("\n"))
        )
        self.records: list[Draft] = []
        self.clock = ManualClock()
        self.phase_ms = phase_ms

    def _record(self, told: bytes) -> None:
        self.lines += told.decode().splitlines()

    @staticmethod
    def _names(plant: Any) -> list[str]:  # noqa: ANN401 - a plant of any kind
        return [asset.name for asset in plant.assets]

    def poll(self, device: str, t_ms: int, values: dict[str, Value]) -> None:
        tags = self.groups[device].tags
        row = tuple(values.get(tag.name) for tag in tags)
        marks = tuple(Quality.BAD if value is None else Quality.GOOD for value in row)
        quality = marks if any(marks) else None
        batch = Batch(device, tags, row, quality, t_ms * 1_000_000, (t_ms - T0) * 1_000_000)
        self.records += self.pipeline.take(batch)

    def tick(self, second: int) -> None:
        self.records += self.ledger.advance(T0 + second * 1000 + self.phase_ms)


def course(seed: int, hours: float) -> list[tuple[int, str, dict[str, Value]]]:
    """Polls of a machine and its meter, with stops, outages, unreadable values and a reset."""
    lots = random.Random(seed)
    polls: list[tuple[int, str, dict[str, Value]]] = []
    state, until, left, right, bad, kwh = 1, 0, 65_000, 100, 0, 500.0
    dark = {"plc-1": 0, "meter-1": 0}
    for second in range(int(hours * 3600)):
        if second >= until:
            state, until = lots.choice([1, 1, 1, 2, 3, 4]), second + lots.randrange(5, 900)
            left = 0 if lots.random() < 0.05 else left
            for device in dark:
                if lots.random() < 0.06:
                    dark[device] = second + lots.randrange(3, 400)
        if state == 1:
            left = (left + (second % 10 == 0)) % 65_536
            right += second % 10 == 5
            bad += lots.random() < 0.002
            kwh += 0.002
        read = {"run": state, "left": left, "right": right, "bad": bad, "code": 1 + second // 5000}
        if lots.random() < 0.003:
            read["run"] = None  # type: ignore[assignment]
        jitter = lots.randrange(0, 40)
        if second >= dark["plc-1"]:
            polls.append((T0 + second * 1000 + jitter, "plc-1", dict(read)))
        if second % 10 == 3 and second >= dark["meter-1"]:
            polls.append((T0 + second * 1000 + 300 + jitter, "meter-1", {"kwh": round(kwh, 2)}))
    return polls


def of(records: list[dict[str, Any]], cls: str, asset: str) -> list[dict[str, Any]]:
    """What records of a class and an asset say, but for what may differ."""
    return [
        {key: value for key, value in one.items() if key not in {"v", "id", "ts", "hist"}}
        for one in records
        if one["class"] == cls and one["asset"] == asset
    ]


@pytest.mark.parametrize(("seed", "phase_ms"), [(2, 370), (3, 910)])
def test_a_replay_tells_what_was_told_live(tmp_path: Path, seed: int, phase_ms: int) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(SITE, "utf-8")
    live = Live(site, phase_ms)
    hours = 3.2
    polls = course(seed, hours)
    place = 0
    for second in range(int(hours * 3600)):
        now = T0 + second * 1000 + phase_ms
        while place < len(polls) and polls[place][0] <= now:
            live.poll(polls[place][1], polls[place][0], polls[place][2])
            place += 1
        live.tick(second)
    end = T0 + int(hours * HOUR)
    records = replayed(tmp_path, live.lines, SITE, end)
    expected = [
        {"asset": draft.asset, "class": draft.cls, **json.loads(draft.body)}
        for draft in live.records
    ]
    for cls in ("state", "oee", "energy/electricity"):
        for asset in ("last-1", "_line", "_site"):
            assert of(records, cls, asset) == of(expected, cls, asset)
    assert sum(draft.cls == "oee" for draft in live.records) >= 4
