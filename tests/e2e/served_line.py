"""Two simulated units on one link, served on a loop of its own thread for foreign clients."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from simulators.encode import f32, u16
from simulators.memory import Area, Memory, Table
from simulators.pdu import answer
from simulators.server import Link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.place import Place


@contextmanager
def simulated(place: Place) -> Iterator[Place]:
    """Serve units 1 and 2 at a place; gives where that is."""
    units = {}
    for unit in (1, 2):
        memory = Memory(
            (
                Area(Table.COIL, 0, 100, writable=range(100)),
                Area(Table.DISCRETE, 0, 100),
                Area(Table.HOLDING, 0, 200, writable=range(100, 110)),
                Area(Table.INPUT, 0, 200),
            )
        )
        memory.put(Table.HOLDING, 0, u16(unit * 1000) + f32(-12.5))
        memory.put(Table.INPUT, 5, u16(65535) + u16(unit))
        memory.put(Table.DISCRETE, 20, bytes([1, 0, 1, 1, 0, 0, 1, 1, 1]))
        units[unit] = partial(answer, memory)
    link = Link(place, units)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(link.open(), loop).result(5)
        yield link.place
    finally:
        asyncio.run_coroutine_threadsafe(link.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
