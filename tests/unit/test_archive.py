"""`nxgate store`: what it says of stores that are whole, damaged, newer, or not there."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson
import pytest
from click.testing import CliRunner

from gateway.archive.command import store as command
from gateway.archive.sheets import HEADS, Clock, rows
from gateway.errors import StoreError
from gateway.ids import record_id
from gateway.model import Draft, Record
from gateway.storage.epoch import read_epoch
from tests.store_kit import NOW_MS, counted, open_store, segments, state, telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result


def meta(asset: str = "press-1") -> Draft:
    body = {"rev": "r1", "asset": {"id": asset}, "tags": [{"n": "温度"}, {"n": "count"}]}
    return Draft("meta", "line-1", asset, NOW_MS, orjson.dumps(body))


def values(number: int, asset: str = "press-1") -> Draft:
    t_ms = NOW_MS + 1000 * number
    row = {"t": t_ms, "m": {"温度": number / 2, "odd": None}, "q": {"odd": 2}}
    return Draft("telemetry", "line-1", asset, t_ms, orjson.dumps({"rev": "r1", "rows": [row]}))


def figures(cls: str) -> Draft:
    samples = json.loads(
        (Path(__file__).parents[2] / "docs/contract/samples.json").read_text("utf-8")
    )
    body = samples[cls.partition("/")[0]]
    body = {key: value for key, value in body.items() if key not in {"v", "id", "ts", "hist"}}
    return Draft(cls, "line-1", "press-1", NOW_MS, orjson.dumps(body))


def make(folder: Path, *, close: bool = True) -> list[Record]:
    """Make a store with a few segments and two publishers, one behind."""

    async def run() -> list[Record]:
        store = open_store(folder, segment_bytes=60_000)
        ahead, _behind = store.position("ahead"), store.position("behind")
        made = store.append([meta(), state(1), figures("oee"), figures("energy/electricity")])
        for number in range(150):
            more = [values(number), telemetry(number, size=900)]
            made += store.append([*more, values(number, "press-2")], [counted(number)])
            await store.flush()
        for record in made[:-5]:
            ahead.ack(record.key)
        await store.flush()
        if close:
            await store.close()
        else:
            shutil.copytree(folder, folder.with_name("killed"))
            await store.close()
        return made

    return asyncio.run(run())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Record]]:
    folder = tmp_path_factory.mktemp("archive") / "store"
    return folder, make(folder)


@pytest.fixture
def copy(whole: tuple[Path, list[Record]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole[0], tmp_path / "store"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_status_of_a_stopped_store_leaves_no_trace(copy: Path) -> None:
    before = content(copy)
    told = json.loads(run("status", copy, "--json").output)
    assert told["gateway"] == "gw-01"
    assert not told["running"]
    assert told["classes"] == {
        "energy/electricity": 1, "meta": 1, "oee": 1, "state": 1, "telemetry": 450,
    }  # fmt: skip
    assert {name: p["waiting"] for name, p in told["publishers"].items()} == {
        "ahead": 5, "behind": 454,
    }  # fmt: skip
    assert told["families"]["telemetry"]["segments"] > 2
    assert "gw-01" in run("status", copy).output
    assert content(copy) == before


def test_a_killed_store_on_a_folder_that_cannot_be_written() -> None:
    """The logs of the killed gateway are read, and left as they are."""
    with tempfile.TemporaryDirectory(prefix="nxgate-archive-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # whoever looks need not be the owner
        records = make(folder / "store", close=False)
        killed = folder / "killed"
        for shared in killed.glob("*-shm"):
            shared.unlink()
        assert list(killed.glob("*-wal"))
        for path in (*killed.iterdir(), killed):
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = content(killed)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            done, told = run("verify", killed), run("status", killed)
        finally:
            os.seteuid(user)
        killed.chmod(0o755)
        assert done.exit_code == 0, done.output
        assert f"{len(records)} records" in done.output
        assert "telemetry 450" in told.output
        assert content(killed) == before


def test_verify_a_whole_store(whole: tuple[Path, list[Record]]) -> None:
    done = run("verify", whole[0])
    assert done.exit_code == 0, done.output
    assert f"{len(whole[1])} records, 150 log rows" in done.output


def flip_body(folder: Path) -> str:
    """Change a record behind SQLite's back."""
    path = segments(folder, "t")[0]
    with sqlite3.connect(path) as db:
        (key,) = db.execute("SELECT key FROM record LIMIT 1 OFFSET 3").fetchone()
        db.execute("UPDATE record SET body = x'7b7d' WHERE key = ?", (key,))
    db.close()
    return record_id("gw-01", key)


