"""`ack`: somebody has seen an alarm.

{alarm}    its name, last level of its topic
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.commands.command import Outcome, Rejected
from gateway.commands.keeping import kept
from gateway.words import _

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.commands.command import Command
    from gateway.commands.keeping import Keep
    from gateway.model import Draft


class Board(Protocol):
    """The alarms."""

    def acknowledge(self, asset: str, alarm: str, by: str, now_ms: int) -> list[Draft]:
        """Note that somebody has seen an alarm; `LookupError` where there is none."""


class Acknowledging:
    """Carries out `ack`.

    Args:
        board: the alarms.
        keep: stores the record that comes of it; until it is on disk.
        clock: for when.
    """

    def __init__(self, board: Board, keep: Keep, clock: Clock) -> None:
        self._board = board
        self._keep = keep
        self._clock = clock

    async def __call__(self, command: Command) -> Outcome:
        """Acknowledge it; one that was acknowledged before stays so."""
        alarm = command.args.get("alarm")
        if not isinstance(alarm, str):
            raise Rejected(_("alarm must be the name of an alarm"))
        now_ms = self._clock.wall_ns() // 1_000_000
        by = command.by or command.publisher
        try:
            drafts = self._board.acknowledge(command.target.asset, alarm[:128], by, now_ms)
        except LookupError as error:
            raise Rejected(str(error)) from error
        return kept(await self._keep(drafts))
