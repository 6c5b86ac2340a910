"""VictoriaMetrics as a child process: a server with the v2 write API that nobody here wrote."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.e2e.mosquitto import free_port, wait_for

if TYPE_CHECKING:
    from types import TracebackType

VICTORIA = Path("/usr/bin/victoria-metrics")


class Victoria:
    """One server on a free port of the loopback.

    Args:
        folder: for its data and its log.
        merging: show one of several equal points, as docs/influx.md asks for.
    """

    def __init__(self, folder: Path, *, merging: bool = True) -> None:
        assert VICTORIA.exists(), f"{VICTORIA} is missing: apt install victoria-metrics"
        self.port = free_port()
        self._folder = folder
        self._merging = merging
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the gateway writes to, and Grafana asks."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "victoria.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    VICTORIA,
                    f"-httpListenAddr=127.0.0.1:{self.port}",
                    f"-storageDataPath={self._folder / 'victoria'}",
                    "-retentionPeriod=100y",
                    "-search.latencyOffset=0s",
                    "-search.disableCache",
                    *(["-dedup.minScrapeInterval=1ms"] if self._merging else []),
                ],
                stderr=log,
                env={**os.environ, "GOMAXPROCS": "1"},
            )

        def is_up() -> bool:
            with suppress(OSError, urllib.error.URLError):
                return self._get("/health") == b"OK"
            return False

        wait_for(is_up, "VictoriaMetrics answers")

    def stop(self) -> None:
        """End it in order: what it took is on its disk then."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def points(self, match: str = '{asset!=""}') -> dict[str, list[tuple[int, float]]]:
        """Everything that it holds: series, spelt as a whole → (UTC ms, value), by time."""
        self._get("/internal/force_flush")
        found: dict[str, list[tuple[int, float]]] = {}
        for line in self._get("/api/v1/export", {"match[]": match}).splitlines():
            told = json.loads(line)
            series = json.dumps(told["metric"], sort_keys=True)
            pairs = zip(told["timestamps"], told["values"], strict=True)
            found[series] = sorted([*found.get(series, []), *pairs])
        return found

    def query(self, text: str, at_ms: int) -> list[dict[str, Any]]:
        """Answer a query as Grafana would have it: at one time."""
        return self._answer("/api/v1/query", {"query": text, "time": f"{at_ms / 1000}"})

    def query_range(self, text: str, start_ms: int, end_ms: int, step: str) -> list[dict[str, Any]]:
        """Answer a query over a time."""
        span = {"start": f"{start_ms / 1000}", "end": f"{end_ms / 1000}", "step": step}
        return self._answer("/api/v1/query_range", {"query": text, **span})

    def _answer(self, path: str, fields: dict[str, str]) -> list[dict[str, Any]]:
        self._get("/internal/force_flush")
        answer = json.loads(self._get(path, fields))
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def _get(self, path: str, fields: dict[str, str] | None = None) -> bytes:
        url = f"{self.url}{path}?{urllib.parse.urlencode(fields or {})}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own url
                body: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
        return body
