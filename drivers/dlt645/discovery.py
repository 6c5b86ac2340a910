"""Meters on a line whose addresses nobody wrote down: found by narrowing a wildcard.

AA stands for any two digits, where all that stands before it on the wire is known: first whoever is
there is asked for its address. Where more is heard than one answer, several spoke at once; then
each pair of lowest digits is asked for by itself, and so on.

A late answer must not be taken for one to a narrower question, so each question has a link of its
own, which is left once the line has been quiet for as long as an answer may take.

Source: DL/T 645-2007, data link layer (addresses, wildcards).
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from drivers.dlt645 import frames
from drivers.dlt645.frames import Dlt645
from drivers.lines.link import LineLink
from gateway.errors import DecodeError, RequestRefused, RequestTimeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from drivers.dlt645.frames import Query
    from drivers.lines.ports import Line
    from gateway.clock import Clock

ANSWER_S = 0.6
"""What the standard gives a meter until its answer begins, and a little more."""
MOST_PAIRS = 3
"""Of digits that are known: six digits that several meters have in common are no accident."""
_PHASE_B = 0x02010200
_PAIRS = tuple(bytes.fromhex(f"{number:02d}") for number in range(100))


class Heard(NamedTuple):
    """What a question brought.

    Attributes:
        data: of the answer that was understood, "" where none was.
        is_more: something else was heard as well.
    """

    data: bytes
    is_more: bool


class Discovery:
    """A search of one line."""

    def __init__(
        self,
        line: Line,
        clock: Clock,
        told: Callable[[str], None],
        met: Callable[[Mapping[str, str]], None],
    ) -> None:
        """Set up; nothing is opened yet.

        Args:
            line: to be searched.
            clock: both clocks.
            told: hears of each pair of digits that is looked into.
            met: gets each meter as soon as it is found, as a site file writes it: its address
                and a template that fits.
        """
        self._line = line
        self._clock = clock
        self._told = told
        self._met = met
        self.found: dict[str, None] = {}

    async def run(self) -> None:
        """Find all meters.

        Raises:
            ConnectionLost: the line can't be opened, or was lost.
        """
        async with self._link():  # keeps the line open meanwhile
            heard = await self._ask(frames.whoever())
            await self._note(heard.data)
            if heard.is_more or not heard.data:
                await self._narrow(b"", is_sure=heard.is_more)

    async def _narrow(self, low: bytes, *, is_sure: bool) -> None:
        """Ask each pair of digits behind those that are known.

        Args:
            low: digits that are known, as they go over the wire.
            is_sure: somebody was heard; else one question tells whether any is worth it.
        """
        if not is_sure:
            heard = await self._ask(frames.read_any(low))
            await self._note(heard.data)
            if not heard.is_more:
                return
        for pair in _PAIRS:
            known = low + pair
            heard = await self._ask(frames.read_any(known))
            await self._note(heard.data)
            if heard.is_more and len(known) < MOST_PAIRS:
                self._told("*" + frames.spelled(known))
                await self._narrow(known, is_sure=True)

    async def _template(self, address: str) -> str:
        """A meter that has a second phase has three."""
        heard = await self._ask(frames.read(address, _PHASE_B, 2))
        return "dlt645/three-phase" if heard.data else "dlt645/single-phase"

    async def _ask(self, query: Query) -> Heard:
        async with self._link() as link:
            data = b""
            try:
                data, _time_ns, _mono_ns = await link.ask(query, ANSWER_S)
            except RequestTimeout:
                return Heard(b"", link.rejected > 0)
            except (RequestRefused, DecodeError):
                return Heard(b"", is_more=False)
            if query.unit.endswith(frames.ANY):
                await asyncio.sleep(ANSWER_S)  # others may be slower
            return Heard(data[1:], link.rejected > 0)

    @asynccontextmanager
    async def _link(self) -> AsyncIterator[LineLink[Query]]:
        link = LineLink(self._line, Dlt645(), self._clock)
        await link.open()
        try:
            yield link
        finally:
            await link.close()

    async def _note(self, data: bytes) -> None:
        address = frames.spelled(data)
        if len(data) == len(frames.ANYONE) and address.isdecimal() and address not in self.found:
            self.found[address] = None
            self._met({"address": address, "template": await self._template(address)})
