"""`nxgate explain`: every figure down to its intervals, counts, registers and bindings."""

from __future__ import annotations

import asyncio
import json
import time
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from gateway.cli import cli
from gateway.figures.calendar import Calendar
from gateway.ledger import Ledger
from gateway.templates import load
from tests.kpi_traces import HOUR, MINUTE, T0
from tests.store_kit import open_store
from tests.traces import line, shift, write
from tests.unit.test_live_and_replay import SITE as BOUND

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = "hour@2026-09-22T00:00"
WORK = (
    shift(0, 1800)
    + [line(1800 + s, "state", "fault") for s in range(0, 600, 10)]
    + [line(2400, "count_left", 5), line(2400, "count_right", 179)]
    + shift(2410, 3000)
    + [line(3000 + s, "state", "idle") for s in range(0, 60, 10)]
    + shift(3060, 3700)
)
METERED = """\
site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai, industry: common}
assets: {last-1: {type: energy-meter}}
tariff:
  currency: CNY
  versions:
    - from: 2026-01-01
      source: a test
      prices: {peak: 1}
      rules: [{slots: {peak: [["00:00", "24:00"]]}}]
"""


def explained(folder: Path, lines: list[str], *more: str) -> dict[str, Any]:
    site, trace = write(folder, lines)
    arguments = ["explain", "last-1", WINDOW, "--site", str(site), "--trace", str(trace)]
    ended = CliRunner().invoke(cli, [*arguments, "--json", *more])
    assert ended.exit_code == 0, ended.output
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_intervals_tile_the_window_and_say_what_they_count_as(tmp_path: Path) -> None:
    found = explained(tmp_path, WORK)
    told = found["statement"]["oee"]
    assert found["computed"]["oee"] == {k: v for k, v in told.items() if k not in {"rev", "final"}}
    edges = [(one["start"] - T0, one["end"] - T0) for one in found["intervals"]]
    assert edges[0][0] == 0
    assert edges[-1][1] == HOUR
    assert all(a[1] == b[0] for a, b in pairwise(edges))
    sums: dict[str, int] = {}
    for one in found["intervals"]:
        for name, spent in one["counted"].items():
            sums[name] = sums.get(name, 0) + spent
    assert {name: ms / 1000 for name, ms in sums.items()} == {
        name: value for name, value in told["time_s"].items() if value and name != "planned"
    }
    idle = next(one for one in found["intervals"] if one["state"] == "idle")
    assert (idle["minor"], idle["counted"]) == (MINUTE, {"run": MINUTE})
    fault = next(one for one in found["intervals"] if one["state"] == "fault")
    assert fault["lost_to"] == "breakdown"


def test_counters_are_shown_at_both_ends_with_what_was_not_plain(tmp_path: Path) -> None:
    found = explained(tmp_path, WORK)
    left = next(one for one in found["counters"] if one["signal"] == "count_left")
    assert left["first"] == {"t": T0, "value": 0}
    assert left["last"]["value"] == 359
    (reset,) = left["steps"]
    assert (reset["change"], reset["before"], reset["now"]) == ("reset", 179, 5)
    assert left["grown"] == found["statement"]["oee"]["count"]["total"]


def test_formulas_give_the_figures(tmp_path: Path) -> None:
    found = explained(tmp_path, WORK)
    ratios, told = found["ratios"], found["statement"]["oee"]
    part, whole = map(int, ratios["a"].split("/"))
    assert part / whole == told["a"]
    assert ratios["run"] / ratios["known_planned"] == told["a"]
    assert ratios["q"] is None


def test_the_text_is_aligned_and_speaks_both_languages(tmp_path: Path) -> None:
    site, trace = write(tmp_path, WORK)
    arguments = ["explain", "last-1", WINDOW, "--site", str(site), "--trace", str(trace)]
    text = CliRunner().invoke(cli, arguments).stdout
    assert "oee: told as revision 0; the log gives the same" in text
    rows = [row for row in text.splitlines() if "→  run" in row]
    assert len({row.index("→") for row in rows}) == 1
    assert "2990 s ÷ 3600 s" in text
    assert "3.6 − 0" in text
    assert "= 3.6 kWh" in text


