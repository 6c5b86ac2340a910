"""Corruptions by the thousand: the store opens, keeps what is intact, tells what isn't.

`NXGATE_CORRUPTIONS` and `NXGATE_SEED` choose how many and which.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.property.store_damages import (
    KINDS,
    Intact,
    Touched,
    at_risk,
    damage,
    make,
    outcome,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

OPEN_S = 10.0


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: what is tried here are not the syncs."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def stores(scratch: Path) -> list[Intact]:
    """One closed in order, one killed."""
    made = []
    for cut in (False, True):
        (scratch / str(cut)).mkdir()
        made.append(make(scratch / str(cut), cut=cut))
    return made


def campaign(stores: list[Intact], folder: Path, count: int, seed: int) -> None:
    """Damage so many copies; each has one to three things wrong."""
    slowest_s, kinds, failed = 0.0, Counter[str](), list[str]()
    for number in range(count):
        chance = random.Random(f"{seed}/{number}")
        intact = stores[number % len(stores)]
        copy = folder / f"case-{number}"
        shutil.copytree(intact.folder, copy)
        touched: Touched = {}
        chosen = chance.choices(KINDS, k=chance.choice([1, 1, 1, 2, 3]))
        for kind in chosen:
            for name, pages in damage(chance, copy, kind).items():
                before = touched.get(name, set())
                touched[name] = None if pages is None or before is None else before | pages
        told_by = not touched.keys() & {"position.db", "position.db-wal"}
        try:
            result = outcome(intact, copy, at_risk(intact, touched), told_by=told_by)
        except Exception as error:  # noqa: BLE001 - whatever it is, the campaign goes on and tells
            failed.append(f"{seed}/{number} {chosen} {sorted(touched)}: {error!r}")
        else:
            slowest_s = max(slowest_s, result.open_s)
            if result.wrong:
                failed.append(f"{seed}/{number} {chosen} {sorted(touched)}: {result.wrong}")
        kinds.update(chosen)
        shutil.rmtree(copy)
    print(f"\n{count} corruptions of seed {seed}, slowest start {slowest_s:.2f} s: {dict(kinds)}")
    assert not failed, f"{len(failed)} of {count}:\n" + "\n".join(failed[:40])
    assert slowest_s < OPEN_S


def test_a_few_corruptions(stores: list[Intact], scratch: Path) -> None:
    campaign(stores, scratch, 26, 4)


@pytest.mark.soak
def test_a_thousand_corruptions(stores: list[Intact], scratch: Path) -> None:
    count = int(os.environ.get("NXGATE_CORRUPTIONS", "1000"))
    seed = int(os.environ.get("NXGATE_SEED", str(time.time_ns() % 1_000_000)))
    campaign(stores, scratch, count, seed)
