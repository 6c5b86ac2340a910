"""One command's way: judged, written down, carried out, written down again, answered.

`take` is called for each message as it arrives and never waits. What is authentic and in time goes
through one queue of bounded length, is made durable one by one, in the order of arrival, and is
then carried out beside the others: a device that is slow to answer keeps no other command waiting.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import orjson

from gateway.commands.authority import Authority, Reason, Refusal
from gateway.commands.command import Code, Command, Inbound, Outcome, Rejected, Target
from gateway.commands.crowd import SUM_UP_S, Crowd
from gateway.contract import VERSION
from gateway.errors import StoreError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping

    from gateway.clock import Clock
    from gateway.commands.audit import Mark
    from gateway.commands.authority import Door
    from gateway.commands.command import Handler
    from gateway.commands.notary import Notary
    from gateway.settings import Identity

log = logging.getLogger("nxgate.commands")

WAITING = 64
"""Commands that may wait; the next is refused. A platform sends a few a minute."""
AT_ONCE = 16
RETRY_S = 5.0
"""How often a disk that refuses is asked again."""


class Desk:
    """Takes commands from all destinations.

    Args:
        identity: the topic levels above line and asset.
        doors: how each destination's commands are proven.
        allowed: names of commands that each destination may send.
        handlers: by name of command.
        notary: what is on disk.
        clock: both clocks.
        reply: sends over a destination: its name, topic, payload.
    """

    def __init__(
        self,
        identity: Identity,
        doors: Mapping[str, Door],
        allowed: Mapping[str, Collection[str]],
        handlers: Mapping[str, Handler],
        notary: Notary,
        clock: Clock,
        reply: Callable[[str, str, bytes], None],
    ) -> None:
        self._allowed = allowed
        self._handlers = handlers
        self._notary = notary
        self._clock = clock
        self._send = reply
        self._waiting: asyncio.Queue[Command] = asyncio.Queue(WAITING)
        self._queued: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._closed = False
        self._authority = Authority(
            identity,
            doors,
            clock,
            lambda: notary.floor_ms,
            lambda: notary.born_ms,
            self._told,
        )
        self.crowd = Crowd(clock, self._note, self._refuse)

    def know(self, targets: Collection[Target]) -> None:
        """Take commands for these assets from now on."""
        self._authority.targets = frozenset(targets)

    def take(self, publisher: str, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take one message from a command topic; never waits."""
        if self._closed:
            return
        inbound = Inbound(publisher, topic, payload, retained)
        judged = self._authority.judge(inbound)
        if isinstance(judged, Refusal):
            self.crowd.take(judged)
        elif not self._notary.is_open:
            outcome = Outcome(Code.FAILED, self._notary.error)
            self.crowd.take(Refusal(Reason.BUSY, inbound, judged.cid, outcome))
        elif self._waiting.full():
            text = _("{count} commands are waiting already").format(count=WAITING)
            outcome = Outcome(Code.REJECTED, text)
            self.crowd.take(Refusal(Reason.BUSY, inbound, judged.cid, outcome))
        else:
            self._queued.add(judged.cid)
            self._waiting.put_nowait(judged)

    async def run(self) -> None:
        """Carry out what comes, until cancelled; what is under way then is told of as unknown."""
        loop = asyncio.get_running_loop()
        upkeep = loop.create_task(self._upkeep())
        try:
            self._tell_interrupted()
            while True:
                await self._begin(await self._waiting.get())
        finally:
            self._closed = True
            upkeep.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(upkeep, *self._tasks, return_exceptions=True)
            self.crowd.sum_up()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._notary.close()

    async def _begin(self, command: Command) -> None:
        """Make a command durable, then let it be carried out."""
        try:
            await self._notary.begin(command)
        except StoreError as error:
            outcome = Outcome(Code.FAILED, str(error))
            self._note("done", {"cid": command.cid, "code": outcome.code, "msg": outcome.msg})
            self._answer(command, outcome, None)
            return
        finally:
            self._queued.discard(command.cid)
        await self._room.acquire()
        self._spawn(self._carry_out(command))

    async def _carry_out(self, command: Command) -> None:
        began_ns = self._clock.mono_ns()
        try:
            outcome = await self._handled(command)
        finally:
            self._room.release()
        took_ms = (self._clock.mono_ns() - began_ns) // 1_000_000
        mark: Mark | None = None
        try:
            mark = await self._notary.finish(command, outcome, took_ms)
        except StoreError as error:
            log.warning("%s", error)
        self._answer(command, outcome, mark)

    async def _handled(self, command: Command) -> Outcome:
        try:
            return await self._handler(command)(command)
        except Rejected as rejected:
            return rejected.outcome
        except Exception:  # a mistake of ours in one command stops no other
            log.exception("%s %s", command.name, command.cid)
            return Outcome(Code.FAILED, _("the gateway made a mistake; its log has it"))

    def _handler(self, command: Command) -> Handler:
        """Find who carries out a command.

        Raises:
            Rejected: nobody does, or this destination may not ask for it.
        """
        if self._clock.wall_ns() // 1_000_000 >= command.exp_ms:
            raise Rejected(_("it expired while it waited"), Code.EXPIRED)
        if command.name == "config":
            text = _("configuration by command comes with a later release")
            raise Rejected(text, Code.NOT_PERMITTED)
        handler = self._handlers.get(command.name)
        if handler is None:
            text = _("there is no command {name}").format(name=command.name[:64])
            raise Rejected(text, Code.NOT_PERMITTED)
        if command.name not in self._allowed.get(command.publisher, ()):
            text = _("the site file doesn't allow {name}: add it to publish.{publisher}.commands")
            text = text.format(name=command.name, publisher=command.publisher)
            raise Rejected(text, Code.NOT_PERMITTED)
        return handler

    def _told(self, cid: str) -> Outcome | None:
        """What became of an id: one that waits is under way already."""
        return self._notary.told(cid) or (Outcome(Code.ACCEPTED) if cid in self._queued else None)

    def _answer(self, command: Command, outcome: Outcome, mark: Mark | None) -> None:
        text = _("command {name} of {by} for {asset}: {code} {msg}").format(
            name=command.name,
            by=command.by or command.publisher,
            asset=command.target.asset,
            code=outcome.code,
            msg=outcome.msg,
        )
        # What came from outside must not write lines of its own into the log.
        log.info("%s", "".join(sign if sign.isprintable() else "?" for sign in text.rstrip()))
        self._publish(command.publisher, command.topic, command.cid, outcome, mark)

    def _refuse(self, refusal: Refusal) -> None:
        inbound, reply = refusal.inbound, refusal.reply
        if reply is not None:
            self._publish(inbound.publisher, inbound.topic, refusal.cid, reply, None)

    def _tell_interrupted(self) -> None:
        """Answer what an earlier process left without an answer."""
        for one in self._notary.interrupted:
            outcome = self._notary.told(one.cid)
            if outcome is not None:
                self._publish(one.publisher, one.topic, one.cid, outcome, None)
        self._notary.interrupted.clear()

    def _publish(
        self, publisher: str, topic: str, cid: str, outcome: Outcome, mark: Mark | None
    ) -> None:
        """Send a reply beside the topic that the command came on."""
        fields: dict[str, object] = {
            "v": VERSION,
            "cid": cid,
            "ts": self._clock.wall_ns() // 1_000_000,
            "code": outcome.code,
        }
        if outcome.msg:
            fields["msg"] = outcome.msg
        data = dict(outcome.data)
        if mark is not None:
            data["audit"] = {"n": mark.n, "h": mark.h}
        if data:
            fields["data"] = data
        base = topic.rpartition("/cmd/")[0]
        self._send(publisher, f"{base}/reply/{cid}", orjson.dumps(fields))

    def _note(self, what: str, fields: Mapping[str, object]) -> None:
        self._spawn(self._notary.note(what, fields))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s", task.get_coro(), exc_info=task.exception())

    async def _upkeep(self) -> None:
        """Sum up what was refused, and ask a disk that refuses again."""
        due_ns = self._clock.mono_ns()
        while True:
            await asyncio.sleep(RETRY_S)
            if self._allowed and not self._notary.is_ready:
                await self._notary.ready()
            self._tell_interrupted()
            if self._clock.mono_ns() - due_ns >= SUM_UP_S * 1e9:
                due_ns = self._clock.mono_ns()
                self.crowd.sum_up()
