"""The audit log: bounded, its losses declared, and nothing in it changed unseen."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gateway.cli import cli
from gateway.commands.audit import Audit, files_of
from gateway.commands.trail import FOLDER, lines, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def fill(folder: Path, count: int, **bounds: int) -> Audit:
    audit = Audit(folder, 1, **bounds)
    for number in range(count):
        audit.add(1_790_000_000_000 + number, "received", {"cid": f"c{number}", "args": {"x": "é"}})
    return audit


def test_a_log_that_nobody_touched_is_whole(tmp_path: Path) -> None:
    fill(tmp_path, 100).close()
    found = verify(tmp_path)
    assert (found.count, found.first, found.last) == (100, 1, 100)
    assert (found.faults, found.losses) == ((), ())
    again = Audit(tmp_path, 2)
    mark = again.add(3, "done", {})
    again.close()
    assert mark.n == 101
    assert verify(tmp_path).faults == ()
    assert verify(tmp_path).h == mark.h


def test_it_is_bounded_and_says_what_went(tmp_path: Path) -> None:
    fill(tmp_path, 2_000, file_bytes=4_000, files=5).close()
    assert len(files_of(tmp_path)) == 5
    assert sum(path.stat().st_size for path in files_of(tmp_path)) < 6 * 4_300
    found = verify(tmp_path)
    assert found.faults == ()
    assert found.first > 1
    assert found.losses
    assert found.losses[-1].endswith(f"–{found.first - 1}")
    files_of(tmp_path)[0].unlink()
    assert any("missing" in fault for fault in verify(tmp_path).faults)


def change(path: Path, edit: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"".join(edit(path.read_bytes().splitlines(keepends=True))))


EDITS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a word changed": lambda ls: [*ls[:40], ls[40].replace(b"c40", b"c41"), *ls[41:]],
    "a line out": lambda ls: [*ls[:40], *ls[41:]],
    "a line twice": lambda ls: [*ls[:40], ls[40], *ls[40:]],
    "two exchanged": lambda ls: [*ls[:40], ls[41], ls[40], *ls[42:]],
    "a line put in": lambda ls: [
        *ls[:40],
        b'{"n":41,"what":"x","h":"' + b"0" * 64 + b'"}\n',
        *ls[40:],
    ],
    "noise": lambda ls: [*ls[:40], b"\xff\xfe noise\n", *ls[41:]],
    "a bit of a hash": lambda ls: [*ls[:40], ls[40][:-5] + b"z" + ls[40][-4:], *ls[41:]],
    "the first out": lambda ls: ls[1:],
    "all but the last": lambda ls: ls[-1:],
}


@pytest.mark.parametrize("edit", EDITS)
def test_whatever_is_edited_shows(tmp_path: Path, edit: str) -> None:
    fill(tmp_path, 100).close()
    (path,) = files_of(tmp_path)
    change(path, EDITS[edit])
    assert verify(tmp_path).faults


def test_lines_that_were_there_are_missed(tmp_path: Path) -> None:
    """Cut at its end it looks whole; the list of commands knows how far it went."""
    fill(tmp_path, 100).close()
    (path,) = files_of(tmp_path)
    change(path, lambda ls: ls[:60])
    assert verify(tmp_path).faults == ()
    Audit(tmp_path, 5, known=100).close()
    found = verify(tmp_path)
    assert (found.faults, found.losses) == ((), ("lost 61–100",))
    assert found.last == 101
    path.unlink()
    Audit(tmp_path, 6, known=101).close()
    assert verify(tmp_path).losses == ("lost 1–101",)


def test_half_a_line_is_taken_off_and_told(tmp_path: Path) -> None:
    fill(tmp_path, 10).close()
    (path,) = files_of(tmp_path)
    with path.open("ab") as file:
        file.write(b'{"n":11,"what":"recei')
    audit = Audit(tmp_path, 5)
    audit.add(6, "done", {})
    audit.close()
    whats = [line.fields["what"] for line in lines(tmp_path)]
    assert whats[-2:] == ["torn", "done"]
    assert verify(tmp_path).faults == ()


def test_a_disk_that_refuses_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = fill(tmp_path, 3)
    real = os.write

    def half(fd: int, data: bytes) -> int:
        return real(fd, data[: len(data) // 2])

    with monkeypatch.context() as broken:
        broken.setattr("os.write", half)
        with pytest.raises(Exception, match="No space left"):
            audit.add(5, "received", {})
    assert audit.add(6, "received", {}).n == 4
    audit.close()
    assert verify(tmp_path).faults == ()


def test_the_command_shows_and_judges(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai}\n"
        "store: {path: store}\n"
    )
    run = CliRunner().invoke
    assert run(cli, ["audit", str(site)]).exit_code == 0
    folder = tmp_path / "store" / FOLDER
    folder.mkdir(parents=True)
    fill(folder, 30).close()
    shown = run(cli, ["audit", str(site), "--last", "2"])
    assert len(shown.output.splitlines()) == 2
    assert "c29" in shown.output
    assert shown.output.splitlines()[-1].split() == [
        "30", "2026-09-21", "22:13:20.029+08:00", "received", "cid=c29", "x=é",
    ]  # fmt: skip
    shown = run(cli, ["audit", str(site), "--json"])
    assert [json.loads(line)["n"] for line in shown.output.splitlines()] == list(range(1, 31))
    assert run(cli, ["audit", str(site), "--verify"]).exit_code == 0
    change(files_of(folder)[0], lambda ls: [*ls[:20], *ls[21:]])
    shown = run(cli, ["audit", str(site), "--verify", "--json"])
    assert shown.exit_code == 1
    assert len(json.loads(shown.output)["faults"]) == 1


def test_a_line_tells_who_asked_for_what_and_writes_nothing_into_the_terminal(
    tmp_path: Path,
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: UTC}\n"
        "store: {path: store}\n"
    )
    folder = tmp_path / "store" / FOLDER
    folder.mkdir(parents=True)
    audit = Audit(folder, 1)
    asked = {"cid": "c-0000001", "publisher": "cluster", "by": "Li\x1b[2J", "signed": True}
    args = {"tag": "oven target", "value": 185}
    topic = "cii/v1/c/e/s/line-1/oven-1/cmd/write"
    audit.add(0, "received", {**asked, "topic": topic, "args": args})
    audit.add(7, "done", {"cid": "c-0000001", "code": "ok", "data": {"before": 180.0}})
    audit.close()
    first, second = CliRunner().invoke(cli, ["audit", str(site)]).output.splitlines()
    assert first.endswith(
        'received  cid=c-0000001 publisher=cluster by="Li\\u001b[2J" signed=true command=write'
        ' asset=line-1/oven-1 tag="oven target" value=185'
    )
    assert second.endswith(
        "1970-01-01 00:00:00.007+00:00  done  cid=c-0000001 code=ok before=180.0"
    )
