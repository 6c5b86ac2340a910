"""`context`: what a platform or its people know of a machine, into the machine's log.

    {product?, order?, planned_stop?, reason?, good?, reject?, at?}

`at` (UTC ms, now where it isn't given) is when it began to hold; figures of windows that it changes
are restated as for any late reading. null ends a product, an order or a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.commands.command import Code, Command, Outcome, Rejected
from gateway.commands.keeping import kept
from gateway.errors import NotEntered
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.clock import Clock
    from gateway.commands.keeping import Keep
    from gateway.model import Draft, Value

TEXTS = {"product": 64, "order": 64, "reason": 128}
"""Names and their longest text."""
AMOUNTS = ("good", "reject")
MOST = 10_000_000
MOST_AHEAD_MS = 5_000


class Log(Protocol):
    """The assets' logs."""

    def enter(
        self, asset: str, t_ms: int, said: Mapping[str, Value], now_ms: int
    ) -> tuple[list[Draft], list[str]]:
        """Log what was said; see `gateway.ledger`."""


class Context:
    """Carries out `context`.

    Args:
        log: where it goes.
        keep: stores the records that come of it, with the log; until it is on disk.
        clock: for `at`.
    """

    def __init__(self, log: Log, keep: Keep, clock: Clock) -> None:
        self._log = log
        self._keep = keep
        self._clock = clock

    async def __call__(self, command: Command) -> Outcome:
        """Log it, and answer when it is durable."""
        said = said_of(command.args)
        if not said:
            names = ", ".join((*TEXTS, "planned_stop", *AMOUNTS))
            raise Rejected(_("nothing is said: give one of {names}").format(names=names))
        now_ms = self._clock.wall_ns() // 1_000_000
        at_ms = moment_of(command.args.get("at", now_ms), now_ms)
        try:
            drafts, unused = self._log.enter(command.target.asset, at_ms, said, now_ms)
        except NotEntered as error:
            raise Rejected(str(error)) from error
        outcome = kept(await self._keep(drafts))
        if not unused or outcome.code is not Code.OK:
            return Outcome(outcome.code, outcome.msg, {"at": at_ms})
        text = _("kept in the log, and used by no figure yet: {names}")
        return Outcome(Code.OK, text.format(names=", ".join(unused)), {"at": at_ms})


def said_of(args: Mapping[str, object]) -> dict[str, Value]:
    """What is said, of the right types.

    Raises:
        Rejected: something isn't.
    """
    said: dict[str, Value] = {}
    for name, most in TEXTS.items():
        if name in args:
            said[name] = _text(args[name], name, most)
    if "planned_stop" in args:
        if not isinstance(args["planned_stop"], bool):
            raise Rejected(_("planned_stop must be true or false"))
        said["planned_stop"] = args["planned_stop"]
    for name in AMOUNTS:
        if name in args:
            amount = args[name]
            if (
                isinstance(amount, bool)
                or not isinstance(amount, (int, float))
                or not 0 <= amount <= MOST
            ):
                text = _("{name} must be a number of pieces, 0 or more").format(name=name)
                raise Rejected(text)
            said[name] = amount
    return said


def _text(value: object, name: str, most: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        text = _("{name} must be null, or text of 1 to {most} characters")
        raise Rejected(text.format(name=name, most=most))
    return value


def moment_of(value: object, now_ms: int) -> int:
    """When it began to hold.

    Raises:
        Rejected: no time, or still to come.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise Rejected(_("at must be UTC ms, as a whole number"))
    if value > now_ms + MOST_AHEAD_MS:
        text = _("at is in the future; the gateway's clock shows {now} (UTC ms)")
        raise Rejected(text.format(now=now_ms))
    return min(value, now_ms)
