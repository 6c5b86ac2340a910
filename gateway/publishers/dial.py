"""Blocking connects in a thread of their own, so that a hanging name server stops nothing.

A look-up can't be interrupted, only left behind: the thread is a daemon, one per publisher, and
while it hangs no second one is started. What it comes back with, too late, is given up at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from gateway.errors import BrokerUnavailable
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_S = 15.0
"""Look-up, TCP and TLS together."""


class Dialer:
    """Runs one blocking connect at a time."""

    def __init__(self) -> None:
        self._busy = False

    async def dial(
        self, connect: Callable[[], None], give_up: Callable[[], None], limit_s: float = LIMIT_S
    ) -> None:
        """Run `connect` in a thread and wait for it.

        Args:
            connect: blocks; whatever it raises is raised here.
            give_up: undoes a `connect` that succeeded after nobody waited any more; called on
                the loop's thread.
            limit_s: how long to wait.

        Raises:
            BrokerUnavailable: it took longer, or an earlier one still hangs.
        """
        if self._busy:
            raise BrokerUnavailable(_("an earlier look-up of the name still hangs"))
        self._busy = True
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle(error: BaseException | None) -> None:
            self._busy = False
            if done.cancelled():
                if error is None:
                    give_up()
            elif error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def work() -> None:
            outcome: BaseException | None = None
            try:
                connect()
            except Exception as error:  # noqa: BLE001 - it is raised again where it is awaited
                outcome = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
                loop.call_soon_threadsafe(settle, outcome)

        threading.Thread(target=work, name="dial", daemon=True).start()
        try:
            async with asyncio.timeout(limit_s):
                await done
        except TimeoutError as error:
            if not done.cancelled():
                raise  # the connect's own time-out, which says more than ours
            raise BrokerUnavailable(
                _("no connection within {seconds:g} s; does the name server answer?").format(
                    seconds=limit_s
                )
            ) from error
