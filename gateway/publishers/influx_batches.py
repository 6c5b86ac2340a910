"""Batches of records on their way to a server: the delivery loop's transport over HTTP.

One batch is under way at a time, so that points arrive in the order of their records. A batch that
is refused is halved until the record is found that is the reason, and that record's lines are then
written one by one: all else is stored. Writing a point again changes nothing, whatever became of
it before.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.errors import BrokerUnavailable
from gateway.publishers import refusals
from gateway.publishers.influx_client import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.publishers.influx_client import Answer, Client
    from gateway.publishers.message import Message

WINDOW = 2000
"""Records under way at most; their size is bounded besides (flight.WINDOW_BYTES)."""

_OUTCOMES = {
    Verdict.TAKEN: refusals.Verdict.DELIVERED,
    Verdict.REFUSED: refusals.Verdict.SET_ASIDE,
    Verdict.CONFLICT: refusals.Verdict.HOLD_TOPIC,
    Verdict.TOO_LARGE: refusals.Verdict.TOO_LARGE,
}


class Batches:
    """Sends what the delivery loop hands over, a batch at a time.

    Args:
        client: writes.
        answered: told what became of each message.
        then: called when a batch is done with.

    Attributes:
        ended: set to why nothing more goes, when a batch could not be written.
        window: how many messages may be unanswered at once.
    """

    window = WINDOW

    def __init__(
        self,
        client: Client,
        answered: Callable[[Message, refusals.Verdict, str], None],
        then: Callable[[], None],
    ) -> None:
        self._client = client
        self._answered = answered
        self._then = then
        self._waiting: list[Message] = []
        self._task: asyncio.Task[None] | None = None
        self.ended: asyncio.Future[BrokerUnavailable] = asyncio.get_running_loop().create_future()

    def excess(self, message: Message) -> int:
        """Nothing is known to be too large before the server says so."""
        del message
        return 0

    def send(self, message: Message) -> None:
        """Take a message into the next batch."""
        self._waiting.append(message)

    def flush(self) -> None:
        """Send what waits, unless a batch is under way: it then goes after that."""
        if self._waiting and self._task is None and not self.ended.done():
            batch, self._waiting = self._waiting, []
            self._task = asyncio.get_running_loop().create_task(self._go(batch))

    def end(self, why: BrokerUnavailable) -> None:
        """Send no more; what is under way counts as not answered."""
        if not self.ended.done():
            self.ended.set_result(why)

    async def close(self) -> None:
        """Forget the batch under way; the thread that writes it ends by itself."""
        task = self._task
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._client.close()

    async def _go(self, batch: list[Message]) -> None:
        try:
            await self._write(batch)
        except BrokerUnavailable as error:
            self.end(error)
        self._task = None
        if not self.ended.done():
            self.flush()
            self._then()

    async def _write(self, batch: list[Message]) -> None:
        """Write a batch, or find out which of its records is refused.

        Raises:
            BrokerUnavailable: what isn't answered by now may be stored or not.
        """
        answer = await self._client.write(b"".join(message.payload for message in batch))
        if answer.verdict is Verdict.TAKEN:
            for message in batch:
                self._answered(message, refusals.Verdict.DELIVERED, "")
        elif len(batch) > 1:
            half = len(batch) // 2
            await self._write(batch[:half])
            await self._write(batch[half:])
        else:
            if answer.verdict is not Verdict.TOO_LARGE:
                answer = await self._save(batch[0], answer)
            self._answered(batch[0], _OUTCOMES[answer.verdict], answer.why)

    async def _save(self, message: Message, answer: Answer) -> Answer:
        """Write what can be written of a refused record; return why the rest can't."""
        lines = message.payload.splitlines(keepends=True)
        if len(lines) < 2:  # noqa: PLR2004 - one line was refused already
            return answer
        for line in lines:
            one = await self._client.write(line)
            if one.verdict is not Verdict.TAKEN:
                answer = one
        return answer
