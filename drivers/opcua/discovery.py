"""What a server offers, asked before anything is secured: its endpoints.

Nobody vouches for this answer. What is chosen by it is held against what the server says again in
the secured session (`secure.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncua import Client
from asyncua.client.ua_client import UASocketProtocol

from drivers.opcua.settings import CONNECT_S

if TYPE_CHECKING:
    from asyncua import ua

    from drivers.opcua.settings import Settings

LARGEST = 1 << 16
"""Bytes of a chunk that is taken."""
MOST = 64 << 20
"""Bytes of an answer that is taken."""
ENDPOINTS = 1 << 20
"""Bytes that a list of endpoints may have, before anything is known of who sends it."""
PROFILE = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary"


class Bounded(UASocketProtocol):
    """asyncua's protocol, which takes no more than it was promised to get.

    Attributes:
        most: bytes of an answer.
    """

    most = MOST

    def data_received(self, data: bytes) -> None:
        """Take what came; a chunk or an answer beyond the bounds ends the connection."""
        held = self.receive_buffer
        head = (held + data[:8])[:8] if held else data[:8]
        if len(head) >= 8 and int.from_bytes(head[4:8], "little") > LARGEST:  # noqa: PLR2004 - the size ends there
            self._refuse()
            return
        super().data_received(data)
        connection = self._connection
        if len(connection._incoming_parts) * LARGEST > self.most:  # noqa: SLF001
            self._refuse()

    def _refuse(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class _Brief(Bounded):
    most = ENDPOINTS


async def endpoints(settings: Settings) -> list[ua.EndpointDescription]:
    """Ask a server for its endpoints over the binary protocol, in a connection of its own.

    Raises:
        OSError, TimeoutError, UaError, struct.error, ValueError: what asyncua raises.
    """
    client = Client(settings.server, timeout=CONNECT_S)

    def protocol() -> UASocketProtocol:
        client.uaclient.protocol = _Brief(CONNECT_S, security_policy=client.security_policy)
        return client.uaclient.protocol

    client.uaclient._make_protocol = protocol  # type: ignore[method-assign] # noqa: SLF001 - bounds
    try:
        await client.connect_socket()
        await client.send_hello()
        await client.open_secure_channel()
        found = await client.get_endpoints()
        await client.close_secure_channel()
    finally:
        held = client.uaclient.protocol
        if held is not None and held.transport is not None:
            held.transport.abort()
    return [one for one in found if one.TransportProfileUri in {PROFILE, None, ""}]
