"""What a machine says of its orders and stops by itself, as signals beside its state."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import NotEntered
from tests.kpi_traces import HOUR, MINUTE, T0, spec
from tests.ledger_rig import Rig

START = T0 + 8 * HOUR
SAID = spec(signals=("state", "count", "order", "reason", "planned_stop"))


def told(rig: Rig) -> list[dict[str, Any]]:
    """State records, without when they began."""
    return [
        {key: value for key, value in body.items() if key not in {"since", "prev"}}
        for body in rig.told("state")
    ]


def poll(rig: Rig, second: int, state: str, **values: str | float | bool | None) -> None:
    rig.poll(START + second * 1000, state=state, count=second // 10, **values)
    rig.tick(START + second * 1000)


def test_a_reason_that_comes_with_the_state_is_told_with_it() -> None:
    rig = Rig.of(SAID)
    poll(rig, 0, "running", order="A-77", reason=0, planned_stop=False)
    poll(rig, 10, "fault", order="A-77", reason=12.0, planned_stop=False)
    poll(rig, 20, "fault", order="A-77", reason=12.0, planned_stop=False)
    poll(rig, 30, "fault", order="A-77", reason="E7", planned_stop=False)
    poll(rig, 40, "running", order="", reason=0, planned_stop=False)
    assert told(rig) == [
        {"state": "running", "order": "A-77"},
        {"state": "fault", "reason": "12", "order": "A-77"},
        {"state": "fault", "reason": "E7", "order": "A-77"},
        {"state": "running"},
    ]


def test_a_planned_stop_by_tag_is_planned_down_time() -> None:
    rig = Rig.of(SAID)
    for second in range(0, 3700, 10):
        poll(rig, second, "idle" if second < 600 else "running", planned_stop=second < 600)
    (hour,) = rig.told("oee")
    assert hour["time_s"]["planned_stop"] == 600
    assert hour["time_s"]["planned"] == 3000
    assert rig.told("state")[0]["state"] == "planned_stop"


def test_what_could_not_be_read_changes_nothing_and_a_restart_neither() -> None:
    rig = Rig.of(SAID)
    poll(rig, 0, "running", order="A-77")
    poll(rig, 10, "running", order=None)
    rig.restart(START + 15_000, graceful=True)
    poll(rig, 20, "running", order="A-77")
    assert told(rig) == [{"state": "running", "order": "A-77"}]
    assert len([row for row in rig.rows for entry in row.entries if entry.signal == "order"]) == 2


def test_an_order_that_the_machine_tells_is_not_entered_beside_it() -> None:
    rig = Rig.of(SAID)
    poll(rig, 0, "running", order="A-77")
    with pytest.raises(NotEntered, match="read from the machine"):
        rig.ledger.enter("m1", START, {"order": "B-1"}, START + MINUTE)
    rig.ledger.enter("m1", START, {"reason": "waiting for the key"}, START + MINUTE)
