"""`/metrics` and `/healthz` over HTTP, for as long as it is let run.

It listens on loopback. Elsewhere it does so only with a token and TLS, on IPv6 too. Requests are
read-only, have little time and little room, and few are served at once.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import socket
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from gateway.archive.standing import ask
from gateway.errors import GatewayError
from gateway.exposing.families import CONTENT_TYPE, text
from gateway.exposing.health import health
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.secret import Secret

REQUEST_S = 5.0
"""For one who connects and says nothing."""
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask.

    Attributes:
        token: a request must bear it; None: whoever reaches the address may ask.
        cert, key: of TLS; None: plain HTTP.
    """

    token: Secret | None = None
    cert: Path | None = None
    key: Path | None = None


def serve(folder: Path, host: str, port: int, access: Access) -> Server:
    """Begin to listen; the caller runs `serve_forever`.

    Args:
        folder: the store's, where the gateway's socket lies.
        host: address or name to listen at.
        port: 0: any that is free.
        access: who may ask.

    Raises:
        GatewayError: the address can't be used, or needs a token and TLS; no such certificate.
        ConfigError: the token's file.
    """
    is_guarded = access.token is not None and access.cert is not None
    if not is_guarded and not _is_loopback(host):
        text_ = _("{host} is reached from outside: give --token FILE, --cert FILE and --key FILE")
        raise GatewayError(text_.format(host=host))
    token = None if access.token is None else access.token.read().encode()
    try:
        context = None if access.cert is None else _context(access.cert, access.key)
        server = Server(host, port, folder, token)
    except (OSError, ssl.SSLError) as error:
        text_ = _("{host}:{port} can't be served: {reason}")
        reason = error.strerror or str(error)
        raise GatewayError(text_.format(host=host, port=port, reason=reason)) from error
    if context is not None:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    return server


class Server(ThreadingHTTPServer):
    """Asks the gateway anew for each request.

    Args:
        host: address or name to listen at.
        port: 0: any that is free.
        folder: the store's.
        token: what a request must bear; None: nothing.
    """

    daemon_threads = True
    request_queue_size = AT_ONCE

    def __init__(self, host: str, port: int, folder: Path, token: bytes | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.folder = folder
        self.token = token
        self._free = BoundedSemaphore(AT_ONCE)
        super().__init__((host, port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as it is there
        """Take a request on, or hang up where too many are under way."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Serve one in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """A visitor who leaves early is no news."""


class Handler(BaseHTTPRequestHandler):
    """One visitor."""

    server: Server
    timeout = REQUEST_S
    server_version = "nxgate"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer `/metrics` and `/healthz`."""
        if not self._is_let_in():
            self._answer(HTTPStatus.UNAUTHORIZED, "text/plain", b"a token is needed\n")
            return
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(HTTPStatus.OK, CONTENT_TYPE, text(asyncio.run(ask(self.server.folder))))
        elif path == "/healthz":
            is_live, told = health(asyncio.run(ask(self.server.folder)))
            status = HTTPStatus.OK if is_live else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, "application/json", json.dumps(told).encode() + b"\n")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"/metrics or /healthz\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing: a scrape each 15 s is no news."""

    def _is_let_in(self) -> bool:
        token = self.server.token
        if token is None:
            return True
        said = self.headers.get("Authorization", "").encode("latin-1", "replace")
        return hmac.compare_digest(said, b"Bearer " + token)

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _context(cert: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    return context
