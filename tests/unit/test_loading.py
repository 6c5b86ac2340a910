"""A plant that travels between processes arrives as it was sent."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gateway import loading, plain, sending
from gateway.difference import mark
from gateway.errors import ConfigError
from gateway.model import Kind, Order, Tag
from gateway.settings import Roster, Rosters, Shift
from gateway.templates import load

WORKSHOP = Path(__file__).parents[2] / "simulators/scenarios/workshop.site.yaml"


def test_the_workshop_arrives_whole_from_its_own_process() -> None:
    plant = load(WORKSHOP)
    with loading.begin(WORKSHOP) as loaded:
        assert loaded() == dataclasses.replace(plant, marks=mark(plant))


def test_a_bound_tag_is_the_device_s_own_object() -> None:
    plant = loading.receive(sending.send(load(WORKSHOP)))
    assert plant is not None
    tags = {id(tag) for device in plant.devices for group in device.groups for tag in group.tags}
    assert all(id(binding.tag) in tags for asset in plant.assets for binding in asset.bindings)


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


def test_only_plain_data_travels() -> None:
    with pytest.raises(TypeError):
        plain.dump(Tag("plc", "t", Kind.F32, "D0", object()))
