"""Nothing but a command that the platform made, for here and for now, is one."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import resource
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.clock import ManualClock
from gateway.commands.authority import Authority, Door, Reason, Refusal
from gateway.commands.command import Command, Inbound, Target
from gateway.commands.signature import Keys
from gateway.commands.trail import FOLDER, lines, verify
from gateway.secret import Secret
from tests.commands_kit import IDENTITY, KEY, Platform, office, plant, seal
from tests.forgery import flipped, hostile

if TYPE_CHECKING:
    from pathlib import Path

PRESS = "l1/press-1"
WRITE = {"tag": "target", "value": 150}
CLOCK = ManualClock()
PLATFORM = Platform(CLOCK)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    secret = tmp_path_factory.mktemp("keys") / "command.key"
    secret.write_text(KEY)
    secret.chmod(0o600)
    door = Door(Keys(Secret(secret), "s.yaml:1", CLOCK), signed=True, unsigned=False)
    made = Authority(IDENTITY, {"cluster": door}, CLOCK, lambda: 0, lambda: 0, lambda _cid: None)
    made.targets = {Target("l1", "press-1"), Target("l1", "press-0"), Target("_gw", "gw-01")}
    return made


def judged(authority: Authority, topic: str, payload: bytes) -> Command | Refusal:
    return authority.judge(Inbound("cluster", topic, payload, retained=False))


def test_each_single_bit_counts(authority: Authority) -> None:
    topic, payload = PLATFORM.command(PRESS, "write", WRITE)
    assert isinstance(judged(authority, topic, payload), Command)
    for bit in range(8 * len(payload)):
        assert isinstance(judged(authority, topic, flipped(payload, bit)), Refusal), bit
    for bit in range(8 * len(topic)):
        try:
            other = flipped(topic.encode(), bit).decode()
        except UnicodeDecodeError:
            continue
        assert isinstance(judged(authority, other, payload), Refusal), other


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4), st.data())
def test_a_changed_bit_of_any_command(
    authority: Authority, args: dict[str, Any], data: st.DataObject
) -> None:
    topic, payload = PLATFORM.command(PRESS, "write", args)
    assert isinstance(judged(authority, topic, payload), Command)
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    assert isinstance(judged(authority, topic, flipped(payload, bit)), Refusal)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(authority: Authority, payload: bytes) -> None:
    topic = "cii/v1/c1/e1/s1/l1/press-1/cmd/write"
    assert isinstance(judged(authority, topic, payload), Refusal)
    assert isinstance(judged(authority, topic, seal(topic, payload + b"}")), Refusal)


@given(st.text(max_size=60))
def test_any_topic_is_refused(authority: Authority, topic: str) -> None:
    _topic, payload = PLATFORM.command(PRESS, "write", WRITE)
    assert isinstance(judged(authority, topic, payload), Refusal)


fields = st.dictionaries(
    st.sampled_from(["v", "cid", "ts", "exp", "args", "by", "sig", "x"]), json_values
)


@given(fields)
def test_signed_nonsense_is_refused_or_sound(authority: Authority, wrong: dict[str, Any]) -> None:
    topic, payload = PLATFORM.command(PRESS, "write", WRITE, **wrong)
    command = judged(authority, topic, payload)
    if isinstance(command, Command):
        now_ms = CLOCK.wall_ns() // 1_000_000
        assert now_ms < command.exp_ms <= now_ms + 86_700_000
        assert 8 <= len(command.cid) <= 64
        assert isinstance(command.args, dict)


def campaign(folder: Path, count: int) -> None:
    """Send so many hostile messages and a good one now and then; only these are carried out."""

    async def main() -> None:
        async with office(plant(folder)) as made:
            chance = random.Random(8)
            done: list[tuple[str, bytes]] = []

            async def good(value: int) -> None:
                made.clock.advance(5)
                sent = made.platform.command(PRESS, "write", {"tag": "target", "value": value})
                before = len(made.replies)
                made.take(*sent)
                await made.until(
                    lambda: any(r["code"] == "ok" for _p, _t, r in made.replies[before:])
                )
                done.append(sent)

            await good(0)
            messages = hostile(made.platform, PRESS, WRITE, done, chance)
            resident = 0
            for number, one in enumerate(itertools.islice(messages, count), 1):
                made.take(one.topic, one.payload, retained=one.retained)
                if number % 500 == 0:
                    await asyncio.sleep(0)
                    await good(number // 500 % 200)
                    del made.replies[:]
                if number == count // 2:
                    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            assert [value for _tag, value in made.devices.written] == [
                0, *(number // 500 % 200 for number in range(500, count + 1, 500))
            ]  # fmt: skip
            counts = made.commands._desk.crowd.counts
            assert counts.total() == count
            assert {Reason.FORGED, Reason.DUPLICATE, Reason.EXPIRED, Reason.RETAINED} < set(counts)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident
            assert grown < 4096, f"{grown} KiB more at the end than half way"

    asyncio.run(main())
    refused = [dict(line.fields) for line in lines(folder / FOLDER) if "reason" in line.fields]
    summed: list[Any] = [line.fields.get("counts", {}) for line in lines(folder / FOLDER)]
    assert len(refused) + sum(sum(counts.values()) for counts in summed) > 0.9 * count
    size = sum(path.stat().st_size for path in (folder / FOLDER).glob("audit-*"))
    assert size < 20_000 + 2 * count
    assert verify(folder / FOLDER).faults == ()


def test_a_crowd_of_hostile_messages(tmp_path: Path) -> None:
    campaign(tmp_path, 3_000)


@pytest.mark.soak
def test_a_hundred_thousand_hostile_messages(tmp_path: Path) -> None:
    campaign(tmp_path, int(os.environ.get("NXGATE_FORGED", "100000")))
