"""What people enter at the gateway itself: `nxgate enter`, over the local socket, without network.

Each row goes the way of a command: an audit line with who and when, its id remembered, then into
the machine's log, and answered once that is on disk. A row's id follows from what it says, so a
sheet that is entered twice counts once.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from gateway.commands.command import Code, Command, Outcome, Rejected, Target
from gateway.commands.context import moment_of, said_of
from gateway.commands.keeping import kept
from gateway.errors import NotEntered, StoreError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.clock import Clock
    from gateway.commands.context import Log
    from gateway.commands.keeping import Keep
    from gateway.commands.notary import Notary
    from gateway.model import Draft

MOST_ROWS = 100
"""In one request."""
REMEMBERED_MS = 27 * 3_600_000
"""A row is refused once it is older than the log is held, 26 h, so its id is needed no longer."""
LOCAL = "local"
"""In place of a destination's name."""
_DONE = {Code.OK, Code.ACCEPTED, Code.FAILED}
_SAID = ("what", "value", "reason")
_FIELDS = {"asset", "at", *_SAID}


class Entering:
    """Takes rows.

    Args:
        log: of the assets.
        keep: stores the records that come of them, with the log; until it is on disk.
        notary: keeps audit lines and ids.
        clock: for the time of a row that gives none.
        lines: asset → its line, of all there are now.
    """

    def __init__(
        self,
        log: Log,
        keep: Keep,
        notary: Notary,
        clock: Clock,
        lines: Callable[[], Mapping[str, str]],
    ) -> None:
        self._log = log
        self._keep = keep
        self._notary = notary
        self._clock = clock
        self._lines = lines
        self._turn = asyncio.Lock()

    async def take(self, request: bytes, user: str) -> dict[str, object]:
        """Enter rows.

        Args:
            request: JSON, `{"by": …, "rows": [{"asset", "at"?, "what", "value", "reason"?}]}`.
            user: the account that asks, as the system knows it.

        Returns:
            `rows`, an outcome for each: `code` as a command's reply has it, and `msg`.
        """
        try:
            asked = orjson.loads(request)
            rows = asked["rows"][:MOST_ROWS]
            by = f"{asked['by']} ({user})" if asked.get("by") else user
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"rows": [_spelled(Outcome(Code.REJECTED, _("this is no request")))]}
        async with self._turn:
            if not self._notary.is_open:
                await self._notary.ready()
            outcomes = await self._enter(rows, by)
        return {"rows": [_spelled(outcome) for outcome in outcomes]}

    async def _enter(self, rows: Sequence[Mapping[str, Any]], by: str) -> list[Outcome]:
        drafts: list[Draft] = []
        begun: list[tuple[int, Command]] = []
        outcomes: list[Outcome] = []
        for place, row in enumerate(rows):
            try:
                command = self._command(row, by)
                before = self._notary.told(command.cid)
                if before is not None:
                    outcomes.append(Outcome(Code.DUPLICATE, _before(before)))
                    continue
                said = _said(command.args)
                await self._notary.begin(command)
            except Rejected as error:
                outcomes.append(error.outcome)
                continue
            except StoreError as error:
                outcomes.append(Outcome(Code.FAILED, str(error)))
                continue
            begun.append((place, command))
            outcomes.append(self._log_of(command, said, drafts))
        if begun:
            durable = kept(await self._keep(drafts))
            for place, command in begun:
                if outcomes[place].code is Code.OK and durable.code is not Code.OK:
                    outcomes[place] = durable
                await self._finish(command, outcomes[place])
        return outcomes

    def _log_of(self, command: Command, said: Mapping[str, Any], drafts: list[Draft]) -> Outcome:
        """Put what a row says into the log; its records join `drafts`."""
        now_ms = self._clock.wall_ns() // 1_000_000
        try:
            told, unused = self._log.enter(command.target.asset, command.ts_ms, said, now_ms)
        except NotEntered as error:
            return Outcome(Code.REJECTED, str(error))
        drafts += told
        if not unused:
            return Outcome(Code.OK)
        text = _("kept in the log, and used by no figure yet: {names}")
        return Outcome(Code.OK, text.format(names=", ".join(unused)))

    async def _finish(self, command: Command, outcome: Outcome) -> None:
        try:
            await self._notary.finish(command, outcome, 0)
        except StoreError as error:
            text = _("entered, but its audit line could not be finished: {reason}")
            await self._notary.note("unfinished", {"msg": text.format(reason=error)})

    def _command(self, row: Mapping[str, Any], by: str) -> Command:
        """A row as a command, under an id that follows from what it says.

        Raises:
            Rejected: it is none.
        """
        if not isinstance(row, dict) or not row.keys() <= _FIELDS:
            raise Rejected(_("a row has asset, what, value, and perhaps at and reason"))
        asset, lines = row.get("asset"), self._lines()
        if not isinstance(asset, str) or asset not in lines:
            raise Rejected(_("there is no asset {asset}").format(asset=asset))
        now_ms = self._clock.wall_ns() // 1_000_000
        at_ms = moment_of(row.get("at") or now_ms, now_ms)
        args = {
            name: row[name] for name in ("what", "value", "reason") if row.get(name) is not None
        }
        spelled = orjson.dumps([asset, at_ms, args], option=orjson.OPT_SORT_KEYS)
        digest = hashlib.blake2b(spelled, digest_size=12).hexdigest()
        attempt = 0
        while (told := self._notary.told(f"{LOCAL}-{digest}-{attempt}")) is not None:
            if told.code in _DONE:
                break
            attempt += 1
        return Command(
            publisher=LOCAL,
            topic=f"{LOCAL}/{lines[asset]}/{asset}/cmd/enter",
            target=Target(lines[asset], asset),
            name="enter",
            cid=f"{LOCAL}-{digest}-{attempt}",
            ts_ms=at_ms,
            exp_ms=at_ms + REMEMBERED_MS,
            args={**args, "at": at_ms},
            by=by,
            signed=False,
        )


def _said(args: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says, by the contract's names; the reason of rejects is for the audit log alone.

    Raises:
        Rejected: it is none of them.
    """
    what = args.get("what")
    said = said_of({str(what): args.get("value")})
    if not said:
        text = _("what is entered must be one of {names}")
        names = "reject, good, reason, planned_stop, product, order"
        raise Rejected(text.format(names=names))
    if what == "planned_stop" and "reason" in args:
        said |= said_of({"reason": args["reason"]})
    return said


def _before(outcome: Outcome) -> str:
    if outcome.code is Code.FAILED:
        return outcome.msg
    return _("the same was entered before, and counts once")


def _spelled(outcome: Outcome) -> dict[str, object]:
    return {"code": outcome.code, "msg": outcome.msg}
