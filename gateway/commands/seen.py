"""Which commands were seen: on disk before anything is done, so none is done twice.

One SQLite table, a row for each command that was authentic and in time, until it has expired. What
is forgotten leaves its expiry behind (`floor`), and a new table its first moment (`born`): a
command that expires at or before the one, or was made before the other, is refused whatever the
clock says later. A command without an outcome is one that a stop came between.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from gateway.commands.command import Code, Outcome
from gateway.errors import StoreError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.commands.command import Command

MOST = 10_000
"""Commands remembered at once; the next is refused until some have expired."""
UNBORN = 1 << 62
_DAMAGED = ("malformed", "not a database", "corrupt")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (
    cid TEXT PRIMARY KEY, exp INTEGER NOT NULL, topic TEXT NOT NULL, publisher TEXT NOT NULL,
    code TEXT, msg TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class Interrupted(NamedTuple):
    """A command that a stop came between: nobody knows whether it was carried out."""

    publisher: str
    topic: str
    cid: str


class Seen:
    """The table. Everything but `told` blocks on the disk.

    Args:
        path: of its file; made where it isn't there, set aside where it is damaged.
        now_ms: UTC ms; None while the clock isn't to be trusted: `born` then waits for `bear`.

    Attributes:
        floor_ms, born_ms: see above; UTC ms. `born_ms` is `UNBORN` before it is known.
        audited: number of the last audit line that a row was committed after.
        was_damaged: an earlier table was set aside.

    Raises:
        StoreError: the disk refuses.
    """

    def __init__(self, path: Path, now_ms: int | None) -> None:
        self.was_damaged = False
        self.born_ms, self.floor_ms = UNBORN, 0
        try:
            self._open(path, now_ms)
        except sqlite3.DatabaseError as error:
            if not any(word in str(error) for word in _DAMAGED):
                raise _refused(error) from error
            self.was_damaged = True
            _set_aside(path)
            try:
                self._open(path, now_ms)
            except sqlite3.Error as again:
                raise _refused(again) from again

    def bear(self, now_ms: int) -> None:
        """Let the list begin now, where it couldn't be told before when that was.

        Raises:
            StoreError: the disk refuses.
        """
        if self.born_ms == UNBORN:
            with _disk(), self._rows:
                self._note("born", now_ms)
            self.born_ms = now_ms

    def told(self, cid: str) -> Outcome | None:
        """What became of a command; `accepted` while it is under way; None: never seen."""
        return self._told.get(cid)

    def begin(self, command: Command, now_ms: int, audited: int) -> None:
        """Remember a command before it is carried out.

        Raises:
            StoreError: it isn't remembered for certain, so it must not be carried out.
        """
        self._forget(now_ms)
        if len(self._told) >= MOST:
            text = _("{count} commands are not expired yet: give them a nearer exp")
            raise StoreError(text.format(count=len(self._told)))
        with _disk(), self._rows:
            self._rows.execute(
                "INSERT INTO seen (cid, exp, topic, publisher) VALUES (?, ?, ?, ?)",
                (command.cid, command.exp_ms, command.topic, command.publisher),
            )
            self._note("audited", audited)
        self._told[command.cid] = Outcome(Code.ACCEPTED)
        self._exp[command.cid] = command.exp_ms

    def finish(self, cid: str, outcome: Outcome, audited: int) -> None:
        """Keep what became of a command, for whoever sends it again.

        Raises:
            StoreError: it isn't kept; the command was carried out all the same.
        """
        if cid in self._told:
            self._told[cid] = Outcome(outcome.code, outcome.msg)
        with _disk(), self._rows:
            self._rows.execute(
                "UPDATE seen SET code = ?, msg = ? WHERE cid = ?", (outcome.code, outcome.msg, cid)
            )
            self._note("audited", audited)

    def interrupted(self) -> list[Interrupted]:
        """Commands that an earlier process began and didn't finish."""
        with _disk():
            rows = self._rows.execute(
                "SELECT publisher, topic, cid FROM seen WHERE code IS NULL ORDER BY exp"
            )
            return [Interrupted(*row) for row in rows]

    def close(self) -> None:
        """Release the file."""
        self._rows.close()

    def _open(self, path: Path, now_ms: int | None) -> None:
        rows = sqlite3.connect(path, isolation_level="IMMEDIATE", check_same_thread=False)
        try:
            rows.execute("PRAGMA journal_mode = DELETE")
            rows.execute("PRAGMA synchronous = EXTRA")
            rows.executescript(_SCHEMA)
            path.chmod(0o600)
            _check(rows)
            if now_ms is not None:
                with rows:
                    rows.execute("INSERT OR IGNORE INTO fact VALUES ('born', ?)", (now_ms,))
            facts: dict[str, int] = dict(rows.execute("SELECT name, value FROM fact"))
            found = rows.execute("SELECT cid, exp, code, msg FROM seen").fetchall()
        except BaseException:
            rows.close()
            raise
        self._rows = rows
        self.born_ms = facts.get("born", UNBORN)
        self.floor_ms = facts.get("floor", 0)
        self.audited = facts.get("audited", 0)
        self._told = {
            cid: Outcome(Code(code), msg) if code else Outcome(Code.ACCEPTED)
            for cid, _exp, code, msg in found
        }
        self._exp: dict[str, int] = {cid: exp for cid, exp, _code, _msg in found}

    def _forget(self, now_ms: int) -> None:
        """Let go of what has expired, and keep how late the last of it did."""
        gone = [cid for cid, exp in self._exp.items() if exp <= now_ms]
        if not gone:
            return
        floor = max(self.floor_ms, *(self._exp[cid] for cid in gone))
        with _disk(), self._rows:
            self._rows.executemany("DELETE FROM seen WHERE cid = ?", ((cid,) for cid in gone))
            self._note("floor", floor)
        self.floor_ms = floor
        for cid in gone:
            del self._exp[cid]
            del self._told[cid]

    def _note(self, name: str, value: int) -> None:
        self._rows.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))


def _check(rows: sqlite3.Connection) -> None:
    (found,) = rows.execute("PRAGMA quick_check").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"malformed: {found}")


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _refused(error) from error


def _refused(error: sqlite3.Error) -> StoreError:
    text = _("the list of commands that were seen can't be kept: {reason}")
    return StoreError(text.format(reason=error))


def _set_aside(path: Path) -> None:
    """Keep a damaged file for whoever wants to look into it; its journal goes with it."""
    for file in (path, path.with_name(f"{path.name}-journal")):
        if file.exists():
            file.replace(file.with_name(f"{file.name}.damaged"))
