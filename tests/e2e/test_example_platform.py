"""The example's subscribers at a real broker: two share the load, one is killed, nothing twice."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.ids import record_id
from tests.e2e.mosquitto import Mosquitto, wait_for
from tests.e2e.mqtt_rig import CLASSES, IDENTITY, config, draft, expected, running
from tests.e2e.test_workshop_kills import GATEWAY, stored
from tests.e2e.workshop import snapshot, workshop

if TYPE_CHECKING:
    from gateway.model import Record

EXAMPLE = Path(__file__).parents[2] / "examples/platform"
KEY = "0123456789abcdef" * 4


class Platform:
    """Subscribers of one group over one database.

    Args:
        folder: for the database, the key and the logs.
        port: of the broker.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.database = folder / "platform.db"
        self._folder = folder
        self._port = port
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "command.key").write_text(KEY + "\n")
        (folder / "command.key").chmod(0o600)

    def start(self, name: str, patience: float = 60.0, session: int = 300) -> None:
        command = [sys.executable, "-m", "subscriber", f"mqtt://127.0.0.1:{self._port}"]
        command += ["--name", name, "--store", str(self.database), f"--patience={patience}"]
        command += ["--session", str(session)]
        command += ["--key", str(self._folder / "command.key")]
        log = self._folder / f"{name}.log"
        with log.open("ab") as written:
            self._running[name] = subprocess.Popen(
                command, cwd=EXAMPLE, stdout=written, stderr=written
            )

    def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self._running.pop(name)
        process.send_signal(how)
        process.wait(30)

    def stop(self) -> None:
        for name in list(self._running):
            self.end(name)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database, timeout=30)) as database:
            return list(database.execute(sql))

    def ids(self) -> list[str]:
        """Of each stored record, as often as it is stored."""
        return [f"{g}:{e}:{s}" for g, e, s in self.rows("SELECT gateway, epoch, seq FROM records")]

    def heard_by(self) -> dict[str, int]:
        return dict(self.rows("SELECT heard_by, COUNT(*) FROM records GROUP BY 1"))

    def subscribed(self, broker: Mosquitto, count: int) -> None:
        """Wait until so many have subscribed to everything."""
        last = "event/+ (QoS 1)"
        wait_for(lambda: broker.log.read_text().count(last) >= count, "subscribed")


def test_two_share_the_load_and_one_is_killed(tmp_path: Path) -> None:
    """Killed in the middle, and back under its name: each record stored exactly once."""

    async def go() -> list[Record]:
        made: list[Record] = []
        url = f"mqtt://127.0.0.1:{broker.port}"
        async with running(tmp_path / "store", config(url)) as rig:
            await rig.connected()
            for number in range(60):
                if number == 30:
                    platform.end("platform-2", signal.SIGKILL)
                if number == 45:
                    platform.start("platform-2")
                made += rig.make(*(draft("telemetry", f"m-{n}") for n in range(10)))
                made += rig.make(*(draft(name) for name in CLASSES))
                await asyncio.sleep(0.02)
            await rig.delivered(made)
        return made

    with Mosquitto(tmp_path) as broker:
        platform = Platform(tmp_path, broker.port)
        try:
            for name in ("platform-1", "platform-2"):
                platform.start(name)
            platform.subscribed(broker, 2)
            made = asyncio.run(go())
            wanted = {record_id(IDENTITY.gateway, record.key) for record in made}
            wait_for(lambda: len(platform.ids()) >= len(wanted), "all stored")
        finally:
            platform.stop()
    ids = platform.ids()
    assert set(ids) == wanted
    assert len(ids) == len(wanted)
    assert min(platform.heard_by().values()) > len(wanted) / 10
    bodies = [json.loads(body) for (body,) in platform.rows("SELECT body FROM records")]
    by_id = {body.pop("id"): body for body in bodies}
    for record in made:
        want = expected(record)
        got = by_id[want.pop("id")]
        got.pop("hist")
        assert got == want
    values = sum(len(row["m"]) for r in made if r.cls == "telemetry" for row in rows_of(r))
    assert platform.rows("SELECT COUNT(*) FROM readings") == [(values,)]
    (state,) = platform.rows("SELECT epoch, seq FROM current WHERE class = 'state'")
    newest = max(record.key for record in made if record.cls == "state")
    assert record_id(IDENTITY.gateway, newest) == f"{IDENTITY.gateway}:{state[0]}:{state[1]}"


def rows_of(record: Record) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(record.body)["rows"]
    return rows


def test_what_a_lost_subscriber_took_with_it_is_asked_for_again(tmp_path: Path) -> None:
    """One is killed and never comes back; the other finds the holes and has them filled."""
    with Mosquitto(tmp_path) as broker, workshop(tmp_path, broker.port, poll="100ms") as made:
        platform = Platform(tmp_path, broker.port)
        text = made.site.read_text("utf-8")
        commands = "commands: {key: {file: command.key}, allow: [resend]}"
        made.site.write_text(text.replace("spread: 0s", f"spread: 0s, {commands}"), "utf-8")
        try:
            for name in ("platform-1", "platform-2"):
                platform.start(name, patience=2, session=3)
            platform.subscribed(broker, 2)
            made.start()
            wait_for(lambda: len(platform.heard_by()) == 2, "both hear", 60)
            wait_for(lambda: len(platform.ids()) > 60, "records come", 60)
            platform.end("platform-2", signal.SIGKILL)
            wait_for(lambda: platform.rows("SELECT * FROM holes"), "a hole", 60)
            wait_for(lambda: holes_asked(platform), "asked for", 60)
            assert made.simulator is not None
            made.simulator.terminate()
            made.simulator.wait(30)
            wait_for(lambda: not snapshot(made)["publishers"]["cluster"]["outbox"], "all sent", 60)
            wait_for(lambda: not open_holes(platform), "all filled", 60)
            assert made.end() == 0, made.log()
            wanted = {record_id(GATEWAY, record.key) for record in stored(tmp_path)}
            wait_for(lambda: wanted <= set(platform.ids()), "all stored", 60)
        finally:
            platform.stop()
    ids = platform.ids()
    assert len(ids) == len(set(ids))
    shown = report(platform)
    assert "wenzhou-shoes/demo-footwear/plant-1/gw-01" in shown


def holes_asked(platform: Platform) -> list[tuple[Any, ...]]:
    return platform.rows("SELECT * FROM holes WHERE tries > 0")


def open_holes(platform: Platform) -> list[tuple[Any, ...]]:
    return platform.rows("SELECT * FROM holes")


def report(platform: Platform) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "subscriber", "--store", platform.database, "--report"],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        check=True,
    )
    print(done.stdout)
    return done.stdout
