"""Random damage to any file: the store opens, keeps what is intact, tells exactly what isn't."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.store_kit import counted, files, open_store, read_all, segments, state, telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.model import Record
    from gateway.store import Dropped

PAGE = 4096
SEGMENT = 40_000


@pytest.fixture(scope="module", autouse=True)
def scratch() -> Iterator[None]:
    """The store that every example damages a copy of."""
    intact()
    yield
    shutil.rmtree(intact()[0])
    intact.cache_clear()


@cache
def intact() -> tuple[Path, list[Record]]:
    """Make a store of three lives and a few segments, closed; return its folder and records."""
    folder = Path(tempfile.mkdtemp(prefix="nxgate-corruption-"))
    records: list[Record] = []

    async def live(life: int) -> None:
        store = open_store(folder, segment_bytes=SEGMENT)
        for commit in range(8):
            number = 1000 * life + 10 * commit
            drafts = [telemetry(number + n, size=900) for n in range(6)]
            drafts[2:2] = [state(number + 6, size=500), state(number + 7, size=6000)]
            records.extend(store.append(drafts, [counted(number)]))
            await store.flush()
        await store.close()

    for life in range(3):
        asyncio.run(live(life))
    assert len(segments(folder, "t")) > 2
    assert len(segments(folder, "r")) > 2
    return folder, records


def damage(draw: st.DrawFn, path: Path) -> set[int]:
    """Damage a file in one way; return the pages that it touched."""
    content = bytearray(path.read_bytes())
    kind = draw(st.sampled_from(["bit", "bytes", "page", "cut", "swap"]))
    pages = len(content) // PAGE
    at = draw(st.integers(0, max(0, len(content) - 1)))
    if kind == "bit" and content:
        content[at] ^= 1 << draw(st.integers(0, 7))
        touched = {at // PAGE}
    elif kind == "bytes" and content:
        junk = draw(st.binary(min_size=1, max_size=64))[: len(content) - at]
        content[at : at + len(junk)] = junk
        touched = {at // PAGE, (at + len(junk) - 1) // PAGE}
    elif kind == "page" and pages:
        page = at // PAGE
        content[page * PAGE : (page + 1) * PAGE] = bytes([draw(st.integers(0, 255))]) * PAGE
        touched = {page}
    elif kind == "swap" and pages > 1:
        one, two = at // PAGE, draw(st.integers(0, pages - 1))
        first = bytes(content[one * PAGE : (one + 1) * PAGE])
        content[one * PAGE : (one + 1) * PAGE] = content[two * PAGE : (two + 1) * PAGE]
        content[two * PAGE : (two + 1) * PAGE] = first
        touched = {one, two}
    else:
        del content[at:]
        touched = set(range(at // PAGE, pages + 1))
    path.write_bytes(content)
    return touched


def pages_of(path: Path, records: list[Record]) -> dict[int, set[int]]:
    """Find the pages that hold a part of each record of a segment, by the content of its body."""
    content = path.read_bytes()
    found: dict[int, set[int]] = {}
    for record in records:
        at = content.find(record.body[:40])
        if at >= 0:
            found[record.key] = {at // PAGE}
            if len(record.body) > PAGE:  # the rest is on an overflow page, which ends in x…"}
                found[record.key] |= set(range(len(content) // PAGE))
    return found


@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.data())
def test_what_is_intact_is_kept_and_the_rest_told(data: st.DataObject) -> None:
    source, records = intact()
    folder = Path(tempfile.mkdtemp(prefix="nxgate-corruption-"))
    try:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        at_risk: set[int] = set()
        choice = st.lists(st.sampled_from(files(folder, "*")), min_size=1, max_size=3, unique=True)
        damaged = data.draw(choice)
        for path in damaged:
            located = pages_of(path, records)
            touched = data.draw(st.composite(damage)(path))
            at_risk |= {key for key, pages in located.items() if pages & touched}
        compare(folder, records, at_risk, ends_known=folder / "position.db" not in damaged)
    finally:
        shutil.rmtree(folder)


def compare(folder: Path, records: list[Record], at_risk: set[int], *, ends_known: bool) -> None:
    async def look() -> tuple[list[Record], list[Dropped], int]:
        store = open_store(folder, segment_bytes=SEGMENT)
        assert store.last_key > records[-1].key, "no key is used twice"
        dropped: list[Dropped] = []
        store.on_drop.append(dropped.append)
        position = store.position("cluster")
        found = await read_all(store, limit=7)
        more = store.append([telemetry(9999), state(9999)])
        await store.flush()
        assert await read_all(store) == found + more
        pending = position.pending(store.last_key) - 2
        await store.close()
        return found, dropped, pending

    found, dropped, pending = asyncio.run(look())
    given_ = {record.key: record for record in records}
    keys = [record.key for record in found]
    assert keys == sorted(set(keys))
    assert all(given_[record.key] == record for record in found), "as it was, or not at all"
    lost = sorted(given_.keys() - set(keys))
    assert set(lost) <= at_risk, "what was not touched is there"
    told = {key for key in lost if any(d.first <= key <= d.last for d in dropped)}
    if ends_known:
        assert told == set(lost)
        assert sum(d.count for d in dropped) == len(lost), "exactly"
    else:  # nothing but position.db tells of what came last in an epoch
        assert sum(d.count for d in dropped) <= len(lost)
    assert len(found) <= pending <= len(records), "about"
