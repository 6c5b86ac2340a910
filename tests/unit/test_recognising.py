"""Which values let a device pass, and which don't."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from gateway.errors import ConfigError, ConnectionLost, Stranger
from gateway.model import Batch, Kind, Quality, Tag
from gateway.recognising import recognising
from gateway.templates import load

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.driver import Driver, Plan
    from gateway.model import Value

SERIAL = Tag("m", "serial", Kind.U16, "D0", None, expect=(7, "A7", 0.3), file="site.yaml", line=9)
LEVEL = Tag("m", "level", Kind.U16, "D1", None)


@dataclass
class Device:
    """Answers with what it holds."""

    holds: dict[str, Value]
    asked: list[str] = field(default_factory=list)
    is_there: bool = True

    def prepare(self, tags: tuple[Tag, ...]) -> tuple[Tag, ...]:
        return tags

    async def read(self, tags: tuple[Tag, ...]) -> Batch:
        self.asked.append(tags[0].name)
        if not self.is_there:
            raise ConnectionLost("gone")
        values = tuple(self.holds[tag.name] for tag in tags)
        marks = tuple(Quality.BAD if value is None else Quality.GOOD for value in values)
        return Batch("m", tags, values, marks, 1, 1)

    def costs(self) -> str:
        return "its own"


def read(driver: Driver, *tags: Tag) -> tuple[Value, ...]:
    return asyncio.run(driver.read(cast("Plan", tags))).values


@pytest.mark.parametrize("value", [7, 7.0, "A7", 0.1 + 0.2])
def test_what_is_expected_passes_and_is_read_once(value: Value) -> None:
    device = Device({"serial": value, "level": 3})
    driver = recognising(cast("Driver", device), (SERIAL, LEVEL))
    assert [read(driver, LEVEL), read(driver, LEVEL)] == [(3,), (3,)]
    assert device.asked == ["serial", "level", "level"]


@pytest.mark.parametrize(
    ("value", "said"), [(8, "8"), (None, "nothing"), ("a7", "a7"), (0.31, "0.31"), (True, "True")]
)
def test_anything_else_does_not(value: Value, said: str) -> None:
    driver = recognising(cast("Driver", Device({"serial": value, "level": 3})), (SERIAL,))
    with pytest.raises(Stranger, match=rf"^m.serial reads {said}, and 7 or A7 or 0.3 is expected"):
        read(driver, LEVEL)


def test_it_is_read_again_after_a_failure_and_looked_at_wherever_it_is_read() -> None:
    device = Device({"serial": 7, "level": 3})
    driver = recognising(cast("Driver", device), (SERIAL,))
    read(driver, LEVEL)
    device.is_there = False
    with pytest.raises(ConnectionLost):
        read(driver, LEVEL)
    device.is_there, device.holds["serial"] = True, 8
    with pytest.raises(Stranger):
        read(driver, LEVEL)
    device.holds["serial"] = 7
    assert read(driver, LEVEL, SERIAL) == (3, 7)
    device.holds["serial"] = 8
    with pytest.raises(Stranger, match=r"site\.yaml:9"):
        read(driver, LEVEL, SERIAL)


def test_a_device_of_which_nothing_is_expected_has_its_driver_as_it_is() -> None:
    device = cast("Driver", Device({}))
    assert recognising(device, (LEVEL,)) is device
    assert recognising(device, (SERIAL,)).costs() == "its own"  # type: ignore[attr-defined]


SITE = """\
site: {{cluster: c, enterprise: e, site: s, gateway: gw-01, timezone: Asia/Shanghai}}
devices:
  m: {{link: "modbus+tcp://10.0.0.5", template: chint/ddsu666, unit: 3, tags: {{{tag}}}}}
"""


def test_the_site_file_says_it_of_a_templates_tag(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(SITE.format(tag="modbus_address: {expect: 3}"), "utf-8")
    (device,) = load(site).devices
    assert {t.name: t.expect for g in device.groups for t in g.tags if t.expect} == {
        "modbus_address": (3,)
    }


def test_what_a_tag_never_reads_is_a_fault_at_its_place(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(SITE.format(tag="modbus_address: {expect: DDSU666}"), "utf-8")
    with pytest.raises(ConfigError, match=r":3:\d+: .*modbus_address.expect: a tag of kind u16"):
        load(site)
