"""`nxgate enter`: from a sheet or a line through the gateway's socket into a machine's log."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
from typing import TYPE_CHECKING

import orjson
import pytest
from click.testing import CliRunner

from gateway import api
from gateway.cli import cli
from gateway.commands.entering import Entering
from gateway.commands.notary import Notary
from gateway.commands.trail import FOLDER, lines, verify
from tests.kpi_traces import HOUR, MINUTE, T0, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from click.testing import Result

    from gateway.model import Draft

NOW = T0 + 12 * HOUR
SITE = """\
site: {cluster: c, enterprise: e, site: s, gateway: gw-01, timezone: Asia/Shanghai}
assets: {m1: {line: l1}}
store: {path: store}
"""
SHEET = """\
time,asset,what,value,reason
2026-09-22 08:00,m1,product,A17,
2026/9/22 8:05:00,m1,reject,3,划伤
2026-09-22T09:00,m1,reject,1.5,
2026-09-22 09:30,m2,reject,1,
yesterday,m1,reject,1,
2026-09-22 09:40,m1,reject,many,
2026-09-22 10:00,m1,planned_stop,是,保养
2026-09-20 10:00,m1,reject,1,
2026-09-22 23:00,m1,reject,1,

"""


class Shop:
    """A gateway's part that takes entries, with its log, its notary and its socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.store.mkdir(exist_ok=True)
        self.site = folder / "site.yaml"
        self.site.write_text(SITE, "utf-8")
        self.rig = Rig.of(spec(signals=("state", "count"), quality="none"))
        self.rig.clock.wall = NOW * 1_000_000
        self.durable = True

    async def _keep(self, drafts: Sequence[Draft]) -> bool:
        self.rig._keep(list(drafts))
        return self.durable

    def run(self, *arguments: str) -> Result:
        """Call the command line beside a gateway that serves."""

        async def serve() -> Result:
            notary = Notary(self.store, self.rig.clock)
            of = self.rig.ledger, self._keep, notary, self.rig.clock
            entering = Entering(*of, lambda: {"m1": "l1"})
            takers = {api.ENTER: entering.take}
            task = asyncio.create_task(api.serve(self.store, dict, _nothing, takers, []))
            while not (self.store / api.SOCKET).exists():  # noqa: ASYNC110 - another's file
                await asyncio.sleep(0.01)
            try:
                return await asyncio.to_thread(CliRunner().invoke, cli, ["enter", *arguments])
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                (self.store / api.SOCKET).unlink()
                await notary.close()

        return asyncio.run(serve())

    def logged(self) -> list[tuple[str, object]]:
        return [(one.signal, one.value) for row in self.rig.rows for one in row.entries]


async def _nothing() -> dict[str, object]:
    return {}


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_sheet_is_entered_row_by_row_and_twice_counts_once(tmp_path: Path, coding: str) -> None:
    shop = Shop(tmp_path)
    sheet = tmp_path / "rejects.csv"
    sheet.write_bytes(SHEET.replace("\n", "\r\n").encode(coding))
    ended = shop.run("--csv", str(sheet), str(shop.site))
    assert ended.exit_code == 1
    assert ended.stdout == "4 entered (0 of them before), 5 not\n"
    told = ended.stderr.splitlines()
    places = [line.removeprefix(f"{sheet}:").split(":")[0] for line in told]
    assert places == ["5", "6", "7", "9", "10"]
    assert "there is no asset m2" in told[0]
    assert "yesterday is no time" in told[1]
    assert "many is no number" in told[2]
    assert "26 h" in told[3]
    assert "future" in told[4]
    entered = [
        ("product", "A17"),
        ("reject_entered", 3.0),
        ("reject_entered", 1.5),
        ("planned_stop", True),
        ("reason", "保养"),
    ]
    assert shop.logged() == entered
    again = shop.run("--csv", str(sheet), str(shop.site))
    assert again.stdout == "4 entered (4 of them before), 5 not\n"
    assert shop.logged() == entered


