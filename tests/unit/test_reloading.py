"""What comes of a changed site file, and what is said of it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway import __version__, loading, reloading
from gateway.difference import mark
from gateway.errors import ConfigError, GatewayError, StoreError
from gateway.reloading import Outcome, Reloading
from gateway.templates import load

if TYPE_CHECKING:
    from gateway.difference import Difference
    from gateway.plant import Plant

SCENARIOS = Path(__file__).parents[2] / "simulators/scenarios"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("workshop.site.yaml", "workshop.x.yaml"):
        (tmp_path / name).write_text((SCENARIOS / name).read_text("utf-8"), "utf-8")
    return tmp_path / "workshop.site.yaml"


def read(site: Path) -> Plant:
    plant = load(site)
    return dataclasses.replace(plant, marks=mark(plant))


class Gateway:
    """Stands where the running parts stand: takes any plant, or refuses."""

    def __init__(self) -> None:
        self.made: list[Difference] = []
        self.refuses: Exception | None = None

    async def make(self, plant: Plant, difference: Difference) -> Plant:
        if self.refuses is not None:
            raise self.refuses
        self.made.append(difference)
        return plant


@contextlib.asynccontextmanager
async def following(site: Path, gateway: Gateway):  # type: ignore[no-untyped-def] # noqa: ANN201
    made = Reloading(read(site), gateway.make)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def edit(site: Path, old: str, new: str) -> None:
    text = site.read_text("utf-8")
    assert old in text
    site.write_text(text.replace(old, new), "utf-8")


def told(caplog: pytest.LogCaptureFixture) -> int:
    """Count what reloading said; asyncio may speak of an earlier test's process meanwhile."""
    return sum(record.name == "nxgate.reload" for record in caplog.records)


def test_what_differs_is_made_and_told(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def run() -> None:
        gateway = Gateway()
        async with following(site, gateway) as made:
            assert made.outcome is None
            edit(site, "micro_stop: 5s\n", "micro_stop: 6s\n")
            outcome: Outcome = await made.answer()
            assert outcome == made.outcome
            assert outcome.faults == ()
            assert outcome.summary == "assets: 1 changed, 2 kept; figures begun anew: lasting-1"
            assert [difference.figures for difference in gateway.made] == [("lasting-1",)]
            assert made.plant.assets[1].kpi is not None
            assert made.plant.assets[1].kpi.micro_stop_s == 6
            again = await made.answer()
            assert "nothing differs" in again.summary
            assert len(gateway.made) == 1
        assert outcome.summary in caplog.text

    asyncio.run(run())


def test_faults_are_logged_once_for_each_version(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        gateway = Gateway()
        async with following(site, gateway) as made:
            old = made.plant
            edit(site, "poll: 1s", "pol: 1s")
            both = await asyncio.gather(made.answer(), made.answer())
            outcomes = [*both, await made.answer()]
            with pytest.raises(ConfigError) as there:
                load(site)
            assert {outcome.faults for outcome in outcomes} == {tuple(map(str, there.value.faults))}
            assert made.plant is old
            assert gateway.made == []
            assert told(caplog) == 4, "three faults and that nothing was changed"
            edit(site, "pol: 1s", "pool: 1s")
            await made.answer()
            assert told(caplog) == 8

    asyncio.run(run())


def test_a_file_that_is_mended_is_taken_by_itself(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "LOOK_S", 0.05)

    async def run() -> None:
        gateway = Gateway()
        overlay = site.with_name("workshop.x.yaml")
        text = overlay.read_text("utf-8")
        async with following(site, gateway) as made, asyncio.timeout(20):
            overlay.unlink()
            while made.outcome is None or not made.outcome.faults:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            overlay.write_text(text, "utf-8")
            while made.outcome.faults:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    asyncio.run(run())


def test_what_can_t_change_is_refused_by_name(site: Path) -> None:
    async def run() -> None:
        gateway = Gateway()
        async with following(site, gateway) as made:
            edit(site, "gateway: gw-01", "gateway: gw-02")
            edit(site, "path: store", "path: elsewhere")
            faults = (await made.answer()).faults
        assert [fault.split(": ")[1].split(" ")[0] for fault in faults] == [
            "site.gateway",
            "store.path",
        ]
        assert gateway.made == []

    asyncio.run(run())


def test_a_disk_that_refuses_is_tried_again_by_itself(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "LOOK_S", 0.02)
    monkeypatch.setattr(reloading, "RETRY_S", 0.05)

    async def run() -> None:
        gateway = Gateway()
        gateway.refuses = StoreError("no space left")
        async with following(site, gateway) as made, asyncio.timeout(20):
            edit(site, "micro_stop: 5s\n", "micro_stop: 6s\n")
            assert (await made.answer()).faults == ("no space left",)
            gateway.refuses = None
            while not gateway.made:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("executable", "/nowhere/python", "No such file"),
        ("executable", "/bin/false", "with code 1"),
    ],
)
def test_a_child_that_can_t_load_is_said(
    site: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    plant = read(site)
    monkeypatch.setattr(sys, name, value)
    with pytest.raises(GatewayError, match=said):
        asyncio.run(loading.again(site, plant))


def test_another_version_than_runs_is_not_understood_but_refused(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = read(site)
    monkeypatch.setattr(loading, "__version__", "0.0.1")
    with pytest.raises(ConfigError, match=f"nxgate {__version__} is installed and 0.0.1 runs"):
        asyncio.run(loading.again(site, plant))


def test_what_makes_no_sense_is_no_plant(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant = read(site)
    monkeypatch.setattr(loading, "_command", lambda _path: ["/bin/echo", "[1, 2]"])
    with pytest.raises(GatewayError, match="makes no sense"):
        asyncio.run(loading.again(site, plant))


def test_a_child_that_takes_for_ever_is_given_up(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = read(site)
    monkeypatch.setattr(loading, "PATIENCE_S", 0.2)
    monkeypatch.setattr(loading, "_command", lambda _path: ["/bin/sleep", "60"])
    with pytest.raises(GatewayError, match="was given up"):
        asyncio.run(loading.again(site, plant))


def test_a_profile_that_the_sites_profile_extends_is_watched_too(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "LOOK_S", 0.05)
    names = "name: {zh: 鞋, en: Shoes}\n"
    base = site.with_name("base.yaml")
    text = f"profile: base\nversion: 1.0.0\nextends: shoes\n{names}states: {{X: idle}}\n"
    base.write_text(text, "utf-8")
    over = f"profile: shoes\nversion: 1.0.0\nextends: ./base.yaml\n{names}"
    site.with_name("over.yaml").write_text(over, "utf-8")
    edit(site, "industry: shoes", "industry: ./over.yaml")

    async def run() -> None:
        gateway = Gateway()
        async with following(site, gateway) as made, asyncio.timeout(20):
            edit(base, "X: idle", "X: go")
            while made.outcome is None or not made.outcome.faults:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert "base.yaml" in made.outcome.faults[0]
            edit(base, "X: go", "X: setup")
            while not gateway.made:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            kpi = made.plant.assets[1].kpi
            assert kpi is not None
            assert kpi.states["X"] == "setup"

    asyncio.run(run())
