"""A site file of a workshop, and how to look into the plant that it resolves to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import config
from gateway.templates import Drivers, Plant, load, resolve

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.errors import Fault
    from gateway.kpi import KpiSpec
    from gateway.model import Asset, Binding, Device, Tag

SITE = """\
site:
  cluster: wenzhou-shoes
  enterprise: demo-footwear
  site: plant-1
  gateway: gw-01
  timezone: Asia/Shanghai
  industry: shoes
devices:
  plc-inj:
    link: modbus+tcp://10.0.0.5:502
    unit: 3
    template: inovance/h5u
    poll: 2s
    groups: {slow: 1min}
    tags:
      run_state: {at: D100, kind: u16}
      indexes: {at: D102, kind: u32}
      mounted: {at: D104, kind: u16}
      rejects: {at: D106, kind: u32}
      mould_temp: {at: D110, kind: i16, scale: 0.1, unit: °C, deadband: 0.5, group: slow}
      running: {at: M20}
      start: {at: X20}
      recipe: {at: D200, kind: string, length: 16}
      setpoint: {at: D120, kind: u16, write: {min: 0, max: 200, every: 5s}}
      raw: {at: holding:40, kind: f32, order: ABCD}
  plc-last:
    link: modbus+tcp://10.0.0.6:502
    template: inovance/h5u
    poll: 5s
    tags:
      run_state: {at: D100, kind: u16}
      left: {at: D102, kind: u32}
      right: {at: D104, kind: u32}
      reject_left: {at: D106, kind: u16}
      reject_right: {at: D107, kind: u16}
  meter-1:
    link: modbus+tcp://10.0.0.7:502
    template: chint/dtsu666
    parameters: {ct_ratio: 40}
    tags:
      voltage_l1: {deadband: 0.5, high: 260}
      energy_import_2016: {}
      demand_active: {scale: 1, unit: W}
assets:
  injection-1:
    name: {zh: 1号圆盘注塑机, en: Rotary injection 1}
    line: sole-line
    type: rotary-injection
    bind:
      state: plc-inj.run_state
      count: plc-inj.indexes
      mounted: plc-inj.mounted
      reject: plc-inj.rejects
      mould_temp: plc-inj.mould_temp
      energy: meter-1.energy_import
      power: meter-1.active_power
    states: {0: idle, 1: running, 2: setup, 3: waiting, 4: fault}
    ideal_cycle: 12s
    products: {A17: {ideal_cycle: 10s}}
    parameters: {stations: 24}
  lasting-1:
    line: lasting-line
    type: toe-lasting
    bind:
      state: plc-last.run_state
      count_left: plc-last.left
      count_right: plc-last.right
      reject_left: plc-last.reject_left
      reject_right: plc-last.reject_right
    states: {0: idle, 1: running}
    micro_stop: 30s
  meter:
    type: energy-meter
    bind: {energy: meter-1.energy_import, power: meter-1.active_power}
"""


def write(tmp_path: Path, text: str = SITE) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(text, "utf-8")
    return path


def changed(old: str, new: str) -> str:
    assert SITE.count(old) == 1
    return SITE.replace(old, new)


def faulty(tmp_path: Path, text: str) -> tuple[Plant, list[Fault]]:
    site, found = config.read(write(tmp_path, text))
    assert found == [], "the file itself is sound"
    return resolve(site, Drivers())


def sound(tmp_path: Path, text: str = SITE) -> Plant:
    return load(write(tmp_path, text))


def device(plant: Plant, name: str) -> Device:
    return next(device for device in plant.devices if device.name == name)


def tags(plant: Plant, name: str) -> dict[str, Tag]:
    return {tag.name: tag for group in device(plant, name).groups for tag in group.tags}


def asset(plant: Plant, name: str) -> Asset:
    return next(asset for asset in plant.assets if asset.name == name)


def binding(plant: Plant, name: str, signal: str) -> Binding:
    return next(b for b in asset(plant, name).feeds() if b.signal == signal)


def kpi(plant: Plant, name: str) -> KpiSpec:
    spec = asset(plant, name).kpi
    assert spec is not None
    return spec
