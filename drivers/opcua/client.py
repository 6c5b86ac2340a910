"""One connection with its session, from opening to end; a new one starts with nothing remembered.

asyncua opens the secure channel, the session, and keeps the channel's keys new. Requests that are
sent every second go past its codec: their bytes are prepared (`encode.py`), the answers are handed
on as they came (`decode.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import time
from functools import partial
from typing import TYPE_CHECKING

from asyncua import Client
from asyncua.ua.status_codes import get_name_and_doc
from asyncua.ua.ua_binary import nodeid_to_binary
from asyncua.ua.uaerrors import UaError, UaStatusCodeError
from cryptography.exceptions import InvalidSignature

from drivers.opcua import encode, status
from drivers.opcua.decode import EPOCH, Reader
from drivers.opcua.discovery import Bounded
from drivers.opcua.exchange import Answer
from drivers.opcua.refusals import OWN, explain, hung_up
from drivers.opcua.secure import FAILURES, Secured, secure
from drivers.opcua.settings import CONNECT_S
from gateway.errors import ConnectionLost, DecodeError, RequestRefused, RequestTimeout
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncua.client.ua_client import UASocketProtocol
    from cryptography.x509 import Certificate

    from drivers.opcua.exchange import Question
    from drivers.opcua.settings import Settings
    from gateway.clock import Clock
    from gateway.errors import DriverError

SILENCES = 3
"""Questions in a row without an answer after which a connection counts as half-open."""
CHANNEL_MS = 3_600_000
SESSION_MS = 60_000
"""What is left of a session that nobody closed: the server keeps it so long."""
SERVICE_FAULT = (0, "i", 397)
_HEAD = struct.Struct("<qIIiIBBB")
"""RequestHeader behind its token: time, handle, diagnostics, audit id, time-out, no more."""
_ANSWER = struct.Struct("<qII")
_OVER = {0x80250000, 0x80260000, 0x80270000, 0x80220000, 0x80860000}
"""BadSessionIdInvalid, …Closed, …NotActivated, BadSecureChannelIdInvalid, …Closed."""

logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)  # what goes wrong is said by the driver


class Session:
    """A session at a server, over a connection of its own.

    Args:
        settings: where to, and how secured.
        clock: for arrival times.
        count: told "late" or "rejected" for an answer that is nobody's value.
    """

    def __init__(self, settings: Settings, clock: Clock, count: Callable[[str], None]) -> None:
        self.settings = settings
        self.endpoint = settings.endpoint
        self.client = Client(settings.server, timeout=CONNECT_S)
        self.secured = Secured(settings)
        self.reason = ""
        self.is_alive = False
        self._is_opening = False
        self._clock = clock
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._protocol: UASocketProtocol
        self._token = b""
        self._handle = 0
        self._silences = 0
        self._waiting: set[_Pending] = set()
        self._renewing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, open a channel, and a session on it.

        Raises:
            ConnectionLost: what stood in the way, and at which step.
        """
        try:
            self.secured = await secure(self.settings)
            *earlier, last = self.secured.certificates
            for certificate in earlier:
                if await self._is_taken(certificate):
                    break
            else:
                await self._connect(last)
        except FAILURES as error:
            self._hang_up()
            text = _("{endpoint}: {reason}.")
            reason = self._reason(error)
            raise ConnectionLost(text.format(endpoint=self.endpoint, reason=reason)) from error
        except BaseException:
            self._hang_up()
            raise
        client = self.client
        self.reason = ""
        self._token = nodeid_to_binary(client.uaclient.session.authentication_token)
        self.is_alive = True
        self._renewing = self._loop.create_task(self._renew())

    async def _is_taken(self, certificate: Certificate | None) -> bool:
        """Connect with a certificate that the server may not know yet; False where it doesn't."""
        try:
            await self._connect(certificate)
        except (OSError, UaError) as error:
            self._hang_up()
            if isinstance(error, UaStatusCodeError) and status_name(error.code) not in OWN:
                raise
            self.reason = ""
            return False
        return True

    async def _connect(self, certificate: Certificate | None) -> None:
        self.client = client = Client(self.settings.server, timeout=CONNECT_S)
        client.secure_channel_timeout = CHANNEL_MS
        client.session_timeout = SESSION_MS
        client.uaclient._make_protocol = self._make_protocol  # type: ignore[method-assign] # noqa: SLF001 - bounds
        self.secured.dress(client, certificate)
        await client.connect_socket()
        await client.send_hello()
        self._is_opening = certificate is not None
        await client.open_secure_channel()
        try:
            said = await client.create_session()
        except InvalidSignature as error:
            raise ValueError(
                _("its signature is wrong: it has not the certificate's key")
            ) from error
        self._is_opening = False
        self.secured.agree(said)
        await self.secured.activate(client)

    def _reason(self, error: BaseException) -> str:
        """Why the connection didn't come about, and what to do where it is for security."""
        reason = reason_of(error)
        if isinstance(error, UaStatusCodeError):
            meaning = explain(status_name(error.code), self.settings)
            return (
                _("{reason}: {meaning}").format(reason=reason, meaning=meaning)
                if meaning
                else reason
            )
        return hung_up(self.settings) if self._is_opening and isinstance(error, OSError) else reason

    async def ask(self, question: Question, timeout_s: float) -> Answer:
        """As `exchange.Asks.ask`."""
        if not self.is_alive:
            raise self.lost()
        self._handle = handle = (self._handle + 1) & 0xFFFF_FFFF
        pending = self._send(question, handle, timeout_s)
        timer = self._loop.call_later(timeout_s, self._expire, pending, timeout_s)
        self._waiting.add(pending)
        try:
            data, time_ns, mono_ns = await pending.future
        finally:
            timer.cancel()
            self._waiting.discard(pending)
        self._silences = 0
        return Answer(data, self._head(data, question, handle), time_ns, mono_ns)

    async def close(self) -> None:
        """End the session and the connection; safe to call twice."""
        if self.is_alive:
            self.is_alive = False
            with contextlib.suppress(OSError, TimeoutError, UaError):
                async with asyncio.timeout(CONNECT_S / 4):
                    await self.client.uaclient.close_session(True)  # noqa: FBT003
                    await self.client.close_secure_channel()
        self.drop(_("closed"))

    def drop(self, reason: str) -> None:
        """End the connection now; whatever waits gets the reason."""
        self.is_alive = False
        self.reason = self.reason or reason
        if self._renewing is not None:
            self._renewing.cancel()
        self._hang_up()
        for pending in tuple(self._waiting):
            pending.fail(self.lost())

    def _hang_up(self) -> None:
        protocol = self.client.uaclient.protocol
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()

    def _send(self, question: Question, handle: int, timeout_s: float) -> _Pending:
        """Put a header before a prepared body, and the whole on the wire.

        As `UASocketProtocol._send_request` of asyncua does, but for its encoder.
        """
        protocol = self._protocol
        ticks = time.time_ns() // 100 + EPOCH
        head = _HEAD.pack(ticks, handle, 0, -1, round(timeout_s * 1000), 0, 0, 0)
        whole = encode.type_id(question.service) + self._token + head + question.body
        protocol.revolve_security_token()
        number = protocol._request_id + 1  # noqa: SLF001
        message = protocol._connection.message_to_binary(whole, request_id=number)  # noqa: SLF001
        protocol._request_id = number  # noqa: SLF001
        pending = _Pending(self._loop.create_future(), self._clock, self._count)
        protocol._callbackmap[number] = pending  # type: ignore[assignment] # noqa: SLF001
        if protocol.transport is None:
            raise self.lost()
        protocol.transport.write(message)
        return pending

    def _head(self, data: bytes, question: Question, handle: int) -> int:
        """Read an answer's header; where its body begins.

        Raises:
            RequestRefused, ConnectionLost: what the server says instead.
            DecodeError: it is none to this question.
        """
        reader = Reader(data)
        encoding = reader.node_id()
        _ticks, echoed, code = _ANSWER.unpack(reader.take(_ANSWER.size))
        reader.diagnostic()
        for _number in range(reader.count(4)):
            reader.string()
        reader.structure()
        if echoed != handle or encoding not in {(0, "i", question.answer), SERVICE_FAULT}:
            self._count("rejected")
            raise DecodeError(_("the answer is none to this question"), data)
        if code in _OVER:
            self.drop(status_name(code))
            raise self.lost()
        if code & status.BAD or encoding == SERVICE_FAULT:
            raise RequestRefused(f"{status_name(code)} (0x{code:08X})", code)
        return reader.pos

    def _expire(self, pending: _Pending, timeout_s: float) -> None:
        """End a question that got no answer; after some in silence, the connection too."""
        self._silences += 1
        text = _("no answer within {timeout:g} s").format(timeout=timeout_s)
        pending.fail(RequestTimeout(text))
        if self._protocol.receive_buffer:
            self.drop(_("an answer was cut short"))
        elif self._silences >= SILENCES:
            self.drop(_("silent"))

    def _make_protocol(self) -> UASocketProtocol:
        self._protocol = Bounded(CONNECT_S, security_policy=self.client.uaclient.security_policy)
        self._protocol.on_connection_lost = partial(self._ended, self._protocol)
        self.client.uaclient.protocol = self._protocol
        return self._protocol

    def _ended(self, protocol: UASocketProtocol, error: Exception | None) -> None:
        if protocol is not self._protocol:
            return
        self.drop(reason_of(error) if error is not None else _("the server hung up"))

    async def _renew(self) -> None:
        """Have the channel's keys renewed after three quarters of their life."""
        while True:
            await asyncio.sleep(self.client.secure_channel_timeout * 0.75 / 1000)
            try:
                await self.client.open_secure_channel(renew=True)
            except (OSError, TimeoutError, UaError) as error:
                self.drop(reason_of(error))

    def lost(self) -> ConnectionLost:
        """The error to raise once it is over."""
        text = _("{endpoint}: connection lost: {reason}.")
        return ConnectionLost(
            text.format(endpoint=self.endpoint, reason=self.reason or _("not connected"))
        )


