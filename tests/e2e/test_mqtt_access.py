"""What a broker refuses or can't do: kept, named, and nothing else suffers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop

from gateway.ids import record_id
from gateway.publishers import refusals
from gateway.publishers.mqtt_client import Connection
from gateway.secret import Secret
from gateway.settings import Tls
from tests.e2e.certificates import Authority
from tests.e2e.mosquitto import Mosquitto, Subscriber, free_port, wait_for
from tests.e2e.mqtt_rig import ROOT, by_id, config, draft, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.model import Record

DENIED = f"{ROOT}/l1/press-1/telemetry"


def test_a_denied_topic_is_parked_over_a_restart_while_the_others_flow(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic deny {DENIED}/live\ntopic deny {DENIED}/hist\ntopic readwrite #\n")

    async def denied(broker: Mosquitto) -> list[Record]:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{broker.port}")) as rig:
            await rig.connected()
            held = rig.make(*(draft("telemetry", "press-1") for _index in range(5)))
            await rig.until(lambda: rig.publisher.status().held, "held")
            others = []
            for _index in range(100):
                held += rig.make(draft("telemetry", "press-1"))
                others += rig.make(draft("telemetry", "press-2"), draft("state", "press-1"))
            await rig.delivered(others)
            status = rig.publisher.status()
            assert dict(status.held) == {f"{DENIED}/live": "Not authorized (0x87)"}
            assert status.connected
            assert status.parked == status.outbox == len(held)
            position = rig.store.position("cluster")
            assert not any(position.is_done(record.place, record.key) for record in held)
            assert len(position.ranges) < 5, "what is denied costs no range a record"
            return held

    async def still_denied(broker: Mosquitto, held: list[Record]) -> None:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{broker.port}")) as rig:
            await rig.connected()
            await rig.until(lambda: f"{DENIED}/hist" in rig.publisher.status().held, "tried again")
            assert rig.publisher.status().outbox == len(held)

    async def granted(broker: Mosquitto, held: list[Record]) -> None:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{broker.port}")) as rig:
            await rig.delivered(held)
            await rig.until(lambda: not rig.publisher.status().outbox, "nothing left")
            assert not rig.publisher.status().held
            assert not rig.publisher.status().parked

    with Mosquitto(tmp_path, f"acl_file {acl}") as broker, Subscriber(broker.port) as subscriber:
        held = asyncio.run(denied(broker))
        asyncio.run(still_denied(broker, held))
        acl.write_text("topic readwrite #\n")
        broker.reload()
        asyncio.run(granted(broker, held))
        wait_for(lambda: len(by_id(subscriber.heard)) == 305, "everything in the end")
    late = [json.loads(h.payload)["id"] for h in subscriber.on("press-1/telemetry/hist")]
    assert late == [record_id("gw-01", record.key) for record in held], "in order, each once"


def test_a_topic_granted_while_connected_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "FIRST_WAIT_S", 0.3)
    acl = tmp_path / "acl"
    acl.write_text(f"topic deny {ROOT}/l1/press-1/#\ntopic readwrite #\n")

    async def scenario(broker: Mosquitto) -> None:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{broker.port}")) as rig:
            await rig.connected()
            held = rig.make(*(draft(name) for name in ("meta", "telemetry", "state", "event")))
            await rig.until(lambda: len(rig.publisher.status().held) == 4, "held")
            acl.write_text("topic readwrite #\n")
            broker.reload()
            await rig.delivered(held)
            await rig.until(lambda: not rig.publisher.status().outbox, "nothing left")
            assert not rig.publisher.status().held

    with Mosquitto(tmp_path, f"acl_file {acl}") as broker:
        asyncio.run(scenario(broker))


def test_wrong_credentials_are_named_and_not_hammered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    passwords.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "gw-01", "right"], check=True)
    secret.touch(0o600)
    secret.write_text("canary-wrong\n")

    async def scenario(broker: Mosquitto) -> str:
        publish = config(
            f"mqtt://127.0.0.1:{broker.port}", username="gw-01", password=Secret(secret)
        )
        async with running(tmp_path / "store", publish) as rig:
            await rig.until(lambda: rig.publisher.status().error, "refused")
            await asyncio.sleep(1.0)
            error = rig.publisher.status().error
        secret.write_text("right\n")
        async with running(tmp_path / "store", publish) as rig:
            await rig.connected()
        return error

    with Mosquitto(tmp_path, f"password_file {passwords}", anonymous=False) as broker:
        error = asyncio.run(scenario(broker))
        attempts = broker.log.read_text().count("not authorised")
    assert "Not authorized" in error
    assert "site.yaml:9" in error
    assert attempts == 1
    assert "canary" not in error + caplog.text


def test_a_secret_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(0o644)
    secret.write_text("right\n")

    async def scenario(broker: Mosquitto) -> None:
        publish = config(
            f"mqtt://127.0.0.1:{broker.port}", username="gw-01", password=Secret(secret)
        )
        async with running(tmp_path / "store", publish) as rig:
            await rig.until(lambda: "chmod 600" in rig.publisher.status().error, "refused")

    with Mosquitto(tmp_path) as broker:
        asyncio.run(scenario(broker))
        assert "gw-01-cluster" not in broker.log.read_text()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_tls_with_a_client_certificate_and_large_messages(
    tmp_path: Path, run: Callable[..., None]
) -> None:
    authority = Authority(tmp_path)
    server = authority.issue("server", "IP:127.0.0.1")
    client = authority.issue("client", "DNS:gw-01")
    tls = Tls(authority.certificate, *client)

    async def scenario(broker: Mosquitto) -> None:
        publish = config(f"mqtts://127.0.0.1:{broker.port}", tls=tls)
        async with running(tmp_path / "store", publish) as rig:
            await rig.connected()
            big = [draft("event", data={"note": "x" * 60_000}) for _index in range(150)]
            await rig.delivered(rig.make(*big, *[draft("telemetry")] * 300))

    with Mosquitto(tmp_path, *tls_lines(authority, server)) as broker:
        run(scenario(broker))
        text = broker.log.read_text()
    assert text.count("as gw-01-cluster") == 2, "after the look, one carried all of it"


def tls_lines(authority: Authority, server: tuple[Path, Path]) -> tuple[str, ...]:
    """Configuration lines of a broker that asks for client certificates."""
    files = {"cafile": authority.certificate, "certfile": server[0], "keyfile": server[1]}
    return (*(f"{key} {path}" for key, path in files.items()), "require_certificate true")


# paho leaves the socket of a failed handshake to its reference count, which closes it as well.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize(
    ("server_host", "own", "trusted", "complaint"),
    [
        ("IP:127.0.0.2", "client", "ca", "IP address mismatch"),
        ("IP:127.0.0.1", "client", "other", "self.signed|unable to get local issuer"),
        ("IP:127.0.0.1", None, "ca", "CERTIFICATE_REQUIRED|closed|handshake|broke"),
        ("IP:127.0.0.1", "gone", "ca", "No such file"),
    ],
)
def test_tls_that_proves_nothing_is_refused(
    tmp_path: Path, server_host: str, own: str | None, trusted: str, complaint: str
) -> None:
    authority = Authority(tmp_path)
    Authority(tmp_path, "other")
    server = authority.issue("server", server_host)
    authority.issue("client", "DNS:gw-01")
    tls = Tls(tmp_path / f"{trusted}.crt", None, None)
    if own is not None:
        tls = replace(tls, cert=tmp_path / f"{own}.crt", key=tmp_path / f"{own}.key")

    async def scenario(broker: Mosquitto) -> str:
        publish = config(f"mqtts://127.0.0.1:{broker.port}", tls=tls)
        async with running(tmp_path / "store", publish) as rig:
            await rig.until(lambda: rig.publisher.status().error, "refused")
            assert not rig.publisher.status().connected
            return rig.publisher.status().error

    with Mosquitto(tmp_path, *tls_lines(authority, server)) as broker:
        error = asyncio.run(scenario(broker))
        assert "gw-01-cluster" not in broker.log.read_text()
    assert re.search(complaint, error), error


@contextlib.contextmanager
def old_broker() -> Iterator[int]:
    """Run a broker that knows MQTT 3.1.1 only; gives its port."""
    port = free_port()
    program = Path(__file__).with_name("old_broker.py")
    process = subprocess.Popen([sys.executable, str(program), str(port)], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def test_auto_falls_back_to_3_1_1_says_so_and_delivers(tmp_path: Path) -> None:
    async def scenario(port: int) -> None:
        publish = config(f"mqtt://127.0.0.1:{port}", version="auto")
        async with running(tmp_path / "store", publish) as rig:
            await rig.connected()
            status = rig.publisher.status()
            assert status.version == "3.1.1"
            assert "can't be seen" in status.note
            await rig.delivered(rig.make(draft("telemetry"), draft("state")))

    with old_broker() as port:
        asyncio.run(scenario(port))


def test_version_5_alone_never_falls_back(tmp_path: Path) -> None:
    async def scenario(port: int) -> None:
        publish = config(f"mqtt://127.0.0.1:{port}", version="5")
        async with running(tmp_path / "store", publish) as rig:
            await rig.until(
                lambda: "Unsupported protocol version" in rig.publisher.status().error, "refused"
            )
            assert "version: auto" in rig.publisher.status().error

    with old_broker() as port:
        asyncio.run(scenario(port))


def test_auto_keeps_version_5_where_the_broker_knows_it(tmp_path: Path) -> None:
    async def scenario(broker: Mosquitto) -> None:
        publish = config(f"mqtt://127.0.0.1:{broker.port}", version="auto")
        async with running(tmp_path / "store", publish) as rig:
            await rig.connected()
            broker.kill()
            await asyncio.sleep(0.5)
            broker.start()
            await rig.connected()
            assert rig.publisher.status().version == "5"

    with Mosquitto(tmp_path) as broker:
        asyncio.run(scenario(broker))


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (0x8E, "another client uses the client id gw-01-cluster"),
        (0x98, "Administrative action"),
        (0x87, "check username"),
    ],
)
def test_why_a_broker_ends_a_connection_is_told(tmp_path: Path, code: int, complaint: str) -> None:
    """Mosquitto 2.0.11 never says so, hence a broker of a few bytes."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.write(bytes((0x20, 3, 0, 0, 0)))
        if b"lwt" in heard[-1]:
            await reader.read(1000)
            writer.write(bytes((0xE0, 1, code)))
        else:
            heard.append(await reader.read(1000))
            writer.write(bytes((0x90, 4, *heard[-1][2:4], 0, 0x87)))
            await reader.read(1000)
        writer.close()

    async def scenario() -> str:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, running(tmp_path / "store", config(f"mqtt://127.0.0.1:{port}")) as rig:
            await rig.until(lambda: rig.publisher.status().error, "ended")
            return rig.publisher.status().error

    assert complaint in asyncio.run(scenario())


