"""Every way that a folder of a store was ever found damaged, chosen by a seeded chance."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.store_kit import counted, files, open_store, read_all, segments, state, telemetry

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from gateway.model import Record
    from gateway.store import Dropped

PAGE = 4096
SEGMENT = 40_000


@dataclass(frozen=True, slots=True)
class Intact:
    """A store before anything happened to it.

    Attributes:
        acked: keys that the publisher `half` has acknowledged.
        cut: the process was killed: logs are not folded in, and nothing tells where it ended.
    """

    folder: Path
    records: list[Record]
    acked: frozenset[int]
    cut: bool


def make(folder: Path, *, cut: bool) -> Intact:
    """Make a store of three lives and a few segments; the last one ends by a kill where `cut`."""
    live = folder / "live"
    records: list[Record] = []
    acked: set[int] = set()
    kept = folder / ("cut" if cut else "closed")

    async def run(life: int) -> None:
        store = open_store(live, segment_bytes=SEGMENT)
        position = store.position("half")
        for commit in range(8):
            number = 1000 * life + 10 * commit
            drafts = [telemetry(number + n, size=900) for n in range(6)]
            drafts[2:2] = [state(number + 6, size=500), state(number + 7, size=6000)]
            made = store.append(drafts, [counted(number)])
            records.extend(made)
            for record in made:
                if life < 1 or record.key % 3 == 0:
                    position.ack(record.key)
                    acked.add(record.key)
            await store.flush()
        await store.flush()  # positions, too
        if cut and life == 2:
            shutil.copytree(live, kept, ignore=shutil.ignore_patterns("*-shm"))
        await store.close()

    for life in range(3):
        asyncio.run(run(life))
    if not cut:
        live.rename(kept)
    else:
        shutil.rmtree(live)
    assert len(segments(kept, "t")) > 2
    assert len(segments(kept, "r")) > 2
    return Intact(kept, records, frozenset(acked), cut)


KINDS = (
    "bit", "bytes", "zeroed page", "filled page", "cut short", "pages swapped", "emptied",
    "deleted", "files swapped", "log garbled", "log cut short", "log replaced", "garbage behind",
)  # fmt: skip


Touched = dict[str, set[int] | None]
"""File name → pages touched, None for all of it."""


def damage(chance: random.Random, folder: Path, kind: str) -> Touched:
    """Damage a file in one way."""
    found = [path for path in files(folder, "*") if path.is_file()]
    logs = [path for path in found if path.name.endswith("-wal")]
    path = chance.choice(logs if kind.startswith("log") and logs else found)
    if kind == "deleted":
        path.unlink()
        return {path.name: None}
    if kind == "files swapped":
        other = chance.choice(found)
        one, two = path.read_bytes(), other.read_bytes()
        path.write_bytes(two)
        other.write_bytes(one)
        return {path.name: None, other.name: None}
    content = bytearray(path.read_bytes())
    touched = _change(chance, content, kind)
    path.write_bytes(content)
    # What SQLite makes of a log ends at its first frame that doesn't fit.
    return {path.name: None if path in logs else touched}


def _change(chance: random.Random, content: bytearray, kind: str) -> set[int] | None:
    """Change a file's content; return the pages touched."""
    at = chance.randrange(max(1, len(content)))
    page, pages = at // PAGE, len(content) // PAGE
    if kind in {"bit", "bytes", "log garbled"} and content:
        junk = chance.randbytes(chance.randint(1, 64))[: len(content) - at]
        if kind == "bit":
            junk = bytes([content[at] ^ 1 << chance.randrange(8)])
        content[at : at + len(junk)] = junk
        return {page, (at + len(junk) - 1) // PAGE}
    if kind in {"zeroed page", "filled page"} and pages:
        page = min(page, pages - 1)
        fill = bytes(PAGE) if kind == "zeroed page" else chance.randbytes(PAGE)
        content[page * PAGE : (page + 1) * PAGE] = fill
        return {page}
    if kind == "pages swapped" and pages > 1:
        one, two = chance.sample(range(pages), 2)
        kept = content[one * PAGE : (one + 1) * PAGE]
        content[one * PAGE : (one + 1) * PAGE] = content[two * PAGE : (two + 1) * PAGE]
        content[two * PAGE : (two + 1) * PAGE] = kept
        return {one, two}
    if kind == "garbage behind":
        content += chance.randbytes(chance.randint(1, 3 * PAGE))
        return set()
    if kind in {"emptied", "log replaced"}:
        content[:] = chance.randbytes(len(content)) if kind == "log replaced" else b""
        return None
    del content[at:]
    return set(range(page, pages + 1))


def at_risk(intact: Intact, touched: Touched) -> set[int]:
    """Return the keys of records of which a part lay in what was touched."""
    found: set[int] = set()
    whole = dict(touched)
    for name in touched:  # a file is read with its log, and a log with its file
        other = name.removesuffix("-wal") if name.endswith("-wal") else f"{name}-wal"
        if (intact.folder / other).exists():
            whole[other] = whole[name] = None
    for name, pages in whole.items():
        path = intact.folder / name
        if not path.exists():
            continue
        content = path.read_bytes()
        for record in intact.records:
            at = -1
            while (at := content.find(record.body[:40], at + 1)) >= 0:
                if pages is None or len(record.body) > PAGE or at // PAGE in pages:
                    found.add(record.key)
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What opening a damaged store came to.

    Attributes:
        open_s: seconds of CPU to open it.
        wrong: what is not as it must be.
    """

    open_s: float
    wrong: list[str]


def outcome(intact: Intact, folder: Path, risk: set[int], *, told_by: bool) -> Outcome:
    """Open a damaged copy, read everything, and hold it against what was intact.

    Args:
        intact: what it was.
        folder: the damaged copy.
        risk: keys that the damage may have cost.
        told_by: position.db, which tells ends of epochs, is as it was.
    """
    records = {record.key: record for record in intact.records}
    starts: dict[str, int] = {}
    for path in segments(folder):
        starts.setdefault(path.name[0], int(path.name[2:18], 16))
    found, dropped, wrong, open_s = asyncio.run(_look(folder, intact))
    keys = [record.key for record in found]
    if keys != sorted(set(keys)):
        wrong.append("out of order, or twice")
    if any(records.get(record.key) != record for record in found):
        wrong.append("a record is not what it was")
    lost = sorted(records.keys() - set(keys))
    if spared := set(lost) - risk:
        wrong.append(f"{len(spared)} intact records were lost")
    due = {key for key in lost if key >= max(starts.values(), default=0)}
    if intact.cut or not told_by:
        due -= _untellable(records, keys)
    for publisher in ("new", "half"):
        told = [d for d in dropped if d.publisher == publisher]
        asked = due if publisher == "new" else due - intact.acked
        untold = [key for key in asked if not any(d.first <= key <= d.last for d in told)]
        if untold:
            wrong.append(f"{publisher} was not told of {len(untold)} of {len(asked)} lost records")
        if publisher == "new" and sum(d.count for d in told) > len(lost):
            wrong.append(f"more than the {len(lost)} lost records were declared")
    return Outcome(open_s, wrong)


async def _look(
    folder: Path, intact: Intact
) -> tuple[list[Record], list[Dropped], list[str], float]:
    """Return what is found, what is declared, what is wrong, and seconds of CPU to open."""
    wrong: list[str] = []
    began_s = time.process_time()
    store = open_store(folder, segment_bytes=SEGMENT)
    open_s = time.process_time() - began_s
    dropped: list[Dropped] = []
    store.on_drop.append(dropped.append)
    if store.last_key <= intact.records[-1].key:
        wrong.append("keys will be given twice")
    for name in ("new", "half"):
        store.position(name)
    found = await read_all(store, limit=7)
    more = store.append([telemetry(9999), state(9999)])
    await store.flush()
    if await read_all(store) != found + more:
        wrong.append("reading again gives something else")
    await store.close()
    return found, dropped, wrong, open_s


def _untellable(records: dict[int, Record], keys: list[int]) -> set[int]:
    """Return the keys at the ends of epochs of which nothing tells: the file that does is gone.

    Above the highest key that is there, nothing can be known; and telemetry above the highest
    telemetry may never have been committed.
    """
    highest: dict[tuple[int, bool], int] = {}
    for key in keys:
        telemetric = records[key].cls == "telemetry" if key in records else False
        for kind in {telemetric, False}:
            place = (key >> 36, kind)
            highest[place] = max(key, highest.get(place, 0))
    return {
        key
        for key, record in records.items()
        if key > highest.get((key >> 36, record.cls == "telemetry"), 0)
    }