def overwrite_page(folder: Path) -> str:
    path = segments(folder, "t")[1]
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 4096 // 2 * 4096)
        file.write(b"\xa5" * 4096)
    return path.name


def lose_a_row(folder: Path) -> str:
    path = segments(folder, "t")[1]
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM record WHERE key = (SELECT min(key) FROM record)")
    db.close()
    return path.name


def garble_log_row(folder: Path) -> str:
    path = segments(folder, "r")[0]
    with sqlite3.connect(path) as db:
        (number,) = db.execute("SELECT min(id) FROM log").fetchone()
        db.execute("UPDATE log SET crc = 1 WHERE id = ?", (number,))
    db.close()
    return f"log row {number}"


def move_position(folder: Path) -> str:
    with sqlite3.connect(folder / "position.db") as db:
        db.execute("UPDATE position SET low = low + 7 WHERE publisher = 'behind'")
    db.close()
    return "behind"


def garble_epoch(folder: Path) -> str:
    (folder / "epoch").write_text('{"gateway": "gw-01", "epoch": 3, "format": 1, "crc": 5}')
    return "epoch"


def swap_segments(folder: Path) -> str:
    one, two, *_more = segments(folder, "t")
    one.rename(folder / "aside")
    two.rename(one)
    (folder / "aside").rename(two)
    return "doesn't belong there"


def cut_short(folder: Path) -> str:
    path = segments(folder, "t")[0]
    os.truncate(path, 10_000)
    return path.name


@pytest.mark.parametrize(
    "damage",
    [
        flip_body, overwrite_page, lose_a_row, garble_log_row, move_position, garble_epoch,
        swap_segments, cut_short,
    ],
)  # fmt: skip
def test_verify_says_what_is_damaged(copy: Path, damage: Callable[[Path], str]) -> None:
    what = damage(copy)
    before = content(copy)
    done = run("verify", copy)
    assert done.exit_code == 1
    assert what in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert content(copy) == before


def test_verify_says_which_ids_are_in_no_segment(copy: Path) -> None:
    # A state at the end, so that what is missing lies between ids that are there.
    async def more() -> None:
        store = open_store(copy, segment_bytes=60_000)
        store.append([state(2), telemetry(1)])
        await store.flush()
        await store.close()

    asyncio.run(more())
    assert "in no segment" not in run("verify", copy).output
    gone = segments(copy, "t")[1]
    first = int(gone.name[2:18], 16)
    gone.unlink()
    lines = run("verify", copy).output.splitlines()
    assert [line for line in lines if f"in no segment: {record_id('gw-01', first)} – " in line]


@pytest.mark.parametrize("damage", [flip_body, overwrite_page, cut_short])
def test_export_of_a_damaged_store_gives_what_is_intact(
    copy: Path, tmp_path: Path, damage: Callable[[Path], str], whole: tuple[Path, list[Record]]
) -> None:
    damage(copy)
    done = run("export", copy, "--to", tmp_path / "out", "--format", "jsonl")
    assert done.exit_code == 1
    lines = [
        json.loads(line)
        for line in (tmp_path / "out/records.jsonl").read_text("utf-8").splitlines()
    ]
    ids = [line["payload"]["id"] for line in lines]
    every = [record_id("gw-01", record.key) for record in whole[1]]
    assert len(set(ids)) == len(ids)
    assert set(ids) < set(every)
    assert len(ids) > len(every) - 100


