"""What is done to a client before it connects, so that nobody reads or changes what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.opcua.settings import NONE
from gateway.errors import ConnectionLost
from gateway.words import _

if TYPE_CHECKING:
    from asyncua import Client

    from drivers.opcua.settings import Settings


async def secure(client: Client, settings: Settings) -> None:
    """Set up policy, mode and user of a client that is not connected yet.

    Raises:
        ConnectionLost: what stands in the way, and what to do.
    """
    if settings.policy != NONE or settings.mode != NONE:
        text = _("{endpoint}: there is no certificate to speak {policy} with.")
        raise ConnectionLost(text.format(endpoint=settings.endpoint, policy=settings.policy))
    if settings.user is not None:
        client.set_user(settings.user)
