"""Going through the units of a link, one question each, and asking further where one answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gateway.commissioning.identifying import LIKELY, Identifier
from gateway.errors import GatewayError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.clock import Clock
    from gateway.commissioning.identifying import Candidate
    from gateway.commissioning.knowledge import Knowledge
    from gateway.driver import Explorer, Hello, Link, Plugin

LISTEN_S = 0.5
"""How long a line is listened to after the first question."""
PATIENT_S = 1.0
"""How long a unit that seemed silent is waited for, where answers came too late."""
_SUSPECTS = 4
"""Units asked last before a late answer: it is one of theirs."""
_STRANGERS = (247, 131, 86)
"""Units that hardly any device has: what answers to all of them doesn't look at its unit id."""


@dataclass(frozen=True, slots=True)
class Found:
    """A unit that answers.

    Attributes:
        link: URL, with the speed that it answered at.
        hello: what it answered first.
        names: what it says of itself.
        candidates: what it may be, likeliest first.
        is_any: it answers whatever the unit id.
    """

    link: str
    unit: int
    hello: Hello
    names: Mapping[str, str]
    candidates: tuple[Candidate, ...]
    is_any: bool = False

    @property
    def best(self) -> Candidate | None:
        """What it is, where that is likely enough to be written down."""
        first = self.candidates[0] if self.candidates else None
        return first if first and first.of_template >= LIKELY else None


@dataclass(frozen=True, slots=True)
class Manner:
    """How a line is gone through.

    Attributes:
        timeout_s: how long the first answer of a unit may take.
        pause_s: that the line is left alone for after each question.
        anyway: also where somebody else talks on it.
        thorough: ask those who are silent in other ways as well.
    """

    timeout_s: float = 0.3
    pause_s: float = 0.02
    anyway: bool = False
    thorough: bool = False


class Watcher(Protocol):
    """Whoever shows how far it is."""

    def begin(self, url: str, count: int) -> None:
        """A link's units are gone through."""

    def asked(self, unit: int) -> None:
        """One more was asked."""

    def found(self, found: Found) -> None:
        """It answered, and was asked who it is."""


@dataclass(slots=True)
class Sweep:
    """What was found so far; complete or not.

    Attributes:
        noise: links on which something was heard that is no answer.
        late: answers that came after their time.
    """

    manner: Manner
    found: list[Found] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    late: int = 0

    async def go(
        self,
        link: Link,
        plugin: Plugin,
        explorer: Explorer,
        knowledge: Knowledge,
        units: Sequence[int],
        clock: Clock,
        watcher: Watcher,
    ) -> None:
        """Go through the units of one link at one speed.

        Raises:
            ConnectionLost: it can't be opened, or is gone.
            GatewayError: somebody else talks on it.
        """
        manner = self.manner
        identifier = Identifier(
            knowledge.hypotheses, link, plugin, clock, max(manner.timeout_s, 0.5), manner.pause_s
        )
        await link.open()
        try:
            await self._listen(link, explorer, units[0])
            watcher.begin(link.url, len(units))
            before = len(self.found)
            is_any = await self._answers_to_any(explorer, units)
            suspects: dict[int, None] = {}
            asked: list[int] = []
            for unit in units[:1] if is_any else units:
                late = link.late
                hello = await explorer.hello(unit, manner.timeout_s, is_thorough=manner.thorough)
                asked.append(unit)
                watcher.asked(unit)
                if link.late > late:
                    suspects |= dict.fromkeys(asked[-_SUSPECTS:])
                if hello is not None:
                    await self._meet(link, explorer, identifier, unit, hello, watcher, is_any)
                await asyncio.sleep(manner.pause_s)
            for unit in suspects.keys() - {one.unit for one in self.found[before:]}:
                hello = await explorer.hello(unit, PATIENT_S, is_thorough=False)
                if hello is not None:
                    await self._meet(link, explorer, identifier, unit, hello, watcher, False)  # noqa: FBT003
        finally:
            self.late += link.late
            if link.rejected and link.url not in self.noise:
                self.noise.append(link.url)
            await link.close()

    async def _listen(self, link: Link, explorer: Explorer, unit: int) -> None:
        """Hear whether anybody else talks, after a question that makes the line ours.

        Raises:
            ConnectionLost: the line is gone.
            GatewayError: somebody does.
        """
        await explorer.hello(unit, self.manner.timeout_s, is_thorough=False)
        before = link.rejected
        await asyncio.sleep(LISTEN_S)
        if link.rejected > before and not self.manner.anyway:
            text = _(
                "{url}: something is talking on this line already, with nothing asked. Stop the "
                "other master (a running gateway, a panel), or take noise off the line; --anyway "
                "scans all the same."
            )
            raise GatewayError(text.format(url=link.url))

    async def _answers_to_any(self, explorer: Explorer, units: Sequence[int]) -> bool:
        """Whether what is there answers without looking at the unit id."""
        if len(units) <= len(_STRANGERS):
            return False
        for unit in _STRANGERS:
            heard = await explorer.hello(unit, self.manner.timeout_s, is_thorough=False)
            if heard is None:
                return False
        return True

    async def _meet(
        self,
        link: Link,
        explorer: Explorer,
        identifier: Identifier,
        unit: int,
        hello: Hello,
        watcher: Watcher,
        is_any: bool,  # noqa: FBT001
    ) -> None:
        async def is_there() -> bool:
            for _turn in range(2):
                heard = await explorer.hello(unit, PATIENT_S, is_thorough=True)
                if heard is not None:
                    return True
            return False

        names = await explorer.names(unit, max(self.manner.timeout_s, 0.5))
        candidates = await identifier.identify(unit, names, is_there)
        found = Found(link.url, unit, hello, names, tuple(candidates), is_any)
        self.found.append(found)
        watcher.found(found)
