"""`nxgate expose` beside a real gateway: what a scrape gets, who is let in, live and stuck."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.certificates import Authority
from tests.e2e.mosquitto import Mosquitto, free_port, wait_for
from tests.e2e.workshop import NXGATE, ROOT, snapshot, workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.workshop import Workshop

TOKEN = "0123456789abcdef" * 2


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Workshop]:
    with Mosquitto(tmp_path) as broker, workshop(tmp_path, broker.port) as made:
        made.start()
        wait_for((made.folder / "store/nxgate.sock").exists, "the gateway runs")
        wait_for(
            lambda: all(device["ok"] for device in snapshot(made)["devices"].values()),
            "all devices answer",
        )
        yield made


@contextlib.contextmanager
def exposed(site: Path, *options: object, host: str = "127.0.0.1") -> Iterator[int]:
    """Serve on a free port; yield it."""
    port = free_port()
    listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    command = [*NXGATE, "expose", str(site), "--listen", listen, *map(str, options)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert f":{port}/metrics".encode() in process.stdout.readline()
            yield port
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0


def get(url: str, token: str = "", trust: Path | None = None) -> tuple[int, str]:
    """Status and body."""
    request = urllib.request.Request(url)  # noqa: S310 - our own
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    context = None if trust is None else ssl.create_default_context(cafile=str(trust))
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as reply:  # noqa: S310
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def values(text: str) -> dict[str, float]:
    """By name and labels, as Prometheus's own parser reads them."""
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_scrape_says_what_the_gateway_says(floor: Workshop) -> None:
    with exposed(floor.site) as port:
        status, text = get(f"http://127.0.0.1:{port}/metrics")
        found, told = values(text), snapshot(floor)
        assert status == 200
        assert found["nxgate_up[]"] == 1
        assert found["nxgate_device_up['plc-inj']"] == 1
        assert found["nxgate_publisher_up['cluster']"] == 1
        polls = found["nxgate_device_polls_total['ok', 'plc-inj']"]
        assert 1 <= polls <= told["devices"]["plc-inj"]["ok"]
        assert found["nxgate_store_commits_total[]"] >= 1
        assert get(f"http://127.0.0.1:{port}/healthz")[0] == 200
        assert get(f"http://127.0.0.1:{port}/../etc/passwd")[0] == 404

        assert floor.gateway is not None
        floor.gateway.send_signal(signal.SIGSTOP)
        try:
            status, text = get(f"http://127.0.0.1:{port}/healthz")
            assert (status, json.loads(text)["live"]) == (503, False)
        finally:
            floor.gateway.send_signal(signal.SIGCONT)
        wait_for(lambda: get(f"http://127.0.0.1:{port}/healthz")[0] == 200, "it is alive again")

        floor.end()
        assert values(get(f"http://127.0.0.1:{port}/metrics")[1]) == {"nxgate_up[]": 0}


def test_from_outside_only_with_token_and_certificate(floor: Workshop, tmp_path: Path) -> None:
    for host in ("0.0.0.0", "[::]"):  # noqa: S104 - it is what is refused
        command = [*NXGATE, "expose", str(floor.site), "--listen", f"{host}:0"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=False)
        assert done.returncode != 0
        assert b"--token" in done.stderr
    authority = Authority(tmp_path)
    cert, key = authority.issue("box", "DNS:localhost")
    token = tmp_path / "token"
    token.write_text(TOKEN, "utf-8")
    token.chmod(0o600)
    guarded = ("--token", token, "--cert", cert, "--key", key)
    with exposed(floor.site, *guarded, host="0.0.0.0") as port:  # noqa: S104
        url = f"https://localhost:{port}/metrics"
        assert get(url, trust=authority.certificate)[0] == 401
        assert get(url, TOKEN[:-1], authority.certificate)[0] == 401
        assert get(url, TOKEN, authority.certificate)[0] == 200


def test_many_who_say_nothing_don_t_keep_others_out_for_long(floor: Workshop) -> None:
    with exposed(floor.site) as port, contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))

        def is_served() -> bool:
            with contextlib.suppress(OSError):
                return get(f"http://127.0.0.1:{port}/healthz")[0] == 200
            return False

        wait_for(is_served, "one who asks is served")
