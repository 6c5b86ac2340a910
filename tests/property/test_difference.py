"""What differs between two plants, for any two: nothing forgotten, nothing touched in vain."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.difference import compare, mark
from gateway.loading import receive
from gateway.model import AlarmSpec, Asset, Binding, Device, Group, Kind, Tag
from gateway.plant import Plant
from gateway.sending import send
from gateway.settings import Identity, MqttSettings, Roster, Rosters, StoreSettings
from tests.kpi_traces import spec

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("a", "b", "c")
STORE = StoreSettings(Path("store"), 1 << 28, 3600.0, 86400.0, 0.5)
SPECS = (None, spec(), spec(ideal_cycle_s=77.0))


@st.composite
def devices(draw: st.DrawFn, name: str) -> Device:
    tags = tuple(
        Tag(name, tag, Kind.U16, f"D{draw(st.integers(0, 1))}", (0, 1), file="s", line=draw(LINES))
        for tag in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    )
    group = Group(name, "default", draw(st.sampled_from([1.0, 2.0])), tags)
    return Device(name, f"x://{draw(st.integers(0, 1))}", 1.0, (group,), {"unit": 1}, draw(PLACES))


LINES = st.integers(0, 3)
PLACES = st.sampled_from(["site.yaml:3", "site.yaml:4"])


@st.composite
def plants(draw: st.DrawFn) -> Plant:
    """Few names and few values, so that two plants have much in common."""
    chosen = draw(st.lists(st.sampled_from(NAMES), unique=True))
    made = tuple(draw(devices(name)) for name in chosen)
    tags = [tag for device in made for group in device.groups for tag in group.tags]
    assets = []
    for name in draw(st.lists(st.sampled_from(["p", "q", "r"]), unique=True)):
        bound = draw(st.lists(st.sampled_from(tags), unique_by=id, max_size=3)) if tags else []
        watched = draw(st.lists(st.sampled_from(tags), max_size=1)) if tags else []
        assets.append(
            Asset(
                name,
                draw(st.sampled_from(["main", "other"])),
                "press",
                {},
                tuple(Binding(tag.name, tag, "N", None) for tag in bound),
                draw(st.sampled_from(SPECS)),
                draw(PLACES),
                tuple(AlarmSpec("hot", 1, {}, device=t.device, tag=t.name) for t in watched),
            )
        )
    plant = Plant(
        identity=Identity("c", "e", "s", draw(st.sampled_from(["gw", "gw", "gw", "other"]))),
        timezone=draw(st.sampled_from(["UTC", "UTC", "Asia/Shanghai"])),
        rosters=Rosters(draw(st.sampled_from([None, None, Roster(())])), {"main": Roster(())}),
        publish={
            name: MqttSettings(("mqtt://h",), None, None, None, None, "5", beat, 9.0, 0.0, "x:1")
            for name, beat in draw(st.dictionaries(st.sampled_from(NAMES), BEATS)).items()
        },
        store=dataclasses.replace(STORE, size=draw(st.sampled_from([1 << 28, 1 << 29]))),
        devices=made,
        assets=tuple(assets),
        kpis={},
        drivers={},
        publishers={},
        files=(Path("site.yaml"),),
        notices=(),
    )
    return dataclasses.replace(plant, marks=mark(plant))


BEATS = st.sampled_from([30.0, 60.0])


def lean(plant: Plant) -> Plant:
    assets = tuple(dataclasses.replace(asset, bindings=(), loose=()) for asset in plant.assets)
    return dataclasses.replace(plant, assets=assets)


def ways(plant: Plant) -> dict[str, set[tuple[object, ...]]]:
    """What is done with the values of each device."""
    found: dict[str, set[tuple[object, ...]]] = {device.name: set() for device in plant.devices}
    for asset in plant.assets:
        for binding in asset.feeds():
            found[binding.tag.device].add((asset.line, asset.name, binding.signal))
        for alarm in asset.alarms:
            found[alarm.device].add((asset.name, alarm.name, alarm.tag))
    return found


def plain(device: Device) -> object:
    """A device but for where it is written."""
    tags = [tag._replace(line=0) for group in device.groups for tag in group.tags]
    return device.link, tags, [group.period_s for group in device.groups]


def by_name(parts: tuple[Device, ...] | tuple[Asset, ...]) -> Mapping[str, object]:
    return {part.name: part for part in parts}


@given(plants())
def test_a_plant_is_as_it_is_wherever_it_is_written(plant: Plant) -> None:
    moved = dataclasses.replace(
        plant,
        devices=tuple(dataclasses.replace(device, where="below:9") for device in plant.devices),
        assets=tuple(dataclasses.replace(asset, where="below:9") for asset in plant.assets),
        publish={n: dataclasses.replace(p, where="below:9") for n, p in plant.publish.items()},
    )
    difference = compare(lean(plant), dataclasses.replace(moved, marks=mark(moved)))
    assert not difference
    assert difference.fixed == ()
    assert difference.parts.rewired == difference.parts.needed == frozenset()


@given(plants(), plants())
@settings(deadline=None, max_examples=60)
def test_every_part_is_told_of_once(old: Plant, new: Plant) -> None:
    difference = compare(lean(old), lean(new))
    for change, before, after in (
        (difference.parts.devices, by_name(old.devices), by_name(new.devices)),
        (difference.parts.assets, by_name(old.assets), by_name(new.assets)),
        (difference.publishers, old.publish, new.publish),
    ):
        assert sorted((*change.added, *change.changed, *change.kept)) == sorted(after)
        assert set(change.removed) == before.keys() - after.keys()
        assert set(change.added) == after.keys() - before.keys()
    back = compare(lean(new), lean(old))
    assert set(back.parts.devices.changed) == set(difference.parts.devices.changed)
    assert set(back.parts.assets.removed) == set(difference.parts.assets.added)
    assert bool(difference.fixed) == (old.identity != new.identity)


@given(plants(), plants())
@settings(deadline=None, max_examples=60)
def test_what_is_kept_is_the_same_and_what_is_not_is_not(old: Plant, new: Plant) -> None:
    difference = compare(lean(old), lean(new))
    before = {device.name: plain(device) for device in old.devices}
    for device in new.devices:
        kept = device.name in difference.parts.devices.kept
        assert kept == (before.get(device.name) == plain(device))
    was, will = ways(old), ways(new)
    for name in difference.parts.devices.kept:
        if name not in difference.parts.rewired:
            assert was[name] == will[name]
    specs = {a.name: (a.line, a.kpi, old.timezone, old.rosters.of(a.line)) for a in old.assets}
    for asset in new.assets:
        now = (asset.line, asset.kpi, new.timezone, new.rosters.of(asset.line))
        anew = asset.kpi is not None and specs.get(asset.name) != now
        assert anew == (asset.name in difference.figures)


@given(plants(), plants())
@settings(deadline=None, max_examples=60)
def test_what_travels_makes_the_new_plant_whole(old: Plant, new: Plant) -> None:
    running = lean(old)
    arrived = receive(send(new, running.marks), running)
    assert arrived is not None
    assert list(map(plain, arrived.devices)) == list(map(plain, new.devices))
    arrived_rest = dataclasses.replace(lean(arrived), devices=())
    assert arrived_rest == dataclasses.replace(lean(new), devices=())
    assert [device.where for device in arrived.devices] == [d.where for d in new.devices]
    assert [asset.where for asset in arrived.assets] == [asset.where for asset in new.assets]
    parts = compare(running, arrived).parts
    assert parts == compare(running, new).parts
    objects = {device.name: device for device in old.devices}
    devices = {device.name: device for device in arrived.devices}
    assert all(devices[name] is objects[name] for name in parts.devices.kept)
    whole = {asset.name: asset for asset in new.assets}
    for asset in arrived.assets:
        if asset.name in parts.needed:
            assert len([*asset.feeds()]) == len([*whole[asset.name].feeds()])
            for binding in asset.feeds():
                device = devices[binding.tag.device]
                assert any(binding.tag is tag for group in device.groups for tag in group.tags)


@pytest.mark.parametrize("format_", ["cii", "sparkplug"])
def test_a_section_of_another_format_goes_and_comes_again(format_: str) -> None:
    plain = MqttSettings(("mqtt://h",), None, None, None, None, "5", 30.0, 9.0, 0.0, "x:1")
    other = dataclasses.replace(plain, heartbeat=60.0, format=format_)
    found = compare(publishing(plain), publishing(other)).publishers
    if format_ == plain.format:
        assert (found.added, found.removed, found.changed) == ((), (), ("platform",))
    else:
        assert (found.added, found.removed, found.changed) == (("platform",), ("platform",), ())


def publishing(settings: MqttSettings) -> Plant:
    plant = Plant(
        identity=Identity("c", "e", "s", "gw"),
        timezone="UTC",
        rosters=Rosters(None, {}),
        publish={"platform": settings},
        store=STORE,
        devices=(),
        assets=(),
        kpis={},
        drivers={},
        publishers={},
        files=(),
        notices=(),
    )
    return dataclasses.replace(plant, marks=mark(plant))
