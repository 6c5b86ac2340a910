"""The ledger: each of its records keeps the contract."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from tests.kpi_traces import (
    HOUR,
    T0,
    asset,
    clock_calendar,
    spec,
)
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.model import Record


CONTRACT = Path(__file__).parents[2] / "docs" / "contract" / "asyncapi.yaml"


def schemas() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(CONTRACT.read_text("utf-8"))
    return found


def judge(record: Record, contract: dict[str, Any]) -> None:
    name = record.cls.split("/")[0]
    schema = {"$ref": f"#/components/schemas/{name}", "components": contract["components"]}
    envelope = {"v": "1.0", "id": f"gw-1:1:{record.key}", "ts": record.ts_ms, "hist": False}
    jsonschema.Draft7Validator(schema).validate({**envelope, **json.loads(record.body)})


def test_every_record_keeps_the_contract() -> None:
    contract = schemas()
    kpis = (
        "nee",
        "teep",
        "mtbf_s",
        "kwh_per_good",
        "kgce",
        "kgco2",
        "station_loss_time",
        "unmatched_halves",
    )
    signals = ("state", "count", "reject", "energy")
    pairs = ("state", "count_left", "count_right", "reject_left", "reject_right", "power")
    kinds = ("quarter", "hour", "shift", "day")
    assets = [
        asset(spec(signals=signals, kpis=kpis, windows=kinds, interim_s=900.0), "a"),
        asset(spec(signals=pairs, counting="pairs", kpis=kpis, windows=kinds), "b"),
        asset(spec(signals=("state",), counting="none", windows=kinds, ideal_cycle_s=None), "c"),
        asset(spec(signals=("energy",), counting="none", windows=kinds), "d"),
    ]
    rig = Rig(assets, clock_calendar("02:00", "10:00", ("06:00", "06:30")))
    for t in range(T0, T0 + 26 * HOUR, 30_000):
        n = (t - T0) // 30_000
        state = None if n % 97 == 5 else ("fault" if n % 40 < 3 else "running")
        values = {
            "state": state,
            "count": n * 2 if n % 1001 else None,
            "reject": n // 9,
            "energy": 88120.5 + n * 0.11,
            "count_left": n,
            "count_right": n - n % 7,
            "reject_left": n // 30,
            "reject_right": n // 40,
            "power": -3.5 if n % 50 == 0 else 7.25,
        }
        if n % 400 > 380:
            values = {}
        for item in assets:
            assert item.kpi is not None
            mine = {name: v for name, v in values.items() if name in item.kpi.signals}
            rig._keep(rig.ledger.observe(item.name, t, mine))
        rig.tick(t)
    assert {record.cls for record in rig.records} == {"state", "oee", "energy/electricity"}
    assert len(rig.records) > 800
    for record in rig.records:
        judge(record, contract)


def test_the_judge_can_refuse() -> None:
    rig = Rig.of(spec())
    rig.poll(T0, state="running")
    wrong = dataclasses.replace(rig.records[0], body=b'{"state":"broken","since":1}')
    with pytest.raises(jsonschema.ValidationError):
        judge(wrong, schemas())
