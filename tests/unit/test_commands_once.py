"""A command is carried out once or not at all: across repeats, stops, and a disk that refuses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.clock import ManualClock
from gateway.commands.trail import FOLDER, verify
from tests.commands_kit import (
    PRESS,
    WRITE,
    Office,
    audited,
    office,
    plant,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
