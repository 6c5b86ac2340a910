"""History, fetched from the store one read at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.errors import StoreError
from gateway.publishers.scan import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.publishers.base import RecordStore
    from gateway.publishers.delivery import Delivery
    from gateway.publishers.scan import Read

READ_AGAIN_S = 1.0


class Fetching:
    """Of one publisher.

    Args:
        store: is read.
        delivery: says what it wants, and takes it.
        failed: is told of a store that can't be read; it is asked again.
        then: called when there is more to send.
    """

    def __init__(
        self,
        store: RecordStore,
        delivery: Delivery,
        failed: Callable[[StoreError], None],
        then: Callable[[], None],
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._failed = failed
        self._then = then
        self._task: asyncio.Task[None] | None = None

    def go_on(self) -> None:
        """Fetch what is wanted next, unless something is being fetched."""
        if self._task is None:
            read = self._delivery.next_read()
            if read is not None:
                self._task = asyncio.create_task(self._fetch(read))

    async def _fetch(self, read: Read) -> None:
        try:
            records = await self._store.read(read.after, read.upto, CHUNK)
        except StoreError as error:
            self._failed(error)
            await asyncio.sleep(READ_AGAIN_S)
        else:
            self._delivery.take_in(read, records)
        self._task = None
        self._then()