def test_pieces_and_their_ideal_time_can_be_followed(tmp_path: Path) -> None:
    found = explained(tmp_path, WORK)
    (made,) = found["products"]
    assert made["ideal"] == found["ratios"]["ideal"]
    placed = made["grown"]["count_left"]["placed"] + made["grown"]["count_right"]["placed"]
    assert float(Fraction(made["total"])) == placed / 2


def test_a_meter_is_explained_by_its_register_tariff_and_factors(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(METERED, "utf-8")
    trace = tmp_path / "meter.jsonl"
    readings = [line(s, "energy", 100 + s / 600) for s in range(0, 3900, 60)]
    trace.write_text("".join(f"{one}\n" for one in readings), "utf-8")
    arguments = ["explain", "last-1", WINDOW, "--site", str(site), "--trace", str(trace)]
    text = CliRunner().invoke(cli, arguments).stdout
    rows = [" ".join(row.split()) for row in text.splitlines()]
    assert "energy/electricity 106 − 100 = 6 kWh" in rows
    assert "peak = 6 kWh" in rows
    assert "cost = 6" in rows
    assert any(row.startswith("6 kWh × 0.5306 = 3.1836 kgco2") for row in rows)
    assert "unknown" not in text


@pytest.mark.parametrize(
    ("arguments", "what", "code"),
    [
        (("last-2", WINDOW), "did you mean last-1?", 1),
        (("last-1", "minute"), "is no window", 2),
        (("last-1", "hour@2026-09-23T00:00"), "nothing is known of such a window", 1),
    ],
)
def test_what_can_not_be_explained_is_said(
    tmp_path: Path, arguments: tuple[str, str], what: str, code: int
) -> None:
    site, trace = write(tmp_path, WORK)
    ended = CliRunner().invoke(
        cli, ["explain", *arguments, "--site", str(site), "--trace", str(trace)]
    )
    assert ended.exit_code == code
    assert what in ended.stderr


def test_a_running_gateway_s_store_explains_too_down_to_the_register(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(f"{BOUND}store: {{path: store}}\n", "utf-8")
    plant = load(site)
    ledger = Ledger(plant.assets, Calendar(ZoneInfo(plant.timezone), plant.rosters))

    async def live() -> str:
        store = open_store(tmp_path / "store", gateway="gw-01")
        for second in range(0, 3700, 10):
            count = {"count_left": second // 10, "count_right": second // 10}
            now = T0 + second * 1000
            drafts = ledger.observe("last-1", now, {"state": 1, **count, "energy": second / 1000})
            store.append([*drafts, *ledger.advance(now)], ledger.take_log())
        await store.flush()
        monkeypatch.setattr(time, "time_ns", lambda: (T0 + 3700 * 1000) * 1_000_000)
        arguments = ["explain", "last-1", WINDOW, "--site", str(site), "--json"]
        ended = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
        now_open = await asyncio.to_thread(
            CliRunner().invoke, cli, ["explain", "last-1", "hour@2026-09-22T01:00", *arguments[3:5]]
        )
        if not isinstance(now_open.exception, SystemExit | None):
            raise now_open.exception
        assert "not told yet" in now_open.stdout, now_open.output
        assert "nothing is known after 01:01:30: what follows" in now_open.stdout
        await store.close()
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    found = json.loads(asyncio.run(live()))
    assert found["statement"]["oee"]["time_s"]["run"] == 3600
    told = {k: v for k, v in found["statement"]["oee"].items() if k not in {"rev", "final"}}
    assert found["computed"]["oee"] == told
    state = next(one for one in found["bindings"] if one["signal"] == "state")
    where = f"{site}:{BOUND[: BOUND.index('run:')].count(chr(10)) + 1}"
    assert state == {
        "signal": "state",
        "device": "plc-1",
        "tag": "run",
        "at": "holding:0",
        "where": where,
    }
