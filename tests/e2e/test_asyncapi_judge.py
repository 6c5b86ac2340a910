"""The judge itself: the contract's samples pass, and each kind of fault is found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.asyncapi_judge import CONTRACT, Judge

SAMPLES = json.loads((CONTRACT.parent / "samples.json").read_text("utf-8"))
ASSET = "cii/v1/c1/e1/s1/l1/PRESS-01"
TOPICS = {
    "status": "cii/v1/c1/e1/s1/_gw/GW01/status",
    "meta": f"{ASSET}/meta",
    "telemetry": f"{ASSET}/telemetry/live",
    "state": f"{ASSET}/state",
    "oee": f"{ASSET}/oee",
    "energy": f"{ASSET}/energy/electricity",
    "event": f"{ASSET}/event/order_change",
    "alarm": f"{ASSET}/alarm/overtemp",
    "cmd": f"{ASSET}/cmd/resend",
    "reply": f"{ASSET}/reply/c7f1a2b3",
    "gap": f"{ASSET}/event/gap",
}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_sample_of_the_contract_passes(name: str) -> None:
    judged = Judge().judge(TOPICS[name], json.dumps(SAMPLES[name]).encode())
    assert judged.channel == ("event" if name == "gap" else name)


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("telemetry", {"rows": []}, "rows"),
        ("telemetry", {"id": "GW01:42"}, "id"),
        ("telemetry", {"hist": True}, "hist is True"),
        ("state", {"state": "asleep"}, "asleep"),
        ("oee", {"final": None}, "final"),
        ("status", {"conn": 0}, "conn"),
        ("gap", {"data": {"publisher": "p"}}, "required"),
    ],
)
def test_a_fault_is_found(name: str, change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        Judge().judge(TOPICS[name], json.dumps(SAMPLES[name] | change).encode())


def test_a_topic_outside_the_contract_is_found() -> None:
    with pytest.raises(AssertionError, match="no channel"):
        Judge().judge("cii/v1/c1/e1/s1/l1/PRESS-01/mood", b"{}")


def test_what_must_not_be_retained_is_found() -> None:
    with pytest.raises(AssertionError, match="retained"):
        Judge().judge(TOPICS["oee"], json.dumps(SAMPLES["oee"]).encode(), retained=True)
