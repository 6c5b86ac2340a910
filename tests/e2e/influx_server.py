"""InfluxDB of Debian as a v2 server, and one that answers what a test tells it to.

Debian's InfluxDB is 1.6, whose write is that of v2 under another path: what stands before it here
is what InfluxDB 1.8 has built in (`/api/v2/write`), and nothing else. Parser, types, partial
writes and refusals are its own.
"""

from __future__ import annotations

import gzip
import http.client
import http.server
import json
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.e2e.mosquitto import free_ports, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

INFLUXD = Path("/usr/bin/influxd")
Answer = tuple[int, bytes, dict[str, str]]


class V2Server:
    """An HTTP server of one path.

    Args:
        answer: says what comes back for a body of line protocol; None: the connection breaks.

    Attributes:
        asked: the query of each write, and its headers.
        bodies: what was written.
    """

    def __init__(self, answer: Callable[[bytes], Answer | None]) -> None:
        outer = self
        self.asked: list[tuple[dict[str, list[str]], dict[str, str]]] = []
        self.bodies: list[bytes] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                url = urllib.parse.urlsplit(self.path)
                assert url.path == "/api/v2/write", url.path
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.asked.append((urllib.parse.parse_qs(url.query), dict(self.headers)))
                outer.bodies.append(body)
                told = answer(body)
                if told is None:
                    self.connection.close()
                    self.close_connection = True
                    return
                status, said, headers = told
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(said))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_args: object) -> None:
                """A test's own output is enough."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class Influxd:
    """InfluxDB 1.6 on a free port of the loopback.

    Args:
        folder: for its configuration, data and log.
    """

    def __init__(self, folder: Path) -> None:
        assert INFLUXD.exists(), f"{INFLUXD} is missing: apt install influxdb"
        self._port = free_ports(2)
        self._folder = folder
        (folder / "influxd.conf").write_text(
            f"""\
reporting-disabled = true
bind-address = "127.0.0.1:{self._port + 1}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[http]
  bind-address = "127.0.0.1:{self._port}"
  log-enabled = false
[monitor]
  store-enabled = false
"""
        )

    def __enter__(self) -> Self:
        with (self._folder / "influxd.log").open("ab") as log:
            command = [str(INFLUXD), "-config", str(self._folder / "influxd.conf")]
            self._process = subprocess.Popen(command, stderr=log, stdout=log)

        def is_up() -> bool:
            with suppress(OSError, http.client.HTTPException):
                return self._ask("GET", "/ping")[0] == 204
            return False

        wait_for(is_up, "InfluxDB answers")
        self.query("CREATE DATABASE nxgate", "POST")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(30)

    def write(self, body: bytes) -> Answer:
        """Take line protocol with times in ns, as `/api/v2/write` does."""
        status, said = self._ask("POST", "/write?db=nxgate&precision=n", body)
        return status, said, {}

    def query(self, text: str, method: str = "GET") -> list[dict[str, Any]]:
        """Rows of an InfluxQL query, times in ns."""
        fields = urllib.parse.urlencode({"q": text, "db": "nxgate", "epoch": "ns"})
        status, said = self._ask(method, f"/query?{fields}")
        assert status == 200, said
        return [
            dict(zip(series["columns"], row, strict=True)) | series.get("tags", {})
            for result in json.loads(said)["results"]
            for series in result.get("series", ())
            for row in series["values"]
        ]

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
