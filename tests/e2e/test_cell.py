"""The CNC cell and the valve bench: their figures by way of a gateway, and their faults."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from drivers.opcua import plugin
from gateway.clock import SystemClock
from gateway.errors import DriverError
from gateway.model import Device, Kind, Quality
from simulators import scenario as scenarios
from simulators.figures import Rule, truth_figures
from simulators.serve import Simulation
from simulators.truth import Truth
from tests.e2e.mosquitto import Mosquitto, Subscriber, free_ports, wait_for
from tests.e2e.workshop import NXGATE, ROOT, SCENARIOS, Workshop, bodies
from tests.opcua_kit import make

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.model import Batch

RULES = {
    "cell-1": ("cnc-1", Rule(1.9, 1, 1.0, 1.0)),
    "tester-1": ("bench-1", Rule(2.8, 1, 1.0, 1.0)),
}
CNC = "nsu=urn:nxgate:simulators:cnc;s=Cell"
PARTS = 48210
"""What the cell has counted at the start; the other namespace's node of that name holds 0."""
BACK_S = 15.0
SECONDS = 8.0
_LOOK_S = 0.2
"""The site file's poll: what a state's change may be late by, twice with the server's look."""


def test_the_figures_are_those_of_what_happened(tmp_path: Path) -> None:
    base = free_ports(2)
    truth, site = tmp_path / "truth.jsonl", tmp_path / "site.yaml"
    command = [*NXGATE, "simulate", str(SCENARIOS / "cell.yaml"), "--truth", str(truth)]
    with Mosquitto(tmp_path) as broker, Subscriber(broker.port) as subscriber:
        text = (SCENARIOS / "cell.site.yaml").read_text("utf-8")
        text = text.replace(":15840", f":{base}").replace(":15841", f":{base + 1}")
        text = text.replace(":18883", f":{broker.port}").replace("30s}", "30s, spread: 0s}")
        site.write_text(text, "utf-8")
        shutil.copy(SCENARIOS / "cell.x.yaml", tmp_path)
        with (tmp_path / "simulator.log").open("wb") as log:
            simulator = subprocess.Popen(
                [*command, "--port-base", str(base)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        made = Workshop(tmp_path, site, truth, simulator=simulator)
        try:
            wait_for(lambda: b"cnc-1" in (tmp_path / "simulator.log").read_bytes(), "it serves")
            made.start()
            wait_for(lambda: bodies(subscriber, "tester-1/oee"), "figures come")
            time.sleep(SECONDS)
            assert made.end() == 0, made.log()
        finally:
            if made.gateway is not None:
                made.gateway.kill()
            simulator.terminate()
            simulator.wait(30)
        for asset, (device, rule) in RULES.items():
            _judge(asset, device, rule, made.events(), subscriber)


def _judge(asset: str, device: str, rule: Rule, events: list[Any], subscriber: Subscriber) -> None:
    last = [r for r in bodies(subscriber, f"{asset}/oee") if r["win"]["kind"] == "day"][-1]
    rows = [
        row
        for record in bodies(subscriber, f"{asset}/telemetry/live")
        for row in record["rows"]
        if row["m"].get("count") is not None
    ]
    first = rows[0]["t"]
    until = last["win"]["start"] + round(1000 * last["time_s"]["planned"])
    story = [e for e in events if e["type"] == "state" or e["t"] > first - 1000 * _LOOK_S]
    true = truth_figures(story, device, (last["win"]["start"], until), rule, [(first, until)])
    changes = sum(1 for e in events if e["on"] == device and e["type"] == "state")
    seconds = (until - first) / 1000
    late = 2 * _LOOK_S * (changes + 1) / seconds
    assert true["a"] is not None
    assert last["a"] == pytest.approx(true["a"], abs=late)
    assert last["count"]["total"] == pytest.approx(true["total"], abs=1)
    assert last["count"]["good"] == pytest.approx(true["good"], abs=1)
    assert true["total"] > 1


TROUBLES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"fault": "restarted"}, "back"),
    ({"fault": "reordered", "for": "1s"}, "back"),
    ({"fault": "certificate"}, "back"),
    ({"fault": "half-open", "for": "1s"}, "back"),
    ({"fault": "refused", "for": "500ms"}, "back"),
    ({"fault": "late", "by": "300ms", "for": "3s"}, "late"),
    ({"fault": "bad-nodes", "for": "3s"}, "bad"),
    ({"fault": "clock", "by": "2h", "for": "3s"}, "ahead"),
)
SAMPLE = {"bad-nodes"}


def test_a_fault_shows_and_makes_no_wrong_value() -> None:
    asyncio.run(_suffer([one for one in TROUBLES if one[0]["fault"] in SAMPLE]))


@pytest.mark.soak
def test_every_fault_shows_and_makes_no_wrong_value() -> None:
    asyncio.run(_suffer(TROUBLES))


async def _suffer(troubles: Sequence[tuple[dict[str, Any], str]]) -> None:
    plan = scenarios.read(SCENARIOS / "cell.yaml")
    simulation = Simulation(plan, Truth(None), 3, 0)
    await simulation.open()
    url = f"{simulation.url('cnc-1')}?policy=None&mode=None"
    clock = SystemClock()
    link = plugin.link(url, clock)
    driver = plugin.driver(link, Device("cnc-1", url, 1.0, (), {}), clock)
    plan_of = driver.prepare(
        (
            make("parts", f"{CNC}/Production/Statistics/PartsProducedInLifetime", Kind.U32),
            make("program", f"{CNC}/Production/ActiveProgram/Name", Kind.STRING),
        )
    )

    async def read() -> Batch | None:
        try:
            await link.open()
            return await driver.read(plan_of)
        except DriverError:
            return None

    try:
        for entry, wanted in troubles:
            spelled = json.dumps({"on": "cnc-1", **entry})
            trouble = scenarios.command(spelled, plan)
            before = await read()
            assert before is not None
            job = asyncio.create_task(simulation.suffer(trouble, lambda _text: None))
            await _shown(wanted, read)
            await job
            await _well(read)
    finally:
        await link.close()
        await simulation.close()


async def _shown(wanted: str, read: Any) -> None:  # noqa: ANN401 - an async function
    """What the fault is for is seen while it lasts; no value is ever another node's."""
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        asked = time.monotonic()
        batch = await read()
        took_s = time.monotonic() - asked
        _sound(batch)
        if wanted == "bad" and batch is not None and batch.values[0] is None:
            return
        if wanted == "late" and batch is not None and took_s >= 0.3:
            return
        if wanted == "back" and batch is None:
            return
        if wanted == "ahead" and batch is not None:
            return
        await asyncio.sleep(0.02)
    assert wanted == "back", f"{wanted}: nothing was seen of it"


async def _well(read: Any) -> None:  # noqa: ANN401
    """Good values are back in time."""
    end = time.monotonic() + BACK_S
    while time.monotonic() < end:
        batch = await read()
        _sound(batch)
        if batch is not None and batch.quality is None:
            return
        await asyncio.sleep(0.05)
    pytest.fail("it did not come back")


def _sound(batch: Batch | None) -> None:
    if batch is None:
        return
    parts, program = batch.values
    marks = batch.quality or (Quality.GOOD,) * 2
    assert marks[0] is Quality.BAD or cast("int", parts) >= PARTS
    assert marks[1] is Quality.BAD or program == "O1200"
