"""`resend`: records that this gateway sent before, again, to the platform that asks.

{from, to}    ids, both included; for asset = gateway of line `_gw`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.commands.command import Code, Outcome, Rejected, Target
from gateway.contract import OWN_LINE
from gateway.ids import parse_id, record_id
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.commands.command import Command


class Resends(Protocol):
    """A publisher, as this command needs it."""

    def resend(self, first: int, last: int) -> int:
        """Send records with these keys again; return about how many."""


class Resending:
    """Carries out `resend`.

    Args:
        gateway: its name, first part of each id.
        publishers: by name.
        last_key: key of the newest record.
    """

    def __init__(
        self, gateway: str, publishers: Mapping[str, Resends], last_key: Callable[[], int]
    ) -> None:
        self._gateway = gateway
        self._publishers = publishers
        self._last_key = last_key

    async def __call__(self, command: Command) -> Outcome:
        """Queue the records beside live ones; they come as history, with their old ids."""
        if command.target != Target(OWN_LINE, self._gateway):
            raise Rejected(
                _("resend is a command of the gateway: line _gw, asset {gateway}").format(
                    gateway=self._gateway
                )
            )
        first, last = self._key(command.args.get("from")), self._key(command.args.get("to"))
        last = min(last, self._last_key())
        if first > last:
            raise Rejected(_("from must not be after to, or after the newest id"))
        publisher = self._publishers.get(command.publisher)
        if publisher is None:
            raise Rejected(_("this destination is no more"), Code.FAILED)
        count = publisher.resend(first, last)
        if not count:
            raise Rejected(_("nothing of it is stored, or too many ranges wait to be sent again"))
        data = {
            "from": record_id(self._gateway, first),
            "to": record_id(self._gateway, last),
            "count": count,
        }
        return Outcome(Code.ACCEPTED, "", data)

    def _key(self, value: object) -> int:
        """Read an id of this gateway.

        Raises:
            Rejected: it is none.
        """
        found = parse_id(value)
        if found is None or found[0] != self._gateway:
            text = _("from and to must be ids of this gateway, like {gateway}:7:1")
            raise Rejected(text.format(gateway=self._gateway))
        return found[1]
