"""Modbus over TLS against a server with real certificates; nothing ever falls back to plain."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop

from drivers.lines import sockets
from drivers.modbus import plugin
from drivers.modbus.queries import query
from drivers.modbus.register import Function
from gateway.clock import SystemClock
from gateway.errors import ConnectionLost
from gateway.templates import load
from tests.e2e.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from drivers.modbus.client import TcpLink

ROOT = Path(__file__).parents[2]
ASKED = query(Function.HOLDING, 8, 1, 1)
SITE = """\
site: {{cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}}
devices:
  plc:
    link: modbus+tls://127.0.0.1:{port}
    tls: {{ca: ca.crt, cert: gw.crt, key: gw.key}}
    tags: {{level: {{at: "holding:8", kind: u16}}}}
"""


class Server:
    """A Modbus device with one register, 8: 42; it counts who came, and what it heard in plain."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self.heard: list[bytes] = []
        self.port = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(260):
                self.heard.append(data)
                writer.write(data[:4] + b"\0\5" + data[6:8] + b"\2\0\x2a")
        except OSError:
            pass
        finally:
            writer.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ca` signs the device and the gateway; `other` signs itself alone."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = Authority(folder), Authority(folder, "other")
    authority.issue("device", "IP:127.0.0.1")
    authority.issue("elsewhere", "DNS:elsewhere.example")
    authority.issue("expired", "IP:127.0.0.1", days=-1)
    authority.issue("gw", "DNS:gw-01")
    other.issue("stranger", "IP:127.0.0.1")
    (folder / "gw.key").chmod(0o600)
    return folder


def served(folder: Path, name: str, *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / "ca.crt")
    return context


def on(
    server: Server,
    check: Callable[[str], Awaitable[None]],
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    async def run() -> None:
        listening = await server.start()
        try:
            await check(f"modbus+tls://127.0.0.1:{server.port}")
        finally:
            listening.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(run())


def link_of(url: str, folder: Path, **files: str) -> TcpLink:
    query_ = "&".join(f"{key}={folder / name}" for key, name in files.items())
    return plugin.link(f"{url}?{query_}", SystemClock())  # type: ignore[return-value]


OWN = {"ca": "ca.crt", "cert": "gw.crt", "key": "gw.key"}


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("asks", [False, True], ids=["server alone", "both"])
def test_both_sides_show_who_they_are(
    folder: Path, factory: Callable[[], asyncio.AbstractEventLoop], *, asks: bool
) -> None:
    async def check(url: str) -> None:
        link = link_of(url, folder, **(OWN if asks else {"ca": "ca.crt"}))
        for _opening in range(2):
            await link.open()
            assert (await link.ask(ASKED, 1.0))[0] == b"\0\x2a"
            await link.close()

    on(Server(served(folder, "device", asks=asks)), check, factory)


@pytest.mark.parametrize(
    ("name", "files", "says"),
    [
        ("stranger", {"ca": "ca.crt"}, "unable to get.*tls.ca is the authority that signed"),
        ("device", {"ca": "other.crt"}, "unable to get.*tls.ca is the authority that signed"),
        ("device", {}, "unable to get.*tls.ca is the authority that signed"),
        ("expired", {"ca": "ca.crt"}, "certificate has expired.*Renew.*machine's clock"),
        ("elsewhere", {"ca": "ca.crt"}, "not valid for '127.0.0.1'.*a name or address that"),
        ("device", {"ca": "none.crt"}, "none.crt: No such file"),
        ("device", {"ca": "ca.crt", "cert": "gw.crt", "key": "device.key"}, "KEY_VALUES_MISMATCH"),
    ],
)
@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_device_that_is_not_trusted_is_asked_nothing(
    folder: Path,
    name: str,
    files: dict[str, str],
    says: str,
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    server = Server(served(folder, name))

    async def check(url: str) -> None:
        link = link_of(url, folder, **files)
        with pytest.raises(ConnectionLost, match=says):
            await link.open()
        assert not link.is_open
        with pytest.raises(ConnectionLost, match="not connected"):
            await link.ask(ASKED, 0.1)

    on(server, check, factory)
    assert server.heard == []


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_device_that_wants_to_know_the_gateway(
    folder: Path, factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """TLS 1.3 lets a client think that it is in before the server has looked."""

    async def check(url: str) -> None:
        link = link_of(url, folder, ca="ca.crt")
        await link.open()
        with pytest.raises(ConnectionLost, match=r"hung up: check tls\.cert and tls\.key"):
            await link.ask(ASKED, 1.0)

    on(Server(served(folder, "device", asks=True)), check, factory)


def test_a_plain_device_is_told_from_an_encrypted_one_and_hears_no_question(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "CONNECT_S", 0.5)
    server = Server(None)

    async def check(url: str) -> None:
        link = link_of(url, folder, ca="ca.crt")
        with pytest.raises(ConnectionLost, match=r"speaks TLS on this port|no answer within"):
            await link.open()

    on(server, check)
    assert all(b"\0\0\0\6\1\3\0\x08" not in data for data in server.heard)


def test_old_tls_is_refused(folder: Path) -> None:
    context = served(folder, "device")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    async def check(url: str) -> None:
        with pytest.raises(ConnectionLost, match="no TLS connection"):
            await link_of(url, folder, ca="ca.crt").open()

    on(Server(context), check)


def test_as_an_integrator_writes_it(folder: Path) -> None:
    async def check(url: str) -> None:
        port = url.rpartition(":")[2]
        site = folder / "site.yaml"
        site.write_text(SITE.format(port=port), "utf-8")
        (device,) = load(site).devices
        assert device.link.startswith(f"{url}?ca={folder}/ca.crt&cert=")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "--lang", "en", "read", str(site), "plc"),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _nothing = await process.communicate()
        assert process.returncode == 0, said.decode()
        assert b" 42 " in said

    on(Server(served(folder, "device", asks=True)), check)
