"""Topics and payloads of the canonical contract."""

from __future__ import annotations

import json

import pytest

from gateway.ids import make_key
from gateway.model import Record
from gateway.publishers.canonical import Canonical, epoch_of
from gateway.settings import Identity

CANONICAL = Canonical(Identity("c1", "e1", "s1", "gw-01"))


def record(cls: str, body: bytes = b'{"x":"\xe6\xb2\xb9"}') -> Record:
    return Record(make_key(42, 7), cls, "l1", "press-1", 1_790_000_000_123, body)


@pytest.mark.parametrize("hist", [True, False])
def test_a_payload_is_envelope_and_body(hist: bool) -> None:  # noqa: FBT001
    assert json.loads(CANONICAL.payload(record("telemetry"), hist=hist)) == {
        "v": "1.0",
        "id": "gw-01:42:7",
        "ts": 1_790_000_000_123,
        "hist": hist,
        "x": "油",
    }


@pytest.mark.parametrize(
    ("cls", "hist", "tail"),
    [
        ("telemetry", False, "telemetry/live"),
        ("telemetry", True, "telemetry/hist"),
        ("state", False, "state"),
        ("state", True, "state"),
        ("energy/water", True, "energy/water"),
        ("event/gap", False, "event/gap"),
    ],
)
def test_topics(cls: str, hist: bool, tail: str) -> None:  # noqa: FBT001
    for _again in range(2):
        assert CANONICAL.topic(record(cls), hist=hist) == f"cii/v1/c1/e1/s1/l1/press-1/{tail}"


@pytest.mark.parametrize(
    ("status", "epoch"),
    [
        (b'{"epoch":42}', 42),
        (b'{"epoch":"42"}', 0),
        (b'{"epoch":true}', 0),
        (b'{"epoch":4.5}', 0),
        (b"[1]", 0),
        (b"{", 0),
        (b"", 0),
        (b"\xff", 0),
    ],
)
def test_a_strangers_status_is_read_with_care(status: bytes, epoch: int) -> None:
    assert epoch_of(status) == epoch