def test_one_entry_is_durable_and_audited_with_who_and_when(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    words = ("m1", "reject", "5", "--reason", "scratch", "--by", "Wang")
    ended = shop.run(*words, "--site", str(shop.site))
    assert ended.exit_code == 0, ended.stderr
    assert shop.logged() == [("reject_entered", 5.0)]
    received, done = (line.fields for line in lines(tmp_path / "store" / FOLDER))
    assert received["by"] == f"Wang ({getpass.getuser()})"
    assert received["args"] == {"what": "reject", "value": 5.0, "reason": "scratch", "at": NOW}
    assert received["topic"] == "local/l1/m1/cmd/enter"
    assert done["code"] == "ok"
    assert not verify(tmp_path / "store" / FOLDER).faults


def test_a_sheet_may_be_chinese_and_a_reason_nobody_knows_is_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    typed = SITE.replace("Shanghai}", "Shanghai, industry: common}").replace(
        "l1}", "l1, type: machine}"
    )
    shop.site.write_text(typed, "utf-8")
    sheet = tmp_path / "rejects.csv"
    rows = "时间,资产,内容,数值\n2026-09-22 08:00,m1,不良,3\n2026-09-22 09:00,m1,停机原因,吃饭\n"
    sheet.write_text(rows, "utf-8")
    ended = shop.run("--csv", str(sheet), str(shop.site))
    assert (ended.exit_code, ended.stdout) == (0, "2 entered (0 of them before), 0 not\n")
    assert shop.logged() == [("reject_entered", 3.0), ("reason", "吃饭")]
    assert ended.stderr.startswith(f"{sheet}:3: 吃饭 is no stop reason that the profile knows")


def test_what_was_refused_may_be_tried_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    words = ("m1", "reject", "5", "--at", "2026-09-22T08:00", "--site", str(shop.site))
    shop.rig.withdraw()
    refused = shop.run(*words)
    assert refused.exit_code == 1
    assert "set up anew" in refused.stderr
    shop.rig.take_back()
    assert shop.run(*words).exit_code == 0
    assert shop.logged() == [("reject_entered", 5.0)]


def test_a_disk_that_does_not_answer_is_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.durable = False
    ended = shop.run("m1", "reject", "5", "--site", str(shop.site))
    assert ended.exit_code == 0
    assert "the disk has not confirmed it yet" in ended.stdout


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("m1", "rejects", "5"), "must be one of reject, good"),
        (("m1", "planned_stop", "maybe"), "neither yes nor no"),
        (("m1", "product", "x" * 65), "text of 1 to 64"),
        (("m1", "reject", "-1"), "0 or more"),
    ],
)
def test_what_can_not_be_entered_is_told(tmp_path: Path, words: tuple[str, ...], what: str) -> None:
    shop = Shop(tmp_path)
    ended = shop.run("--site", str(shop.site), "--", *words)
    assert ended.exit_code == 1
    assert what in ended.stderr
    assert shop.logged() == []


def test_without_a_gateway_or_columns_nothing_is_entered(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    arguments = ["enter", "m1", "reject", "5", "--site", str(shop.site)]
    ended = CliRunner().invoke(cli, arguments)
    assert ended.exit_code == 1
    assert "no gateway runs" in ended.stderr
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("when;asset;what\n", "utf-8")
    ended = shop.run("--csv", str(sheet), str(shop.site))
    assert ended.exit_code == 2
    assert f"{sheet}:1:1: the first row names no column time, value" in ended.stderr
    assert CliRunner().invoke(cli, ["enter", "m1", "reject"]).exit_code == 2


@pytest.mark.parametrize("reason", ['"not closed', '"' + "x" * 200_000 + '"'])
def test_a_row_that_swallows_those_below_is_told_and_none_is_entered(
    tmp_path: Path, reason: str
) -> None:
    shop = Shop(tmp_path)
    sheet = tmp_path / "sheet.csv"
    row = "2026-09-22 08:05,m1,reject,3,"
    sheet.write_text(f"time,asset,what,value,reason\n{row}{reason}\n{row}\n{row}\n", "utf-8")
    ended = shop.run("--csv", str(sheet), str(shop.site))
    assert ended.exit_code == 2
    assert f"{sheet}:" in ended.stderr
    assert "quotation mark" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("request_", [b"", b"[]", b'{"rows": 1}', b'{"rows": [1]}', b"{"])
def test_a_request_that_is_none_is_refused(tmp_path: Path, request_: bytes) -> None:
    shop = Shop(tmp_path)

    async def ask() -> dict[str, object]:
        notary = Notary(shop.store, shop.rig.clock)
        entering = Entering(shop.rig.ledger, shop._keep, notary, shop.rig.clock, dict)
        answer = await entering.take(request_, "me")
        await notary.close()
        return answer

    rows = orjson.loads(orjson.dumps(asyncio.run(ask())))["rows"]
    assert [row["code"] for row in rows] == ["rejected"]


def test_figures_have_what_was_entered(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    for minute in range(61):
        at = NOW - HOUR + minute * MINUTE
        for second in range(0, 60, 10):
            shop.rig.poll(at + second * 1000, state="running", count=minute * 6 + second // 10)
            shop.rig.tick(at + second * 1000)
    shop.run("m1", "reject", "36", "--at", "2026-09-22T11:30", "--site", str(shop.site))
    shop.rig.tick(NOW + MINUTE + 30_000)
    hour = shop.rig.told("oee")[-1]
    assert hour["count"]["scrap"] == 36
    assert hour["basis"]["quality"] == "entered"
