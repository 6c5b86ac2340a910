"""A listener at a broker: which of the gateway's records it sends out again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from gateway.contract import root_of
from gateway.errors import BrokerUnavailable
from gateway.ids import parse_id
from gateway.publishers.dial import Dialer
from gateway.publishers.inbox import Inbox, Topic
from gateway.publishers.mqtt_client import Connection
from gateway.words import _

if TYPE_CHECKING:
    from gateway.settings import Identity, MqttSettings

GRANT_S = 10.0
VERSIONS = {"auto": ("5", "3.1.1")}


class Ears(Inbox):
    """Hears what the broker sends out of one gateway, as any other client of the site would.

    Args:
        identity: whose records.
        config: the publisher's section: its user, password and certificates are used.
        url: the broker.

    Attributes:
        heard: key → how often it came.
        why: what keeps it from hearing, or "".
    """

    def __init__(self, identity: Identity, config: MqttSettings, url: str) -> None:
        super().__init__("", (Topic(f"{root_of(identity)}/#"),), self._note)
        self.heard: dict[int, int] = {}
        self._gateway = identity.gateway
        self._config = config
        self._url = url
        self._connection: Connection | None = None
        self._answered = asyncio.Event()

    @property
    def why(self) -> str:
        """What keeps it from hearing, or ""."""
        if self.refused:
            return self.refused
        if self._connection is None:
            return _("no connection")
        return str(self._connection.ended.result()) if self._connection.ended.done() else ""

    async def open(self) -> None:
        """Connect and subscribe; where that fails, `why` says it."""
        for version in VERSIONS.get(self._config.version, (self._config.version,)):
            name = f"{self._config.client_id or self._gateway}-proof"
            made = Connection(self._config, self._url, name, version, None, _ignore, self)
            try:
                await made.open(Dialer())
            except BrokerUnavailable as error:
                made.abort()
                self.refused = str(error)
            else:
                self._connection, self.refused = made, ""
                await self._grant()
                return

    async def close(self) -> None:
        """Say goodbye."""
        if self._connection is not None:
            await self._connection.close()

    def granted(self, refused: str) -> None:
        """Note what the broker answered to the subscription."""
        self.refused = refused
        self._answered.set()

    async def _grant(self) -> None:
        """Wait until the broker has answered: what it sent out before isn't heard."""
        try:
            async with asyncio.timeout(GRANT_S):
                await self._answered.wait()
        except TimeoutError:
            self.refused = _("the broker doesn't answer SUBSCRIBE")

    def _note(self, publisher: str, topic: str, payload: bytes, *, retained: bool) -> None:
        del publisher, topic, retained
        try:
            body = orjson.loads(payload)
        except ValueError:
            return
        found = parse_id(body.get("id")) if isinstance(body, dict) else None
        if found is not None and found[0] == self._gateway:
            self.heard[found[1]] = self.heard.get(found[1], 0) + 1


def _ignore(acks: object) -> None:
    """Nothing is sent, so nothing is acknowledged."""
