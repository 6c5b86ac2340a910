"""What is refused before anything is done: forged, late, repeated, malformed, not allowed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.clock import ManualClock
from tests.commands_kit import (
    GATEWAY,
    KEY,
    PRESS,
    ROOT,
    WRITE,
    Office,
    audited,
    office,
    plant,
    run,
    seal,
)
from tests.e2e.asyncapi_judge import Judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def altered(**fields: object) -> Callable[[Office], tuple[str, bytes]]:
    return lambda made: made.platform.command(PRESS, "write", WRITE, **fields)


def otherwise(
    change: Callable[[str, bytes], tuple[str, bytes]],
) -> Callable[[Office], tuple[str, bytes]]:
    return lambda made: change(*made.platform.command(PRESS, "write", WRITE))


REFUSED: dict[str, tuple[Callable[[Office], tuple[str, bytes]], str]] = {
    "expired": (altered(exp=1_790_000_000_000), "expired"),
    "made before our list": (altered(ts=1_789_999_999_999), "expired"),
    "far in the future": (altered(ts=1_790_000_301_000, exp=1_790_000_302_000), "rejected"),
    "for two days": (altered(exp=1_790_172_800_000), "rejected"),
    "expires before it is made": (altered(ts=1_790_000_200_000), "rejected"),
    "exp as text": (altered(exp="1790000060000"), "rejected"),
    "exp as a fraction": (altered(exp=1_790_000_060_000.5), "rejected"),
    "ts is true": (altered(ts=True), "rejected"),
    "no exp": (altered(exp=...), "rejected"),
    "another version": (altered(v="2.0"), "rejected"),
    "args are a list": (altered(args=[]), "rejected"),
    "by is a number": (altered(by=7), "rejected"),
    "signed for another machine": (
        otherwise(lambda t, p: (t.replace("press-1", "press-2"), p)),
        "not_permitted",
    ),
    "signed for another command": (
        otherwise(lambda t, p: (t.replace("/write", "/resend"), p)),
        "not_permitted",
    ),
    "another key": (
        otherwise(lambda t, p: (t, seal(t, p[:-74] + b"}", "f" * 64))),
        "not_permitted",
    ),
    "altered value": (otherwise(lambda t, p: (t, p.replace(b"150", b"151"))), "not_permitted"),
    "upper-case signature": (
        otherwise(lambda t, p: (t, p[:-66] + p[-66:].upper())),
        "not_permitted",
    ),
    "unsigned": (otherwise(lambda t, p: (t, p[:-74] + b"}")), "not_permitted"),
    "signature not last": (
        otherwise(lambda t, p: (t, b"{" + p[-73:-1] + b"," + p[1:-74] + b"}")),
        "not_permitted",
    ),
    "space behind": (otherwise(lambda t, p: (t, p + b" ")), "not_permitted"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_at_the_door(tmp_path: Path, case: str) -> None:
    make, code = REFUSED[case]

    async def test(made: Office) -> None:
        made.commands.settle(
            plant(tmp_path, assets=(*site.assets, replace(site.assets[0], name="press-2")))
        )
        topic, payload = make(made)
        reply = await made.answer(topic, payload)
        assert reply["code"] == code, reply
        assert not made.devices.written
        Judge().judge(made.replies[0][1], json.dumps(reply).encode())
        # The same command, rightly made, is carried out afterwards.
        assert (await made.send(PRESS, "write", WRITE))["code"] == "ok"

    site = plant(tmp_path)
    run(tmp_path, test)


NOW = 1_790_000_000_000

EDGES: dict[str, tuple[dict[str, object], str]] = {
    "expires now": ({"ts": NOW, "exp": NOW}, "rejected or expired"),
    "has a moment left": ({"ts": NOW, "exp": NOW + 1}, "ok"),
    "a day": ({"exp": NOW + 86_400_000}, "ok"),
    "a day and a moment": ({"exp": NOW + 86_400_001}, "rejected"),
    "five minutes ahead": ({"ts": NOW + 300_000, "exp": NOW + 300_001}, "ok"),
    "and a moment": ({"ts": NOW + 300_001, "exp": NOW + 300_002}, "rejected"),
    "ts equals exp": ({"ts": NOW + 1, "exp": NOW + 1}, "rejected"),
    "cid of 8": ({"cid": "a2345678"}, "ok"),
    "cid of 64": ({"cid": "a" * 64}, "ok"),
    "cid of 65": ({"cid": "a" * 65}, "silence"),
    "by of 128": ({"by": "x" * 128}, "ok"),
    "by of 129": ({"by": "x" * 129}, "rejected"),
    "nobody": ({"by": ...}, "ok"),
    "ts of 0": ({"ts": 0}, "rejected"),
    "exp of 0": ({"exp": 0}, "rejected"),
    "1.12": ({"v": "1.12"}, "ok"),
    "1": ({"v": "1"}, "rejected"),
}


@pytest.mark.parametrize("case", EDGES)
def test_edges_of_what_is_taken(tmp_path: Path, case: str) -> None:
    fields, code = EDGES[case]

    async def test(made: Office) -> None:
        made.take(*made.platform.command(PRESS, "write", WRITE, **fields))
        await asyncio.sleep(0.05)
        if code == "silence":
            assert not made.replies
            return
        await made.until(lambda: made.replies)
        assert made.replies[0][2]["code"] in code

    run(tmp_path, test)


@pytest.mark.parametrize(("size", "taken"), [(16_384, True), (16_385, False)])
def test_the_largest_body(tmp_path: Path, size: int, *, taken: bool) -> None:
    async def test(made: Office) -> None:
        topic, payload = made.platform.command(PRESS, "write", WRITE)
        text = payload[:-74].ljust(size - 74) + b"}"
        sealed = seal(topic, text)
        assert len(sealed) == size
        made.take(topic, sealed)
        if taken:
            await made.until(lambda: made.devices.written)
        else:
            await asyncio.sleep(0.1)
            assert not made.devices.written

    run(tmp_path, test)


def test_what_is_under_way_twice_is_answered_as_such_before_it_is_on_disk(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        sent = made.platform.command(PRESS, "write", WRITE)
        made.take(*sent)
        made.take(*sent)
        assert made.replies[0][2]["code"] == "duplicate"
        await made.until(lambda: len(made.replies) == 2)
        assert (made.replies[1][2]["code"], len(made.devices.written)) == ("ok", 1)

    run(tmp_path, test)


def test_no_more_commands_are_remembered_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.commands.seen.MOST", 3)

    async def test(made: Office) -> None:
        codes = [
            (await made.send(PRESS, "context", {"order": str(number)}))["code"]
            for number in range(4)
        ]
        assert codes == ["ok", "ok", "ok", "failed"]
        made.clock.advance(61)
        assert (await made.send(PRESS, "context", {"order": "A"}))["code"] == "ok"

    run(tmp_path, test)


SILENT: dict[str, Callable[[Office], tuple[str, bytes]]] = {
    "no JSON": otherwise(lambda t, _p: (t, seal(t, b"{hello}"))),
    "a list": otherwise(lambda t, _p: (t, seal(t, b"[1]"))),
    "nothing": otherwise(lambda t, _p: (t, b"")),
    "nothing signed": otherwise(lambda t, _p: (t, seal(t, b"}"))),
    "not UTF-8": otherwise(
        lambda t, _p: (t, seal(t, b'{"cid":"\xff\xff\xff\xff\xff\xff\xff\xff"}'))
    ),
    "no cid": altered(cid=...),
    "a short cid": altered(cid="1234567"),
    "a cid that is a wildcard": altered(cid="abcdefgh/#"),
    "infinite": otherwise(lambda t, p: (t, seal(t, p[:-74].replace(b"150", b"1e999") + b"}"))),
    "NaN": otherwise(lambda t, p: (t, seal(t, p[:-74].replace(b"150", b"NaN") + b"}"))),
    "oversized": altered(args={"tag": "target", "value": "x" * 20_000}),
    "another machine": otherwise(lambda t, p: (t.replace("press-1", "press-9"), p)),
    "another line": otherwise(lambda t, p: (t.replace("/l1/", "/l2/"), p)),
    "another site": otherwise(lambda t, p: (t.replace("/s1/", "/s2/"), p)),
    "another root": otherwise(lambda t, p: (t.replace("cii/v1", "cii/v2"), p)),
    "no root": otherwise(
        lambda t, p: (t.removeprefix(f"{ROOT}/"), seal(t.removeprefix(f"{ROOT}/"), p[:-74] + b"}"))
    ),
    "deeper": otherwise(lambda t, p: (t + "/now", p)),
    "no command": otherwise(lambda t, p: (t.replace("/cmd/", "/xmd/"), p)),
}


@pytest.mark.parametrize("case", SILENT)
def test_what_can_not_be_answered(tmp_path: Path, case: str) -> None:
    async def test(made: Office) -> None:
        made.take(*SILENT[case](made))
        reply = await made.send(PRESS, "write", WRITE)
        assert reply["code"] == "ok"
        assert len(made.replies) == 1
        assert made.devices.written == [("setpoint", 150)]

    run(tmp_path, test)


def test_retained_commands_are_refused(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        topic, payload = made.platform.command(PRESS, "write", WRITE)
        reply = await made.answer(topic, payload, retained=True)
        assert (reply["code"], made.devices.written) == ("rejected", [])
        # It was not carried out, so its sender may send it again as it should be.
        assert (await made.answer(topic, payload))["code"] == "ok"

    run(tmp_path, test)


def test_nothing_while_the_clock_is_uncertain(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        made.clock.is_trusted = False
        reply = await made.send(PRESS, "write", WRITE)
        assert (reply["code"], made.devices.written) == ("rejected", [])
        made.clock.is_trusted = True
        assert (await made.send(PRESS, "write", WRITE))["code"] == "ok"

    run(tmp_path, test)


def test_a_list_made_before_the_clock_was_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its first start the box believed in 2040; once it knows better, commands are taken."""
    monkeypatch.setattr("gateway.commands.desk.RETRY_S", 0.02)
    clock = ManualClock(2_220_000_000_000_000_000)
    clock.is_trusted = False

    async def main() -> None:
        async with office(plant(tmp_path), clock) as made:
            assert (await made.send(PRESS, "write", WRITE))["code"] == "rejected"
            clock.wall = 1_790_000_000_000_000_000
            clock.is_trusted = True
            assert (await made.send(PRESS, "write", WRITE))["code"] == "expired"
            await made.until(lambda: made.commands._notary.is_ready)
            clock.advance(1)
            assert (await made.send(PRESS, "write", WRITE))["code"] == "ok"

    asyncio.run(main())


