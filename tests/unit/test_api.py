"""The process's window: whoever looks costs little, and nobody is shut out for good."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Gateway:
    """Behind the window: counts how often it is looked at."""

    def __init__(self, padding: int = 0) -> None:
        self.looks = 0
        self.listeners: list[Callable[[bytes], None]] = []
        self._padding = "x" * padding

    def snapshot(self) -> dict[str, object]:
        self.looks += 1
        return {"look": self.looks, "padding": self._padding}

    async def enter(self, request: bytes, user: str) -> dict[str, object]:
        return {"request": request.decode(), "user": user}

    async def reload(self) -> dict[str, object]:
        return {"summary": "done"}


@contextlib.asynccontextmanager
async def serving(folder: Path, gateway: Gateway) -> AsyncIterator[None]:
    answers = gateway.snapshot, gateway.reload, {api.ENTER: gateway.enter}
    task = asyncio.create_task(api.serve(folder, *answers, gateway.listeners))
    while not (folder / api.SOCKET).exists():  # noqa: ASYNC110 - another's file
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def come(folder: Path, says: bytes) -> Stream:
    reader, writer = await asyncio.open_unix_connection(str(folder / api.SOCKET))
    writer.write(says)
    return reader, writer


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_crowd_costs_a_bounded_number_of_descriptors_and_shuts_nobody_out(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        gateway = Gateway()
        async with serving(tmp_path, gateway):
            before = descriptors()
            crowd = [await come(tmp_path, says) for says in (b"", b"watch\n", b"garbage") * 60]
            await asyncio.sleep(0.2)
            assert descriptors() - before <= len(crowd) + api.MOST_VISITORS
            reader, writer = await come(tmp_path, b"reload\n")
            assert json.loads(await reader.readline()) == {"summary": "done"}
            for _reader, other in [*crowd, (reader, writer)]:
                other.close()

    asyncio.run(run())


def test_those_who_watch_share_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PERIOD_S", 0.4)

    async def run() -> None:
        gateway = Gateway()
        async with serving(tmp_path, gateway):
            watchers = [await come(tmp_path, b"watch\n") for _ in range(20)]
            seen = [[await reader.readline() for _ in range(4)] for reader, _writer in watchers]
            assert all(json.loads(lines[-1])["look"] > 20 for lines in seen)
            assert gateway.looks < 20 + 20, "one each to begin with, then about one a period"
            for _reader, writer in watchers:
                writer.close()

    asyncio.run(run())


def test_one_who_says_or_reads_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PERIOD_S", 0.01)
    monkeypatch.setattr(api, "PATIENCE_S", 0.3)

    async def run() -> None:
        gateway = Gateway(padding=100_000)
        async with serving(tmp_path, gateway):
            before = descriptors()
            silent, slow = await come(tmp_path, b""), await come(tmp_path, b"watch\n")
            slow[1].transport.pause_reading()  # type: ignore[attr-defined]
            async with asyncio.timeout(5):
                assert await silent[0].read() == b""
            await asyncio.sleep(1)
            looks = gateway.looks
            await asyncio.sleep(0.2)
            assert gateway.looks == looks, "nobody watches any more"
            assert descriptors() - before <= 2, "only the two ends that are here"
            for _reader, writer in (silent, slow):
                writer.transport.abort()

    asyncio.run(run())


def test_a_line_without_an_end_is_not_kept(tmp_path: Path) -> None:
    async def run() -> None:
        gateway = Gateway()
        async with serving(tmp_path, gateway):
            reader, writer = await come(tmp_path, b"x" * 1_000_000)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            assert not gateway.looks

    asyncio.run(run())


def test_readings_go_to_who_listens_and_to_nobody_once_they_left(tmp_path: Path) -> None:
    async def run() -> None:
        gateway = Gateway()
        async with serving(tmp_path, gateway):
            lines = api.record(tmp_path)
            heard = asyncio.ensure_future(anext(lines))
            while not gateway.listeners:  # noqa: ASYNC110 - another's list
                await asyncio.sleep(0.01)
            gateway.listeners[0](b"one\ntwo\n")
            assert await heard == b"one\n"
            assert await anext(lines) == b"two\n"
            await lines.aclose()  # type: ignore[attr-defined]
            while gateway.listeners:
                gateway.listeners[0](b"three\n")
                await asyncio.sleep(0.01)

    asyncio.run(run())