class _Pending:
    """A question under way; asyncua takes it for the future of its own."""

    __slots__ = ("_clock", "_count", "future")

    def __init__(
        self,
        future: asyncio.Future[tuple[bytes, int, int]],
        clock: Clock,
        count: Callable[[str], None],
    ) -> None:
        self.future = future
        self._clock = clock
        self._count = count

    def set_result(self, body: object) -> None:
        """Take the answer, unless its time is over."""
        if self.future.done():
            self._count("late")
            return
        self.future.set_result((bytes(body), self._clock.wall_ns(), self._clock.mono_ns()))  # type: ignore[call-overload]

    def set_exception(self, error: BaseException) -> None:
        """Asyncua's own errors: the connection ends with them, and says so by itself."""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        return self.future.done()

    def fail(self, error: DriverError) -> None:
        """End it with an error of ours."""
        if not self.future.done():
            self.future.set_exception(error)


def status_name(code: int) -> str:
    """What the standard calls a status code; its info bits have no say."""
    return str(get_name_and_doc(code & 0xFFFF_0000)[0])


def reason_of(error: BaseException) -> str:
    """Say in plain words why a connection failed."""
    if isinstance(error, TimeoutError):
        return _("no answer within {timeout:g} s").format(timeout=CONNECT_S)
    if isinstance(error, UaStatusCodeError):
        return f"{status_name(error.code)} (0x{error.code:08X})"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__
