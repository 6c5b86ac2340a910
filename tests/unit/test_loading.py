"""A plant that travels between processes arrives as it was sent."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gateway import loading, plain, sending
from gateway.difference import mark
from gateway.errors import ConfigError
from gateway.model import AlarmSpec, Group, Kind, Order, Tag, Value
from gateway.settings import Roster, Rosters, Shift
from gateway.templates import load

SAMPLE = Path(__file__).parents[2] / "docs/site.sample.yaml"
WORKSHOP = Path(__file__).parents[2] / "simulators/scenarios/workshop.site.yaml"


def test_the_workshop_arrives_whole_from_its_own_process() -> None:
    plant = load(WORKSHOP)
    with loading.begin(WORKSHOP) as loaded:
        assert loaded() == dataclasses.replace(plant, marks=mark(plant))


def test_a_bound_tag_is_the_device_s_own_object() -> None:
    plant = loading.receive(sending.send(load(WORKSHOP)))
    assert plant is not None
    tags = {id(tag) for device in plant.devices for group in device.groups for tag in group.tags}
    assert all(id(binding.tag) in tags for asset in plant.assets for binding in asset.feeds())


def test_faults_arrive_as_faults(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(WORKSHOP.read_text("utf-8").replace("cluster: wenzhou-shoes", "kluster: x"))
    with pytest.raises(ConfigError) as here:
        load(site)
    with pytest.raises(ConfigError) as there, loading.begin(site) as loaded:
        loaded()
    assert there.value.faults == here.value.faults
    assert len(there.value.faults) > 1


def test_a_sender_that_dies_halfway_gives_no_plant() -> None:
    *most, _end = sending.send(load(WORKSHOP))
    assert loading.receive(most) is None
    assert loading.receive([]) is None


def test_dates_sets_paths_and_enumerations_survive() -> None:
    shift = Shift("night", 1200, 1920, frozenset({0, 4}), ((1430, 1450),))
    rosters = Rosters(Roster((shift,)), {"press": Roster(())})
    assert plain.loader(Rosters)(plain.dump(rosters)) == rosters
    tag = Tag("plc", "t", Kind.F32, "D0", None, Order.CDAB, bits=(0, 3), missing=(1.5,))
    assert plain.loader(Tag)(plain.dump(tag)) == tag


@pytest.mark.parametrize("equals", [4, True, 2.5, "A17", None])
def test_what_may_be_a_number_or_a_text_stays_what_it_is(equals: Value) -> None:
    alarm = AlarmSpec("in-fault", 1, {}, equals=equals)
    back = plain.loader(AlarmSpec)(plain.dump(alarm))
    assert back == alarm
    assert type(back.equals) is type(equals)


def test_a_sound_site_file_with_every_key_arrives(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    text = SAMPLE.read_text("utf-8")
    mapping = tmp_path / "platform.yaml"
    mapping.write_bytes(SAMPLE.with_name("mapping.sample.yaml").read_bytes())
    text = text.replace("/etc/nxgate/platform.yaml", str(mapping))
    secrets = ("mqtt.password", "command.key", "cell-1.password", "influx.token", "alink.secret")
    for secret in secrets:
        path = tmp_path / secret
        path.write_text("0123456789abcdef" * 4)
        path.chmod(0o600)
        text = text.replace(f"/etc/nxgate/{secret}", str(path))
    text = "\n".join(line for line in text.splitlines() if "/etc/nxgate" not in line)
    site.write_text(text.replace("      tls:\n", "").replace("    tls:\n", ""))
    plant = load(site)
    with loading.begin(site) as loaded:
        assert loaded() == dataclasses.replace(plant, marks=mark(plant))


def test_what_all_tags_of_a_group_have_alike_travels_once() -> None:
    tags = tuple(Tag("plc-7", f"t{n}", Kind.U16, f"D{n}", (3, n, None), line=n) for n in range(200))
    group = Group("a", "default", 1.0, tags)
    line = plain.dump(group)
    assert line.count(b"plc-7") == line.count(b"u16") == 1
    assert plain.loader(Group)(line) == group


@pytest.mark.parametrize("count", [0, 1, 2])
def test_rows_of_any_length_survive(count: int) -> None:
    group = Group("a", "default", 1.0, (Tag("plc", "t", Kind.BIT, "M0", (1, 0, None)),) * count)
    assert plain.loader(Group)(plain.dump(group)) == group


def test_nested_registers_of_another_driver_survive() -> None:
    tag = Tag("opc", "t", Kind.F64, "ns=2;s=x", ("ns", (2, ("s", "x"))))
    assert plain.loader(Tag)(plain.dump(tag)) == tag


def test_only_plain_data_travels() -> None:
    with pytest.raises(TypeError):
        plain.dump(Tag("plc", "t", Kind.F32, "D0", object()))
