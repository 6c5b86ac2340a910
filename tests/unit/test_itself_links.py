"""What the gateway says of its links' certificates, and of those that have none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drivers.opcua import plugin
from gateway.clock import SystemClock
from gateway.driver import ends_of, is_open_to_all
from gateway.itself.trouble import LOOK_AGAIN_S
from tests.unit.test_itself import Scene, plant, told

if TYPE_CHECKING:
    from gateway.plant import Plant

__all__ = ["plant"]
DAY_MS = 86_400_000


def test_a_certificate_of_a_device_that_ends_soon_raises_an_alarm(plant: Plant) -> None:
    url = "opc.tcp://10.0.0.9:4840"
    first, *others = plant.devices
    scene = Scene(replace(plant, devices=(replace(first, link=url), *others)))
    link = scene.links[0]
    link.url = url
    now_ms = scene.clock.wall // 1_000_000
    link.ends = {"own": now_ms + 900 * DAY_MS, "10.0.0.9:4840": now_ms + 31 * DAY_MS}
    name = f"alarm/device_certificate_expiring-{first.name}"
    assert not told(scene.second(), name)
    scene.clock.step(2 * 86_400)
    (raised,) = told(scene.second(LOOK_AGAIN_S), name)
    assert 28 < raised["value"] < 30 == raised["limit"]
    assert "10.0.0.9:4840 expires on " in raised["text"]
    link.ends = {"own": now_ms + 900 * DAY_MS}
    assert told(scene.second(LOOK_AGAIN_S), name)[0]["active"] is False


def test_a_link_without_security_says_so() -> None:
    clock = SystemClock()
    plain = plugin.link("opc.tcp://10.0.0.9:4840?policy=None&mode=None", clock)
    secured = plugin.link("opc.tcp://10.0.0.9:4840", clock)
    assert is_open_to_all(plain)
    assert not is_open_to_all(secured)
    assert not is_open_to_all(object())
    assert ends_of(secured) == {}
