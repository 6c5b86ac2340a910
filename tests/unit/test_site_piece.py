"""What a scan writes down is a sound site file, whatever was found and whatever it calls itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from drivers.modbus.exploring import _texts
from gateway.checking import examine
from gateway.commissioning.evidence import Finding
from gateway.commissioning.identifying import Candidate
from gateway.commissioning.knowledge import gather
from gateway.commissioning.site_piece import HEAD, piece, whole
from gateway.commissioning.sweep import Found
from gateway.driver import Hello
from gateway.templates import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

URL = "modbus+rtu:///dev/serial/by-id/usb-FTDI_A1?baud=9600&parity=N"
NOTHING: Mapping[str, str] = {}
KNOWN = {one.name: one for one in gather(URL).hypotheses}


def found(
    unit: int, name: str, probability: float = 0.99, said: Mapping[str, str] = NOTHING
) -> Found:
    candidate = Candidate(
        KNOWN[name], 20.0, [Finding(20.0, "frequency is 50 Hz")], *2 * [probability]
    )
    return Found(URL, unit, Hello("holding 0 is 7", "holding:0"), said, (candidate,))


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_template_and_variant_is_written_so_that_it_can_be_read(
    name: str, tmp_path: Path
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(whole([found(3, name)]), "utf-8")
    faults, _notices = examine(site)
    assert not faults
    (device,) = load(site).devices
    assert device.options["unit"] == 3
    assert [tag for group in device.groups for tag in group.tags], "nothing to read"


def test_what_is_only_possible_is_no_template(tmp_path: Path) -> None:
    text = whole([found(3, "omron/e5cc", 0.4)])
    (device,) = yaml.safe_load(text)["devices"].values()
    assert "template" not in device
    assert "# or omron/e5cc (40%)" in text
    site = tmp_path / "site.yaml"
    site.write_text(text, "utf-8")
    assert not examine(site)[0]


def test_names_are_given_once() -> None:
    two = [found(3, "eastron/sdm120"), found(4, "eastron/sdm120"), found(3, "eastron/sdm630")]
    made = piece(two, ["sdm120-3", "sdm120-3-2"])
    assert list(yaml.safe_load(made)["devices"]) == ["sdm120-3-3", "sdm120-4", "sdm630-3"]


def test_a_device_that_calls_itself_yaml() -> None:
    """It gets a comment of one line and nothing else, whatever it says."""
    said = b"Acme\r\n  evil: {link: x}\x85\xe2\x80\xa8 #\0more"
    data = bytes([1, 0x81, 0, 0, 1, 0, len(said)]) + said
    names = _texts(data)
    assert set(names) == {"vendor"}
    made = whole([found(3, "eastron/sdm120", said=names)])
    assert list(yaml.safe_load(made)["devices"]) == ["sdm120-3"]
    assert len(re.findall("evil", made)) == 1


def test_a_variant_is_written_as_its_tags() -> None:
    made = yaml.safe_load(whole([found(3, "chint/dtsu666, manual_2016")]))
    assert made["devices"]["dtsu666-3"]["tags"] == {
        "energy_import": {"at": "holding:16414"},
        "energy_export": {"at": "holding:16424"},
    }


def test_eight_meters_are_polled_as_often_as_their_line_carries(tmp_path: Path) -> None:
    """At 9600 baud a second is too short for them; nxgate check finds nothing to say."""
    eight = [found(unit, "eastron/sdm630") for unit in range(1, 9)]
    site = tmp_path / "site.yaml"
    site.write_text(whole(eight), "utf-8")
    assert not any(notice.code == "crowded-link" for notice in examine(site)[1])
    paces = {device.groups[0].period_s for device in load(site).devices}
    (pace_s,) = paces
    assert 2 <= pace_s <= 15
    site.write_text(whole(eight[:1]), "utf-8")
    assert "poll" not in site.read_text("utf-8")


def test_the_head_is_sound(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(HEAD + "\n", "utf-8")
    assert not examine(site)[0]