def test_payloads_for_a_platform_are_the_canonical_ones(
    whole: tuple[Path, list[Record]], tmp_path: Path
) -> None:
    done = run("export", whole[0], "--to", tmp_path / "out", "--format", "jsonl")
    assert done.exit_code == 0
    lines = [
        json.loads(line)
        for line in (tmp_path / "out/records.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(lines) == len(whole[1])
    for line, record in zip(lines, whole[1], strict=True):
        envelope = {"v": "1.0", "id": record_id("gw-01", record.key), "ts": record.ts_ms}
        assert line["payload"] == {**envelope, "hist": True, **json.loads(record.body)}
        place = (line["line"], line["asset"], line["class"])
        assert place == (record.line, record.asset, record.cls)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_long_and_wide(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(
        "export", whole[0], "--to", out, "--zone", "Asia/Shanghai", "--bom",
        "--asset", "press-2", "--class", "telemetry",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert [path.name for path in out.iterdir()] == ["telemetry.csv"]
    assert (out / "telemetry.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    rows = read_csv(out / "telemetry.csv")
    assert len(rows) == 300
    assert rows[2] == {
        "time_utc_ms": str(NOW_MS + 1000), "time_local": "2026-09-21 22:13:21",
        "zone": "+08:00", "line": "line-1", "asset": "press-2", "id": rows[2]["id"],
        "tag": "温度", "value": "0.5", "quality": "0",
    }  # fmt: skip
    assert (rows[3]["tag"], rows[3]["value"], rows[3]["quality"]) == ("odd", "", "2")
    done = run("export", whole[0], "--to", out, "--wide")
    assert done.exit_code == 1, "bodies that are no telemetry are told"
    assert "can't be read" in done.output
    wide = read_csv(out / "telemetry-line-1-press-1.csv")
    assert len(wide) == 150
    assert (wide[3]["温度"], wide[3]["count"]) == ("1.5", "")
    assert (wide[3]["quality"], wide[3]["more"]) == ("odd=2", '{"odd":null}')
    assert wide[3]["zone"] == "+00:00"
    assert read_csv(out / "oee.csv")[0]["oee"] == "0.7866666666666666"
    assert read_csv(out / "energy.csv")[0]["medium"] == "electricity"
    assert not list(out.glob("*.part"))


def test_when_an_alarm_began_and_ended_can_be_read() -> None:
    body = {
        "alarm": "hot", "sev": 2, "active": False, "acked": True, "by": "李伟", "text": "炉温过高",
        "raised": NOW_MS, "cleared": NOW_MS + 61_999, "value": 170, "limit": 185,
    }  # fmt: skip
    record = Record(1 << 40 | 7, "alarm/hot", "line-1", "press-1", NOW_MS, orjson.dumps(body))
    (row,) = rows(record, "gw-01", Clock(ZoneInfo("Asia/Shanghai")))
    told = dict(zip(HEADS["alarm"], row, strict=True))
    assert told["raised_local"] == "2026-09-21 22:13:20"
    assert (told["cleared_utc_ms"], told["cleared_local"]) == (
        NOW_MS + 61_999, "2026-09-21 22:14:21",
    )  # fmt: skip
    assert (told["text"], told["by"]) == ("炉温过高", "李伟")
    record = replace(record, body=orjson.dumps({**body, "cleared": None}))
    (row,) = rows(record, "gw-01", Clock(ZoneInfo("UTC")))
    assert dict(zip(HEADS["alarm"], row, strict=True))["cleared_local"] == ""


def test_status_tells_times_by_the_site_s_clock(copy: Path, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: {cluster: c, enterprise: e, site: s, gateway: gw-01, timezone: Asia/Shanghai}\n"
        "store: {path: store}\n"
    )
    assert "2026-09-21 22:13:20+08:00 – " in run("status", site).output
    assert "2026-09-21 14:13:20+00:00 – " in run("status", copy).output


def test_a_range_of_time(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(
        "export", whole[0], "--to", out, "--zone", "Asia/Shanghai", "--class", "telemetry",
        "--asset", "press-2", "--from", "2026-09-21T22:13:30", "--until", "2026-09-21T22:13:40",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert len(read_csv(out / "telemetry.csv")) == 20
    for wrong in (["--from", "yesterday"], ["--zone", "Wenzhou"]):
        assert run("export", whole[0], "--to", out, *wrong).exit_code == 2


def test_places_that_are_no_store(tmp_path: Path, copy: Path) -> None:
    for where, said in (
        (tmp_path / "nothing.yaml", "nothing.yaml"),
        (tmp_path, "is no store"),
        (copy / "t-0.seg", "t-0.seg"),
    ):
        done = run("status", where)
        assert done.exit_code == 1
        assert said in str(done.exception)
    with pytest.raises(StoreError):
        read_epoch(copy, "other")


def test_a_store_of_a_newer_version_is_refused(copy: Path) -> None:
    with sqlite3.connect(segments(copy, "t")[0]) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    assert "newer version" in str(run("verify", copy).exception)
    epoch = json.loads((copy / "epoch").read_text())
    del epoch["crc"]
    from gateway.storage import epoch as room  # noqa: PLC0415

    epoch["format"] = 2
    epoch["crc"] = room._checksum(epoch)
    (copy / "epoch").write_text(json.dumps(epoch))
    for what in (["status"], ["verify"], ["export", "--to", copy.parent / "out"]):
        assert "newer version" in str(run(what[0], copy, *what[1:]).exception)


def test_a_stick_that_is_not_there(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    done = run("export", whole[0], "--to", tmp_path / "usb" / "out")
    assert "plugged in" in str(done.exception)


@pytest.mark.root
def test_a_stick_that_is_full(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root to mount")
    stick = tmp_path / "stick"
    stick.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(stick)], check=True)
    try:
        done = run("export", whole[0], "--to", stick / "out")
        assert "full" in str(done.exception)
        assert not [path for path in stick.rglob("*") if path.is_file()], "nothing is left on it"
    finally:
        subprocess.run(["umount", str(stick)], check=True)
