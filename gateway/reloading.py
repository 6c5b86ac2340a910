"""Another version of the site file: noticed, read by a child, and run by what differs.

A file with faults changes nothing: the plant that runs goes on, and the faults are told once for
each version of the file, and shown until it is mended.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import loading
from gateway.difference import compare
from gateway.errors import ConfigError, Fault, GatewayError
from gateway.sources import Sources
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from gateway.difference import Change, Difference
    from gateway.plant import Plant

log = logging.getLogger("nxgate.reload")

LOOK_S = 1.0
RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the last version of the site file.

    Attributes:
        time_ms: UTC ms.
        summary: what differed and was applied, for people; "" where it was not.
        faults: why it was not applied, each with its place in the file.
    """

    time_ms: int
    summary: str
    faults: tuple[str, ...]


class Reloading:
    """Keeps the running plant that of the site file.

    Args:
        plant: what runs.
        make: runs another plant, given what differs; gives the plant as it is kept.
        read_ns: wall clock before the plant was read; None: its files can't have changed since.

    Attributes:
        plant: what runs now.
        outcome: of the last attempt, None before the first.
    """

    def __init__(
        self,
        plant: Plant,
        make: Callable[[Plant, Difference], Awaitable[Plant]],
        read_ns: int | None = None,
    ) -> None:
        self.plant = plant
        self.outcome: Outcome | None = None
        self._make = make
        self._site = plant.files[0]
        self._sources = Sources(plant.files, read_ns)
        self._asked = asyncio.Event()
        self._waiting: list[asyncio.Future[Outcome]] = []
        self._retry_ns = 0
        self._applied = ""

    def ask(self) -> None:
        """Have the site file read again, changed or not."""
        self._asked.set()

    async def answer(self) -> Outcome:
        """Have the site file read again, and tell what came of it."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._asked.set()
        return await future

    async def run(self) -> None:
        """Follow the site file until cancelled."""
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._asked.wait()
            except TimeoutError:
                if not self._due():
                    continue
            self._asked.clear()
            waiting, self._waiting = self._waiting, []
            outcome = await self._attempt()
            self._tell(outcome)
            for future in waiting:
                if not future.done():
                    future.set_result(outcome)

    def _due(self) -> bool:
        return self._sources.changed() or 0 < self._retry_ns <= time.monotonic_ns()

    async def _attempt(self) -> Outcome:
        """Read the site file and run it; what it says is what runs, or nothing has changed."""
        began_ns = time.time_ns()
        self._retry_ns = 0
        self._sources.know()
        try:
            new = await loading.again(self._site, self.plant)
            difference = compare(self.plant, new)
            if difference.fixed:
                raise ConfigError(list(self._fixed(difference.fixed)))  # noqa: TRY301
            self.plant = await self._make(new, difference) if difference else new
        except ConfigError as error:
            self._watch_faulty(error.faults, began_ns)
            return _outcome("", tuple(map(str, error.faults)))
        except GatewayError as error:
            # The disk, or a process that was killed: no fault of the file, so try it again.
            self._retry_ns = time.monotonic_ns() + round(RETRY_S * 1e9)
            return _outcome("", (str(error),))
        self._sources.follow(self.plant.files, began_ns)
        if not difference:
            return _outcome(_("nothing differs from what runs") + self._applied, ())
        summary = _summary(difference)
        text = _("; applied at {time}: {summary}")
        self._applied = text.format(time=time.strftime("%H:%M:%S"), summary=summary)
        return _outcome(summary, ())

    def _watch_faulty(self, faults: Iterable[Fault], began_ns: int) -> None:
        """Look at whatever may mend it: also at a file that isn't there yet."""
        files = {*self.plant.files, *(Path(fault.file) for fault in faults)}
        self._sources.follow({*files, *(file.parent for file in files)}, began_ns)

    def _fixed(self, names: Iterable[str]) -> Iterable[Fault]:
        for name in names:
            what = _("{name} can't change while the gateway runs").format(name=name)
            next_ = _("restart the gateway, or set it back")
            yield Fault(str(self._site), 0, 0, "fixed", what, next_)

    def _tell(self, outcome: Outcome) -> None:
        """Log it, unless it says again what the last one said."""
        before, self.outcome = self.outcome, outcome
        if not outcome.faults:
            text = _("{site}: {summary}")
            log.info("%s", text.format(site=self._site, summary=outcome.summary))
        elif before is None or before.faults != outcome.faults:
            for fault in outcome.faults:
                log.error("%s", fault)
            log.error(_("nothing was changed: the site file as it was goes on running"))


def _outcome(summary: str, faults: tuple[str, ...]) -> Outcome:
    return Outcome(time.time_ns() // 1_000_000, summary, faults)


def _summary(difference: Difference) -> str:
    """What differs, in words."""
    told = [
        _count(_("devices"), difference.parts.devices),
        _count(_("assets"), difference.parts.assets),
        _count(_("publishers"), difference.publishers),
    ]
    if difference.store:
        told.append(_("store: other limits"))
    if difference.figures:
        told.append(_("figures begun anew: {names}").format(names=", ".join(difference.figures)))
    return "; ".join(filter(None, told))


def _count(kind: str, change: Change) -> str:
    """How many were added, removed, changed and kept; "" where nothing differs."""
    if not change:
        return ""
    counts = (
        (_("{count} added"), len(change.added)),
        (_("{count} removed"), len(change.removed)),
        (_("{count} changed"), len(change.changed)),
        (_("{count} kept"), len(change.kept)),
    )
    return f"{kind}: " + ", ".join(text.format(count=count) for text, count in counts if count)