def test_several_brokers_stand_in_for_each_other(tmp_path: Path) -> None:
    async def scenario(broker: Mosquitto) -> None:
        urls = [f"mqtt://127.0.0.1:{free_port()}", f"mqtt://127.0.0.1:{broker.port}"]
        async with running(tmp_path / "store", config(*urls)) as rig:
            await rig.connected()
            assert rig.publisher.status().url == urls[1]

    with Mosquitto(tmp_path) as broker:
        asyncio.run(scenario(broker))


def test_an_outage_is_logged_once_and_so_is_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(broker: Mosquitto) -> None:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{broker.port}")) as rig:
            await rig.connected()
            broker.kill()
            await asyncio.sleep(2.0)
            broker.start()
            await rig.connected()

    with Mosquitto(tmp_path) as broker:
        asyncio.run(scenario(broker))
    texts = [record.getMessage() for record in caplog.records if record.name == "nxgate.publish"]
    assert [("connected to" in text, "no connection" in text) for text in texts] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip


def test_a_mistake_inside_paho_ends_the_connection_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Connection._read
    mistakes: list[RuntimeError] = []

    def stumble(self: Connection) -> None:
        if mistakes:
            raise mistakes.pop()
        read(self)

    monkeypatch.setattr(Connection, "_read", stumble)

    async def scenario(broker: Mosquitto) -> None:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{broker.port}")) as rig:
            await rig.connected()
            mistakes.append(RuntimeError("as if paho had a bug"))
            await rig.delivered(rig.make(draft("telemetry")))

    with Mosquitto(tmp_path) as broker, Subscriber(broker.port) as subscriber:
        asyncio.run(scenario(broker))
        wait_for(lambda: len(subscriber.on("/status")) >= 3, "farewell")
    conns = [json.loads(h.payload)["conn"] for h in subscriber.on("/status")]
    assert max(conns) == 2
