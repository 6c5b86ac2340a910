"""Epochs of a register: a changed scale hides a difference, and restart and reload agree on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.metering import MeterSpec
from tests.kpi_traces import HOUR, MINUTE, T0, asset, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.kpi import KpiSpec

STEP = 20_000


def scaled(scale: float) -> KpiSpec:
    return spec(
        counting="none",
        signals=("energy",),
        kpis=("kgce", "demand_sliding_max_kw"),
        metering=MeterSpec(scales={"energy": scale}),
    )


def meter(rig: Rig, start: int, end: int, scale: float) -> None:
    """A meter whose secondary side counts 6 kWh an hour from 100."""
    for t in range(start, end, STEP):
        rig.poll(t, energy=scale * (100 + 6 * (t - T0) / HOUR))
        rig.tick(t)


def swapped(how: str, *, at: int = T0 + 30 * MINUTE) -> Rig:
    """The scale is 1 and then 40, by a restart or a reload."""
    rig = Rig.of(scaled(1.0))
    meter(rig, T0, at, 1.0)
    rig.assets = [asset(scaled(40.0))]
    if how == "restart":
        rig.restart(at, graceful=True)
    else:
        rig.withdraw()
        # Decoded before the change, though it comes after the log was read.
        rig.poll(at, energy=100 + 6 * (at - T0) / HOUR)
        rig.begin_anew(at + 100)
        at += STEP
    meter(rig, at, T0 + HOUR + 2 * MINUTE, 40.0)
    return rig


@pytest.mark.parametrize("how", ["restart", "reload"])
def test_a_changed_transformer_invents_no_energy(how: str) -> None:
    (body,) = swapped(how).told("energy/electricity", "hour")
    before, hidden = 30 * MINUTE - STEP, STEP
    if how == "reload":
        before += STEP
    after = HOUR - before - hidden
    assert body["use"] == pytest.approx(6 * before / HOUR + 240 * after / HOUR, abs=1e-9)
    assert body["est"] is True
    assert body["kpi"]["demand_sliding_max_kw"] == pytest.approx(240)


@pytest.mark.parametrize("how", ["restart", "reload"])
def test_a_changed_transformer_is_told_once(how: str) -> None:
    rig = swapped(how)
    (told,) = rig.told("event/counter")
    assert (told["data"]["change"], told["data"]["scale"]) == ("epoch", [1.0, 40.0])


def test_a_restart_later_finds_the_same_epoch() -> None:
    rig = swapped("restart")
    again = swapped("restart")
    again.restart(T0 + HOUR + 2 * MINUTE, graceful=True)
    for one in (rig, again):
        meter(one, T0 + HOUR + 2 * MINUTE + STEP, T0 + 2 * HOUR + MINUTE, 40.0)
        one.poll(T0 + 20 * MINUTE + 5_000, energy=102.0)  # late
        one.tick(T0 + 2 * HOUR + 2 * MINUTE)
        one.tick(T0 + 2 * HOUR + 3 * MINUTE)
    assert again.finals() == rig.finals()
    assert len(again.told("event/counter")) == 1


def test_the_same_scale_again_is_no_epoch() -> None:
    rig = Rig.of(scaled(40.0))
    meter(rig, T0, T0 + 30 * MINUTE, 40.0)
    rig.restart(T0 + 30 * MINUTE, graceful=True)
    meter(rig, T0 + 30 * MINUTE, T0 + HOUR + 2 * MINUTE, 40.0)
    (body,) = rig.told("energy/electricity", "hour")
    assert (body["use"], body["est"]) == (pytest.approx(240), False)
    assert rig.told("event/counter") == []
