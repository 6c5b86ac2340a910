"""References that lead nowhere, and things that don't go together: each at its place, in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway import config
from gateway.driver import Address, AddressError
from gateway.model import Kind
from gateway.templates import Drivers, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.clock import Clock
    from gateway.driver import Driver, Link
    from gateway.errors import Fault
    from gateway.model import Device, Tag
    from gateway.templates import Plant

SITE = """\
site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai, industry: shoes}
devices:
  plc-1:
    link: modbus+tcp://10.0.0.5:502
    template: inovance/h5u
    tags:
      run_state: {at: D100, kind: u16}
      shots: {at: D102, kind: u32}
      temp: {at: D110, kind: f32, unit: °C}
      recipe: {at: D200, kind: string, length: 8}
      running: {at: M20}
  meter-1:
    link: modbus+tcp://10.0.0.6:502
    template: chint/dtsu666
    parameters: {ct_ratio: 40}
assets:
  injection-1:
    type: rotary-injection
    bind: {state: plc-1.run_state, count: plc-1.shots, energy: meter-1.energy_import}
    parameters: {stations: 24}
"""


def resolved(tmp_path: Path, text: str) -> tuple[Plant, list[Fault]]:
    path = tmp_path / "site.yaml"
    path.write_text(text, "utf-8")
    site, found = config.read(path)
    assert found == [], "the file itself is sound"
    return resolve(site, Drivers())


def test_the_sample_is_sound(tmp_path: Path) -> None:
    assert resolved(tmp_path, SITE)[1] == []


CASES = {
    "unknown device": (
        "state: plc-1.run_state",
        "state: plc-2.run_state",
        "plc-2.run_state",
        "unknown-device",
        "assets.injection-1.bind.state: there is no device plc-2: did you mean plc-1?",
    ),
    "unknown tag": (
        "count: plc-1.shots",
        "count: plc-1.shot",
        "plc-1.shot,",
        "unknown-tag",
        "plc-1 has no tag shot: did you mean plc-1.shots?",
    ),
    "unknown tag of a template": (
        "meter-1.energy_import",
        "meter-1.energy_imports",
        "meter-1.energy_imports",
        "unknown-tag",
        "did you mean meter-1.energy_import?",
    ),
    "unknown signal": (
        "count: plc-1.shots",
        "cuont: plc-1.shots",
        "cuont",
        "unknown-signal",
        "did you mean count? A signal of your own goes into an extension, layer X",
    ),
    "unknown type": (
        "type: rotary-injection",
        "type: rotary-injektion",
        "rotary-injektion",
        "unknown-type",
        "the profile has no type rotary-injektion: did you mean rotary-injection?",
    ),
    "unknown template": (
        "template: inovance/h5u",
        "template: inovance/h6u",
        "inovance/h6u",
        "unknown-template",
        "there is no template inovance/h6u: did you mean inovance/h5u?",
    ),
    "unknown profile": (
        "industry: shoes",
        "industry: shoe",
        "shoe}",
        "unknown-profile",
        "there is no profile shoe: did you mean shoes?",
    ),
    "no profile at all": (
        ", industry: shoes",
        "",
        "rotary-injection",
        "no-industry",
        "a type needs an industry that knows it",
    ),
    "extension missing": (
        "industry: shoes",
        "industry: shoes, extensions: [extra.yaml]",
        "extra.yaml",
        "no-such-file",
        "there is no file",
    ),
    "extension of nothing": (
        ", industry: shoes}",
        ", extensions: [extra.yaml]}",
        "[extra.yaml]",
        "no-industry",
        "an extension needs an industry to extend",
    ),
    "unknown parameter of a template": (
        "ct_ratio: 40",
        "ct_raito: 40",
        "ct_raito",
        "unknown-parameter",
        "chint/dtsu666 has no such parameter: did you mean ct_ratio?",
    ),
    "parameter out of range": (
        "ct_ratio: 40",
        "ct_ratio: 0",
        "0}",
        "out-of-range",
        "0 is outside 1 to 10000",
    ),
    "parameter of the wrong type": (
        "ct_ratio: 40",
        "ct_ratio: 200/5",
        "200/5",
        "wrong-type",
        'must be a number, not "200/5"',
    ),
    "unknown parameter of a type": (
        "stations: 24",
        "station: 24",
        "station:",
        "unknown-parameter",
        "rotary-injection has no such parameter: did you mean stations?",
    ),
    "parameter of a type out of range": (
        "stations: 24",
        "stations: 0",
        "0}",
        "out-of-range",
        "0 is outside 1 to 120",
    ),
    "count from text": (
        "count: plc-1.shots",
        "count: plc-1.recipe",
        "plc-1.recipe",
        "wrong-kind",
        "plc-1.recipe is a string, which can't be a counter",
    ),
    "count from a bit": (
        "count: plc-1.shots",
        "count: plc-1.running",
        "plc-1.running",
        "wrong-kind",
        "plc-1.running is a bit, which can't be a counter",
    ),
    "state from a float": (
        "state: plc-1.run_state",
        "state: plc-1.temp",
        "plc-1.temp",
        "wrong-kind",
        "plc-1.temp is a f32, which can't be a state",
    ),
    "state with a scale": (
        "run_state: {at: D100, kind: u16}",
        "run_state: {at: D100, kind: u16, scale: 2}",
        "plc-1.run_state",
        "wrong-kind",
        "plc-1.run_state has a scale, and a state is a word",
    ),
    "energy from degrees": (
        "energy: meter-1.energy_import",
        "energy: plc-1.temp",
        "plc-1.temp",
        "wrong-unit",
        "the tag is in °C, the signal in kWh",
    ),
    "energy from power": (
        "energy: meter-1.energy_import",
        "energy: meter-1.active_power",
        "meter-1.active_power",
        "wrong-unit",
        "the tag is in W, the signal in kWh",
    ),
    "one tag in two units": (
        "count: plc-1.shots",
        "count: plc-1.shots, reject: plc-1.shots",
        "plc-1.shots, energy",
        "two-units",
        "another signal wants the same tag in index",
    ),
    "same name for a device and an asset": (
        "  injection-1:",
        "  plc-1:",
        "plc-1:",
        "duplicate-name",
        "assets.plc-1: a device has the same name",
    ),
    "address of another PLC": (
        "at: D102",
        "at: HD102",
        "HD102",
        "unknown-area",
        "this device has no area `HD`",
    ),
    "address beyond the area": (
        "at: D102",
        "at: D9000",
        "D9000",
        "address-range",
        "this device has D0–D7999",
    ),
    "octal digit": ("at: M20", "at: X19", "X19", "bad-digit", "no digit 9"),
    "kind that the address can't hold": (
        "at: M20}",
        "at: M20, kind: u16}",
        "M20",
        "bad-kind",
        "is a single bit, not u16",
    ),
    "no kind": (
        "at: D102, kind: u32",
        "at: holding:102",
        "holding:102",
        "missing-key",
        "holding:102 does not tell what it holds: write e.g. kind: u16",
    ),
    "no address": (
        "shots: {at: D102, kind: u32}",
        "shots: {kind: u32}",
        "{kind: u32}",
        "missing-key",
        "the tag has no address",
    ),
    "unknown link": (
        "modbus+tcp://10.0.0.5:502",
        "modbus-tcp://10.0.0.5:502",
        "modbus-tcp://",
        "unknown-link",
        "no driver serves modbus-tcp: did you mean modbus+tcp://?",
    ),
    "link that its driver refuses": (
        "modbus+tcp://10.0.0.6:502",
        "modbus+tcp://10.0.0.6:502/x",
        "modbus+tcp://10.0.0.6:502/x",
        "bad-link",
        "devices.meter-1.link",
    ),
    "group that isn't there": (
        "parameters: {ct_ratio: 40}",
        "parameters: {ct_ratio: 40, bd: 1}",
        "bd",
        "unknown-parameter",
        "there are: ct_ratio, pt_ratio",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_leads_nowhere_is_told_where_it_stands(tmp_path: Path, case: str) -> None:
    old, new, points_at, code, says = CASES[case]
    assert SITE.count(old) == 1
    text = SITE.replace(old, new)
    _plant, faults = resolved(tmp_path, text)
    fault = next((fault for fault in faults if fault.code == code), None)
    assert fault is not None, faults
    assert {f.code for f in faults} <= {code, "later", "wrong-template"}
    assert fault.file == str(tmp_path / "site.yaml")
    assert text.splitlines()[fault.line - 1][fault.column - 1 :].startswith(points_at)
    assert says in str(fault)
    assert fault.next


def test_a_template_must_speak_the_links_protocol(tmp_path: Path) -> None:
    text = SITE.replace("modbus+tcp://10.0.0.6:502", "dlt645:///dev/ttyUSB0")
    _plant, faults = resolved(tmp_path, text)
    assert [fault.code for fault in faults] == ["wrong-template"]
    assert "it speaks modbus+rtu, modbus+rtuovertcp, modbus+tcp" in faults[0].next


def test_a_template_of_registers_is_none_for_a_server_of_nodes(tmp_path: Path) -> None:
    text = SITE.replace("modbus+tcp://10.0.0.5:502", "opc.tcp://10.0.0.5:4840")
    plant, faults = resolved(tmp_path, text)
    assert "wrong-template" in {fault.code for fault in faults}
    assert "meter-1" in [device.name for device in plant.devices]


def test_a_fault_of_a_templates_tag_points_into_the_template(tmp_path: Path) -> None:
    (tmp_path / "press.yaml").write_text(
        "template: acme/press\nname: {zh: 压机, en: Press}\nkind: plc\nprotocols: [modbus+tcp]\n"
        "confidence: B\nsources: [its manual]\n"
        "tags:\n  force: {at: D10, kind: u16, name: {zh: 压力, en: Force}}\n",
        "utf-8",
    )
    text = SITE.replace("template: chint/dtsu666", "template: ./press.yaml").replace(
        ", energy: meter-1.energy_import", ""
    )
    path = tmp_path / "site.yaml"
    path.write_text(text.replace("    parameters: {ct_ratio: 40}\n", ""), "utf-8")
    site, found = config.read(path)
    assert found == []
    _plant, faults = resolve(site, Drivers())
    assert [(Path(f.file).name, f.line, f.column) for f in faults] == [("press.yaml", 8, 15)]


def test_faults_of_the_file_start_no_avalanche(tmp_path: Path) -> None:
    text = SITE.replace("kind: u32", "kind: u23").replace("inovance/h5u", "inovance/h5u/x")
    text = text.replace("ct_ratio: 40", "ct_ratio: [40]").replace("industry: shoes", "industry: 7")
    path = tmp_path / "site.yaml"
    path.write_text(text, "utf-8")
    site, found = config.read(path)
    assert [fault.line for fault in found] == [1, 5, 8, 15]
    _plant, faults = resolve(site, Drivers())
    assert faults == []


def test_a_tag_with_a_fault_is_known_to_those_who_bind_it(tmp_path: Path) -> None:
    text = SITE.replace("at: D102", "at: D9000")
    plant, faults = resolved(tmp_path, text)
    assert [fault.code for fault in faults] == ["address-range"]
    assert "shots" not in {t.name for d in plant.devices for g in d.groups for t in g.tags}


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = SITE
    for case in (
        "unknown tag",
        "unknown parameter of a type",
        "octal digit",
        "parameter out of range",
    ):
        old, new, *_rest = CASES[case]
        text = text.replace(old, new)
    _plant, faults = resolved(tmp_path, text)
    assert [fault.code for fault in faults] == [
        "bad-digit",
        "out-of-range",
        "unknown-tag",
        "unknown-parameter",
    ]
    assert [fault.line for fault in faults] == sorted(fault.line for fault in faults)


class Sevens:
    """A stranger's driver, whose addresses are any text with a 7 in it."""

    def check_link(self, url: str) -> None:
        if "7" not in url:
            raise AddressError("no-seven", "the link lacks a 7", "add one")

    def address(self, at: str, areas: Sequence[Mapping[str, object]]) -> Address:
        del areas
        if "7" not in at:
            raise AddressError("no-seven", f"{at} lacks a 7", "add one")
        return Address(("seven", at), Kind.U16, "BADC")

    def check_tag(self, tag: Tag, options: Mapping[str, object]) -> None:
        if tag.length > 7:
            raise AddressError("too-long", f"{tag.name} is too long", f"unit {options['unit']}")

    def link(self, url: str, clock: Clock) -> Link:
        raise NotImplementedError

    def driver(self, link: Link, device: Device, clock: Clock) -> Driver:
        raise NotImplementedError


def test_a_strangers_driver_brings_its_own_grammar(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        "site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: UTC}\n"
        "devices:\n"
        "  seven:\n"
        "    link: sevens://77\n"
        "    tags:\n"
        "      good: {at: a7}\n"
        "      bad: {at: b8}\n"
        "      long: {at: c7, kind: string, length: 8}\n",
        "utf-8",
    )
    site, found = config.read(path)
    assert found == []
    plant, faults = resolve(site, {"sevens": Sevens()})
    assert [(f.line, f.column, f.code) for f in faults] == [
        (7, 17, "no-seven"),
        (8, 18, "too-long"),
    ]
    (tag,) = plant.devices[0].groups[0].tags
    assert (tag.register, tag.kind, tag.order) == (("seven", "a7"), Kind.U16, "BADC")


def test_no_driver_is_loaded_before_a_link_needs_it() -> None:
    drivers = Drivers()
    assert "modbus+tcp" in drivers
    assert len(drivers) >= 1
    assert "modbus+tcp" in set(drivers)
    with pytest.raises(KeyError):
        drivers["opc.udp"]
