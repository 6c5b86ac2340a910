"""What is told of something that goes into the store: `ok` once it is on disk, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.commands.command import Code, Outcome
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Draft


class Keep(Protocol):
    """Stores records, with what was logged beside them."""

    async def __call__(self, drafts: Sequence[Draft], /) -> bool:
        """Store them and wait for the disk, a few seconds; False where it doesn't answer."""


def kept(durable: bool) -> Outcome:  # noqa: FBT001 - the one thing there is to know
    """The reply."""
    if durable:
        return Outcome(Code.OK)
    return Outcome(Code.ACCEPTED, _("taken, and the disk has not confirmed it yet"))
