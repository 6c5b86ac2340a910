"""What is on disk about commands, kept in a thread of its own: ids that were seen, the audit log.

A command goes through `begin` before it is carried out: its audit line is synced, then its id. Only
when both are there may anything happen. While the disk refuses, no command is carried out; the
files are opened again when it is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import orjson

from gateway.commands.audit import Audit, Mark
from gateway.commands.command import Code, Outcome
from gateway.commands.seen import UNBORN, Interrupted, Seen
from gateway.commands.trail import FOLDER
from gateway.errors import StoreError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.clock import Clock
    from gateway.commands.command import Command

log = logging.getLogger("nxgate.commands")

P = ParamSpec("P")
T = TypeVar("T")

MOST_ARGS = 2048
"""Bytes of a command's arguments that the audit log repeats; of more it keeps the hash."""


class Notary:
    """Keeps the two, once opened.

    Args:
        store: the store's folder.
        clock: for the time of lines.

    Attributes:
        error: why nothing can be noted, or "".
        interrupted: commands that a stop came between, until someone takes them.
    """

    def __init__(self, store: Path, clock: Clock) -> None:
        self._folder = store / FOLDER
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "commands")
        self._seen: Seen | None = None
        self._audit: Audit | None = None
        self.error = ""
        self.interrupted: list[Interrupted] = []

    @property
    def is_open(self) -> bool:
        """Whether ids and lines can be kept."""
        return self._seen is not None

    @property
    def is_ready(self) -> bool:
        """Whether commands can be taken: the list is open and knows when it began."""
        return self._seen is not None and self._seen.born_ms != UNBORN

    @property
    def floor_ms(self) -> int:
        """Ids of commands that expire at or before this may have been forgotten."""
        return 0 if self._seen is None else self._seen.floor_ms

    @property
    def born_ms(self) -> int:
        """Ids of commands made before this were never kept."""
        return 0 if self._seen is None else self._seen.born_ms

    def told(self, cid: str) -> Outcome | None:
        """What became of a command that was seen."""
        return None if self._seen is None else self._seen.told(cid)

    def open(self) -> None:
        """Open what is there, or make it; where the disk refuses, `error` says so. Blocks."""
        self._thread.submit(self._try).result()

    async def ready(self) -> None:
        """Try again what the disk refused, or what waits for the clock."""
        await self._do(self._try)
        if self._clock.trusted():
            with contextlib.suppress(StoreError):
                await self._do(self._bear)

    async def begin(self, command: Command) -> Mark:
        """Write down a command before it is carried out.

        Raises:
            StoreError: it isn't on disk for certain, so it must not be carried out.
        """
        return await self._do(self._begin, command)

    async def finish(self, command: Command, outcome: Outcome, took_ms: int) -> Mark:
        """Write down what became of a command.

        Raises:
            StoreError: the disk refuses.
        """
        return await self._do(self._finish, command, outcome, took_ms)

    async def note(self, what: str, fields: Mapping[str, object]) -> None:
        """Add a line that nothing depends on; where the disk refuses it is lost."""
        with contextlib.suppress(StoreError):
            await self._do(self._note, what, fields)

    async def close(self) -> None:
        """Finish what is under way and release the files."""
        await self._do(self._close)
        self._thread.shutdown()

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        # A cancelled wait must not take the work back: what is begun is finished.
        return await asyncio.shield(asyncio.wrap_future(self._thread.submit(work, *args, **kwargs)))

    def _try(self) -> None:
        if self._seen is not None:
            return
        now_ms = self._now_ms()
        seen: Seen | None = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            seen = Seen(self._folder / "seen.db", now_ms if self._clock.trusted() else None)
            audit = Audit(self._folder, now_ms, seen.audited)
            if seen.was_damaged:
                audit.add(now_ms, "damaged", {"file": "seen.db"})
            for one in seen.interrupted():
                text = _("the gateway stopped meanwhile: whether it was carried out isn't known")
                mark = audit.add(now_ms, "interrupted", {"cid": one.cid, "topic": one.topic})
                seen.finish(one.cid, Outcome(Code.FAILED, text), mark.n)
                self.interrupted.append(one)
        except (StoreError, OSError) as error:
            if seen is not None:
                seen.close()
            if str(error) != self.error:
                text = _("no command is taken: {reason}")
                log.warning("%s", text.format(reason=error))
            self.error = str(error)
            return
        self._audit, self._seen, self.error = audit, seen, ""

    def _bear(self) -> None:
        _audit, seen = self._both()
        seen.bear(self._now_ms())

    def _begin(self, command: Command) -> Mark:
        audit, seen = self._both()
        mark = audit.add(self._now_ms(), "received", _about(command))
        seen.begin(command, self._now_ms(), mark.n)
        return mark

    def _finish(self, command: Command, outcome: Outcome, took_ms: int) -> Mark:
        audit, seen = self._both()
        fields: dict[str, object] = {"cid": command.cid, "code": outcome.code}
        if outcome.msg:
            fields["msg"] = outcome.msg
        if outcome.data:
            fields["data"] = outcome.data
        mark = audit.add(self._now_ms(), "done", {**fields, "took_ms": took_ms})
        seen.finish(command.cid, outcome, mark.n)
        return mark

    def _note(self, what: str, fields: Mapping[str, object]) -> None:
        audit, _seen = self._both()
        audit.add(self._now_ms(), what, fields, sync=False)

    def _both(self) -> tuple[Audit, Seen]:
        if self._audit is None or self._seen is None:
            raise StoreError(self.error)
        return self._audit, self._seen

    def _close(self) -> None:
        if self._audit is not None and self._seen is not None:
            self._audit.close()
            self._seen.close()
        self._audit = self._seen = None

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000


def _about(command: Command) -> dict[str, object]:
    """A command as the audit log has it: all of it but the signature."""
    args = orjson.dumps(command.args)
    about: dict[str, object] = {
        "cid": command.cid,
        "publisher": command.publisher,
        "topic": command.topic,
        "by": command.by,
        "signed": command.signed,
        "ts": command.ts_ms,
        "exp": command.exp_ms,
    }
    # A configuration may hold what is nobody's business; its hash tells which one it was.
    if len(args) <= MOST_ARGS and command.name != "config":
        return {**about, "args": command.args}
    return {**about, "args_sha256": hashlib.sha256(args).hexdigest()}