def test_names_and_senders_write_no_lines_into_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(made: Office) -> None:
        reply = await made.send(PRESS, "ack", {"alarm": "hot\nforged line"})
        assert reply["code"] == "rejected"
        reply = await made.answer(*made.platform.command(PRESS, "Reboot\nnow", {}))
        assert reply["code"] == "rejected"
        assert (await made.send(PRESS, "write", WRITE, by="Li\nWei"))["code"] == "rejected"

    with caplog.at_level("INFO"):
        run(tmp_path, test)
    assert not any("\n" in record.getMessage() for record in caplog.records)


def test_keys_change_without_a_restart(tmp_path: Path) -> None:
    new = "f" * 64

    async def test(made: Office) -> None:
        async def code(key: str) -> str:
            made.clock.advance(5)
            topic, payload = made.platform.command(PRESS, "write", WRITE)
            return str((await made.answer(topic, seal(topic, payload[:-74] + b"}", key)))["code"])

        secret = tmp_path / "command.key"
        assert [await code(KEY), await code(new)] == ["ok", "not_permitted"]
        secret.write_text(f"{new}\n{KEY}\n")
        assert [await code(KEY), await code(new)] == ["ok", "ok"]
        secret.write_text(f"{new}\n")
        assert [await code(KEY), await code(new)] == ["not_permitted", "ok"]
        secret.chmod(0o644)
        assert await code(new) == "not_permitted"
        secret.chmod(0o600)
        assert await code(new) == "ok"
        secret.unlink()
        assert await code(new) == "not_permitted"

    run(tmp_path, test)


