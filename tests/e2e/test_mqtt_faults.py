"""Faults of the north side, one by one: kept, said, and taken up again by itself."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
import tracemalloc
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.ids import record_id
from gateway.publishers import brokers, mqtt
from gateway.secret import Secret
from gateway.settings import Tls
from tests.e2e.certificates import Authority
from tests.e2e.mosquitto import Mosquitto, Subscriber
from tests.e2e.mqtt_rig import ROOT, by_id, config, draft, open_store, running
from tests.e2e.relay import Relay
from tests.e2e.scripted_broker import ScriptedBroker

if TYPE_CHECKING:
    from pathlib import Path


def tls_lines(authority: Authority, server: tuple[Path, Path]) -> tuple[str, ...]:
    """Configuration lines of a broker that asks for client certificates, and logs their names."""
    files = {"cafile": authority.certificate, "certfile": server[0], "keyfile": server[1]}
    return (
        *(f"{key} {path}" for key, path in files.items()),
        "require_certificate true",
        "use_subject_as_username true",
    )


def test_a_broker_that_pings_and_acknowledges_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "ANSWER_S", 0.5)
    monkeypatch.setattr(mqtt, "WATCH_S", 0.1)

    async def scenario() -> None:
        async with (
            ScriptedBroker(acknowledges=False) as broker,
            running(tmp_path / "store", config(broker.url)) as rig,
        ):
            await rig.connected()
            (record,) = rig.make(draft("telemetry"))
            await rig.until(lambda: rig.publisher.status().error, "left")
            assert "acknowledged nothing for" in rig.publisher.status().error
            assert not rig.store.position("cluster").is_done(record.place, record.key)
            assert 14 not in [kind for kind, _body in broker.packets[-1]], "so the Will is sent"
            await asyncio.sleep(0.5)
            assert len(broker.packets) == 2, "the look and one session: no haste"

    asyncio.run(scenario())


def test_an_idle_connection_is_no_silent_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "ANSWER_S", 0.3)
    monkeypatch.setattr(mqtt, "WATCH_S", 0.1)

    async def scenario() -> None:
        async with (
            ScriptedBroker() as broker,
            running(tmp_path / "store", config(broker.url)) as rig,
        ):
            await rig.delivered(rig.make(draft("telemetry")))
            await asyncio.sleep(1.0)
            assert rig.publisher.status().connected

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("packet", "complaint"),
    [
        (bytes((0x32, 0xFF, 0xFF, 0xFF, 0x7F)) + b"\0\1a\0\1\0", "a packet of 2684"),
        (bytes((0x34, 7)) + b"\0\1a\0\1\0x", "QoS 2"),
    ],
    ids=["256 MiB", "QoS 2"],
)
def test_what_a_broker_must_not_send_ends_the_connection_and_costs_nothing(
    tmp_path: Path, packet: bytes, complaint: str
) -> None:
    async def scenario() -> None:
        async with (
            ScriptedBroker() as broker,
            running(tmp_path / "store", config(broker.url)) as rig,
        ):
            await rig.connected()
            tracemalloc.start()
            assert broker.writer is not None
            broker.writer.write(packet)
            await rig.until(lambda: rig.publisher.status().error, "ended")
            _now, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert complaint in rig.publisher.status().error
            assert peak < 8 << 20
            records = rig.make(draft("telemetry"))
            assert not rig.store.position("cluster").is_done(records[0].place, records[0].key)

    asyncio.run(scenario())


def test_a_disconnect_over_a_packets_size_splits_the_largest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "NEXT_S", 0.1)
    tags = {f"tag_{n}": n for n in range(200)}

    async def scenario() -> None:
        async with (
            ScriptedBroker(limit=1500) as broker,
            running(tmp_path / "store", config(broker.url)) as rig,
        ):
            await rig.connected()
            rig.make(draft("telemetry", rows=[{"t": 1, "m": tags}]), draft("telemetry", "press-2"))

            def arrived() -> bytes:
                return b"".join(body for body in broker.published() if len(body) < 1500)

            await rig.until(
                lambda: all(b'"tag_%d":' % n in arrived() for n in range(200)), "all of it", 60
            )
            await rig.until(lambda: not rig.publisher.status().outbox, "nothing left")
            assert rig.publisher.status().aside == 0

    asyncio.run(scenario())


def test_a_slow_broker_gets_little_at_a_time_and_live_goes_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = open_store(tmp_path / "store")
        store.append([draft("telemetry")] * 2000)
        await store.flush()
        await store.close()
        async with (
            ScriptedBroker(rate=200) as broker,
            running(tmp_path / "store", config(broker.url)) as rig,
        ):
            await rig.connected()
            await asyncio.sleep(1.5)
            loop, waits, flying = asyncio.get_running_loop(), list[float](), list[int]()
            for _turn in range(20):
                began = loop.time()
                await rig.delivered(rig.make(draft("telemetry", "press-2")))
                waits.append(loop.time() - began)
                flying.append(rig.publisher.status().in_flight)
            assert max(flying) <= 60
            assert sorted(waits)[18] < 0.6, waits
            assert rig.publisher.status().rtt_ms > 5
            assert rig.publisher.status().answered_ms > 0

    asyncio.run(scenario())


def test_an_acknowledgement_lost_is_made_up_for_with_the_same_id(tmp_path: Path) -> None:
    async def scenario(relay: Relay, subscriber: Subscriber) -> None:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{relay.port}")) as rig:
            await rig.connected()
            await rig.delivered(rig.make(draft("state")))
            relay.deafen()
            records = rig.make(draft("telemetry"), draft("event"))
            names = [record_id("gw-01", record.key) for record in records]
            await rig.until(lambda: set(names) <= by_id(subscriber.heard).keys(), "heard once")
            assert not rig.store.position("cluster").is_acked(records[0].key)
            relay.cut()
            await rig.delivered(records)
            for name in names:
                first, second = by_id(subscriber.heard)[name]
                assert first == second

    with (
        Mosquitto(tmp_path) as broker,
        Relay(broker.port) as relay,
        Subscriber(broker.port) as subscriber,
    ):
        asyncio.run(scenario(relay, subscriber))


def test_credentials_revoked_while_connected_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "SLOW_S", 1.0)
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    passwords.touch()
    secret.touch(0o600)
    secret.write_text("right\n")

    def allow(password: str) -> None:
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), "gw-01", password], check=True)

    async def scenario(broker: Mosquitto) -> None:
        publish = config(
            f"mqtt://127.0.0.1:{broker.port}", username="gw-01", password=Secret(secret)
        )
        async with running(tmp_path / "store", publish) as rig:
            await rig.delivered(rig.make(draft("telemetry")))
            allow("another")
            broker.reload()
            kept = rig.make(draft("telemetry"), draft("state"))
            await rig.until(lambda: "Not authorized" in rig.publisher.status().error, "refused")
            kept += rig.make(draft("event"))
            await asyncio.sleep(1.5)
            attempts = broker.log.read_text().count("not authorised")
            assert 1 <= attempts <= 3, "slow retries"
            secret.write_text("another\n")
            await rig.delivered(kept)

    allow("right")
    with Mosquitto(tmp_path, f"password_file {passwords}", anonymous=False) as broker:
        asyncio.run(scenario(broker))


@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
def test_an_expired_server_certificate_is_never_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "SLOW_S", 0.5)
    authority = Authority(tmp_path)
    server = authority.issue("server", "IP:127.0.0.1", days=-1)
    client = authority.issue("client", "DNS:gw-01")

    async def scenario(broker: Mosquitto) -> None:
        publish = config(
            f"mqtts://127.0.0.1:{broker.port}", tls=Tls(authority.certificate, *client)
        )
        async with running(tmp_path / "store", publish) as rig:
            records = rig.make(draft("telemetry"))
            await rig.until(lambda: "expired" in rig.publisher.status().error, "refused")
            await asyncio.sleep(1.0)
            assert "gw-01-cluster" not in broker.log.read_text()
            authority.issue("server", "IP:127.0.0.1")
            broker.stop()
            broker.start()
            await rig.delivered(records)

    with Mosquitto(tmp_path, *tls_lines(authority, server)) as broker:
        asyncio.run(scenario(broker))


def test_client_certificates_rotated_on_disk_are_taken_at_the_next_connect(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = authority.issue("server", "IP:127.0.0.1")
    certificate, key = authority.issue("first", "DNS:gw-01")
    following = authority.issue("second", "DNS:gw-01")

    async def scenario(broker: Mosquitto, relay: Relay) -> None:
        publish = config(
            f"mqtts://127.0.0.1:{relay.port}", tls=Tls(authority.certificate, certificate, key)
        )
        async with running(tmp_path / "store", publish) as rig:
            await rig.delivered(rig.make(draft("telemetry")))
            assert "CN=second" not in broker.log.read_text()
            for new, old in zip(following, (certificate, key), strict=True):
                shutil.copy(new, old)
            relay.cut()
            await rig.until(lambda: "CN=second" in broker.log.read_text(), "the new one is shown")
            await rig.delivered(rig.make(draft("telemetry")))

    with Mosquitto(tmp_path, *tls_lines(authority, server)) as broker, Relay(broker.port) as relay:
        asyncio.run(scenario(broker, relay))


def test_under_3_1_1_a_denial_cant_be_seen_and_that_is_said(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic deny {ROOT}/l1/press-1/telemetry/live\ntopic readwrite #\n")

    async def scenario(broker: Mosquitto, subscriber: Subscriber) -> None:
        publish = config(f"mqtt://127.0.0.1:{broker.port}", version="3.1.1")
        async with running(tmp_path / "store", publish) as rig:
            await rig.connected()
            records = rig.make(draft("telemetry"), draft("telemetry", "press-2"))
            await rig.delivered(records)
            assert "can't be seen" in rig.publisher.status().note
            assert rig.publisher.status().version == "3.1.1"
            await rig.store.flush()
            heard = by_id(subscriber.heard)
            assert record_id("gw-01", records[0].key) not in heard
            assert rig.publisher.resend(records[0].key, records[0].key) == 1
            await rig.until(
                lambda: record_id("gw-01", records[0].key) in by_id(subscriber.heard),
                "history, which is granted",
            )

    with (
        Mosquitto(tmp_path, f"acl_file {acl}") as broker,
        Subscriber(broker.port) as subscriber,
    ):
        asyncio.run(scenario(broker, subscriber))
        assert json.loads(subscriber.on("/status")[0].payload)["mqtt"] == "3.1.1"


def test_another_client_with_our_id_is_suspected(tmp_path: Path) -> None:
    """Mosquitto 2.0.11 takes a session over without a word."""
    stop = threading.Event()

    def impersonate(port: int) -> None:
        while not stop.wait(0.05):
            client = paho.Client(CallbackAPIVersion.VERSION2, "gw-01-cluster", protocol=paho.MQTTv5)
            client.connect("127.0.0.1", port, clean_start=True)
            client.loop_read()
            stop.wait(0.3)
            client.disconnect()

    async def scenario(broker: Mosquitto) -> None:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{broker.port}")) as rig:
            await rig.connected()
            other = threading.Thread(target=impersonate, args=(broker.port,))
            other.start()
            try:
                await rig.until(
                    lambda: "another client uses the client id gw-01-cluster"
                    in rig.publisher.status().error,
                    "suspected", 60,
                )  # fmt: skip
                records = rig.make(draft("telemetry"))
            finally:
                stop.set()
                await asyncio.to_thread(other.join)
            await rig.delivered(records, 60)

    with Mosquitto(tmp_path) as broker:
        asyncio.run(scenario(broker))
