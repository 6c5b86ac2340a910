"""Whatever arrives, the judge judges on: random bytes, mangled messages, depth, size, numbers."""

from __future__ import annotations

import copy
import json
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.e2e.verify_sites import SAMPLES, Site, sound
from verifying.arrival import Arrival
from verifying.contract import Contract
from verifying.judge import LARGEST, Judge
from verifying.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT = Contract()
TAILS = {
    "status": "_gw/gw-1/status",
    "meta": "l1/a1/meta",
    "telemetry": "l1/a1/telemetry/live",
    "state": "l1/a1/state",
    "oee": "l1/a1/oee",
    "energy": "l1/a1/energy/electricity",
    "event": "l1/a1/event/order_change",
    "gap": "_gw/gw-1/event/gap",
    "alarm": "l1/a1/alarm/overtemp",
    "cmd": "l1/a1/cmd/write",
    "reply": "l1/a1/reply/c7f1a2b3",
}
ROOT = "cii/v1/c/e/s"
TOPICS = [f"{ROOT}/{tail}" for tail in TAILS.values()]


def arrival(topic: str, payload: bytes, at_s: float = 1.0, *, kept: bool = False) -> Arrival:
    return Arrival(topic, payload, 1, kept, None if kept else False, at_s, 1_790_000_000_000)


def resident_mb() -> float:
    """Memory of this process now."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096 / 1e6


def finished(judge: Judge) -> Judge:
    judge.close()
    judge.finish(1e6)
    return judge


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1.0", "gw-1:5:7", "gw-1:5:" + "9" * 5000, "running", "telemetry"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    """Yield the paths of everything within a JSON value."""
    items: Any = ()
    if isinstance(body, dict):
        items = body.items()
    elif isinstance(body, list):
        items = enumerate(body)
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mangled_messages(data: st.DataObject) -> None:
    """A sound message with some of its parts replaced by anything, or left out."""
    judge = Judge(CONTRACT)
    judge.begin()
    for _message in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(sorted(TAILS)))
        body = copy.deepcopy(SAMPLES[name])
        for _part in range(data.draw(st.integers(0, 2))):
            *above, last = data.draw(st.sampled_from(list(places(body))))
            inner: Any = body
            for key in above:
                inner = inner[key]
            if data.draw(st.booleans()):
                inner[last] = data.draw(anything)
            else:
                del inner[last]
            if not body:
                break
        payload = json.dumps(body, ensure_ascii=data.draw(st.booleans()))
        kept = data.draw(st.booleans())
        tail = data.draw(st.sampled_from([TAILS[name], *TAILS.values()]))
        topic = f"{ROOT}/{tail}"
        judge.take(arrival(topic, payload.encode("utf-8", "surrogatepass"), kept=kept))
    assert finished(judge).messages


@settings(max_examples=200, deadline=None)
@example(f"{ROOT}/{TAILS['meta']}", b"{}")
@example(ROOT, b"\0")
@given(st.text() | st.sampled_from(TOPICS), st.binary())
def test_random_topics_and_bytes(topic: str, payload: bytes) -> None:
    judge = Judge(CONTRACT)
    judge.take(arrival(topic, payload))
    found = finished(judge).findings
    if topic in TOPICS and payload:
        assert found.of("payload").faults or found.of("schema").faults, "{} is an object"


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 1_000_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"\xff\xfe{",
        b'{"v":"\xc3("}',
        b"1e999",
        b'"\\ud800"',
        b"0" * (LARGEST + 1),
        b"null",
    ],
    ids=["brackets", "objects", "bom", "bad-utf8", "infinity", "surrogate", "giant", "null"],
)
def test_payloads_that_are_no_object(payload: bytes) -> None:
    judge = Judge(CONTRACT)
    judge.take(arrival(f"{ROOT}/l1/a1/oee", payload))
    assert finished(judge).findings.of("payload").faults == 1


def test_a_body_nested_as_deep_as_it_is_read() -> None:
    judge = Judge(CONTRACT)
    deep: object = 1
    for _level in range(900):
        deep = [deep]
    for name in ("meta", "state"):
        body = {**SAMPLES[name], "asset": {**SAMPLES["meta"]["asset"], "more": deep}}
        judge.take(arrival(f"{ROOT}/l1/PRESS-01/{name}", json.dumps(body).encode()))
    assert finished(judge).findings.faults == 0 or judge.findings.of("schema").faults == 0


@pytest.mark.parametrize("count", [10_000, pytest.param(300_000, marks=pytest.mark.soak)])
def test_each_message_of_another_asset_and_gateway(
    count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Memory stays bounded, whatever names come; and it is quick enough for 1,000 messages/s."""
    judge = Judge(CONTRACT)
    judge.begin()
    made: list[tuple[str, bytes]] = []
    Site("s", lambda topic, payload, _qos, _retain: made.append((topic, payload))).telemetry(7)
    ((_topic, payload),) = made
    before_mb = resident_mb()
    began_s = time.process_time()
    for number in range(count):
        body = payload.replace(b"gw-1:5:7", b"gw-%d:5:7" % number)
        judge.take(arrival(f"{ROOT}/l1/a{number}/telemetry/live", body))
    each_us = (time.process_time() - began_s) / count * 1e6
    grown_mb = resident_mb() - before_mb
    with capsys.disabled():
        print(f"\n{each_us:.0f} µs a message, {grown_mb:.0f} MB for {count} assets")
    assert each_us < 500
    assert grown_mb < 350
    finished(judge)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5))), st.integers(0, 70))
def test_ranges_are_a_set(added: list[tuple[int, int]], top: int) -> None:
    ranges, model = Ranges(), set[int]()
    for lo, more in added:
        fresh = set(range(lo, lo + more + 1))
        assert ranges.add(lo, lo + more) is (not fresh <= model)
        model |= fresh
        assert all((number in ranges) is (number in model) for number in range(70))
    low = random.Random(top).randint(0, 70)
    holes = {n for lo, hi in ranges.holes(low, top) for n in range(lo, hi + 1)}
    assert holes == set(range(low + 1, top + 1)) - model


def test_ranges_of_many_holes_stay_bounded_and_say_so() -> None:
    ranges = Ranges(most=10)
    for number in range(1, 101, 2):
        ranges.add(number)
    assert ranges.blurred == 40
    assert len(ranges.holes(0, 99)) == 9


def test_what_sound_sites_say_is_sound() -> None:
    """The stories of the e2e test, without a broker between."""
    judge = Judge(CONTRACT)
    judge.begin()
    at_s = [1.0]

    def publish(topic: str, payload: bytes, qos: int, retain: bool) -> None:  # noqa: FBT001
        at_s[0] += 0.01
        wall_ms = time.time_ns() // 1_000_000
        kept = retain and at_s[0] < 3  # what was there before it listened
        judge.take(Arrival(topic, payload, qos, kept, retain, at_s[0], wall_ms))

    for step in range(4):
        sound(Site("s", publish), step)
        at_s[0] += 3
    judge.finish(1e4)
    assert judge.findings.faults == 0
