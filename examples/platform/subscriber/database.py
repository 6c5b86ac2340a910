"""SQLite by default, PostgreSQL by URL: the same tables and SQL, one transaction at a time."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Row = tuple[Any, ...]

WAIT_S = 30
"""How long one subscriber waits for another one's transaction."""

TABLES = """
CREATE TABLE IF NOT EXISTS records (
    cluster TEXT, enterprise TEXT, site TEXT, gateway TEXT, epoch BIGINT, seq BIGINT,
    line TEXT, asset TEXT, class TEXT, ts BIGINT, hist INTEGER, unsync INTEGER, arrived BIGINT,
    heard_by TEXT, body TEXT,
    PRIMARY KEY (cluster, enterprise, site, gateway, epoch, seq));
CREATE TABLE IF NOT EXISTS epochs (
    cluster TEXT, enterprise TEXT, site TEXT, gateway TEXT, epoch BIGINT,
    lowest BIGINT, highest BIGINT,
    PRIMARY KEY (cluster, enterprise, site, gateway, epoch));
CREATE TABLE IF NOT EXISTS readings (
    cluster TEXT, enterprise TEXT, site TEXT, line TEXT, asset TEXT, tag TEXT, t BIGINT,
    value DOUBLE PRECISION, text TEXT, quality INTEGER, gateway TEXT, epoch BIGINT, seq BIGINT);
CREATE INDEX IF NOT EXISTS readings_by_tag
    ON readings (cluster, enterprise, site, asset, tag, t);
CREATE TABLE IF NOT EXISTS windows (
    cluster TEXT, enterprise TEXT, site TEXT, line TEXT, asset TEXT, class TEXT,
    kind TEXT, start BIGINT, product TEXT, ordered TEXT,
    rev BIGINT, final INTEGER, gateway TEXT, epoch BIGINT, seq BIGINT, body TEXT,
    PRIMARY KEY (cluster, enterprise, site, line, asset, class, kind, start, product, ordered));
CREATE TABLE IF NOT EXISTS current (
    cluster TEXT, enterprise TEXT, site TEXT, line TEXT, asset TEXT, class TEXT,
    gateway TEXT, epoch BIGINT, seq BIGINT, body TEXT,
    PRIMARY KEY (cluster, enterprise, site, line, asset, class));
CREATE TABLE IF NOT EXISTS gateways (
    cluster TEXT, enterprise TEXT, site TEXT, gateway TEXT,
    epoch BIGINT, conn BIGINT, online INTEGER, ts BIGINT, since BIGINT,
    PRIMARY KEY (cluster, enterprise, site, gateway));
CREATE TABLE IF NOT EXISTS gaps (
    cluster TEXT, enterprise TEXT, site TEXT, gateway TEXT, publisher TEXT, class TEXT,
    from_epoch BIGINT, from_seq BIGINT, to_epoch BIGINT, to_seq BIGINT,
    count BIGINT, reason TEXT, epoch BIGINT, seq BIGINT);
CREATE TABLE IF NOT EXISTS corrections (
    cluster TEXT, enterprise TEXT, site TEXT, gateway TEXT,
    from_epoch BIGINT, from_seq BIGINT, to_epoch BIGINT, to_seq BIGINT,
    offset_ms BIGINT, epoch BIGINT, seq BIGINT);
CREATE TABLE IF NOT EXISTS holes (
    cluster TEXT, enterprise TEXT, site TEXT, gateway TEXT, epoch BIGINT,
    first BIGINT, last BIGINT, found BIGINT, asked BIGINT, tries INTEGER, outcome TEXT,
    PRIMARY KEY (cluster, enterprise, site, gateway, epoch, first));
"""


class Database:
    """A connection of one subscriber.

    Args:
        url: the path of a SQLite file, or `postgresql://…`.
    """

    def __init__(self, url: str) -> None:
        self._is_postgres = url.startswith(("postgresql:", "postgres:"))
        self._connection: Any
        if self._is_postgres:
            import psycopg  # noqa: PLC0415 - only where it is used

            self._connection = psycopg.connect(url, autocommit=True)
        else:
            self._connection = sqlite3.connect(url, timeout=WAIT_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
        with self.transaction():
            for table in TABLES.split(";\n"):
                self.run(table)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; two subscribers never at the same time in SQLite."""
        if self._is_postgres:
            with self._connection.transaction():
                # the lock makes what was read still true when it is written
                self.run("SELECT pg_advisory_xact_lock(5110)")
                yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement with `?` for its values; return how many rows it changed."""
        cursor = self._connection.cursor()
        if sql.strip():
            cursor.execute(self._spelt(sql), values)
        return int(cursor.rowcount)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Ask for rows."""
        cursor = self._connection.cursor()
        cursor.execute(self._spelt(sql), values)
        found: list[Row] = cursor.fetchall()
        return found

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()

    def _spelt(self, sql: str) -> str:
        return sql.replace("?", "%s") if self._is_postgres else sql
