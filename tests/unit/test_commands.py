"""What may be done by command, what may not, and what is told of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.commands.audit import files_of
from gateway.commands.trail import FOLDER, verify
from gateway.errors import ConnectionLost, RequestRefused, TooLate
from tests.commands_kit import (
    GATEWAY,
    KEY,
    PRESS,
    ROOT,
    SETPOINT,
    WRITE,
    Office,
    audited,
    plant,
    run,
)
from tests.e2e.asyncapi_judge import Judge

if TYPE_CHECKING:
    from pathlib import Path


def test_a_write_is_done_answered_and_written_down(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        reply = await made.send(PRESS, "write", WRITE, by="Li")
        assert reply["code"] == "ok"
        assert (reply["data"]["before"], reply["data"]["after"]) == (None, 150)
        assert made.devices.written == [("setpoint", 150)]
        publisher, topic, _body = made.replies[0]
        assert (publisher, topic) == ("cluster", f"{ROOT}/{PRESS}/reply/{reply['cid']}")
        Judge().judge(topic, json.dumps(reply).encode())

    run(tmp_path, test)
    received, done = audited(tmp_path)
    assert (received["what"], received["by"], received["args"]) == ("received", "Li", WRITE)
    assert (done["what"], done["code"], done["data"]["after"]) == ("done", "ok", 150)
    assert received["cid"] == done["cid"]
    assert KEY not in "".join(path.read_text() for path in files_of(tmp_path / FOLDER))
    assert "sig" not in received
    assert verify(tmp_path / FOLDER).faults == ()
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files_of(tmp_path / FOLDER))


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        ({"tag": "target", "value": 201}, "rejected", "0 to 200"),
        ({"tag": "target", "value": -1}, "rejected", "0 to 200"),
        ({"tag": "target", "value": 1e300}, "rejected", "0 to 200"),
        ({"tag": "target", "value": 1.5}, "rejected", "steps"),
        ({"tag": "target", "value": True}, "rejected", "number"),
        ({"tag": "target", "value": "150"}, "rejected", "number"),
        ({"tag": "target", "value": None}, "rejected", "value"),
        ({"tag": "target", "value": [1]}, "rejected", "value"),
        ({"tag": "target"}, "rejected", "value"),
        ({"tag": "count", "value": 1}, "not_permitted", "count"),
        ({"tag": "setpoint", "value": 1}, "not_permitted", "setpoint"),
        ({"tag": "nowhere", "value": 1}, "not_permitted", "nowhere"),
        ({"tag": ["target"], "value": 1}, "not_permitted", "no tag"),
        ({}, "not_permitted", "no tag"),
    ],
)
def test_what_may_not_be_written(
    tmp_path: Path, args: dict[str, object], code: str, says: str
) -> None:
    async def test(made: Office) -> None:
        reply = await made.send(PRESS, "write", args)
        assert reply["code"] == code
        assert says in reply["msg"]
        assert not made.devices.written

    run(tmp_path, test)


def test_writes_of_a_tag_keep_their_distance(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        codes = []
        for step_s in (0, 4.9, 0.2):
            made.clock.advance(step_s)
            codes.append((await made.send(PRESS, "write", WRITE))["code"])
        assert codes == ["ok", "rejected", "ok"]
        made.clock.step(3600)  # the wall clock has no say in it
        assert (await made.send(PRESS, "write", WRITE))["code"] == "rejected"
        assert len(made.devices.written) == 2

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("trouble", "code", "says"),
    [
        (RequestRefused("illegal data address", 2), "failed", "illegal data address"),
        (ConnectionLost("nobody listens"), "failed", "nothing was written"),
        (TooLate("late"), "expired", "late"),
        (RuntimeError("ours"), "failed", "mistake"),
    ],
)
def test_the_device_decides_the_reply(
    tmp_path: Path, trouble: Exception, code: str, says: str
) -> None:
    async def test(made: Office) -> None:
        made.devices.trouble = trouble
        reply = await made.send(PRESS, "write", WRITE)
        assert reply["code"] == code
        assert says in reply["msg"]

    run(tmp_path, test)


def test_what_is_read_back_decides_too(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        made.devices.after = 200
        reply = await made.send(PRESS, "write", WRITE)
        assert (reply["code"], reply["data"]["after"]) == ("failed", 200)
        made.clock.advance(5)
        made.devices.doubt, made.devices.after = "no answer within 1 s", None
        reply = await made.send(PRESS, "write", WRITE)
        assert (reply["code"], reply["data"]["after"]) == ("failed", 150)
        assert "isn't known" in reply["msg"]

    run(tmp_path, test)


def test_resend(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        reply = await made.send(GATEWAY, "resend", {"from": "gw-01:3:1", "to": "gw-01:3:99"})
        assert (reply["code"], reply["data"]["count"]) == ("accepted", 42)
        assert made.log.asked == [(3 << 36 | 1, 3 << 36 | 99)]
        for args in (
            {"from": "gw-02:3:1", "to": "gw-01:3:9"},
            {"from": "gw-01:3:9", "to": "gw-01:3:1"},
            {"from": "gw-01:3", "to": "gw-01:3:9"},
            {"from": "gw-01:3:-1", "to": "gw-01:3:9"},
            {"from": "gw-01:3:1:1", "to": "gw-01:3:9"},
            {"from": "gw-01:3:١", "to": "gw-01:3:9"},
            {"from": f"gw-01:3:{10**40}", "to": f"gw-01:3:{10**40}"},
            {"from": 1, "to": 2},
            {},
        ):
            assert (await made.send(GATEWAY, "resend", args))["code"] == "rejected", args
        reply = await made.send(PRESS, "resend", {"from": "gw-01:3:1", "to": "gw-01:3:99"})
        assert reply["code"] == "rejected"
        assert len(made.log.asked) == 1
        made.log.count = 0
        reply = await made.send(GATEWAY, "resend", {"from": "gw-01:3:1", "to": "gw-01:3:99"})
        assert reply["code"] == "rejected"

    run(tmp_path, test)


def test_context(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        now = made.clock.wall // 1_000_000
        said = {
            "product": "A17",
            "order": None,
            "planned_stop": True,
            "reject": 3,
            "at": now - 5000,
        }
        assert (await made.send(PRESS, "context", said))["code"] == "ok"
        assert made.log.said == [
            (
                "press-1",
                now - 5000,
                {"product": "A17", "order": "", "planned_stop": True, "reject": 3},
            )
        ]
        reply = await made.send(PRESS, "context", {"good": 1})
        assert (reply["code"], reply["msg"]) == (
            "ok",
            "kept in the log, and used by no figure yet: good",
        )
        for args in (
            {},
            {"at": now},
            {"product": 7},
            {"product": ""},
            {"product": "x" * 65},
            {"order": "a\nb"},
            {"planned_stop": 1},
            {"reject": -1},
            {"reject": True},
            {"reject": "3"},
            {"reject": 1e9},
            {"reject": 1, "at": now + 60_000},
            {"reject": 1, "at": "now"},
            {"reject": 1, "at": 0},
        ):
            assert (await made.send(PRESS, "context", args))["code"] == "rejected", args
        assert len(made.log.said) == 2
        made.log.durable = False
        reply = await made.send(PRESS, "context", {"order": "A"})
        assert (reply["code"], "disk" in reply["msg"]) == ("accepted", True)

    run(tmp_path, test)


def test_acknowledging(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        assert (await made.send(PRESS, "ack", {"alarm": "hot"}, by="Li"))["code"] == "ok"
        assert made.log.acked == [("press-1", "hot", "Li")]
        assert (await made.send(PRESS, "ack", {"alarm": "cold"}))["code"] == "rejected"
        assert (await made.send(PRESS, "ack", {"alarm": 1}))["code"] == "rejected"

    run(tmp_path, test)


def test_another_site_file_changes_what_is_allowed(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        site = plant(tmp_path)
        bare = replace(site.assets[0], bindings=())
        # As it comes by difference: what didn't change comes without its bindings.
        made.commands.settle(replace(site, assets=(bare,)), changed=())
        assert (await made.send(PRESS, "write", WRITE))["code"] == "ok"
        made.clock.advance(5)
        narrow = SETPOINT._replace(write=SETPOINT.write and replace(SETPOINT.write, max=100))
        binding = site.assets[0].bindings[0]._replace(tag=narrow)
        other = replace(site.assets[0], bindings=(binding,))
        made.commands.settle(replace(site, assets=(other,)), changed=("press-1",))
        assert (await made.send(PRESS, "write", WRITE))["code"] == "rejected"
        made.commands.settle(replace(site, assets=(bare,)), changed=("press-1",))
        assert (await made.send(PRESS, "write", WRITE))["code"] == "not_permitted"
        made.commands.settle(replace(site, publish={}))
        made.take(*made.platform.command(PRESS, "context", {"order": "A"}))
        await asyncio.sleep(0.02)
        assert not made.log.said

    run(tmp_path, test)


def test_a_slow_device_keeps_no_other_command_waiting(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        made.devices.gate.clear()
        made.take(*made.platform.command(PRESS, "write", WRITE))
        assert (await made.send(PRESS, "context", {"order": "A"}))["code"] == "ok"
        made.devices.gate.set()
        await made.until(lambda: len(made.replies) == 2)

    run(tmp_path, test)


def test_more_than_can_wait_is_refused(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        for number in range(200):
            made.take(*made.platform.command(PRESS, "context", {"order": str(number)}))
        codes: list[str] = []

        def answered() -> bool:
            codes[:] = [reply["code"] for _publisher, _topic, reply in made.replies]
            return len(codes) >= 64 + 20 and 64 <= codes.count("ok") == len(made.log.said)

        await made.until(answered)
        await asyncio.sleep(0.2)
        assert answered()
        assert 64 <= codes.count("ok") < 100
        assert set(codes) == {"ok", "rejected"}

    run(tmp_path, test)
