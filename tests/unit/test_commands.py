"""What may be done by command, what may not, and what is told of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.clock import ManualClock
from gateway.commands.audit import files_of
from gateway.commands.trail import FOLDER, lines, verify
from gateway.errors import ConnectionLost, RequestRefused, TooLate
from tests.commands_kit import KEY, ROOT, SETPOINT, Office, office, plant, seal
from tests.e2e.asyncapi_judge import Judge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

PRESS = "l1/press-1"
GATEWAY = "_gw/gw-01"
WRITE = {"tag": "target", "value": 150}


def run(folder: Path, test: Callable[[Office], Awaitable[None]], **site: Any) -> None:  # noqa: ANN401
    async def main() -> None:
        async with office(plant(folder, **site)) as made:
            await test(made)

    asyncio.run(main())


def audited(folder: Path) -> list[Mapping[str, Any]]:
    return [line.fields for line in lines(folder / FOLDER)]


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
        await asyncio.sleep(0.1)
        assert bool(made.devices.written) is taken

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


def test_a_command_is_carried_out_once(tmp_path: Path) -> None:
    clock = ManualClock()
    sent: list[tuple[str, bytes]] = []

    async def first(made: Office) -> None:
        sent.append(made.platform.command(PRESS, "write", WRITE))
        reply = await made.answer(*sent[0])
        assert reply["code"] == "ok"
        again = await made.answer(*sent[0])
        assert again["code"] == "duplicate"
        assert again["data"]["first"] == {"code": "ok"}

    async def second(made: Office) -> None:
        clock.advance(30)
        again = await made.answer(*sent[0])
        assert (again["code"], again["data"]["first"]) == ("duplicate", {"code": "ok"})
        clock.advance(31)
        assert (await made.answer(*sent[0]))["code"] == "expired"
        # Another command lets the first be forgotten; the clock going back brings it not to life.
        await made.send(PRESS, "write", WRITE)
        clock.step(-50)
        assert (await made.answer(*sent[0]))["code"] == "expired"
        assert made.devices.written == [("setpoint", 150)]

    async def main() -> None:
        for test in (first, second):
            async with office(plant(tmp_path), clock) as made:
                await test(made)

    asyncio.run(main())


def test_a_command_under_way_is_a_duplicate_too(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        made.devices.gate.clear()
        sent = made.platform.command(PRESS, "write", WRITE)
        made.take(*sent)
        again = await made.answer(*sent)
        assert (again["code"], again["data"]["first"]["code"]) == ("duplicate", "accepted")
        made.devices.gate.set()
        await made.until(lambda: len(made.replies) == 2)
        assert made.replies[1][2]["code"] == "ok"
        assert len(made.devices.written) == 1

    run(tmp_path, test)


def test_a_stop_in_between_is_told_as_unknown(tmp_path: Path) -> None:
    clock = ManualClock()
    sent: list[tuple[str, bytes]] = []

    async def first(made: Office) -> None:
        made.devices.gate.clear()
        sent.append(made.platform.command(PRESS, "write", WRITE))
        made.take(*sent[0])
        await made.until(lambda: len(audited(tmp_path)) == 1)
        await asyncio.sleep(0.05)

    async def second(made: Office) -> None:
        await made.until(lambda: made.replies)
        _publisher, topic, reply = made.replies[0]
        assert topic.endswith(f"/reply/{reply['cid']}")
        assert reply["code"] == "failed"
        assert "isn't known" in reply["msg"]
        assert (await made.answer(*sent[0]))["code"] == "duplicate"
        assert not made.devices.written

    async def main() -> None:
        for test in (first, second):
            async with office(plant(tmp_path), clock) as made:
                await test(made)

    asyncio.run(main())
    assert [line["what"] for line in audited(tmp_path)] == ["received", "interrupted", "refused"]


def test_without_the_disk_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(made: Office) -> None:
        def full(*_arguments: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr("os.fsync", full)
            reply = await made.send(PRESS, "write", WRITE)
            assert (reply["code"], made.devices.written) == ("failed", [])
            assert "No space left" in reply["msg"]
        assert (await made.send(PRESS, "write", WRITE))["code"] == "ok"

    run(tmp_path, test)
    assert verify(tmp_path / FOLDER).faults == ()


def test_a_list_that_can_not_be_kept_stops_commands(tmp_path: Path) -> None:
    async def test(made: Office) -> None:
        notary = made.commands._notary
        assert notary._seen is not None
        notary._thread.submit(
            notary._seen._rows.execute,
            "CREATE TRIGGER no BEFORE INSERT ON seen BEGIN SELECT "
            "RAISE(FAIL, 'disk I/O error'); END",
        ).result()
        reply = await made.send(PRESS, "write", WRITE)
        assert (reply["code"], made.devices.written) == ("failed", [])
        notary._thread.submit(notary._seen._rows.execute, "DROP TRIGGER no").result()
        assert (await made.send(PRESS, "write", WRITE))["code"] == "ok"

    run(tmp_path, test)


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")

    async def test(made: Office) -> None:
        reply = await made.send(PRESS, "write", WRITE)
        assert (reply["code"], made.devices.written) == ("failed", [])

    run(tmp_path, test)


def test_damage_to_the_list_lets_nothing_old_through(tmp_path: Path) -> None:
    clock = ManualClock()
    sent: list[tuple[str, bytes]] = []

    async def first(made: Office) -> None:
        sent.append(made.platform.command(PRESS, "write", WRITE))
        assert (await made.answer(*sent[0]))["code"] == "ok"

    async def second(made: Office) -> None:
        assert (await made.answer(*sent[0]))["code"] == "expired"
        assert not made.devices.written
        assert (await made.send(PRESS, "write", WRITE))["code"] == "ok"

    async def main() -> None:
        async with office(plant(tmp_path), clock) as made:
            await first(made)
        (tmp_path / FOLDER / "seen.db").write_bytes(b"garbage" * 1000)
        clock.advance(1)
        async with office(plant(tmp_path), clock) as made:
            await second(made)

    asyncio.run(main())
    assert "damaged" in [line["what"] for line in audited(tmp_path)]


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
        await made.until(lambda: len(made.replies) >= 64 + 20)
        await asyncio.sleep(0.2)
        codes = [reply["code"] for _publisher, _topic, reply in made.replies]
        assert codes.count("ok") == len(made.log.said)
        assert 64 <= codes.count("ok") < 100
        assert set(codes) == {"ok", "rejected"}

    run(tmp_path, test)