def test_unsigned_only_where_the_site_says_so(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        topic, payload = made.platform.command(PRESS, "write", WRITE)
        reply = await made.answer(topic, payload[:-74] + b"}")
        assert reply["code"] == "ok"

    run(tmp_path, test, unsigned=True, key=False)
    assert audited(tmp_path)[0]["signed"] is False


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_where_both_are_taken(tmp_path: Path, *, key: bool, signed: bool) -> None:
    """Without a key a signature can't be judged, and isn't asked for."""

    async def test(made: Office) -> None:
        topic, payload = made.platform.command(PRESS, "write", WRITE)
        reply = await made.answer(topic, payload if signed else payload[:-74] + b"}")
        assert reply["code"] == "ok"

    run(tmp_path, test, unsigned=True, key=key)
    assert audited(tmp_path)[0]["signed"] is (key and signed)


def test_a_wrong_signature_is_no_better_than_none(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        topic, payload = made.platform.command(PRESS, "write", WRITE)
        assert (await made.answer(topic, payload.replace(b"150", b"151")))[
            "code"
        ] == "not_permitted"

    run(tmp_path, test, unsigned=True)


def test_only_what_is_allowed(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        assert (await made.send(PRESS, "context", {"order": "A"}))["code"] == "not_permitted"
        assert (await made.send(GATEWAY, "resend", {}))["code"] == "not_permitted"
        assert (await made.send(PRESS, "ack", {"alarm": "hot"}))["code"] == "not_permitted"
        assert (await made.send(PRESS, "config", {"site": "x"}))["code"] == "not_permitted"
        assert (await made.send(PRESS, "reboot", {}))["code"] == "not_permitted"
        assert (await made.send(PRESS, "write", WRITE))["code"] == "ok"

    run(tmp_path, test, allow=())
    assert not any("site" in str(line.get("args")) for line in audited(tmp_path))
