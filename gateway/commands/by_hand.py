"""What people write at the gateway itself: `nxgate write`, without network.

It goes the way of a command, within the range that the site file permits, on the link's own queue:
an audit line with who and when ahead of it, and one with the device's answer behind it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import orjson

from gateway.commands.command import Code, Command, Outcome, Rejected, Target
from gateway.commands.entering import LOCAL
from gateway.commands.writing import MOST_WAIT_MS
from gateway.errors import StoreError
from gateway.words import _

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.commands.notary import Notary
    from gateway.commands.writing import Writing


class ByHand:
    """Takes values for tags, one at a time.

    Args:
        writing: carries them out.
        notary: keeps audit lines.
        clock: both clocks.
    """

    def __init__(self, writing: Writing, notary: Notary, clock: Clock) -> None:
        self._writing = writing
        self._notary = notary
        self._clock = clock

    async def take(self, request: bytes, user: str) -> dict[str, object]:
        """Write a value, and tell what the device made of it.

        Args:
            request: JSON, `{"line", "asset", "tag", "value", "by"}`; the tag as telemetry names
                it.
            user: the account that asks, as the system knows it.

        Returns:
            `code` and `msg` as a command's reply has them, `data` with the values before and
            after, and `n`, the number of the audit line where there is one.
        """
        try:
            asked = orjson.loads(request)
            target = Target(str(asked["line"]), str(asked["asset"]))
            args = {"tag": str(asked["tag"]), "value": asked["value"]}
            by = f"{asked['by']} ({user})" if asked.get("by") else user
        except (ValueError, KeyError, TypeError, AttributeError):
            return _spelled(Outcome(Code.REJECTED, _("this is no request")))
        if not self._notary.is_open:
            await self._notary.ready()
        now_ms = self._clock.wall_ns() // 1_000_000
        command = Command(
            publisher=LOCAL,
            topic=f"{LOCAL}/{target.line}/{target.asset}/cmd/write",
            target=target,
            name="write",
            cid=f"{LOCAL}-{os.urandom(12).hex()}",
            ts_ms=now_ms,
            exp_ms=now_ms + MOST_WAIT_MS,
            args=args,
            by=by,
            signed=False,
        )
        try:
            await self._notary.begin(command)
        except StoreError as error:
            return _spelled(Outcome(Code.FAILED, str(error)))
        began_ns = self._clock.mono_ns()
        try:
            outcome = await self._writing(command)
        except Rejected as error:
            outcome = error.outcome
        took_ms = (self._clock.mono_ns() - began_ns) // 1_000_000
        try:
            mark = await self._notary.finish(command, outcome, took_ms)
        except StoreError as error:
            text = _("done, but its audit line could not be finished: {reason}")
            return _spelled(outcome) | {"note": text.format(reason=error)}
        return _spelled(outcome) | {"n": mark.n}


def _spelled(outcome: Outcome) -> dict[str, object]:
    return {"code": outcome.code, "msg": outcome.msg, "data": dict(outcome.data)}
