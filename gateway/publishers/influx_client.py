"""The only importer of influxdb-client: one blocking write at a time, in a thread.

Its batching write API buffers in memory and retries on its own, out of sight of the position in
the store; the asynchronous one wants aiohttp. What serves is the call beneath them, with bytes of
ours (decision 0051). Failures become `BrokerUnavailable` here, with a cause, and refusals an
`Answer`.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import orjson
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from urllib3 import exceptions as http

from gateway.errors import BrokerUnavailable, ConfigError
from gateway.publishers.causes import Cause, explain
from gateway.publishers.dial import Dialer
from gateway.publishers.tls import context
from gateway.words import _

if TYPE_CHECKING:
    from gateway.settings import InfluxSettings

PACKED = 1
"""gzip's level: 9, the library's own, takes 17 times as long for 13 % less."""
CONNECT_MS = 10_000
ANSWER_MS = 30_000
LIMIT_S = 60.0
"""A write that takes longer hangs in the look-up of the name, which nothing ends."""
MOST_WHY = 300
"""Characters of a server's reason."""
MOST_AFTER_S = 600.0
"""The longest pause that a server may ask for."""


class Verdict(Enum):
    """What the server made of a batch of lines."""

    TAKEN = auto()
    REFUSED = auto()
    """Some or all of it: it is not line protocol, or too old."""
    CONFLICT = auto()
    """A field has another type there."""
    TOO_LARGE = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer to a batch, and its own words."""

    verdict: Verdict
    why: str = ""


class ServerUnavailable(BrokerUnavailable):
    """Nothing was taken, as far as is known.

    Attributes:
        after_s: the server asks to be left alone for so long.
        suspect: what was sent may be the reason.
    """

    def __init__(
        self, message: str, cause: str, *, after_s: float = 0.0, suspect: bool = False
    ) -> None:
        super().__init__(message, cause)
        self.after_s = after_s
        self.suspect = suspect


class Client:
    """Writes to one bucket.

    Args:
        config: its section.

    Raises:
        BrokerUnavailable: the token or a certificate can't be read.
    """

    def __init__(self, config: InfluxSettings) -> None:
        try:
            token = config.token.read()
        except ConfigError as error:
            raise explain(error) from error
        secure = config.url.startswith("https")
        self._bucket, self._org = config.bucket, config.org
        self._client = InfluxDBClient(
            config.url,
            token,
            org=config.org,
            timeout=(CONNECT_MS, ANSWER_MS),
            ssl_context=context(config.tls) if secure else None,
        )
        self._service = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]
        self._dialer = Dialer()

    async def write(self, lines: bytes) -> Answer:
        """Write lines of line protocol, times in ns, and wait for the answer.

        Raises:
            BrokerUnavailable: no answer, or none that says what became of the lines.
        """
        answers: list[Answer] = []
        await self._dialer.dial(
            lambda: answers.append(self._write(lines)), lambda: None, limit_s=LIMIT_S
        )
        return answers[0]

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _write(self, lines: bytes) -> Answer:
        """Write, in the thread."""
        try:
            self._service.post_write(  # type: ignore[no-untyped-call]
                self._org,
                self._bucket,
                gzip.compress(lines, PACKED),
                precision="ns",
                content_encoding="gzip",
                content_type="text/plain; charset=utf-8",
            )
        except ApiException as error:
            return _judge(error)
        except http.HTTPError as error:
            raise _broken(error) from error
        except UnicodeDecodeError as error:
            text = _("the answer is not a text")
            raise ServerUnavailable(text, Cause.OFFENCE) from error
        return Answer(Verdict.TAKEN)


def _judge(error: ApiException) -> Answer:
    """Tell a refusal of what was sent from a server that takes nothing now.

    Raises:
        ServerUnavailable: it takes nothing now.

    Source: InfluxDB API v2, POST /api/v2/write: responses.
    """
    status = error.status or 0
    why = _reason(error)
    match status:
        case 400 | 422:
            kind = Verdict.CONFLICT if "type conflict" in why else Verdict.REFUSED
            return Answer(kind, why)
        case 413:
            return Answer(Verdict.TOO_LARGE, why)
        case 401 | 403:
            raise ServerUnavailable(why, Cause.CREDENTIALS) from error
        case 429 | 503:
            raise ServerUnavailable(why, Cause.NETWORK, after_s=_after(error)) from error
        case 0:
            raise ServerUnavailable(why, Cause.TLS) from error
        case status if status >= 500:  # noqa: PLR2004 - server errors
            raise ServerUnavailable(why, Cause.NETWORK, suspect=True) from error
        case _other:
            raise ServerUnavailable(why, Cause.UNSUITABLE) from error


def _reason(error: ApiException) -> str:
    """What the server says, in one line."""
    body = str(error.body or "")
    try:
        told = orjson.loads(body)
        body = str(told.get("message") or told["error"])
    except (orjson.JSONDecodeError, AttributeError, KeyError):
        pass  # not InfluxDB's own: what it says is told as it is
    said = " ".join((body or str(error.reason or "")).split())[:MOST_WHY]
    return f"HTTP {error.status}: {said}" if error.status else said


def _after(error: ApiException) -> float:
    """Seconds that a server asks to be left alone."""
    headers: Any = error.headers or {}
    asked = str(headers.get("Retry-After", ""))
    return min(MOST_AFTER_S, float(asked)) if asked.isdecimal() else 0.0


def _broken(error: http.HTTPError) -> BrokerUnavailable:
    """Put into words why no answer came."""
    inner = error.args[-1] if error.args else None
    for cause in (error.__cause__, inner):
        if isinstance(cause, OSError):
            found = explain(cause)
            sent = not isinstance(error, http.NewConnectionError)
            return ServerUnavailable(str(found), found.cause, suspect=sent)
    if isinstance(error, http.ConnectTimeoutError):
        text = _("no connection within {seconds:g} s").format(seconds=CONNECT_MS / 1000)
        return ServerUnavailable(text, Cause.NETWORK)
    if isinstance(error, http.ReadTimeoutError):
        text = _("no answer within {seconds:g} s").format(seconds=ANSWER_MS / 1000)
        return ServerUnavailable(text, Cause.UNANSWERED)
    return ServerUnavailable(str(error), Cause.NETWORK, suspect=True)
