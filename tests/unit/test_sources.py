"""A changed file is noticed once, and when it is complete."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from gateway.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text("one", "utf-8")
    return path


def looks(sources: Sources, count: int = 3) -> list[bool]:
    return [sources.changed() for _look in range(count)]


def test_a_file_left_alone_from_one_look_to_the_next_is_taken(site: Path) -> None:
    sources = Sources([site])
    assert looks(sources) == [False, False, False]
    site.write_text("another", "utf-8")
    assert looks(sources) == [False, True, True]
    sources.know()
    assert looks(sources) == [False, False, False]


def test_a_file_that_grows_is_waited_for(site: Path) -> None:
    sources = Sources([site])
    for _piece in range(5):
        with site.open("a", encoding="utf-8") as more:
            more.write("more")
        assert not sources.changed()
    assert sources.changed()


def test_a_file_that_somebody_writes_is_waited_for_however_slowly(site: Path) -> None:
    sources = Sources([site])
    code = f"f = open({str(site)!r}, 'w'); f.write('half'); f.flush(); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        writer.stdout.readline()
        assert looks(sources, 5) == [False] * 5
        writer.stdin.write(b"\n")
        writer.stdin.flush()
        writer.wait(10)
    assert sources.changed()


def test_a_file_that_takes_the_name_is_another_one(site: Path) -> None:
    sources = Sources([site])
    beside = site.with_suffix(".new")
    beside.write_text("two", "utf-8")
    os.utime(beside, ns=(site.stat().st_atime_ns, site.stat().st_mtime_ns))
    beside.replace(site)
    assert looks(sources, 2) == [False, True]


def test_what_is_set_back_before_it_was_taken_is_no_change(site: Path) -> None:
    sources = Sources([site])
    before = site.stat()
    site.write_text("two", "utf-8")
    assert not sources.changed()
    site.write_text("one", "utf-8")
    os.utime(site, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert looks(sources) == [False, False, False]


def test_a_file_that_goes_or_may_not_be_read_any_more_is_a_change(site: Path) -> None:
    sources = Sources([site])
    site.chmod(0)
    assert looks(sources, 2) == [False, True]
    sources.know()
    site.unlink()
    assert looks(sources, 2) == [False, True]
    sources.know()
    site.write_text("back", "utf-8")
    assert looks(sources, 2) == [False, True]


def test_a_file_that_appears_in_a_folder_is_a_change(site: Path) -> None:
    sources = Sources([site])
    sources.follow([site, site.parent], time.time_ns() + 10**9)
    assert looks(sources) == [False, False, False]
    os.utime(site.parent, ns=(1, 1))
    sources.know()
    (site.parent / "template.yaml").write_text("new", "utf-8")
    assert looks(sources, 2) == [False, True]


def test_a_file_newer_than_what_was_read_is_a_change(site: Path) -> None:
    assert looks(Sources([site], site.stat().st_mtime_ns), 2) == [False, True]
    assert looks(Sources([site], site.stat().st_mtime_ns + 1)) == [False, False, False]
    sources = Sources([])
    sources.follow([site], site.stat().st_mtime_ns)
    assert looks(sources, 2) == [False, True]


def test_nothing_to_look_at_never_changes() -> None:
    assert looks(Sources([])) == [False, False, False]
